import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoffMs } from './backoff.js'

test('waits double up to the cap', () => {
  const waits = [0, 1, 2, 3, 4, 1000].map((attempt) => backoffMs(attempt, { minMs: 100, maxMs: 1000 }, () => 1))
  expect(waits).toEqual([100, 200, 400, 800, 1000, 1000])
})

test('jitter takes away at most half', () => {
  fc.assert(
    fc.property(fc.nat(100), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
      const whole = backoffMs(attempt, { minMs: 10, maxMs: 5000 }, () => 1)
      const wait = backoffMs(attempt, { minMs: 10, maxMs: 5000 }, () => random)
      expect(wait).toBeGreaterThanOrEqual(whole / 2)
      expect(wait).toBeLessThanOrEqual(whole)
    }),
  )
})
