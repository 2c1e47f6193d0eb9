import { AppError, isRetryable } from '../core/errors.js'
import { sleep } from '../core/lifecycle.js'
import type { Logger } from '../core/log.js'

/** A range of blocks that becomes one batch. */
export interface BlockRange {
  from: number
  to: number
}

/**
 * Cuts `from..to` into ranges whose last block is a multiple of `size`, so that the same blocks share a batch however often a process is stopped
 * and started in between, and blocks sampled at round heights end one.
 */
export function* planRanges(from: number, to: number, size: number): Generator<BlockRange> {
  for (let start = from; start <= to;) {
    const end = Math.min(to, Math.ceil(start / size) * size)
    yield { from: start, to: end }
    start = end + 1
  }
}

/**
 * Runs `work` on every item with a bounded number under way, and hands the results on in the order of the items. The bound is also what keeps memory
 * bounded: a result waits for its turn inside it.
 */
export async function inOrder<T, R>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
  use: (result: R, item: T) => Promise<void>,
): Promise<void> {
  const waiting: { item: T; result: Promise<R> }[] = []
  const iterator = items[Symbol.iterator]()
  const fill = (): void => {
    while (waiting.length < width) {
      const next = iterator.next()
      if (next.done) return
      const result = work(next.value)
      result.catch(() => undefined) // its turn may never come
      waiting.push({ item: next.value, result })
    }
  }
  for (fill(); waiting.length > 0; fill()) {
    const { item, result } = waiting.shift() as { item: T; result: Promise<R> }
    await use(await result, item)
  }
}

export interface RetryOptions {
  log: Logger
  signal: AbortSignal
  /** What is being done, for the log. */
  what: string
  minMs?: number
  maxMs?: number
}

/** Answers that make no sense may be a passing fault of a node behind a balancer; after this many in a row they are not. */
const MOST_INVALID = 6

/**
 * Tries until it works or the error is one that trying again cannot mend. Outages of the node or of the database may last: they are waited for, with
 * growing pauses and a line in the log each time.
 */
export async function untilDone<T>({ log, signal, what, minMs = 250, maxMs = 15_000 }: RetryOptions, run: () => Promise<T>): Promise<T> {
  let invalid = 0
  for (let attempt = 0; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      if (signal.aborted) throw error
      const senseless = error instanceof AppError && error.code === 'UPSTREAM_INVALID'
      if (senseless ? ++invalid >= MOST_INVALID : !isRetryable(error)) throw error
      const pauseMs = Math.min(maxMs, minMs * 2 ** attempt)
      log.warn(
        { what, attempt: attempt + 1, pauseMs, code: error instanceof AppError ? error.code : undefined, err: (error as Error).message },
        'failed, trying again',
      )
      await sleep(pauseMs, signal)
    }
  }
}
