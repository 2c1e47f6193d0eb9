import { divide, ONE, shareToU16 } from './arithmetic.js'

/** As shares of their sum, in place. All zeros stay so. */
export function normalize(values: Float64Array): void {
  const total = sumOf(values)
  if (total === 0) return
  for (let i = 0; i < values.length; i++) values[i] = divide(values[i] as number, total)
}

export function sumOf(values: Float64Array): number {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i] as number
  return total
}

export function toU16(shares: Float64Array): Uint16Array {
  const result = new Uint16Array(shares.length)
  for (let i = 0; i < shares.length; i++) result[i] = shareToU16(shares[i] as number)
  return result
}

/** Each share's part of `emission`, rounded down; nothing where `paid` is 0. */
export function toRao(shares: Float64Array, emission: bigint, paid?: Uint8Array): BigUint64Array {
  const result = new BigUint64Array(shares.length)
  for (let i = 0; i < shares.length; i++) {
    const share = shares[i] as number
    if (share > 0 && (!paid || paid[i] === 1)) result[i] = (BigInt(share) * emission) >> 32n
  }
  return result
}

/** Each one's share of all stake. */
export function stakeShares(stake: BigUint64Array, registered: Uint8Array, total: bigint): Float64Array {
  const shares = new Float64Array(stake.length)
  if (total === 0n) return shares
  for (let i = 0; i < shares.length; i++) {
    if (registered[i] === 1) shares[i] = Number(((stake[i] as bigint) << 32n) / total)
  }
  return shares
}

/** 1 for the k largest; of equals the one with the higher uid. */
export function topK(shares: Float64Array, k: number): Uint8Array {
  const n = shares.length
  const top = new Uint8Array(n).fill(1)
  if (n <= k) return top
  // Share and uid in one number below 2^49 sort as the chain's stable sort does.
  const keys = shares.map((share, uid) => share * 2 ** 16 + uid).sort()
  for (let i = 0; i < n - k; i++) top[(keys[i] as number) % 2 ** 16] = 0
  return top
}

/** So scaled that the largest is 65,535, each rounded to the nearest, halves up. */
export function maxUpscaled(shares: Float64Array): Uint16Array {
  const result = new Uint16Array(shares.length)
  let largest = 0
  for (let i = 0; i < shares.length; i++) largest = Math.max(largest, shares[i] as number)
  if (largest === 0) return result
  // The chain rounds floor(share * 65535 * 2^32 / largest) to a multiple of 2^32. That is floor(share * 65535 / largest + 1/2), here over 2 * largest:
  // numbers below 2^50, whose quotient is further from an integer, if it is none, than rounding can carry it.
  for (let i = 0; i < shares.length; i++) result[i] = Math.floor(((shares[i] as number) * 131_070 + largest) / (2 * largest))
  return result
}

/** (1 - share kept) of the moving average, from millionths. */
export function alphaOf(bondsMovingAverage: bigint): number {
  return ONE - Number((bondsMovingAverage << 32n) / 1_000_000n)
}
