import { DendriteError } from '../types.js'
import type { StopSignal } from '../../stop-signal.js'

/** The life of one call: ended by its caller, by its deadline, by a first byte that does not come, or by nobody. */
export interface CallClock {
  /** Why the call was ended before it was done; null while nobody did. */
  readonly ended: DendriteError | null
  /** Runs when the call is ended, in place of what was to run before. Whoever calls this looks at `ended` first. */
  onEnd(run: (() => void) | null): void
  /** Bytes of the answer are coming. */
  firstByte(): void
  /** All has come: timers and listeners go, and the connection is left to the next call. */
  done(): void
  /** Ends what is still under way, and its connection with it. */
  end(): void
}

/** A longer time makes a timer of Node fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

export function startClock(call: { timeoutMs: number; signal: StopSignal }, firstByteMs: number | null): CallClock {
  let ended: DendriteError | null = null
  let onEnd: (() => void) | null = null
  const stop = (why: DendriteError): void => {
    if (ended !== null) return
    ended = why
    onEnd?.()
  }
  const giveUp = (): void => stop(new DendriteError('NO_RETURN', 'the call was ended before there was an answer', call.signal.reason))
  const late = (what: string, ms: number): NodeJS.Timeout =>
    setTimeout(() => stop(new DendriteError('TIMEOUT', `${what} within ${ms} ms`)), Math.min(ms, MAX_TIMER_MS))
  if (call.signal.aborted) giveUp()
  else if (call.timeoutMs <= 0) stop(new DendriteError('TIMEOUT', 'there was no time left for the call'))
  else call.signal.addEventListener('abort', giveUp, { once: true })
  const total = late('no whole answer', Math.max(call.timeoutMs, 0))
  let first = firstByteMs === null || firstByteMs >= call.timeoutMs ? undefined : late('no first byte of an answer', firstByteMs)
  const done = (): void => {
    clearTimeout(total)
    clearTimeout(first)
    call.signal.removeEventListener('abort', giveUp)
  }
  return {
    get ended() {
      return ended
    },
    onEnd: (run) => (onEnd = run),
    firstByte() {
      if (first === undefined) return
      clearTimeout(first)
      first = undefined
    },
    done,
    end() {
      done()
      stop(new DendriteError('NO_RETURN', 'nobody waits for the answer any longer'))
    },
  }
}
