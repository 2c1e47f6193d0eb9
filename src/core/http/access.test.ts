import { beforeEach, expect, test } from 'vitest'
import { type ApiKeyLimits, NO_LIMITS, type Scope } from '../api-keys.js'
import { AppError } from '../errors.js'
import type { Limits } from '../limits.js'
import { createLocalLimits } from '../local-limits.js'
import { type AccessOptions, createAccess } from './access.js'

const REMOTE = '203.0.113.7'

let time: number
/** What the store was asked, in order. */
let asked: string[]
/** Waited for by every look at a key. */
let gate: Promise<void>
beforeEach(() => {
  time = 1_000_000
  asked = []
  gate = Promise.resolve()
})

const GOOD: Record<string, ApiKeyLimits> = {
  good: NO_LIMITS,
  better: NO_LIMITS,
  slow: { ...NO_LIMITS, requestsPerMinute: 2, activeJobs: 1 },
}

async function caller(key: string, scope: Scope): Promise<{ customer: string; limits: ApiKeyLimits }> {
  asked.push(key)
  await gate
  if (key === 'down') throw new AppError('DATABASE_DOWN', 'away')
  const limits = GOOD[key]
  if (limits === undefined) throw new AppError('UNAUTHORIZED', 'the API key is not known')
  if (scope === 'prompt') throw new AppError('FORBIDDEN', 'lacks the scope')
  return { customer: `of ${key}`, limits }
}

function access(options: Partial<AccessOptions> = {}): ReturnType<typeof createAccess> {
  const limits = createLocalLimits({ now: () => time })
  return createAccess({
    keys: { caller, isKey: (text) => text !== 'none' },
    open: false,
    requestsPerMinute: 5,
    wrongKeysPerMinute: 3,
    limits,
    ...options,
  })
}

function knock(
  on: ReturnType<typeof createAccess>,
  key?: string,
  from: { remoteAddress?: string; forwarded?: boolean } = {},
): Promise<string> {
  return on.authenticate({ key, remoteAddress: REMOTE, ...from }, 'pow').then(
    ({ customer }) => customer,
    (error: { code: string }) => error.code,
  )
}

test('a good key is let in as its customer with its limits, and no key or a wrong one is not', async () => {
  const gate = access()
  expect(await gate.authenticate({ key: 'slow', remoteAddress: REMOTE }, 'pow')).toEqual({ customer: 'of slow', limits: GOOD['slow'] })
  expect(await knock(gate)).toBe('UNAUTHORIZED')
  expect(await knock(gate, '')).toBe('UNAUTHORIZED')
  expect(await knock(gate, 'bad')).toBe('UNAUTHORIZED')
  await expect(gate.authenticate({ key: 'good', remoteAddress: REMOTE }, 'prompt')).rejects.toMatchObject({ code: 'FORBIDDEN' })
})

test('open to all: whoever comes without a key, or with what is none of ours, is the customer "open"; a key that is sent has to be good', async () => {
  const gate = access({ open: true })
  expect(await knock(gate)).toBe('open')
  expect(await knock(gate, 'good')).toBe('of good')
  expect(await knock(gate, 'none')).toBe('open')
  expect(await knock(access(), 'none')).toBe('UNAUTHORIZED')
  expect(await knock(gate, 'bad')).toBe('UNAUTHORIZED')
})

