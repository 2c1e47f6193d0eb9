import type { CallClock } from './clock.js'

const DONE = { done: true, value: undefined } as const

/**
 * The pieces of a call that begins when the first is asked for. A generator alone would take note of an early end only after the piece it waits for; here
 * `return` ends the call at once.
 */
export function endingEarly(run: (clock: CallClock) => AsyncGenerator<string, void>, start: () => CallClock): AsyncIterable<string> {
  return {
    [Symbol.asyncIterator]() {
      let clock: CallClock | undefined
      let pieces: AsyncGenerator<string, void> | undefined
      let isLeft = false
      return {
        async next() {
          if (isLeft) return DONE
          clock ??= start()
          pieces ??= run(clock)
          try {
            const next = await pieces.next()
            if (next.done === true) clock.done()
            return next
          } catch (error) {
            clock.end()
            throw error
          }
        },
        async return() {
          isLeft = true
          clock?.end()
          // A piece that is waited for fails now; the wait's owner hears of it.
          void pieces?.return().catch(() => undefined)
          return DONE
        },
      }
    },
  }
}
