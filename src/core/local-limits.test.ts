import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { createLocalLimits } from './local-limits.js'

let time = 0
const now = (): number => time
beforeEach(() => (time = 1_000_000))

test('a bucket gives as many as it holds at once, then as many a minute, and says how long to wait', () => {
  const limits = createLocalLimits({ now })
  expect(limits.take('a', 3)).toEqual({ ok: true, limit: 3, remaining: 2, resetSeconds: 20, retrySeconds: 0 })
  limits.take('a', 3)
  expect(limits.take('a', 3)).toMatchObject({ ok: true, remaining: 0, resetSeconds: 60 })
  expect(limits.take('a', 3)).toEqual({ ok: false, limit: 3, remaining: 0, resetSeconds: 60, retrySeconds: 20 })
  expect(limits.take('b', 3)).toMatchObject({ ok: true, remaining: 2 })
  time += 19_999
  expect(limits.take('a', 3)).toMatchObject({ ok: false, retrySeconds: 0.001 })
  time += 1
  expect(limits.take('a', 3).ok).toBe(true)
  expect(limits.take('a', 3).ok).toBe(false)
})

test('in the long run no more than the limit a minute comes out, whoever hammers, and no less', () => {
  const limits = createLocalLimits({ now })
  // Seven a minute is no whole number of milliseconds for one.
  for (const limit of [7, 60, 300]) {
    let taken = 0
    for (let step = 0; step < 10 * 600; step++) {
      if (limits.take(`of ${limit}`, limit).ok) taken++
      time += 100
    }
    // What was there, then ten minutes of it; the last of these comes with the next step.
    expect(taken).toBe(11 * limit - 1)
  }
})

test('a cost is taken whole or not at all, and one above the limit as the limit', () => {
  const limits = createLocalLimits({ now })
  expect(limits.take('a', 10, 7)).toMatchObject({ ok: true, remaining: 3 })
  expect(limits.take('a', 10, 4)).toMatchObject({ ok: false, remaining: 3, retrySeconds: 6 })
  expect(limits.take('a', 10, 3)).toMatchObject({ ok: true, remaining: 0 })
  expect(limits.take('a', 10, 1_000)).toMatchObject({ ok: false, retrySeconds: 60 })
  time += 60_000
  expect(limits.take('a', 10, 1_000)).toMatchObject({ ok: true, remaining: 0 })
  expect(limits.take('never', 0)).toMatchObject({ ok: false, limit: 0, remaining: 0, retrySeconds: 60 })
})

test('what was spent without asking may leave a debt as large as the limit, which is worked off first', () => {
  const limits = createLocalLimits({ now })
  limits.spend('a', 10, 13)
  expect(limits.take('a', 10)).toEqual({ ok: false, limit: 10, remaining: 0, resetSeconds: 78, retrySeconds: 24 })
  limits.spend('a', 10, 1_000_000)
  expect(limits.take('a', 10)).toMatchObject({ ok: false, resetSeconds: 120, retrySeconds: 66 })
  time += 66_000
  expect(limits.take('a', 10)).toMatchObject({ ok: true, remaining: 0 })
  limits.spend('a', 10, -4)
  expect(limits.take('a', 10, 4)).toMatchObject({ ok: true, remaining: 0 })
  limits.spend('a', 10, -1_000)
  expect(limits.take('a', 10)).toMatchObject({ ok: true, remaining: 9 })
})

test('a clock that is set back takes nothing away', () => {
  const limits = createLocalLimits({ now })
  limits.take('a', 5)
  time -= 3_600_000
  expect(limits.take('a', 5)).toMatchObject({ ok: true, remaining: 3 })
})

/** Minute by minute as one would do it by hand: each millisecond brings `limit` sixty-thousandths. */
function modelOf(limit: number) {
  const FULL = BigInt(limit) * 60_000n
  let level = FULL
  return {
    pass(ms: number): void {
      for (let n = 0; n < ms && level < FULL; n++) level = level + BigInt(limit) > FULL ? FULL : level + BigInt(limit)
    },
    take(cost: number): { ok: boolean; remaining: number; waitMs: number } {
      const wanted = BigInt(Math.min(cost, limit)) * 60_000n
      const ok = level >= wanted
      if (ok) level -= wanted
      const missing = ok ? 0n : wanted - level
      return { ok, remaining: level < 0n ? 0 : Number(level / 60_000n), waitMs: Math.ceil(Number(missing) / limit) }
    },
    spend(cost: number): void {
      level -= BigInt(cost) * 60_000n
      if (level > FULL) level = FULL
      if (level < -FULL) level = -FULL
    },
  }
}

const step = fc.record({
  name: fc.constantFrom('a', 'b'),
  passMs: fc.oneof(fc.constant(0), fc.nat(40), fc.nat(3_000)),
  act: fc.oneof(
    fc.record({ kind: fc.constant('take' as const), cost: fc.nat(30) }),
    fc.record({ kind: fc.constant('spend' as const), cost: fc.integer({ min: -30, max: 60 }) }),
  ),
})