test('open to the same machine: by the address of the socket, and not through a proxy', async () => {
  const gate = access({ open: 'loopback', requestsPerMinute: 100 })
  for (const remoteAddress of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1', '::FFFF:127.0.0.1'])
    expect(await knock(gate, undefined, { remoteAddress }), remoteAddress).toBe('open')
  for (const remoteAddress of ['10.0.0.1', '::ffff:10.0.0.1', '128.0.0.1', '1270.0.0.1', '::2', '127.0.0.1.example.org', ''])
    expect(await knock(gate, undefined, { remoteAddress }), remoteAddress).toBe('UNAUTHORIZED')
  expect(await knock(gate, undefined, { remoteAddress: '127.0.0.1', forwarded: true })).toBe('UNAUTHORIZED')
  expect(await knock(gate, 'good', { remoteAddress: '127.0.0.1', forwarded: true })).toBe('of good')
})

test('requests are counted by key, wherever they come from, and by address without one', async () => {
  const gate = access({ open: true })
  const times = async (count: number, ...how: [key?: string, remoteAddress?: string]): Promise<string[]> => {
    const answers: string[] = []
    for (let n = 0; n < count; n++) answers.push(await knock(gate, how[0], { remoteAddress: how[1] ?? REMOTE }))
    return answers
  }
  expect(await times(3, 'slow')).toEqual(['of slow', 'of slow', 'RATE_LIMITED'])
  expect(await times(1, 'slow', '10.0.0.9')).toEqual(['RATE_LIMITED'])
  expect((await times(6, 'good')).filter((answer) => answer === 'of good')).toHaveLength(5)
  expect((await times(6)).filter((answer) => answer === 'open')).toHaveLength(5)
  expect(await times(1, undefined, '10.0.0.9')).toEqual(['open'])
  time += 30_000
  expect(await times(2, 'slow')).toEqual(['of slow', 'RATE_LIMITED'])
  await expect(gate.authenticate({ key: 'slow', remoteAddress: REMOTE }, 'pow')).rejects.toMatchObject({
    detail: { limit: 2, retryAfterSeconds: 30 },
  })
  expect(await gate.admit({ key: 'slow', remoteAddress: REMOTE }, 'pow')).toMatchObject({ quota: { ok: false, limit: 2, remaining: 0 } })
})

test('an address of the same IPv6 network is the same caller', async () => {
  const gate = access({ open: true, requestsPerMinute: 1 })
  expect(await knock(gate, undefined, { remoteAddress: '2001:db8:1:2::1' })).toBe('open')
  for (const remoteAddress of ['2001:db8:1:2::2', '2001:db8:1:2:3:4:5:6', '2001:DB8:1:2::9%eth0'])
    expect(await knock(gate, undefined, { remoteAddress }), remoteAddress).toBe('RATE_LIMITED')
  expect(await knock(gate, undefined, { remoteAddress: '2001:db8:1:3::1' })).toBe('open')
  expect(await knock(gate, undefined, { remoteAddress: '::5:6' })).toBe('open')
  expect(await knock(gate, undefined, { remoteAddress: '0:0:0:0:9::7' })).toBe('RATE_LIMITED')
})

test('an address that tries wrong keys is kept waiting, and the store with it', async () => {
  const gate = access()
  const tries = await Promise.all(Array.from({ length: 50 }, (_, n) => knock(gate, `bad ${n}`)))
  expect(tries.filter((code) => code === 'UNAUTHORIZED')).toHaveLength(3)
  expect(tries.filter((code) => code === 'RATE_LIMITED')).toHaveLength(47)
  expect(asked).toHaveLength(3)
  await expect(gate.authenticate({ key: 'bad', remoteAddress: REMOTE }, 'pow')).rejects.toMatchObject({ detail: { retryAfterSeconds: 20 } })
  expect(await knock(gate, 'bad', { remoteAddress: '10.0.0.9' })).toBe('UNAUTHORIZED')
  time += 20_000
  expect(await knock(gate, 'bad')).toBe('UNAUTHORIZED')
  expect(await knock(gate, 'bad')).toBe('RATE_LIMITED')
})

test('keys that were good lately are not kept waiting by others of the same address, until they are good no more', async () => {
  const gate = access()
  expect(await knock(gate, 'good')).toBe('of good')
  for (let n = 0; n < 4; n++) await knock(gate, `bad ${n}`)
  expect(await knock(gate, 'good')).toBe('of good')
  expect(await knock(gate, 'better')).toBe('RATE_LIMITED')
  const limits = GOOD['good']
  delete GOOD['good']
  expect(await knock(gate, 'good')).toBe('UNAUTHORIZED')
  expect(await knock(gate, 'good')).toBe('RATE_LIMITED')
  GOOD['good'] = limits ?? NO_LIMITS
})

test('many first requests with one key are one look at it, and a database that is away is no wrong key', async () => {
  let open = (): void => {}
  gate = new Promise((resolve) => (open = resolve))
  const doors = access({ requestsPerMinute: 100 })
  const many = Promise.all(Array.from({ length: 40 }, () => knock(doors, 'good')))
  open()
  expect(new Set(await many)).toEqual(new Set(['of good']))
  expect(asked).toEqual(['good'])
  for (let n = 0; n < 10; n++) expect(await knock(doors, 'down')).toBe('DATABASE_DOWN')
  expect(await knock(doors, 'better')).toBe('of better')
})

test('two gates with the same limits count together, and answers of limits that come later are waited for', async () => {
  const local = createLocalLimits({ now: () => time })
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))
  const limits: Limits = {
    ...local,
    async take(...args) {
      await pause()
      return local.take(...args)
    },
  }
  const [one, other] = [access({ limits }), access({ limits })]
  const codes = async (knocks: Promise<string>[]): Promise<string[]> => (await Promise.all(knocks)).sort()
  expect(await codes([knock(one, 'slow'), knock(other, 'slow'), knock(one, 'slow'), knock(other, 'slow')])).toEqual([
    'RATE_LIMITED',
    'RATE_LIMITED',
    'of slow',
    'of slow',
  ])
  asked = []
  const tries = await codes(Array.from({ length: 40 }, (_, n) => knock(n % 2 === 0 ? one : other, `bad ${n}`)))
  expect(tries.filter((code) => code === 'UNAUTHORIZED')).toHaveLength(3)
  expect(tries.filter((code) => code === 'RATE_LIMITED')).toHaveLength(37)
  expect(asked).toHaveLength(3)
})
