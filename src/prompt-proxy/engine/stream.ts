import { AppError } from '../../core/errors.js'
import type { Clock } from '../targets/clock.js'
import type { Attempt } from './attempt.js'

export interface StreamOptions {
  attempt: Attempt
  /** What is there already. */
  first: string
  /** Until it has to be at its end. */
  remainingMs: number
  maxBytes: number
  clock: Clock
  signal: AbortSignal
}

/**
 * The pieces of an answer that is under way, for one reader. It is ended by the caller's signal, by the time, and by a reader that leaves, whether or not
 * anybody reads. Throws UPSTREAM_DOWN when the target breaks off, UPSTREAM_TIMEOUT when the time is over, ABORTED when the caller went away.
 */
export function streamOf({ attempt, first, remainingMs, maxBytes, clock, signal }: StreamOptions): AsyncIterable<string> {
  let error: AppError | null = null
  let isOver = false
  let isFirst = true
  let length = first.length
  const stopTimer = clock.after(remainingMs, () => end(new AppError('UPSTREAM_TIMEOUT', 'the answer was not at its end in time'), 'late'))
  const onAbort = (): void => end(new AppError('ABORTED', 'the caller went away'), 'cancelled')
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })

  function end(why: AppError | null, stop: 'cancelled' | 'late'): void {
    if (isOver) return
    isOver = true
    error = why
    stopTimer()
    signal.removeEventListener('abort', onAbort)
    attempt.stop(stop)
  }

  /** An error is thrown once; after it the stream is at its end. */
  function last(): IteratorResult<string, undefined> {
    const thrown = error
    error = null
    if (thrown !== null) throw thrown
    return { done: true, value: undefined }
  }

  const iterator: AsyncIterator<string, undefined> = {
    async next() {
      if (isOver) return last()
      if (isFirst) {
        isFirst = false
        return { done: false, value: first }
      }
      const step = await attempt.next()
      if (step.kind === 'piece') length += step.piece.length
      if (step.kind === 'piece' && length <= maxBytes && !isOver) return { done: false, value: step.piece }
      if (step.kind === 'piece') end(new AppError('UPSTREAM_INVALID', `the answer has more than ${maxBytes} bytes`), 'cancelled')
      // An answer was given, so whoever calls the request wrong now is itself wrong.
      if (step.kind === 'failed') attempt.settle(true)
      end(
        step.kind === 'failed'
          ? new AppError('UPSTREAM_DOWN', `the target broke off: ${step.code}`, { failed: [attempt.failure()] })
          : null,
        'cancelled',
      )
      return last()
    },
    async return() {
      error = null
      end(null, 'cancelled')
      return { done: true, value: undefined }
    },
  }
  return { [Symbol.asyncIterator]: () => iterator }
}
