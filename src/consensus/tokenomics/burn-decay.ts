/** The price of a place since spec 401: it decays with every block, and every registration raises it at once. */

const FRACTION_Q32 = 32n
const ONE_Q32 = 1n << FRACTION_Q32
const FRACTION_U64F64 = 64n
const ONE_U64F64 = 1n << FRACTION_U64F64
const U64_MAX = (1n << 64n) - 1n

/** In rao. The upper bound wins. */
export interface PriceBounds {
  readonly min: bigint
  readonly max: bigint
}

/**
 * The price in the next block: `price * f` in Q32, where `f ^ halfLife = 1/2`, within its bounds. The first block of a chain leaves it as it is.
 *
 * pallets/subtensor/src/subnets/registration.rs, `update_registration_prices_for_networks`, spec 401 (April 2026).
 */
export function decayed(price: bigint, bounds: PriceBounds, factorQ32: bigint): bigint {
  return bounded(multiplyQ32(price, factorQ32), bounds)
}

/**
 * The price after a registration in the same block: times BurnIncreaseMult (U64F64 bits), which counts as 1 at least, within its bounds.
 *
 * pallets/subtensor/src/subnets/registration.rs, `bump_registration_price_after_registration`, spec 401 (April 2026).
 */
export function increased(price: bigint, bounds: PriceBounds, increaseBits: bigint): bigint {
  const bits = increaseBits < ONE_U64F64 ? ONE_U64F64 : increaseBits
  const product = (price * bits) >> FRACTION_U64F64
  return bounded(product > U64_MAX ? U64_MAX : product, bounds)
}

/**
 * The largest `f` in Q32 whose power of the half-life (BurnHalfLife, in blocks), squared and multiplied with truncation, is not above one half. A
 * half-life of 0 is no decay.
 *
 * pallets/subtensor/src/utils/misc.rs, `decay_factor_q32`, `pow_q32` and `mul_by_q32`, spec 401 (April 2026).
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

function bounded(price: bigint, { min, max }: PriceBounds): bigint {
  const raised = price < min ? min : price
  return raised > max ? max : raised
}
