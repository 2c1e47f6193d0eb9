/**
 * Fixed point on doubles, exact. Integers below 2^53 are exact in a double, and so is every number that these two functions let arise; the rest is argued
 * beside them. A share (I32F32 in 0..1) is its bits: an integer in 0..2^32.
 */

/** 1 as a share. */
export const ONE = 2 ** 32
const HALF = 2 ** 16

/** `floor(a * b / 2^32)` of shares: b is at most 2^32, a too. */
export function multiply(a: number, b: number): number {
  // a * b needs 64 bits; in two halves of a none needs more than 49. floor(floor(x) / m) = floor(x / m).
  const high = Math.floor(a / HALF)
  return Math.floor((high * b + Math.floor(((a - high * HALF) * b) / HALF)) / HALF)
}

/** `floor(a * 2^32 / b)`, the share that a is of b, for integers 0 <= a <= b < 2^53 and b > 0. */
export function divide(a: number, b: number): number {
  // a * 2^32 is exact, so this is the true quotient rounded once. Rounding never crosses an integer; it can only end on one.
  const quotient = (a * ONE) / b
  const floor = Math.floor(quotient)
  return floor === quotient ? settled(a, b, floor) : floor
}

/** A quotient that came out as an integer is that, or just below it. */
function settled(a: number, b: number, quotient: number): number {
  if (b >= 2 ** 37) return Number((BigInt(a) << 32n) / BigInt(b))
  // The sign of a * 2^32 - quotient * b, in two halves of the quotient: every step is below 2^53, the first difference because it nearly cancels.
  const high = Math.floor(quotient / HALF)
  const rest = (a * HALF - high * b) * HALF - (quotient - high * HALF) * b
  return rest < 0 ? quotient - 1 : quotient
}

/** A share of 65,535, cut off. */
export function shareToU16(share: number): number {
  return Math.floor((share * 65_535) / ONE)
}
