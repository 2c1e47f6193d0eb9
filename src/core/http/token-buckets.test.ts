import { beforeEach, expect, test } from 'vitest'
import { createTokenBuckets } from './token-buckets.js'

let time = 0
const now = (): number => time
beforeEach(() => (time = 1_000_000))

test('a bucket gives as many as it holds at once, then as many a minute, and says how long to wait', () => {
  const buckets = createTokenBuckets({ now })
  expect(buckets.take('a', 3)).toEqual({ ok: true, limit: 3, remaining: 2, resetSeconds: 20, retrySeconds: 0 })
  buckets.take('a', 3)
  expect(buckets.take('a', 3)).toMatchObject({ ok: true, remaining: 0, resetSeconds: 60 })
  expect(buckets.take('a', 3)).toEqual({ ok: false, limit: 3, remaining: 0, resetSeconds: 60, retrySeconds: 20 })
  expect(buckets.take('b', 3)).toMatchObject({ ok: true, remaining: 2 })
  time += 19_000
  expect(buckets.take('a', 3).retrySeconds).toBeCloseTo(1)
  time += 1_001
  expect(buckets.take('a', 3).ok).toBe(true)
  expect(buckets.take('a', 3).ok).toBe(false)
})

test('in the long run no more than the limit a minute comes out, whoever hammers', () => {
  const buckets = createTokenBuckets({ now })
  let taken = 0
  for (let step = 0; step < 10 * 600; step++) {
    if (buckets.take('a', 60).ok) taken++
    time += 100
  }
  // The first 60 were there, then 60 in each of ten minutes.
  expect(taken).toBeGreaterThanOrEqual(658)
  expect(taken).toBeLessThanOrEqual(660)
})

test('a token that is given back can be taken again, and there are never more than the limit', () => {
  const buckets = createTokenBuckets({ now })
  buckets.take('a', 1)
  buckets.giveBack('a', 1)
  buckets.giveBack('a', 1)
  expect(buckets.take('a', 1).ok).toBe(true)
  expect(buckets.take('a', 1).ok).toBe(false)
})

test('a clock that is set back takes nothing away', () => {
  const buckets = createTokenBuckets({ now })
  buckets.take('a', 5)
  time -= 3_600_000
  expect(buckets.take('a', 5)).toMatchObject({ ok: true, remaining: 3 })
})

test('names beyond the most there may be push out the oldest, and those that have rested go first', () => {
  const buckets = createTokenBuckets({ now, maxBuckets: 3 })
  const isEmpty = (name: string): boolean => !buckets.take(name, 1).ok
  for (const name of ['a', 'b', 'c']) buckets.take(name, 1)
  buckets.take('d', 1)
  expect(isEmpty('d')).toBe(true)
  expect(isEmpty('c')).toBe(true)
  expect(isEmpty('a')).toBe(false)

  const rested = createTokenBuckets({ now, maxBuckets: 3 })
  rested.take('young', 1)
  rested.take('old', 1)
  time += 59_000
  rested.take('young', 1)
  time += 1_000
  rested.take('new', 1)
  rested.take('newer', 1)
  expect(rested.take('young', 1).ok).toBe(true)
  expect(rested.take('new', 1).ok).toBe(false)
})
