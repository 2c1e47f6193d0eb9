/** How much TAO a block makes, and when that halves. */

/** rao, all that there can be (TotalSupply). */
export const TOTAL_SUPPLY = 21_000_000_000_000_000n

/**
 * rao that a block makes for all subnets (the default of BlockEmission, src/lib.rs), 1 TAO. Runtimes of 2023 and up to spec 144 (April 2024) have no
 * schedule: it is a number in storage that no code changes.
 */
export const BLOCK_EMISSION = 1_000_000_000n

/** Fraction bits of I96F32. */
const FRACTION = 32n
const ONE = 1n << FRACTION

/**
 * rao that a block makes when `issuance` rao are there, by the schedule:
 *
 *     k = floor(log2(1 / (1 - issuance / TOTAL_SUPPLY)))
 *     emission = BLOCK_EMISSION / 2^k, 0 once all is issued
 *
 * each step in I96F32, so that it is the chain's result and not the exact one. `issuance` is the chain's own TotalIssuance, before the block.
 *
 * `get_block_emission_for_issuance`: pallets/subtensor/src/root.rs at spec 148 (May 2024), pallets/subtensor/src/coinbase/block_emission.rs
 * since 2025. The steps are the same in all of them.
 */
export function blockEmission(issuance: bigint): bigint {
  if (issuance >= TOTAL_SUPPLY) return 0n
  const issued = (issuance << FRACTION) / TOTAL_SUPPLY
  const inverse = (ONE << FRACTION) / (ONE - issued)
  const share = (ONE << FRACTION) / (ONE << (log2(inverse) >> FRACTION))
  return (share * BLOCK_EMISSION) >> FRACTION
}

/**
 * Logarithm to base 2 of an I96F32 that is at least 1, in I96F32, as substrate-fixed 0.5.9 and 0.6.0 have it (src/transcendental.rs, `log2_inner`):
 * halving rounds half a bit up, squaring cuts off.
 */
export function log2(operand: bigint): bigint {
  if (operand < ONE) throw new RangeError(`log2 of less than 1: ${operand} / 2^32`)
  const two = ONE << 1n
  let x = operand
  let result = 0n
  while (x >= two) {
    result++
    x = halved(x)
  }
  if (x === ONE) return result << FRACTION
  for (let bit = 0n; bit < FRACTION; bit++) {
    x = (x * x) >> FRACTION
    result <<= 1n
    if (x >= two) {
      result |= 1n
      x = halved(x)
    }
  }
  return result
}

function halved(x: bigint): bigint {
  return (x >> 1n) + (x & 1n)
}

export interface Halving {
  /** 1 for the first. */
  readonly halving: number
  /** rao: the least issuance at which blocks make only `blockEmission`. */
  readonly issuance: bigint
  /** rao a block from then on. */
  readonly blockEmission: bigint
}

/**
 * All halvings: the k-th comes when `TOTAL_SUPPLY * (1 - 2^-k)` rao are issued, rounded up. The last one leaves nothing of the 1 TAO; what is then
 * not issued (about 0.02 TAO) never will be.
 */
export const HALVINGS: readonly Halving[] = halvings()

function halvings(): Halving[] {
  const list: Halving[] = []
  for (let k = 1n; list.at(-1)?.blockEmission !== 0n; k++) {
    list.push({ halving: Number(k), issuance: TOTAL_SUPPLY - (TOTAL_SUPPLY >> k), blockEmission: BLOCK_EMISSION >> k })
  }
  return list
}

export interface HalvingForecast extends Halving {
  /** Blocks until that much is issued. The block after them is the first that makes only `blockEmission`. */
  readonly blocks: bigint
}

/**
 * The halvings that are still to come when `issuance` rao are there, with the blocks until each: as many as it takes when each block issues what it makes
 * and nothing else comes or goes. TAO that is burnt or recycled puts a halving off.
 */
export function halvingForecast(issuance: bigint): HalvingForecast[] {
  const list: HalvingForecast[] = []
  let reached = issuance
  let blocks = 0n
  for (const halving of HALVINGS) {
    if (halving.issuance <= issuance) continue
    const rate = blockEmission(reached)
    const wait = (halving.issuance - reached + rate - 1n) / rate
    reached += wait * rate
    blocks += wait
    list.push({ ...halving, blocks })
  }
  return list
}
