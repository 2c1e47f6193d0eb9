import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nextPrice2023, nextPrice2024, priceMoves2023, priceMoves2024 } from './adjustment.js'

const U64_MAX = 2n ** 64n - 1n
const u64 = fc.bigInt(0n, U64_MAX)
const counts = fc.record({ registrations: fc.integer({ min: 0, max: 2000 }), target: fc.integer({ min: 1, max: 2000 }) })
const bounds = fc.tuple(u64, u64).map(([a, b]) => (a < b ? { min: a, max: b } : { min: b, max: a }))
const unbound = { min: 0n, max: U64_MAX * 2000n }

describe('the next price of a place', () => {
  test('stays within its bounds', () => {
    fc.assert(
      fc.property(u64, bounds, counts, u64, (current, { min, max }, interval, alpha) => {
        for (const next of [nextPrice2023({ current, min, max }, interval), nextPrice2024({ current, min, max }, interval, alpha)]) {
          expect(next).toBeGreaterThanOrEqual(min)
          expect(next).toBeLessThanOrEqual(max)
        }
      }),
    )
  })

  test('is, in 2023, the exact quotient in whole numbers', () => {
    fc.assert(
      fc.property(u64, counts, (current, interval) => {
        const exact = (current * BigInt(interval.registrations + interval.target)) / BigInt(2 * interval.target)
        expect(nextPrice2023({ current, ...unbound }, interval)).toBe(exact)
      }),
    )
  })

  test('is, in 2024, the weighted mean in whole numbers, but for what 18 bits cut off', () => {
    fc.assert(
      fc.property(u64, counts, u64, (current, interval, alpha) => {
        const next = nextPrice2024({ current, ...unbound }, interval, alpha)
        const sum = BigInt(interval.registrations + interval.target)
        const doubled = BigInt(2 * interval.target)
        const exact = (current * (alpha * doubled + (U64_MAX - alpha) * sum)) / (U64_MAX * doubled)
        const slack = ((current * sum) >> 18n) + 2n
        expect(next).toBeLessThanOrEqual(exact + slack)
        expect(next).toBeGreaterThanOrEqual(exact - slack)
      }),
    )
  })

  test('is, in 2024, that of 2023 when nothing is kept, and the old one when all is', () => {
    fc.assert(
      fc.property(u64, bounds, counts, (current, { min, max }, interval) => {
        expect(nextPrice2024({ current, min, max }, interval, 0n)).toBe(nextPrice2023({ current, min, max }, interval))
        expect(nextPrice2024({ current, ...unbound }, interval, U64_MAX)).toBe(current)
      }),
    )
  })

  test('does not move at the target, and halves without registrations', () => {
    fc.assert(
      fc.property(u64, counts, (current, { target }) => {
        const at = (registrations: number) => nextPrice2024({ current, ...unbound }, { registrations, target }, 0n)
        expect(at(target)).toBe(current)
        expect(at(0)).toBe(current / 2n)
      }),
    )
  })

  test('does not fall when there were more registrations', () => {
    fc.assert(
      fc.property(u64, counts, u64, fc.integer({ min: 0, max: 100 }), (current, interval, alpha, more) => {
        const busier = { ...interval, registrations: interval.registrations + more }
        const price = { current, ...unbound }
        expect(nextPrice2024(price, busier, alpha)).toBeGreaterThanOrEqual(nextPrice2024(price, interval, alpha))
      }),
    )
  })

  test('lets the upper bound win over the lower', () => {
    const interval = { registrations: 9, target: 1 }
    expect(nextPrice2024({ current: 1000n, min: 0n, max: U64_MAX }, interval, 0n)).toBe(5000n)
    expect(nextPrice2024({ current: 1000n, min: 9000n, max: 7000n }, interval, 0n)).toBe(9000n)
    expect(nextPrice2024({ current: 1000n, min: 9000n, max: 4000n }, interval, 0n)).toBe(4000n)
    expect(nextPrice2024({ current: 1000n, min: 9000n, max: 5000n }, interval, 0n)).toBe(5000n)
  })

  test('moves part of the way', () => {
    // An alpha of 0.58: 0.58 * 10^9 + 0.42 * 2 * 10^9, less what 18 bits of the alpha cut off.
    const alpha = (U64_MAX * 58n) / 100n
    expect(nextPrice2024({ current: 10n ** 9n, ...unbound }, { registrations: 3, target: 1 }, alpha)).toBe(1_420_001_983n)
  })

  test.each([0, 32_768])('divides by zero with a target of %i', (target) => {
    const price = { current: 1n, min: 0n, max: 1n }
    expect(() => nextPrice2023(price, { registrations: 0, target })).toThrow(RangeError)
    expect(() => nextPrice2024(price, { registrations: 0, target }, 0n)).toThrow(RangeError)
  })

  test('counts in u16', () => {
    const price = { current: 1000n, min: 0n, max: U64_MAX }
    expect(nextPrice2023(price, { registrations: 65_535, target: 1 })).toBe(0n)
    expect(nextPrice2023(price, { registrations: 0, target: 32_769 })).toBe(16_384_500n)
  })
})

describe('which price moves', () => {
  test.each([
    { busy: true, more: 'work', of2023: 'difficulty', of2024: 'difficulty' },
    { busy: true, more: 'burn', of2023: 'burn', of2024: 'burn' },
    { busy: true, more: 'neither', of2023: 'burn', of2024: 'both' },
    { busy: false, more: 'work', of2023: 'burn', of2024: 'burn' },
    { busy: false, more: 'burn', of2023: 'difficulty', of2024: 'difficulty' },
    { busy: false, more: 'neither', of2023: 'difficulty', of2024: 'both' },
  ])('busy: $busy, more by $more: $of2023, then $of2024', ({ busy, more, of2023, of2024 }) => {
    const interval = { registrations: busy ? 6 : 5, target: 5, byWork: more === 'work' ? 3 : 2, byBurn: more === 'burn' ? 3 : 2 }
    const moves = (which: string) => ({ burn: which !== 'difficulty', difficulty: which !== 'burn' })
    expect(priceMoves2023(interval)).toEqual(moves(of2023))
    expect(priceMoves2024(interval)).toEqual(moves(of2024))
  })
})
