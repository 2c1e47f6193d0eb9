import { expect, it } from 'vitest'
import { createLatencyModel } from './latency-model.js'
import { ENGINE_DEFAULTS } from './settings.js'

it('the delay of a hedge is the p95 once enough is known, within the limits, for each model by itself', () => {
  const model = createLatencyModel({ ...ENGINE_DEFAULTS, hedgeDefaultMs: 700, hedgeMinMs: 100, hedgeMaxMs: 2_000 })
  for (let i = 1; i <= 7; i++) model.answered('a', 200)
  expect([model.p95('a'), model.hedgeAfterMs('a')]).toEqual([null, 700])
  model.answered('a', 300)
  expect([model.p95('a'), model.hedgeAfterMs('a'), model.hedgeAfterMs('b')]).toEqual([300, 300, 700])
  for (let i = 0; i < 128; i++) model.answered('a', 3)
  expect([model.p95('a'), model.hedgeAfterMs('a')]).toEqual([3, 100])
  for (let i = 0; i < 128; i++) model.answered('a', 9_000)
  expect([model.p95('a'), model.hedgeAfterMs('a')]).toEqual([9_000, 2_000])
})

it('an attempt that was cancelled counts only when it had taken longer than most', () => {
  const model = createLatencyModel(ENGINE_DEFAULTS)
  model.outrun('a', 5_000)
  for (let i = 0; i < 20; i++) model.answered('a', 100)
  for (let i = 0; i < 9; i++) model.outrun('a', 50)
  expect(model.p95('a')).toBe(100)
  // Of slow targets that always lose, their hedges keep the p95 from falling.
  model.outrun('a', 400)
  model.outrun('a', 400)
  expect(model.p95('a')).toBe(400)
})
