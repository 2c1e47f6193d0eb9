import { describe, expect, test } from 'vitest'
import { exp, floorTo, I32F32, I64F64, narrow, proportionToU16, roundTo, widen } from './fixed.js'

describe('fixed point', () => {
  const half = I32F32.one / 2n

  test('products go down, quotients toward zero', () => {
    expect(I32F32.mul(-1n, half)).toBe(-1n)
    expect(I32F32.mul(1n, half)).toBe(0n)
    expect(I32F32.div(-1n, I32F32.from(2))).toBe(0n)
    expect(I32F32.div(I32F32.from(1), I32F32.from(3))).toBe(0x5555_5555n)
    expect(I64F64.div(I64F64.from(2), I64F64.from(3))).toBe(0xaaaa_aaaa_aaaa_aaaan)
  })

  test('what does not fit wraps around', () => {
    expect(I32F32.from(2n ** 31n)).toBe(-(2n ** 63n))
    expect(I32F32.add(2n ** 63n - 1n, 1n)).toBe(-(2n ** 63n))
    expect(I32F32.sub(-(2n ** 63n), 1n)).toBe(2n ** 63n - 1n)
    expect(I32F32.mul(I32F32.from(65_536), I32F32.from(65_536))).toBe(0n)
    expect(I64F64.from(2n ** 63n)).toBe(-(2n ** 127n))
    expect(I32F32.sum([2n ** 62n, 2n ** 62n])).toBe(-(2n ** 63n))
  })

  test('between the sizes', () => {
    expect(narrow(I64F64.div(I64F64.from(2), I64F64.from(3)))).toBe(0xaaaa_aaaan)
    expect(narrow(-1n)).toBe(-1n)
    expect(widen(I32F32.from(5))).toBe(I64F64.from(5))
  })

  test('to integers: floor, and to the nearest with halves away from zero', () => {
    expect([half, -1n, I32F32.from(7) + 1n].map((x) => floorTo(16, x))).toEqual([0n, 65_535n, 7n])
    const down = BigInt.asUintN(16, -1n)
    expect([half, half - 1n, half + 1n, -half, -half + 1n, -half - 1n].map((x) => roundTo(16, x))).toEqual([1n, 0n, 1n, down, 0n, down])
    expect([0n, I32F32.one, half, I32F32.one - 1n].map(proportionToU16)).toEqual([0, 65_535, 32_767, 65_534])
  })
})

describe('exp', () => {
  const asNumber = (x: bigint) => Number(x) / 2 ** 64

  test.each([-8, -1, -0.5, 0.25, 0.5, 2, 8])('of %d is close to e to that power', (x) => {
    expect(asNumber(exp(BigInt(x * 4) << 62n) as bigint) / Math.exp(x)).toBeCloseTo(1, 12)
  })

  test('of 0 is 1, and of exactly 1 an e of 23 bits', () => {
    expect(exp(0n)).toBe(I64F64.one)
    expect(asNumber(exp(I64F64.one) as bigint)).toBe(Math.floor(Math.E * 2 ** 23) / 2 ** 23)
    // Next to it, and at -1, all bits count.
    expect(asNumber(exp(I64F64.one + 1n) as bigint)).toBeCloseTo(Math.E, 14)
    expect(asNumber(exp(-I64F64.one) as bigint)).toBeCloseTo(1 / Math.E, 14)
  })

  test('has no value where a number on the way does not fit, on either side of 0', () => {
    // e^43 is below 2^63, but its largest term times 43 is not.
    expect(exp(I64F64.from(42))).not.toBeNull()
    expect(exp(I64F64.from(43))).toBeNull()
    expect(exp(I64F64.from(-43))).toBeNull()
    expect(exp(-(2n ** 127n))).toBeNull()
  })
})
