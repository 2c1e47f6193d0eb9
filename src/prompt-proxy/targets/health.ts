import type { ReturnCodeName } from '../dendrite/types.js'
import { BACK_OFFS, backOffMs, type FailureCode } from './back-off.js'
import type { Clock } from './clock.js'
import { createLatencies } from './latencies.js'
import type { TargetSettings } from './settings.js'

export type Circuit = 'closed' | 'open' | 'half-open'

/**
 * What became of an attempt. `unblamed`: it failed, and nothing is held against the target. `cancelled`: nobody waited for its end, nothing is known of it.
 */
export type Outcome =
  | { kind: 'success'; firstPieceMs: number }
  | { kind: 'failure'; code: FailureCode }
  | { kind: 'unblamed'; code: FailureCode }
  | { kind: 'cancelled' }

/** An attempt under way. */
export interface Lease {
  /** Ends it. Only the first call counts. */
  end(outcome: Outcome): void
  /** How good its answer was, in [0, 1]: 1 for the one that was used. Moves the gating score of the model asked for. */
  reward(score: number): void
}

export interface Health {
  begin(model: string): Lease
  /** A probe came back. Tells that the target is there, not that it answers prompts. */
  probed(failure: FailureCode | null): void
  circuit(): Circuit
  /** Whether a trial may be made now: one at a time when half-open. */
  takesMore(): boolean
  /** Why the circuit is not closed. */
  openedBy(): FailureCode | null
  /** In [0, 1]; what is not known is taken from the prior. */
  rate(): number
  gating(model: string): number
  latencyMs(): number | null
  inFlight(): number
  /** Milliseconds since the last outcome or probe, or since it was first seen. */
  idleMs(): number
  facts(): { successRate: number | null; p95Ms: number | null; lastReturnCode: ReturnCodeName | null }
}

/** Success rate of a target that nothing is known of: above what a broken one has, below a good one. */
const PRIOR_RATE = 0.75
const PRIOR_GATING = 0.5
const KEPT_LATENCIES = 64

/**
 * Health of one target. Averages are exponentially weighted: x ← x + a·(new − x), a = `smoothing`. The success rate drifts back to its prior p0 while nothing
 * happens, p = p0 + (p' − p0)·2^(−idle / forgetMs), so that a target is not judged for ever by what it was.
 *
 * The circuit opens after `openAfter` failures in a row, with a bad success rate, or at once for the codes that say so. When its back-off is over it is
 * half-open: one attempt at a time is let through, a success closes it, a failure opens it for longer. Failures of attempts that were under way when it opened
 * make nothing worse.
 */
export function createHealth(settings: TargetSettings, clock: Clock, random: () => number): Health {
  const { smoothing, openAfter, openBelowRate, forgetMs, maxInFlight } = settings
  const latencies = createLatencies(KEPT_LATENCIES)
  const gatings = new Map<string, number>()
  let rate = PRIOR_RATE
  let outcomes = 0
  let sinceClosed = 0
  let failuresInRow = 0
  let latency: number | null = null
  let lastCode: ReturnCodeName | null = null
  let lastAt = clock.now()
  let opened: { until: number; code: FailureCode } | null = null
  let times = 0
  let inFlight = 0
  let trials = 0

  function circuit(): Circuit {
    if (opened === null) return 'closed'
    return clock.now() < opened.until ? 'open' : 'half-open'
  }

  function currentRate(): number {
    return PRIOR_RATE + (rate - PRIOR_RATE) * 2 ** (-(clock.now() - lastAt) / forgetMs)
  }

  function moveRate(value: number, share: number): void {
    rate = currentRate()
    rate += share * (value - rate)
    lastAt = clock.now()
  }

  function open(code: FailureCode): void {
    times++
    opened = { until: clock.now() + backOffMs(code, times, random()), code }
    sinceClosed = 0
  }

  function close(): void {
    opened = null
    times = 0
    failuresInRow = 0
    sinceClosed = 0
  }

  function failed(code: FailureCode): void {
    moveRate(0, smoothing)
    outcomes++
    failuresInRow++
    const before = circuit()
    if (before === 'half-open') return open(code)
    if (before === 'open') return
    const isBad = ++sinceClosed >= openAfter * 3 && rate < openBelowRate
    if (BACK_OFFS[code].opensAtOnce || failuresInRow >= openAfter || isBad) open(code)
  }

  function succeeded(firstPieceMs: number): void {
    moveRate(1, smoothing)
    outcomes++
    failuresInRow = 0
    latency = latency === null ? firstPieceMs : latency + smoothing * (firstPieceMs - latency)
    latencies.add(firstPieceMs)
    if (opened !== null) close()
    sinceClosed++
  }

  function moveGating(model: string, reward: number): void {
    const gating = gatings.get(model) ?? PRIOR_GATING
    gatings.set(model, gating + smoothing * (reward - gating))
  }

  return {
    begin(model) {
      const isTrial = circuit() === 'half-open'
      let ended = false
      inFlight++
      if (isTrial) trials++
      return {
        end(outcome) {
          if (ended) return
          ended = true
          inFlight--
          if (isTrial) trials--
          if (outcome.kind === 'cancelled') return
          lastCode = outcome.kind === 'success' ? 'SUCCESS' : outcome.code
          if (outcome.kind === 'success') return succeeded(outcome.firstPieceMs)
          if (outcome.kind === 'unblamed') return
          failed(outcome.code)
          moveGating(model, 0)
        },
        reward: (score) => moveGating(model, Math.min(1, Math.max(0, score))),
      }
    },
    probed(failure) {
      if (failure !== null) {
        lastCode = failure
        return failed(failure)
      }
      moveRate(1, smoothing / 2)
      // That it is there again says nothing about whether it takes our requests.
      if (opened !== null && circuit() === 'half-open' && !BACK_OFFS[opened.code].opensAtOnce) close()
    },
    circuit,
    takesMore: () => inFlight < maxInFlight && (circuit() === 'closed' || (circuit() === 'half-open' && trials === 0)),
    openedBy: () => opened?.code ?? null,
    rate: currentRate,
    gating: (model) => gatings.get(model) ?? PRIOR_GATING,
    latencyMs: () => latency,
    inFlight: () => inFlight,
    idleMs: () => clock.now() - lastAt,
    facts: () => ({ successRate: outcomes === 0 ? null : currentRate(), p95Ms: latencies.percentile(0.95), lastReturnCode: lastCode }),
  }
}
