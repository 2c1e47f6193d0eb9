import { expect, test } from 'vitest'
import { createRate } from './rate.js'

test('the first measurement counts whole', () => {
  const rate = createRate()
  expect(rate.value()).toBe(0)
  rate.add(500, 100)
  expect(rate.value()).toBeCloseTo(5000)
})

test('a steady rate stays what it is, in measurements of any length', () => {
  const rate = createRate()
  for (const ms of [10, 1000, 3, 60_000, 250]) rate.add(ms * 7, ms)
  expect(rate.value()).toBeCloseTo(7000)
})

test('after ten seconds of a new rate it is nearer to that', () => {
  const rate = createRate()
  rate.add(60_000 * 1000, 60_000)
  rate.add(10_000 * 2000, 10_000)
  expect(rate.value()).toBeGreaterThan(1_450_000)
  expect(rate.value()).toBeLessThan(1_550_000)
  rate.add(120_000 * 2000, 120_000)
  expect(rate.value()).toBeCloseTo(2_000_000, -4)
})

test('no time is no measurement', () => {
  const rate = createRate()
  rate.add(5, 0)
  expect(rate.value()).toBe(0)
})
