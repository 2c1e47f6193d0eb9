/** The price of a place in a subnet: burn and difficulty follow the registrations of the last interval. */

const U16 = 0xff_ff
const U64_MAX = 2n ** 64n - 1n
/** Fraction bits of I110F18. */
const FRACTION = 18n
const ONE = 1n << FRACTION

/** The counters of an interval that ends, u16 all. */
export interface RegistrationInterval {
  readonly registrations: number
  /** Those of them that were paid with work, and with a burn. */
  readonly byWork: number
  readonly byBurn: number
  /** TargetRegistrationsPerInterval. */
  readonly target: number
}

/** Burn in rao, or the difficulty, with its bounds. */
export interface Price {
  readonly current: bigint
  readonly min: bigint
  readonly max: bigint
}

/** Which of the two prices is set anew at the end of an interval. */
export interface PriceMoves {
  readonly burn: boolean
  readonly difficulty: boolean
}

/**
 * Too many registrations raise the price of the way in that brought more of them, too few lower that of the other. At equal numbers (none at all among
 * them) burn rises, or difficulty falls.
 *
 * pallets/subtensor/src/block_step.rs, `adjust_registration_terms_for_networks`, cases A to D, spec 103 (March 2023).
 */
export function priceMoves2023({ registrations, byWork, byBurn, target }: RegistrationInterval): PriceMoves {
  const difficulty = registrations > target === byWork > byBurn
  return { burn: !difficulty, difficulty }
}

/**
 * As in 2023, but at equal numbers both are set.
 *
 * pallets/subtensor/src/block_step.rs, `adjust_registration_terms_for_networks`, cases A to F, spec 143 (March 2024).
 */
export function priceMoves2024(interval: RegistrationInterval): PriceMoves {
  return interval.byWork === interval.byBurn ? { burn: true, difficulty: true } : priceMoves2023(interval)
}

/**
 * The price after an interval: `current * (registrations + target) / (2 * target)` in I110F18, within its bounds, the upper of which wins. Both sums
 * are u16 that wrap. A target of zero is a division by zero, which the chain cannot make a block with.
 *
 * pallets/subtensor/src/block_step.rs, `adjust_burn` and `adjust_difficulty`, spec 103 (March 2023).
 */
export function nextPrice2023(price: Price, interval: Pick<RegistrationInterval, 'registrations' | 'target'>): bigint {
  return bounded(proportional(price.current, interval), price)
}

/**
 * The price after an interval, a moving average in I110F18 of what it was and what it would have been in 2023, `p`:
 *
 *     a = alpha / (2^64 - 1)
 *     next = a * current + (1 - a) * p
 *
 * `alpha` is AdjustmentAlpha.
 *
 * pallets/subtensor/src/block_step.rs, `adjust_burn` and `adjust_difficulty`, spec 143 (March 2024).
 */
export function nextPrice2024(price: Price, interval: Pick<RegistrationInterval, 'registrations' | 'target'>, alpha: bigint): bigint {
  const keep = (alpha << FRACTION) / U64_MAX
  return bounded(keep * price.current + (((ONE - keep) * proportional(price.current, interval)) >> FRACTION), price)
}

function proportional(current: bigint, { registrations, target }: Pick<RegistrationInterval, 'registrations' | 'target'>): bigint {
  const doubled = BigInt((target + target) & U16)
  if (doubled === 0n) throw new RangeError('the target of registrations per interval is zero, which the chain divides by')
  return ((current * BigInt((registrations + target) & U16)) << FRACTION) / doubled
}

function bounded(next: bigint, { min, max }: Price): bigint {
  if (next >= max << FRACTION) return max
  if (next <= min << FRACTION) return min
  return next >> FRACTION
}
