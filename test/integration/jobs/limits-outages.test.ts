import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sleep } from '../../../src/core/lifecycle.js'
import { hasRedis, testRedis, type TestRedis } from '../../support/redis.js'
import { eventually } from '../../support/waiting.js'
import { CALM, limitsAt, type LimitsOptions, twoInstances, watched } from './limits-rig.js'
import { freshPrefix } from './rig.js'

/** As in use, but for the probes. */
const SWIFT: LimitsOptions['timing'] = { ...CALM, answerMs: 50 }

const isThere = hasRedis()
const withRedis = test.skipIf(!isThere)
let redis: TestRedis | undefined
beforeAll(async () => {
  if (isThere) redis = await testRedis()
})
afterAll(() => redis?.[Symbol.asyncDispose]())

const GONE = 'Redis does not answer: until it does, limits hold for this process alone'
const BACK = 'limits are shared through Redis again'

withRedis('Redis killed: each counts for itself and is told so once, and together again when it is back', async () => {
  await using own = await testRedis()
  const [prefix, seen] = [freshPrefix(), watched()]
  await using one = await limitsAt(own.url, prefix, seen.options)
  await using other = await limitsAt(own.url, prefix)
  await one.take('a', 5, 5)
  const before = [await one.enter('room', 2), await one.first('before', 60_000)]
  expect(before).toEqual([expect.anything(), true])
  expect(await seen.shared()).toBe(1)

  await own.kill()
  await eventually('it counts for itself', async () => (await seen.shared()) === 0)
  expect([await one.take('a', 5, 3), await other.take('a', 5, 5)]).toMatchObject([{ ok: true, remaining: 2 }, { ok: true }])
  expect(await one.take('a', 5, 5)).toMatchObject({ ok: false })
  // What this process holds and has said itself is still known to it.
  const place = await one.enter('room', 2)
  expect([place, await one.enter('room', 2), await one.first('before', 60_000)]).toEqual([expect.anything(), null, false])
  expect([await one.first('during', 60_000), await one.first('during', 60_000)]).toEqual([true, false])
  expect(await one.ready()).toEqual({ ok: true })
  await sleep(200)
  expect(seen.told()).toEqual([GONE])

  await own.start()
  await eventually('it shares again', async () => (await seen.shared()) === 1)
  expect(seen.told()).toEqual([GONE, BACK])
  // Its places are known to the others again, also those from the time in between.
  const isFull = async (): Promise<boolean> => {
    const place = await other.enter('room', 2)
    place?.leave()
    return place === null
  }
  await eventually('the other is there too', isFull, 5_000)
  place?.leave()
  await eventually('a place is free', async () => !(await isFull()), 5_000)
  await one.take('b', 5, 5)
  await eventually('the other counts with it', async () => !(await other.take('b', 5)).ok)
})

withRedis('Redis that hangs: a call is answered all the same after a moment, later ones at once', async () => {
  const seen = watched(SWIFT)
  await using pair = await twoInstances(redis?.url ?? '', seen.options)
  await pair.other.take('a', 5)
  pair.wire.freeze()
  const begun = performance.now()
  const answers = await Promise.all([
    ...Array.from({ length: 8 }, async () => (await pair.other.take('a', 5)).ok),
    pair.other.first('word', 1_000),
    pair.other.enter('room', 1),
  ])
  const waitedMs = performance.now() - begun
  expect(answers).toEqual([...Array<boolean>(5).fill(true), ...Array<boolean>(3).fill(false), true, expect.anything()])
  expect(waitedMs).toBeGreaterThan(45)
  expect(waitedMs).toBeLessThan(1_000)
  // A moment is no outage yet.
  expect([seen.told(), await seen.shared()]).toEqual([[], 1])
  await eventually('Redis is not asked any more', () => !(pair.other.take('b', 5) instanceof Promise), 2_000)
  expect(await seen.shared()).toBe(0)
  pair.wire.mend()
  await eventually('it shares again', async () => (await seen.shared()) === 1)
  expect(seen.told()).toEqual([GONE, BACK])
})

withRedis('a process that was busy for longer than an answer may take does not call Redis late', async () => {
  const seen = watched(SWIFT)
  await using limits = await limitsAt(redis?.url, freshPrefix(), seen.options)
  await limits.take('a', 5, 5)
  const asked = Array.from({ length: 6 }, async () => (await limits.take('a', 5)).ok)
  const end = performance.now() + 400
  while (performance.now() < end);
  expect(await Promise.all(asked)).toEqual(Array(6).fill(false))
  expect([seen.told(), await seen.shared()]).toEqual([[], 1])
})

withRedis('a Redis that is full, that reads only or that was told to forget scripts', async () => {
  await using own = await testRedis()
  const seen = watched()
  await using limits = await limitsAt(own.url, freshPrefix(), seen.options)
  const client = new Redis(own.url)
  try {
    await limits.take('a', 5, 5)
    await client.script('FLUSH')
    expect(await limits.take('a', 5)).toMatchObject({ ok: false })
    expect(seen.told()).toEqual([])
    await client.config('SET', 'maxmemory', '1')
    expect(await limits.take('b', 5)).toMatchObject({ ok: true, remaining: 4 })
    await sleep(200)
    expect([seen.told(), await seen.shared()]).toEqual([[GONE], 0])
    await client.config('SET', 'maxmemory', '0')
    await eventually('it shares again', async () => (await seen.shared()) === 1)
    await client.replicaof('127.0.0.1', '1')
    expect(await limits.first('word', 1_000)).toBe(true)
    expect(await seen.shared()).toBe(0)
    await client.replicaof('NO', 'ONE')
    await eventually('it shares again', async () => (await seen.shared()) === 1)
    expect(seen.told()).toEqual([GONE, BACK, GONE, BACK])
  } finally {
    client.disconnect()
  }
})

withRedis('at the start: no Redis is waited for a while, one that comes later is found, and a wrong password is refused', async () => {
  await using own = await testRedis()
  await own.kill()
  const seen = watched()
  await using limits = await limitsAt(own.url, freshPrefix(), { ...seen.options, timing: { ...CALM, waitMs: 100 } })
  expect(await limits.take('a', 5)).toMatchObject({ ok: true })
  expect([seen.told(), await seen.shared()]).toEqual([[GONE], 0])
  await own.start()
  await eventually('it is found', async () => (await seen.shared()) === 1)
  expect(seen.told()).toEqual([GONE, BACK])
  const client = new Redis(own.url)
  await client.config('SET', 'requirepass', 'right')
  client.disconnect()
  const wrong = new URL(own.url)
  wrong.password = 'wrong'
  await expect(limitsAt(wrong.href, freshPrefix())).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await expect(limitsAt(own.url, freshPrefix())).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})
