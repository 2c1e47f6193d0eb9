import type { CallClock } from './clock.js'

/**
 * The pieces of a call that begins when the first is asked for. A generator alone would take note of an early end only after the piece it waits for; here
 * `return` ends the call at once.
 */
export function endingEarly(run: (clock: CallClock) => AsyncGenerator<string>, start: () => CallClock): AsyncIterable<string> {
  async function* whole(clock: CallClock): AsyncGenerator<string> {
    let isWhole = false
    try {
      yield* run(clock)
      isWhole = true
    } finally {
      if (isWhole) clock.done()
      else clock.end()
    }
  }
  return {
    [Symbol.asyncIterator]() {
      let clock: CallClock | undefined
      let pieces: AsyncGenerator<string> | undefined
      return {
        next() {
          clock ??= start()
          pieces ??= whole(clock)
          return pieces.next()
        },
        async return() {
          clock?.end()
          pieces ??= nothing()
          // A piece that is waited for fails now; the wait's owner hears of it.
          void pieces.return(undefined).catch(() => undefined)
          return { done: true, value: undefined }
        },
      }
    },
  }
}

async function* nothing(): AsyncGenerator<string> {
  // A call that was over before it began.
}
