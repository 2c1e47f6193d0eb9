import type { Dispatcher } from 'undici'
import type { DendriteError } from '../types.js'
import type { CallClock } from './clock.js'
import { connectionFailure } from './outcome.js'

export interface HttpAnswer {
  status: number
  headers: Readonly<Record<string, string | string[] | undefined>>
  /** For one reader. Leaving it before its end ends the exchange, and its connection with it. */
  body: AsyncIterable<Buffer>
}

/** Bytes that may wait to be read before no more are taken from the connection. */
const MOST_WAITING = 65_536
const DONE = { done: true, value: undefined } as const

interface Reader {
  resolve(result: IteratorResult<Buffer, undefined>): void
  reject(error: unknown): void
}

/**
 * One request and its answer, straight on the connections of undici: without the stream, the signal and their events that its `request` makes of each. Resolves with the
 * head of the answer. What the clock was ended for is what is thrown, whatever that made of the exchange.
 */
export function exchange(dispatcher: Dispatcher, options: Dispatcher.DispatchOptions, clock: CallClock): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | null = null
    let isOver = false
    let error: DendriteError | null = null
    let waiting: Buffer[] = []
    let waitingBytes = 0
    let reader: Reader | null = null

    function finish(): void {
      isOver = true
      clock.onEnd(null)
    }

    function fail(why: unknown): void {
      if (isOver) return
      finish()
      error = clock.ended ?? connectionFailure(why)
      waiting = []
      // Whichever of the two is waited for; the other takes no notice.
      reject(error)
      reader?.reject(error)
      reader = null
    }

    /** One that still waits for its connection is told when it gets it. */
    function stop(): void {
      fail(clock.ended)
      controller?.abort(clock.ended ?? new Error('nobody waits'))
    }

    function next(): Promise<IteratorResult<Buffer, undefined>> {
      if (error !== null) return Promise.reject(error)
      const value = waiting.shift()
      if (value !== undefined) {
        waitingBytes -= value.length
        if (waitingBytes === 0) controller?.resume()
        return Promise.resolve({ done: false, value })
      }
      return isOver ? Promise.resolve(DONE) : new Promise((resolve, reject) => (reader = { resolve, reject }))
    }

    function leave(): Promise<IteratorResult<Buffer, undefined>> {
      waiting = []
      if (!isOver) {
        finish()
        controller?.abort(new Error('nobody reads'))
      }
      return Promise.resolve(DONE)
    }

    if (clock.ended !== null) return reject(clock.ended)
    clock.onEnd(stop)
    dispatcher.dispatch(options, {
      onRequestStart(started) {
        controller = started
        if (isOver) started.abort(clock.ended ?? new Error('nobody waits'))
      },
      onResponseStart(_controller, status, headers) {
        // Of several heads the last one counts.
        if (status >= 200) resolve({ status, headers, body: { [Symbol.asyncIterator]: () => ({ next, return: leave }) } })
      },
      onResponseData(_controller, chunk) {
        if (isOver) return
        clock.firstByte()
        if (reader !== null) {
          const { resolve } = reader
          reader = null
          return resolve({ done: false, value: chunk })
        }
        waiting.push(chunk)
        waitingBytes += chunk.length
        if (waitingBytes > MOST_WAITING) controller?.pause()
      },
      onResponseEnd() {
        if (isOver) return
        finish()
        reader?.resolve(DONE)
        reader = null
      },
      onResponseError: (_controller, why) => fail(why),
    })
  })
}