test('any order of taking, spending and waiting comes out as in a model that counts milliseconds', () => {
  const property = fc.property(fc.integer({ min: 1, max: 500 }), fc.array(step, { maxLength: 60 }), (limit, steps) => {
    const limits = createLocalLimits({ now })
    const models = { a: modelOf(limit), b: modelOf(limit) }
    for (const { name, passMs, act } of steps) {
      time += passMs
      models.a.pass(passMs)
      models.b.pass(passMs)
      const model = models[name]
      if (act.kind === 'spend') {
        limits.spend(name, limit, act.cost)
        model.spend(act.cost)
        continue
      }
      const { ok, remaining, retrySeconds } = limits.take(name, limit, act.cost)
      const wanted = model.take(act.cost)
      expect({ ok, remaining, waitMs: Math.max(Math.ceil(retrySeconds * 1_000 - 1e-6), 0) }).toEqual(wanted)
    }
  })
  fc.assert(property, { numRuns: 200 })
})

test('what is given in any stretch of time is at most the limit and what came back in it', () => {
  const ask = fc.record({ passMs: fc.nat(5_000), cost: fc.integer({ min: 1, max: 20 }) })
  const property = fc.property(fc.integer({ min: 1, max: 100 }), fc.array(ask, { minLength: 1, maxLength: 60 }), (limit, asks) => {
    const limits = createLocalLimits({ now })
    const given = asks.map(({ passMs, cost }) => {
      time += passMs
      return { at: time, cost: limits.take('a', limit, cost).ok ? Math.min(cost, limit) : 0 }
    })
    given.forEach((from, start) => {
      let sum = 0
      for (const { at, cost } of given.slice(start)) {
        sum += cost
        expect(sum * 60_000).toBeLessThanOrEqual(limit * (60_000 + at - from.at))
      }
    })
  })
  fc.assert(property, { numRuns: 100 })
})

test('names beyond the most there may be push out those not asked for longest, whoever floods', () => {
  const limits = createLocalLimits({ now, maxNames: 100 })
  limits.take('busy', 1)
  limits.take('forgotten', 1)
  for (let n = 0; n < 100; n++) {
    limits.take(`flood ${n}`, 1)
    if (n % 30 === 0) expect(limits.take('busy', 1).ok).toBe(false)
  }
  expect(limits.take('flood 99', 1).ok).toBe(false)
  expect(limits.take('flood 60', 1).ok).toBe(false)
  expect(limits.take('forgotten', 1).ok).toBe(true)
})

test('a debt is not forgotten before it is worked off, whatever else is asked meanwhile', () => {
  for (const begunAfter of [1, 59, 119]) {
    const limits = createLocalLimits({ now })
    time += begunAfter * 1_000
    limits.spend('a', 60, 1_000)
    for (let second = 1; second < 120; second++) {
      time += 1_000
      limits.take(`new after ${second}`, 1)
    }
    expect(limits.take('a', 60, 60), `${begunAfter}`).toMatchObject({ ok: false, retrySeconds: 1 })
    time += 1_000
    expect(limits.take('a', 60, 60).ok).toBe(true)
  }
})

test('places: so many at once, each given back once', () => {
  const limits = createLocalLimits({ now })
  const [one, two] = [limits.enter('a', 2), limits.enter('a', 2)]
  expect(limits.enter('a', 2)).toBeNull()
  expect(limits.enter('b', 1)).not.toBeNull()
  expect(limits.enter('c', 0)).toBeNull()
  one?.leave()
  one?.leave()
  expect(limits.enter('a', 2)).not.toBeNull()
  expect(limits.enter('a', 2)).toBeNull()
  two?.leave()
  expect(limits.enter('a', 2)).not.toBeNull()
})

test('the first who says a name is told so until its time is over, and saying it again does not make that longer', () => {
  const limits = createLocalLimits({ now })
  expect([limits.first('a', 100), limits.first('a', 100), limits.first('b', 100)]).toEqual([true, false, true])
  time += 99
  expect(limits.first('a', 100)).toBe(false)
  time += 1
  expect([limits.first('a', 100), limits.first('a', 100)]).toEqual([true, false])
})

test('names of first: where no more are kept a new one is refused, not an old one let in twice', () => {
  const limits = createLocalLimits({ now, maxFirsts: 3 })
  expect([limits.first('long', 10_000), limits.first('b', 2_000), limits.first('c', 3_000)]).toEqual([true, true, true])
  expect(limits.first('d', 100)).toBe(false)
  time += 2_000
  // One that is over is found behind one that is not.
  expect([limits.first('d', 100), limits.first('e', 100)]).toEqual([true, false])
  expect([limits.first('long', 10_000), limits.first('c', 100)]).toEqual([false, false])
})
