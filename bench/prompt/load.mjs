// The load of `bench/prompt.mjs`: so many callers, each of whom asks again as soon as it has its answer.
import { PIECES, promptText } from './world.mjs'

/** Of a pair of numbers, any in between. The same sequence in every turn. */
function* numbers(seed) {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    yield state / 2 ** 32
  }
}

/**
 * Asks for `seconds`, or so many `requests`. Answers take `waitMs` (from, to) to their first piece and `gapMs` between pieces; what is measured is what a request took beyond that: to the first
 * piece, and to the end. Milliseconds, sorted. Rejects with the first request that failed.
 */
export async function runLoad({ ask }, { concurrency, seconds = Infinity, requests = Infinity, waitMs: [from, to], gapMs = 0, stream }) {
  const random = numbers(1)
  const [first, whole] = [[], []]
  const startedAt = performance.now()
  let asked = 0
  const pieces = stream ? PIECES.length - 1 : 0
  const slot = async (number) => {
    // Not all at once: they would stay together.
    await new Promise((resolve) => setTimeout(resolve, (number / concurrency) * to))
    while (performance.now() - startedAt < seconds * 1000 && asked++ < requests) {
      const wait = Math.round(from + (to - from) * random.next().value)
      const { firstMs, ms } = await ask(promptText(wait, gapMs), number)
      first.push(firstMs - wait)
      whole.push(ms - wait - pieces * gapMs)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, (_, number) => slot(number)))
  const sorted = (list) => list.sort((a, b) => a - b)
  return { requests: first.length, seconds: (performance.now() - startedAt) / 1000, first: sorted(first), whole: sorted(whole) }
}

/** The value that `share` of the sorted values do not exceed. */
export function percentile(sorted, share) {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
}

export function median(values) {
  return percentile(
    [...values].sort((a, b) => a - b),
    0.5,
  )
}
