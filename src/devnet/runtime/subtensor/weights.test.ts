import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maxUpscale, withinLimit } from './weights.js'

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
