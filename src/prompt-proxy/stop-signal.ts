/**
 * What ends one attempt. It is the part of an AbortSignal that is used below the engine, and an AbortSignal may stand in its place: Node's own, with its listeners, costs
 * more than all else that an attempt begins with.
 */
export interface StopSignal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', run: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', run: () => void): void
}

export interface Stopper {
  readonly signal: StopSignal
  /** Only the first call counts. Listeners run before it returns, in the order in which they came, and must not throw. */
  abort(reason: unknown): void
}

export function createStopper(): Stopper {
  const signal = new Stop()
  return { signal, abort: (reason) => signal.stop(reason) }
}

/** A listener that is there already is not added again. All of them run once: a signal is aborted only once. */
class Stop implements StopSignal {
  aborted = false
  reason: unknown = undefined
  private runs: (() => void)[] = []

  addEventListener(_type: 'abort', run: () => void): void {
    if (!this.aborted && !this.runs.includes(run)) this.runs.push(run)
  }

  removeEventListener(_type: 'abort', run: () => void): void {
    const at = this.runs.indexOf(run)
    if (at >= 0) this.runs.splice(at, 1)
  }

  stop(reason: unknown): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    // One that another one takes back in the meantime does not run any more.
    for (let run = this.runs.shift(); run !== undefined; run = this.runs.shift()) run()
  }
}
