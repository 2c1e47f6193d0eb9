import { DendriteError } from '../types.js'

/** The life of one call: ended by its caller, by its deadline, by a first byte that does not come, or by nobody. */
export interface CallClock {
  /** Aborted with a DendriteError that says why. */
  readonly signal: AbortSignal
  readonly msLeft: number
  /** Bytes of the answer are coming. */
  firstByte(): void
  /** All has come: timers and listeners go, and the connection is left to the next call. */
  done(): void
  /** Ends what is still under way, and its connection with it. */
  end(): void
}

/** A longer time makes a timer of Node fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

export function startClock(call: { timeoutMs: number; signal: AbortSignal }, firstByteMs: number | null): CallClock {
  const controller = new AbortController()
  const startedAt = performance.now()
  const giveUp = (): void =>
    controller.abort(new DendriteError('NO_RETURN', 'the call was ended before there was an answer', call.signal.reason))
  const late = (what: string, ms: number): NodeJS.Timeout =>
    setTimeout(() => controller.abort(new DendriteError('TIMEOUT', `${what} within ${ms} ms`)), Math.min(ms, MAX_TIMER_MS))
  if (call.signal.aborted) giveUp()
  else if (call.timeoutMs <= 0) controller.abort(new DendriteError('TIMEOUT', 'there was no time left for the call'))
  else call.signal.addEventListener('abort', giveUp, { once: true })
  const total = late('no whole answer', Math.max(call.timeoutMs, 0))
  const first = firstByteMs === null || firstByteMs >= call.timeoutMs ? undefined : late('no first byte of an answer', firstByteMs)
  const done = (): void => {
    clearTimeout(total)
    clearTimeout(first)
    call.signal.removeEventListener('abort', giveUp)
  }
  return {
    signal: controller.signal,
    get msLeft() {
      return call.timeoutMs - (performance.now() - startedAt)
    },
    firstByte: () => clearTimeout(first),
    done,
    end() {
      done()
      controller.abort(new DendriteError('NO_RETURN', 'nobody waits for the answer any longer'))
    },
  }
}
