import { AppError } from '../../core/errors.js'
import type { Clock } from './clock.js'

/** What `run` gives, or QUERY_TIMEOUT after that many milliseconds. */
export function inTime<T>(run: () => Promise<T>, ms: number, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = clock.after(ms, () => reject(new AppError('QUERY_TIMEOUT', `no answer within ${ms} ms`)))
    // Called inside of a promise: one that throws at once is no different.
    Promise.resolve()
      .then(run)
      .then(resolve, reject)
      .finally(stop)
      .catch(() => undefined)
  })
}
