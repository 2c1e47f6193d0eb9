import type { ReturnCodeName } from '../dendrite/types.js'

/** What a failure says of the target, and how long it is left alone. */
export interface BackOff {
  /**
   * Whom the code blames. `target`: it is down, slow or wrong. `sender`: it does not take requests of our hotkey. `request`: it calls the request wrong, which
   * is held against it only when another target answered the same one.
   */
  blames: 'target' | 'sender' | 'request'
  /** Whether one failure opens the circuit. */
  opensAtOnce: boolean
  /** Milliseconds the circuit stays open the first time; doubled each time it opens again without a success between. */
  firstMs: number
  /** Most milliseconds it stays open. */
  mostMs: number
}

export type FailureCode = Exclude<ReturnCodeName, 'SUCCESS'>

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** A target that may be back soon: not reached, too slow, overrun. */
const SOON: BackOff = { blames: 'target', opensAtOnce: false, firstMs: 5 * SECOND, mostMs: 5 * MINUTE }
/** A target that answers, but with nothing of use. */
const USELESS: BackOff = { blames: 'target', opensAtOnce: false, firstMs: 30 * SECOND, mostMs: 15 * MINUTE }
/** Nothing changes until an operator does something. */
const FIXED: BackOff = { blames: 'target', opensAtOnce: true, firstMs: 10 * MINUTE, mostMs: 6 * HOUR }
const REFUSES_US: BackOff = { blames: 'sender', opensAtOnce: true, firstMs: 10 * MINUTE, mostMs: 6 * HOUR }
const OUR_REQUEST: BackOff = { blames: 'request', opensAtOnce: false, firstMs: 30 * SECOND, mostMs: 15 * MINUTE }

/** Every failure of RETURN_CODES. */
export const BACK_OFFS: Readonly<Record<FailureCode, BackOff>> = {
  NO_RETURN: SOON,
  TIMEOUT: SOON,
  // It asks for a pause itself.
  BACKOFF: { ...SOON, opensAtOnce: true, firstMs: 15 * SECOND },
  UNAVAILABLE: SOON,
  NOT_IMPLEMENTED: FIXED,
  EMPTY_REQUEST: OUR_REQUEST,
  EMPTY_RESPONSE: USELESS,
  INVALID_RESPONSE: USELESS,
  INVALID_REQUEST: OUR_REQUEST,
  // Full queues empty within a few requests.
  NUCLEUS_FULL: { ...SOON, firstMs: 2 * SECOND, mostMs: MINUTE },
  REQUEST_INCOMPATIBLE_VERSION: FIXED,
  // Our registration may have to reach its metagraph first, which is read about once a minute.
  SENDER_UNKNOWN: { ...REFUSES_US, firstMs: 2 * MINUTE },
  UNKNOWN_EXCEPTION: { ...SOON, firstMs: 10 * SECOND },
  UNAUTHENTICATED: REFUSES_US,
  BAD_ENDPOINT: { ...FIXED, firstMs: 2 * MINUTE },
  // The rate limits of stock miners are of five minutes, and they are blacklists too.
  BLACKLISTED: { ...REFUSES_US, firstMs: 5 * MINUTE },
}

/**
 * Milliseconds that a circuit stays open when it opens for the `times`-th time in a row (from 1) for `code`: `firstMs · 2^(times − 1)`, `mostMs` at most, of
 * which half to all is taken by `random` in [0, 1), so that targets that went down together are not tried together.
 */
export function backOffMs(code: FailureCode, times: number, random: number): number {
  const { firstMs, mostMs } = BACK_OFFS[code]
  const full = Math.min(mostMs, firstMs * 2 ** Math.min(times - 1, 30))
  return full * (0.5 + random / 2)
}
