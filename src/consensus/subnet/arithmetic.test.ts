import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { divide, multiply, ONE, shareToU16 } from './arithmetic.js'
import { maxUpscaled, topK } from './vectors.js'

const share = fc.oneof(fc.constantFrom(0, 1, 2, ONE - 1, ONE, ONE / 2), fc.integer({ min: 0, max: ONE }))

/** a <= b whose quotient is near a multiple of 2^-32, where a double is least to be trusted: a = quotient * b / 2^32, one up or down. */
const nearInteger = fc
  .tuple(fc.integer({ min: 1, max: 2 ** 50 }), fc.integer({ min: 0, max: ONE }), fc.integer({ min: -1, max: 1 }))
  .map(([b, quotient, off]) => ({ a: Math.max(0, Math.min(b, Number((BigInt(quotient) * BigInt(b)) >> 32n) + off)), b }))

const fraction = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 2 ** 49 }), fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([b, part]) => ({ a: Math.floor(b * part), b })),
  nearInteger,
  // Quotients that are integers, and one below: common factors of 2.
  fc.tuple(fc.integer({ min: 1, max: 2 ** 20 }), fc.integer({ min: 0, max: 29 })).chain(([odd, power]) => {
    const b = odd * 2 ** power
    return fc.integer({ min: 0, max: odd }).map((a) => ({ a: a * 2 ** power, b }))
  }),
)

describe('arithmetic on doubles is that of integers:', () => {
  test('products', () => {
    fc.assert(
      fc.property(share, share, (a, b) => {
        return multiply(a, b) === Number((BigInt(a) * BigInt(b)) >> 32n)
      }),
      { numRuns: 10_000 },
    )
  })

  test('quotients', () => {
    fc.assert(
      fc.property(fraction, ({ a, b }) => {
        return divide(a, b) === Number((BigInt(a) << 32n) / BigInt(b))
      }),
      { numRuns: 20_000 },
    )
  })

  test('quotients that a double rounds up to an integer', () => {
    // The multiple of 2^-32 is missed by 1 / b of one: rounded away in a double, and the quotient is one less.
    for (const b of [2 ** 36 - 5, 2 ** 37 + 9, 2 ** 45 - 55]) {
      const inverse = inverseOf(BigInt(b))
      const a = Number(inverse)
      const exact = (BigInt(a) << 32n) / BigInt(b)
      expect((BigInt(a) << 32n) % BigInt(b)).toBe(BigInt(b) - 1n)
      expect(Math.floor((a * ONE) / b)).toBe(Number(exact) + 1)
      expect(divide(a, b)).toBe(Number(exact))
    }
  })

  test('proportions of 65,535', () => {
    fc.assert(fc.property(share, (a) => shareToU16(a) === Number((BigInt(a) * 65_535n) >> 32n)))
    expect([0, ONE, ONE - 1].map(shareToU16)).toEqual([0, 65_535, 65_534])
  })
})

describe('vectors', () => {
  test('of equal shares the last uids are at the top', () => {
    expect([...topK(Float64Array.of(5, 7, 5, 5, 0), 3)]).toEqual([0, 1, 1, 1, 0])
    expect([...topK(Float64Array.of(5, 5), 2)]).toEqual([1, 1])
    expect([...topK(Float64Array.of(5, 5), 0)]).toEqual([0, 0])
    expect([...topK(new Float64Array(0), 4)]).toEqual([])
  })

  test('are scaled to a maximum of 65,535 with halves rounded up', () => {
    // 65535 * 1 / 2 = 32767.5; a third is 21845; of 131070 parts one is half of one.
    expect([...maxUpscaled(Float64Array.of(2, 1, 0))]).toEqual([65_535, 32_768, 0])
    expect([...maxUpscaled(Float64Array.of(3, 1))]).toEqual([65_535, 21_845])
    expect([...maxUpscaled(Float64Array.of(131_070, 1, 2))]).toEqual([65_535, 1, 1])
    expect([...maxUpscaled(new Float64Array(2))]).toEqual([0, 0])
  })
})

/** a with `a * 2^32 = -1 (mod b)`, b odd. */
function inverseOf(b: bigint): bigint {
  let [old, rest, s, t] = [b, (1n << 32n) % b, 0n, 1n]
  while (rest !== 0n) {
    const quotient = old / rest
    ;[old, rest] = [rest, old - quotient * rest]
    ;[s, t] = [t, s - quotient * t]
  }
  return ((-s % b) + b) % b
}
