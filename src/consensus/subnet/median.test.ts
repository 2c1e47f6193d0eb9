import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { weightedMedian } from './median.js'

/** The rule in one line each: the smallest score with less than a majority above it, or the largest. */
function plain(scores: number[], stakes: number[], majority: number): number {
  const above = (score: number) => stakes.reduce((sum, stake, k) => sum + ((scores[k] as number) > score ? stake : 0), 0)
  const ascending = [...scores].sort((a, b) => a - b)
  return ascending.find((score) => above(score) < majority) ?? ascending.at(-1) ?? 0
}

/** With those who scored 0 only as a rest of the total. */
function fast(scores: number[], stakes: number[], majority: number): number {
  const scored = scores.map((_, k) => k).filter((k) => (scores[k] as number) > 0)
  const total = stakes.reduce((a, b) => a + b, 0)
  const pick = (values: number[]) => Float64Array.from(scored, (k) => values[k] as number)
  return weightedMedian(pick(scores), pick(stakes), scored.length, total, majority)
}

describe('the weighted median', () => {
  test('follows its rule', () => {
    const validator = fc.tuple(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 6 })), fc.integer({ min: 1, max: 9 }))
    fc.assert(
      fc.property(
        fc.array(validator, { maxLength: 40 }),
        fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200 })),
        (validators, majority) => {
          const scores = validators.map(([score]) => score)
          const stakes = validators.map(([, stake]) => stake)
          expect(fast(scores, stakes, majority)).toBe(plain(scores, stakes, majority))
        },
      ),
      { numRuns: 5000 },
    )
  })

  test.each([
    ['nobody', [], [], 5, 0],
    ['one', [7], [10], 5, 7],
    ['one below the majority, and others that gave nothing', [7, 0], [4, 6], 5, 0],
    ['a majority to the unit', [7, 0], [5, 5], 5, 7],
    ['a majority of nothing', [3, 9, 0], [1, 1, 98], 0, 9],
    ['a majority that nobody can reach', [3, 9], [1, 1], 50, 3],
    ['equal scores', [4, 4, 4], [1, 1, 1], 2, 4],
  ] as const)('of %s', (_, scores, stakes, majority, median) => {
    expect(fast([...scores], [...stakes], majority)).toBe(median)
  })
})
