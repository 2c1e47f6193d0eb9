/** Time as the engine and the registry of targets need it; tests put their own in its place. */
export interface Clock {
  /** Milliseconds that only rise; where they begin says nothing. */
  now(): number
  /** Runs once after that many milliseconds. The function that comes back takes it back; after it ran, that does nothing. */
  after(ms: number, run: () => void): () => void
}

/** The clock of this process. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
