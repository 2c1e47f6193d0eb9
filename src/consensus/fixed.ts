/**
 * The chain's fixed point numbers on bigint: the bits of substrate-fixed 0.5.9, which every subtensor runtime so far is built with. Runtimes are release
 * builds without overflow checks, so what does not fit wraps around.
 */

/** Signed numbers of `bits` bits, of which `fraction` are behind the point. A value is its bits, read as a signed integer. */
export interface FixedPoint {
  readonly one: bigint
  /** Bits of an integer. */
  readonly from: (integer: bigint | number) => bigint
  readonly add: (a: bigint, b: bigint) => bigint
  readonly sub: (a: bigint, b: bigint) => bigint
  /** `floor(a * b)`. */
  readonly mul: (a: bigint, b: bigint) => bigint
  /** `a / b` toward zero. The chain panics at b = 0, and so does bigint. */
  readonly div: (a: bigint, b: bigint) => bigint
  readonly sum: (values: Iterable<bigint>) => bigint
}

function fixedPoint(bits: number, fraction: bigint): FixedPoint {
  const wrap = (value: bigint) => BigInt.asIntN(bits, value)
  return {
    one: 1n << fraction,
    from: (integer) => wrap(BigInt(integer) << fraction),
    add: (a, b) => wrap(a + b),
    sub: (a, b) => wrap(a - b),
    mul: (a, b) => wrap((a * b) >> fraction),
    div: (a, b) => wrap((a << fraction) / b),
    sum: (values) => {
      let total = 0n
      for (const value of values) total += value
      return wrap(total)
    },
  }
}

/** 32 bits before the point, 32 behind it. */
export const I32F32 = fixedPoint(64, 32n)
/** 64 bits before the point, 64 behind it. */
export const I64F64 = fixedPoint(128, 64n)

/** The same number with fewer bits on both sides, as `I32F32::from_num` makes it: low bits are dropped, high ones wrap. */
export function narrow(value: bigint): bigint {
  return BigInt.asIntN(64, value >> 32n)
}

/** The same number with more bits on both sides. */
export function widen(value: bigint): bigint {
  return value << 32n
}

/** I32F32 to an integer of `bits` bits, toward negative infinity. */
export function floorTo(bits: number, value: bigint): bigint {
  return BigInt.asUintN(bits, value >> 32n)
}

/** I32F32 to the nearest integer of `bits` bits, halves away from zero. */
export function roundTo(bits: number, value: bigint): bigint {
  const half = value & ((1n << 32n) - 1n)
  const up = half > 1n << 31n || (half === 1n << 31n && value >= 0n)
  return BigInt.asUintN(bits, (value >> 32n) + (up ? 1n : 0n))
}

/** A proportion (1 is I32F32's one) of 65,535, `fixed_proportion_to_u16` in math.rs. */
export function proportionToU16(value: bigint): number {
  return Number(floorTo(16, I32F32.mul(value, I32F32.from(65_535))))
}

/** e with 23 bits behind the point, which is how exact `exp` has it for an operand of exactly 1. */
const E = 22_802_600n << 41n

/**
 * `exp` of substrate-fixed 0.5.9 (transcendental.rs) from I64F64 to I64F64: the series up to the 63rd power, each term cut off, and `1 / exp(-x)` for
 * negative x. null where the chain's gives an error, because a number on the way does not fit.
 */
export function exp(x: bigint): bigint | null {
  if (x === 0n) return I64F64.one
  if (x === I64F64.one) return E
  const fits = (value: bigint) => BigInt.asIntN(128, value) === value
  const operand = x < 0n ? BigInt.asIntN(128, -x) : x
  let result = I64F64.add(operand, I64F64.one)
  let term = operand
  for (let i = 2n; i < 64n; i++) {
    term = (term * operand) >> 64n
    if (!fits(term)) return null
    term = (term << 64n) / I64F64.from(i)
    result += term
    if (!fits(result)) return null
  }
  if (x > 0n) return result
  return result === 0n ? null : I64F64.div(I64F64.one, result)
}
