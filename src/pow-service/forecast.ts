import type { PriceFacts, QuotaFacts, RegistrationFacts } from '../chain/registration/index.js'
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

const FRACTION_Q32 = 32n
const ONE_Q32 = 1n << FRACTION_Q32
const FRACTION_U64F64 = 64n
const ONE_U64F64 = 1n << FRACTION_U64F64
const U64_MAX = (1n << 64n) - 1n

/**
 * `low` is nobody, `high` one registration in every block (more are possible: the upper bound is what holds then), and `expected` as many as balance
 * the decay, so that the price stays where it is: there is no number aimed for under this rule.
 */
function decaySteps({ burn, burnDecay, block }: RegistrationFacts, steps: number): ForecastStep[] {
  if (burn === null || burnDecay === null) return []
  const { halfLifeBlocks, increaseBits } = burnDecay
  const factor = decayFactor(halfLifeBlocks)
  const stepBlocks = halfLifeBlocks > 0 ? Math.max(1, Math.floor(halfLifeBlocks / 2)) : DECAY_STEP_BLOCKS
  const expected = bounded(burn.current, burn)
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

/**
 * The price in the next block: `price * f` in Q32, where `f ^ halfLife = 1/2`, within its bounds, the upper of which wins.
 *
 * pallets/subtensor/src/subnets/registration.rs, `update_registration_prices_for_networks`, spec 401.
 */
export function decayed(price: bigint, bounds: Pick<PriceFacts, 'min' | 'max'>, factorQ32: bigint): bigint {
  return bounded(multiplyQ32(price, factorQ32), bounds)
}

/**
 * The price after a registration in the same block: times BurnIncreaseMult (U64F64), which counts as 1 at least, within its bounds.
 *
 * pallets/subtensor/src/subnets/registration.rs, `bump_registration_price_after_registration`, spec 401.
 */
export function increased(price: bigint, bounds: Pick<PriceFacts, 'min' | 'max'>, increaseBits: bigint): bigint {
  const bits = increaseBits < ONE_U64F64 ? ONE_U64F64 : increaseBits
  const product = (price * bits) >> FRACTION_U64F64
  return bounded(product > U64_MAX ? U64_MAX : product, bounds)
}

/**
 * The largest `f` in Q32 whose power of the half-life, squared and multiplied with truncation, is not above one half. A half-life of 0 is no decay.
 *
 * pallets/subtensor/src/utils/misc.rs, `decay_factor_q32`, `pow_q32` and `mul_by_q32`, spec 401.
 */
export function decayFactor(halfLifeBlocks: number): bigint {
  if (halfLifeBlocks === 0) return ONE_Q32
  let low = 0n
  let high = ONE_Q32
  while (low + 1n < high) {
    const middle = low + ((high - low) >> 1n)
    if (powerQ32(middle, halfLifeBlocks) > ONE_Q32 >> 1n) high = middle
    else low = middle
  }
  return low
}

function powerQ32(base: bigint, exponent: number): bigint {
  let result = ONE_Q32
  let factor = base
  for (let rest = exponent; rest > 0; rest >>= 1) {
    if (rest & 1) result = multiplyQ32(result, factor)
    if (rest > 1) factor = multiplyQ32(factor, factor)
  }
  return result
}

function multiplyQ32(value: bigint, factor: bigint): bigint {
  const shifted = (value * factor) >> FRACTION_Q32
  return shifted > U64_MAX ? U64_MAX : shifted
}

function bounded(price: bigint, { min, max }: Pick<PriceFacts, 'min' | 'max'>): bigint {
  const raised = price < min ? min : price
  return raised > max ? max : raised
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
