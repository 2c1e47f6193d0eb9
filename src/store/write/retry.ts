import { isRetryable, errorMessage } from '../../core/errors.js'
import { sleep } from '../../core/lifecycle.js'
import type { Logger } from '../../core/log.js'

/** Runs `work` again, with growing pauses, for as long as its error may pass (the database is away) and the signal allows. */
export async function retryWhileDown<T>(
  work: () => Promise<T>,
  options: { log: Logger; signal?: AbortSignal; firstPauseMs?: number },
): Promise<T> {
  const { log, signal, firstPauseMs = 200 } = options
  for (let attempt = 1, pauseMs = firstPauseMs; ; attempt++, pauseMs = Math.min(pauseMs * 2, 5_000)) {
    signal?.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (!isRetryable(error)) throw error
      log.warn({ attempt, retryInMs: pauseMs, reason: errorMessage(error) }, 'database away, trying again')
      await sleep(pauseMs, signal)
    }
  }
}
