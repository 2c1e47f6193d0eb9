import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, NO_LIMITS } from '../../../src/core/api-keys.js'
import { AppError, toAppError } from '../../../src/core/errors.js'
import { createAccess } from '../../../src/core/http/index.js'
import { sleep } from '../../../src/core/lifecycle.js'
import type { Limits, Place } from '../../../src/core/limits.js'
import { hasRedis, testRedis, type TestRedis } from '../../support/redis.js'
import { eventually } from '../../support/waiting.js'
import { limitsAt, twoInstances, watched } from './limits-rig.js'
import { freshPrefix } from './rig.js'

const isThere = hasRedis()
let redis: TestRedis | undefined
beforeAll(async () => {
  if (isThere) redis = await testRedis()
})
afterAll(() => redis?.[Symbol.asyncDispose]())

/** Takes one after the other, at once; how many were granted, and what came back meanwhile at most. */
async function hammer(each: readonly Limits[], limit: number, times: number): Promise<{ granted: number; most: number }> {
  const begun = performance.now()
  const answers = await Promise.all(Array.from({ length: times }, async (_, n) => each[n % each.length]?.take('hammered', limit)))
  const seconds = (performance.now() - begun) / 1_000
  return { granted: answers.filter((quota) => quota?.ok).length, most: limit + Math.floor((seconds * limit) / 60) }
}

describe.each([
  { kind: 'one process', skip: false },
  { kind: 'Redis', skip: !isThere },
])('limits of $kind', ({ kind, skip }) => {
  const there = test.skipIf(skip)
  const open = (): ReturnType<typeof limitsAt> => limitsAt(kind === 'Redis' ? redis?.url : undefined, freshPrefix())

  there('a bucket gives what it holds, says what is left and how long to wait, and fills up again', async () => {
    await using limits = await open()
    expect(await limits.take('a', 600, 590)).toMatchObject({ ok: true, limit: 600, remaining: 10, retrySeconds: 0 })
    const refused = await limits.take('a', 600, 100)
    expect(refused).toMatchObject({ ok: false, limit: 600 })
    // Ten come back each second.
    expect(refused.retrySeconds).toBeGreaterThan(7)
    expect(refused.retrySeconds).toBeLessThanOrEqual(9)
    expect(refused.resetSeconds - refused.retrySeconds).toBeCloseTo(50)
    expect(await limits.take('b', 600, 10_000)).toMatchObject({ ok: true, remaining: 0 })
    expect(await limits.take('b', 600)).toMatchObject({ ok: false })
    expect(await limits.take('none', 0)).toMatchObject({ ok: false, retrySeconds: 60 })
    const { retrySeconds } = await limits.take('b', 600, 3)
    await sleep(Math.ceil(retrySeconds * 1_000) + 5)
    expect(await limits.take('b', 600, 3)).toMatchObject({ ok: true })
  })

  there(
    'what is spent without asking goes into debt, as deep as the limit, and what is given back fills no more than the bucket',
    async () => {
      await using limits = await open()
      limits.spend('a', 60, 1_000)
      const { ok, retrySeconds, resetSeconds } = await limits.take('a', 60)
      expect(ok).toBe(false)
      expect(retrySeconds).toBeGreaterThan(59)
      expect(retrySeconds).toBeLessThanOrEqual(61)
      expect(resetSeconds).toBeGreaterThan(118)
      expect(resetSeconds).toBeLessThanOrEqual(120)
      limits.spend('a', 60, -1_000)
      expect(await limits.take('a', 60, 60)).toMatchObject({ ok: true, remaining: 0 })
    },
  )

  there('any order of taking and spending comes out as in a model of it', async () => {
    await using limits = await open()
    const begun = performance.now()
    let seed = 12_345
    const random = (most: number): number => (seed = (seed * 48_271) % 2_147_483_647) % (most + 1)
    let level = 60
    for (let n = 0; n < 200; n++) {
      // In tens, of which less than one comes back as long as this takes less than ten seconds.
      const cost = random(4) * 10
      if (random(2) === 0) {
        const signed = cost - 10
        limits.spend('a', 60, signed)
        level = Math.max(Math.min(level - signed, 60), -60)
        continue
      }
      const quota = await limits.take('a', 60, cost)
      const cameBack = (performance.now() - begun) / 1_000
      expect(quota.ok, `step ${n}`).toBe(level >= cost)
      if (quota.ok) level -= cost
      expect(quota.remaining).toBeGreaterThanOrEqual(Math.max(level, 0))
      expect(quota.remaining).toBeLessThanOrEqual(Math.max(Math.floor(level + cameBack), 0))
      expect(cameBack).toBeLessThan(10)
    }
  })

  there('places: so many at once, each given back once', async () => {
    await using limits = await open()
    const places = await Promise.all(Array.from({ length: 20 }, async () => limits.enter('a', 3)))
    const held = places.filter((place) => place !== null)
    expect(held).toHaveLength(3)
    expect(await limits.enter('b', 0)).toBeNull()
    held[0]?.leave()
    held[0]?.leave()
    expect(await limits.enter('a', 3)).not.toBeNull()
    expect(await limits.enter('a', 3)).toBeNull()
  })

  there('a place that is kept stays taken, however long', async () => {
    await using limits = await open()
    const place = await limits.enter('a', 1)
    await sleep(1_200)
    expect(await limits.enter('a', 1)).toBeNull()
    place?.leave()
    expect(await limits.enter('a', 1)).not.toBeNull()
  })

  there('one of many is the first to say a name, until its time is over', async () => {
    await using limits = await open()
    const firsts = await Promise.all(Array.from({ length: 50 }, async () => limits.first('a', 300)))
    expect(firsts.filter(Boolean)).toHaveLength(1)
    expect(await limits.first('b', 300)).toBe(true)
    expect(await limits.first('b', 300)).toBe(false)
    await sleep(400)
    expect(await limits.first('a', 300)).toBe(true)
  })

  there('a thousand at once get no more than there is', async () => {
    await using limits = await open()
    const { granted, most } = await hammer([limits], 100, 1_000)
    expect(granted).toBeGreaterThanOrEqual(100)
    expect(granted).toBeLessThanOrEqual(most)
  })
})

