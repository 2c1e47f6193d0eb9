/** What woke somebody: another state is stored, only the progress is new, or nothing came for a while. */
export type News = 'state' | 'progress' | 'nothing'

/** Wakes those who wait for news of a registration. */
export interface Watchers {
  /** Resolves at the next news, after `ms`, or when the signal aborts. News that comes between this call and waiting for it counts. */
  wait(id: string, ms: number, signal: AbortSignal): Promise<News>
  wake(id: string, news: News): void
  /** Wakes all. */
  close(): void
}

export function createWatchers(): Watchers {
  const waiting = new Map<string, Set<(news: News) => void>>()
  return {
    wait(id, ms, signal) {
      return new Promise((resolve) => {
        const set = waiting.get(id) ?? new Set()
        waiting.set(id, set)
        const done = (news: News): void => {
          clearTimeout(timer)
          signal.removeEventListener('abort', onAbort)
          set.delete(done)
          if (set.size === 0 && waiting.get(id) === set) waiting.delete(id)
          resolve(news)
        }
        const onAbort = (): void => done('nothing')
        const timer = setTimeout(done, ms, 'nothing')
        set.add(done)
        signal.addEventListener('abort', onAbort, { once: true })
        if (signal.aborted) onAbort()
      })
    },
    wake(id, news) {
      for (const done of [...(waiting.get(id) ?? [])]) done(news)
    },
    close() {
      for (const set of [...waiting.values()]) for (const done of [...set]) done('nothing')
    },
  }
}
