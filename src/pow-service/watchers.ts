/** Wakes those who wait for news of a registration. */
export interface Watchers {
  /** Resolves at the next news, after `ms`, or when the signal aborts. News that comes between this call and waiting for it counts. */
  wait(id: string, ms: number, signal: AbortSignal): Promise<void>
  wake(id: string): void
  /** Wakes all. */
  close(): void
}

export function createWatchers(): Watchers {
  const waiting = new Map<string, Set<() => void>>()
  return {
    wait(id, ms, signal) {
      return new Promise((resolve) => {
        const set = waiting.get(id) ?? new Set()
        waiting.set(id, set)
        const done = (): void => {
          clearTimeout(timer)
          signal.removeEventListener('abort', done)
          set.delete(done)
          if (set.size === 0 && waiting.get(id) === set) waiting.delete(id)
          resolve()
        }
        const timer = setTimeout(done, ms)
        set.add(done)
        signal.addEventListener('abort', done, { once: true })
        if (signal.aborted) done()
      })
    },
    wake(id) {
      for (const done of [...(waiting.get(id) ?? [])]) done()
    },
    close() {
      for (const set of [...waiting.values()]) for (const done of [...set]) done()
    },
  }
}
