import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { adjusted, type Adjustment } from './adjustment.js'
import { U64_MAX } from './storage.js'
import { maxUpscale, withinLimit } from './weights.js'

const u64 = fc.bigInt(0n, U64_MAX)
const adjustment: fc.Arbitrary<Adjustment> = fc.record({
  current: u64,
  registrations: fc.integer({ min: 0, max: 2000 }),
  target: fc.integer({ min: 1, max: 2000 }),
  alpha: u64,
  min: u64,
  max: u64,
})

describe('the next price of a place', () => {
  test('stays within its bounds', () => {
    fc.assert(
      fc.property(adjustment, (input) => {
        const [min, max] = input.min < input.max ? [input.min, input.max] : [input.max, input.min]
        const next = adjusted({ ...input, min, max })
        return next >= min && next <= max
      }),
    )
  })

  test('is the weighted mean in whole numbers, but for what 18 bits cut off', () => {
    fc.assert(
      fc.property(adjustment, ({ min: _min, max: _max, ...input }) => {
        const next = adjusted({ ...input, min: 0n, max: U64_MAX * 2000n })
        const { current, alpha } = input
        const doubled = BigInt(2 * input.target)
        const exact = (current * (alpha * doubled + (U64_MAX - alpha) * BigInt(input.registrations + input.target))) / (U64_MAX * doubled)
        const slack = ((current * BigInt(input.registrations + input.target)) >> 18n) + 2n
        return next <= exact + slack && next >= exact - slack
      }),
    )
  })

  test('does not move at the target, and rises with registrations', () => {
    fc.assert(
      fc.property(
        fc.bigInt(1n, 10n ** 12n),
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 500 }),
        (current, target, more) => {
          const at = (registrations: number) => adjusted({ current, registrations, target, alpha: 0n, min: 0n, max: U64_MAX })
          expect(at(target)).toBe(current)
          expect(at(target + more)).toBeGreaterThanOrEqual(current)
          expect(at(0)).toBe(current / 2n)
        },
      ),
    )
  })

  test('is kept by an alpha of one, and lets the upper bound win over the lower', () => {
    const input = { current: 1000n, registrations: 9, target: 1, min: 0n, max: U64_MAX }
    expect(adjusted({ ...input, alpha: U64_MAX })).toBe(1000n)
    expect(adjusted({ ...input, alpha: 0n })).toBe(5000n)
    expect(adjusted({ ...input, alpha: 0n, min: 9000n, max: 7000n })).toBe(9000n)
    expect(adjusted({ ...input, alpha: 0n, min: 9000n, max: 4000n })).toBe(4000n)
  })

  test('a target of zero is a division by zero', () => {
    expect(() => adjusted({ current: 1n, registrations: 0, target: 0, alpha: 0n, min: 0n, max: 1n })).toThrow(RangeError)
  })
})

describe('weights', () => {
  const weights = fc.array(fc.integer({ min: 0, max: 65_535 }), { minLength: 1, maxLength: 40 })

  test('are scaled so that the greatest is 65535 and the others are within one of their exact share', () => {
    fc.assert(
      fc.property(weights, (list) => {
        const max = Math.max(...list)
        maxUpscale(list).forEach((scaled, i) => {
          expect(Math.abs(scaled - (max === 0 ? 0 : ((list[i] ?? 0) * 65_535) / max))).toBeLessThanOrEqual(0.5 + 1e-4)
        })
      }),
    )
  })

  test('of nothing are nothing', () => {
    expect([maxUpscale([]), maxUpscale([0, 0])]).toEqual([[], [0, 0]])
  })

  test.each([
    [[], 0, true],
    [[65_535], 65_535, true],
    [[65_535], 65_534, false],
    [[0], 0, true],
    [[0, 65_535, 65_535], 32_767, false],
    [[0, 65_535, 65_535], 32_768, true],
    [[0, 65_535, 65_535, 65_535], 21_844, false],
    [[0, 65_535, 65_535, 65_535], 21_845, true],
  ])('%j under a limit of %i: %s', (list, limit, expected) => {
    expect(withinLimit(list, limit)).toBe(expected)
  })
})
