/** What shells report for a program that Ctrl-C ended. */
export const EXIT_STOPPED = 130
/** npm passes a terminal's Ctrl-C on to a program that got it from the terminal too: the same key press arrives twice. */
const SAME_PRESS_MS = 500

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export interface ProcessWatch {
  stop(reason: string): void
  fail(error: unknown): void
}

/**
 * Turns signals and uncaught faults into calls; a second Ctrl-C ends the process at once. It watches to the very end of the process,
 * or else a Ctrl-C that arrives twice would cut the end short.
 */
export function watchProcess({ stop, fail }: ProcessWatch): void {
  let firstAt: number | undefined
  const onSignal = (signal: NodeJS.Signals): void => {
    if (firstAt === undefined) {
      firstAt = Date.now()
      stop(signal)
    } else if (Date.now() - firstAt > SAME_PRESS_MS) {
      process.stderr.write(`${signal} again: ending without waiting\n`)
      process.exit(EXIT_STOPPED)
    }
  }
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal)
  // `| head` has seen enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => (error.code === 'EPIPE' ? stop('nobody reads the output') : fail(error)))
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)
}
