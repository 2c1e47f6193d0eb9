import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLatencies } from './latencies.js'
import { inOrder, type Weighed, weightOf } from './order.js'

const SETTINGS = { stakeExponent: 0.5, referenceLatencyMs: 2_000 }

const share = fc.double({ min: 0, max: 1, noNaN: true })
const weighed: fc.Arbitrary<Weighed> = fc.record({
  stake: fc.bigInt({ min: 0n, max: 10n ** 16n }),
  validatorTrust: fc.nat(65_535),
  uid: fc.nat(1023),
  rate: share,
  latencyMs: fc.option(fc.integer({ min: 1, max: 60_000 })),
  gating: share,
})
const drawn = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const many = fc.array(fc.tuple(weighed, drawn), { maxLength: 80 })

test('the first few are those that would be first of all, drawn by the rising keys of the formula', () => {
  fc.assert(
    fc.property(many, fc.nat(20), fc.constantFrom('fastest' as const, 'stake' as const), (rows, most, strategy) => {
      const targets = rows.map(([target]) => target)
      const numbers = (): (() => number) => {
        const left = rows.map(([, number]) => number)
        return () => left.shift() ?? 0
      }
      const all = inOrder(targets, strategy, SETTINGS, numbers())
      expect(inOrder(targets, strategy, SETTINGS, numbers(), most)).toEqual(all.slice(0, most))
      if (strategy === 'stake') return
      const keys = rows.map(([target, u]) => ({ target, key: -Math.log(1 - u) / weightOf(target, SETTINGS) }))
      expect(all).toEqual(keys.sort((a, b) => a.key - b.key).map(({ target }) => target))
    }),
  )
})

test('percentiles are those of the newest, whenever somebody asks', () => {
  const step = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.boolean(), fc.double({ min: 0, max: 1, noNaN: true }))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 16 }), (steps, size) => {
      const latencies = createLatencies(size)
      const all: number[] = []
      for (const [ms, isAsked, part] of steps) {
        latencies.add(ms)
        all.push(ms)
        if (!isAsked) continue
        const newest = all.slice(-size).sort((a, b) => a - b)
        expect(latencies.percentile(part)).toBe(newest[Math.max(0, Math.ceil(part * newest.length) - 1)])
      }
    }),
  )
})