const withRedis = test.skipIf(!isThere)

withRedis('two instances: a thousand takes at once get no more than the limit, together', async () => {
  await using pair = await twoInstances(redis?.url ?? '')
  const { granted, most } = await hammer([pair.one, pair.other], 100, 1_000)
  expect(granted).toBeGreaterThanOrEqual(100)
  expect(granted).toBeLessThanOrEqual(most)
  pair.one.spend('tokens', 60, 120)
  await pair.one.take('tokens', 60)
  expect(await pair.other.take('tokens', 60)).toMatchObject({ ok: false })
  expect([await pair.one.first('word', 5_000), await pair.other.first('word', 5_000)]).toEqual([true, false])
  const places = await Promise.all(Array.from({ length: 40 }, async (_, n) => (n % 2 === 0 ? pair.one : pair.other).enter('a', 5)))
  expect(places.filter((place) => place !== null)).toHaveLength(5)
})

withRedis(
  'places of an instance that is closed are free at once, those of one that is gone after its leases ran out, and no others',
  async () => {
    await using pair = await twoInstances(redis?.url ?? '')
    await pair.other.enter('closed', 1)
    expect(await pair.one.enter('closed', 1)).toBeNull()
    await pair.other.close()
    expect(await pair.one.enter('closed', 1)).not.toBeNull()

    await using gone = await limitsAt(pair.wire.url, pair.prefix)
    const kept = [await pair.one.enter('mixed', 2), await gone.enter('mixed', 2)]
    expect(kept.includes(null)).toBe(false)
    // As for Redis a killed process is: its connection ends and nothing comes from it any more.
    pair.wire.cut()
    expect(await pair.one.enter('mixed', 2)).toBeNull()
    let freed: Place | null = null
    await eventually('its place is free', async () => (freed = await pair.one.enter('mixed', 2)) !== null, 5_000)
    expect(freed).not.toBeNull()
    expect(await pair.one.enter('mixed', 2)).toBeNull()
  },
)

withRedis('two instances let in as many requests as one, and look at as many wrong keys', async () => {
  await using pair = await twoInstances(redis?.url ?? '')
  let looked = 0
  const caller = (key: string): Promise<Caller> => {
    if (key === 'good') return Promise.resolve({ customer: 'alice', limits: NO_LIMITS })
    looked++
    return Promise.reject(new AppError('UNAUTHORIZED', 'the API key is not known'))
  }
  const doors = [pair.one, pair.other].map((limits) =>
    createAccess({ keys: { caller, isKey: () => true }, open: true, requestsPerMinute: 10, wrongKeysPerMinute: 5, limits }),
  )
  const knock = async (times: number, keyOf: (n: number) => string | undefined): Promise<Record<string, number>> => {
    const counts: Record<string, number> = {}
    const outcomes = Array.from({ length: times }, async (_, n) => {
      try {
        return (await doors[n % 2]?.authenticate({ key: keyOf(n), remoteAddress: '203.0.113.7' }, 'pow'))?.customer
      } catch (error) {
        return toAppError(error).code
      }
    })
    for (const outcome of await Promise.all(outcomes)) counts[String(outcome)] = (counts[String(outcome)] ?? 0) + 1
    return counts
  }
  expect(await knock(60, () => 'good')).toEqual({ alice: 10, RATE_LIMITED: 50 })
  expect(await knock(60, () => undefined)).toEqual({ open: 10, RATE_LIMITED: 50 })
  expect(await knock(60, (n) => `wrong ${n}`)).toEqual({ UNAUTHORIZED: 5, RATE_LIMITED: 55 })
  expect(looked).toBe(5)
})

withRedis('nothing stays in Redis', async () => {
  await using own = await testRedis()
  const limits = await limitsAt(own.url, freshPrefix())
  const left = async (): Promise<string[]> => {
    const client = new Redis(own.url)
    try {
      const keys = await client.keys('*')
      const lives = await Promise.all(keys.map(async (key) => [key, await client.pttl(key)] as const))
      expect(lives.filter(([, ms]) => ms < 0)).toEqual([])
      return keys
    } finally {
      client.disconnect()
    }
  }
  await limits.take('quick', 60_000)
  limits.spend('deep', 60_000, 80_000)
  await limits.first('word', 100)
  await limits.enter('room', 1)
  expect((await left()).length).toBeGreaterThanOrEqual(3)
  await limits.close()
  await eventually('only what fills for longer is left', async () => (await left()).length <= 1, 5_000)
})

test('without Redis limits are those of the process, and the gauge says so', async () => {
  const seen = watched()
  await using limits = await limitsAt(undefined, 'taogate', seen.options)
  expect(limits.take('a', 1)).toMatchObject({ ok: true })
  expect(limits.take('a', 1)).toMatchObject({ ok: false })
  expect([seen.told(), await seen.shared()]).toEqual([[], 0])
})
