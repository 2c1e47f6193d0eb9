import type { PriceFacts, QuotaFacts, RegistrationFacts } from '../chain/registration/index.js'
import { decayed, decayFactor, increased } from '../consensus/tokenomics/burn-decay.js'
import { nextPrice2024, priceMoves2024 } from '../consensus/tokenomics/adjustment.js'

/** A price in rao, or a difficulty, when nobody more, as many as aimed for, or as many as allowed register. */
export interface PriceRange {
  readonly low: bigint
  readonly expected: bigint
  readonly high: bigint
}

export interface ForecastStep {
  /** From this block on, until the next step. */
  readonly block: number
  readonly burn: PriceRange | null
  readonly difficulty: PriceRange | null
}

const DEFAULT_STEPS = 3
/** Of a decaying price, when no other step is asked for: 36 minutes. */
const DECAY_STEP_BLOCKS = 180

/**
 * What a place costs after the next adjustments, by the chain's own rule. Two rules are known, told apart by what the chain stores:
 *
 * - spec 143 to 393: both prices are set at the end of an interval, see `nextPrice2024`. The first step counts in who has registered already;
 *   registrations to come may be of either kind, whichever makes the price lower or higher.
 *   pallets/subtensor/src/block_step.rs (143) and coinbase/block_step.rs (393), `adjust_registration_terms_for_networks`.
 * - spec 401 on: the price decays in every block and is multiplied by every registration; there are no intervals and no quota. See `decayed`.
 *
 * Empty where neither applies, and where the chain would divide by a target of zero.
 */
export function forecastPrices(facts: RegistrationFacts, steps = DEFAULT_STEPS): ForecastStep[] {
  if (facts.burnDecay !== null) return decaySteps(facts, steps)
  const { quota, adjustmentAlpha } = facts
  if (quota === null || adjustmentAlpha === null || quota.target === 0) return []
  return intervalSteps(facts, quota, adjustmentAlpha, steps)
}

function intervalSteps(facts: RegistrationFacts, quota: QuotaFacts, alpha: bigint, steps: number): ForecastStep[] {
  const { burn, difficulty } = facts
  const out: ForecastStep[] = []
  let state = { burn: burn && same(burn.current), difficulty: difficulty && same(difficulty.current) }
  let counters: Counters = { registrations: quota.usedInInterval, byWork: quota.byWork, byBurn: quota.byBurn }
  for (let i = 0; i < steps; i++) {
    const block = quota.intervalEndsAt + i * quota.intervalBlocks
    const from = i === 0 ? facts.block.number : block - quota.intervalBlocks
    // Of the blocks after `from`, those before the end admit `perBlock` each.
    const room = Math.min(quota.perInterval - counters.registrations, (block - 1 - from) * quota.perBlock)
    const endings = possibleEndings(counters, Math.max(0, room), quota.target)
    const aimed = aimedFor(counters, Math.max(0, room), quota.target, facts)
    state = {
      burn: burn && state.burn && step(state.burn, burn, endings, aimed, quota.target, alpha, 'burn'),
      difficulty: difficulty && state.difficulty && step(state.difficulty, difficulty, endings, aimed, quota.target, alpha, 'difficulty'),
    }
    out.push({ block, ...state })
    counters = { registrations: 0, byWork: 0, byBurn: 0 }
  }
  return out
}

interface Counters {
  registrations: number
  byWork: number
  byBurn: number
}

/**
 * What the counters may be at the end, as far as it makes a difference. A price rises with the total; whether it moves depends on whether that is above
 * the target and which kind is more, or whether they are equal, which every other total permits. So the totals around the points where that changes
 * are enough, each with the splits around the even one.
 */
function possibleEndings(now: Counters, room: number, target: number): Counters[] {
  const turns = [0, room, target - now.registrations, Math.abs(now.byWork - now.byBurn)]
  const totals = new Set(turns.flatMap((turn) => [turn - 1, turn, turn + 1, turn + 2]).filter((more) => more >= 0 && more <= room))
  return [...totals].flatMap((more) => {
    const even = Math.min(more, Math.max(0, Math.floor((more + now.byBurn - now.byWork) / 2)))
    return [...new Set([0, even, even + 1, more])]
      .filter((work) => work <= more)
      .map((work) => ({ registrations: now.registrations + more, byWork: now.byWork + work, byBurn: now.byBurn + more - work }))
  })
}

/** As many as the subnet aims for, by the ways that are open. */
function aimedFor(
  now: Counters,
  room: number,
  target: number,
  { powAllowed, powRemoved, registrationAllowed }: RegistrationFacts,
): Counters {
  const more = Math.min(room, Math.max(0, target - now.registrations))
  const canWork = powAllowed && !powRemoved
  const work = canWork && registrationAllowed ? Math.floor(more / 2) : canWork ? more : 0
  return { registrations: now.registrations + more, byWork: now.byWork + work, byBurn: now.byBurn + more - work }
}

function step(
  range: PriceRange,
  bounds: PriceFacts,
  endings: readonly Counters[],
  aimed: Counters,
  target: number,
  alpha: bigint,
  which: 'burn' | 'difficulty',
): PriceRange {
  const after = (current: bigint, counters: Counters): bigint => {
    const interval = { ...counters, target }
    return priceMoves2024(interval)[which] ? nextPrice2024({ ...bounds, current }, interval, alpha) : current
  }
  return {
    low: minOf(endings.map((counters) => after(range.low, counters))),
    expected: after(range.expected, aimed),
    high: maxOf(endings.map((counters) => after(range.high, counters))),
  }
}

/**
 * `low` is nobody, `high` one registration in every block (more are possible: the upper bound is what holds then), and `expected` as many as balance
 * the decay, so that the price stays where it is: there is no number aimed for under this rule.
 */
function decaySteps({ burn, burnDecay, block }: RegistrationFacts, steps: number): ForecastStep[] {
  if (burn === null || burnDecay === null) return []
  const { halfLifeBlocks, increaseBits } = burnDecay
  const factor = decayFactor(halfLifeBlocks)
  const stepBlocks = halfLifeBlocks > 0 ? Math.max(1, Math.floor(halfLifeBlocks / 2)) : DECAY_STEP_BLOCKS
  const expected = decayed(burn.current, burn, decayFactor(0))
  let low = burn.current
  let high = burn.current
  const out: ForecastStep[] = []
  for (let i = 1; i <= steps * stepBlocks; i++) {
    low = decayed(low, burn, factor)
    high = decayed(high, burn, factor)
    if (i % stepBlocks === 0) out.push({ block: block.number + i, burn: { low, expected, high }, difficulty: null })
    // The block's registrations come after its decay, and are paid at the price before them.
    high = increased(high, burn, increaseBits)
  }
  return out
}

function same(price: bigint): PriceRange {
  return { low: price, expected: price, high: price }
}

function minOf(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => (b < a ? b : a))
}

function maxOf(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => (b > a ? b : a))
}
