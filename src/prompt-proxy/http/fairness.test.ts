/** Limits, the queue and proofs of hotkeys, as callers over HTTP meet them. */
import request from 'supertest'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  memoryCredits,
  memoryProofs,
  memoryPrompt,
  promptAccess,
  type MemoryCredits,
  type MemoryPrompt,
  type PromptServer,
  startPromptServer,
} from '../../../test/support/memory-prompt.js'
import { eventually } from '../../../test/support/waiting.js'
import type { ApiKeyLimits } from '../../core/api-keys.js'
import { createLocalLimits } from '../../core/local-limits.js'
import { silentLog } from '../../core/log.js'
import { createMetrics } from '../../core/metrics.js'
import { keyPairFromSeed, type KeyPair } from '../../core/wallet/keys.js'
import { createAdmission, type Admission } from '../admission/admission.js'
import type { AdmissionSettings } from '../admission/settings.js'
import { systemClock } from '../targets/clock.js'

const MODEL = 'bittensor/sn1'
const TAO = 1_000_000_000n
const SETTINGS: AdmissionSettings = {
  ...{ maxInFlight: 100, queue: 100, maxWaitMs: 20_000, concurrentPrompts: null, tokensPerMinute: null, topN: 3, maxTopN: 5 },
}

let engine: MemoryPrompt
let admission: Admission
let credits: MemoryCredits
let server: PromptServer | undefined
let stakes: Record<string, bigint>

beforeEach(() => {
  engine = memoryPrompt()
  credits = memoryCredits()
  stakes = {}
})
afterEach(() => server?.close())

async function start(
  keys: Record<string, Partial<ApiKeyLimits>> = {},
  { drainMs, ...settings }: Partial<AdmissionSettings> & { drainMs?: number } = {},
): Promise<PromptServer> {
  const standing = async (hotkey: string) => ({ isRegistered: hotkey in stakes, stake: stakes[hotkey] ?? 0n })
  admission = createAdmission({
    ...{ engine, credits, standing, clock: systemClock, log: silentLog, metrics: createMetrics() },
    limits: createLocalLimits(),
    settings: { ...SETTINGS, ...settings },
  })
  const hotkeys = memoryProofs({ standing })
  server = await startPromptServer({
    ...{ engine: admission, access: promptAccess({ keys }), hotkeys },
    ...(drainMs === undefined ? {} : { drainMs }),
  })
  return server
}

function post(path: string, body: object, key: string): request.Test {
  return request(server?.url ?? '')
    .post(path)
    .set('x-api-key', key)
    .send(body)
}

function chat(key: string, body: object = {}): request.Test {
  return post('/v1/chat/completions', { model: MODEL, messages: [{ role: 'user', content: 'Hi' }], ...body }, key)
}

async function rows(count: number): Promise<PromptServer['used']> {
  await eventually('use is recorded', () => (server?.used.length ?? 0) >= count, 2_000)
  return server?.used ?? []
}

describe('limits of a key', () => {
  test('tokens: what is left is in the headers, also when it was too much', async () => {
    await start({ slow: { tokensPerMinute: 30 } })
    engine.plan({ pieces: ['x'.repeat(160)] })
    const { headers } = await chat('slow', { messages: [{ role: 'user', content: 'x'.repeat(40) }] }).expect(200)
    expect(headers).toMatchObject({
      ...{ 'x-ratelimit-limit-tokens': '30', 'x-ratelimit-remaining-tokens': '20', 'x-ratelimit-reset-tokens': '20s' },
    })
    expect(headers).not.toHaveProperty('x-taogate-credits-remaining')
    const refused = await chat('slow').expect(429)
    expect(refused.body.error).toMatchObject({
      type: 'rate_limit_exceeded',
      code: 'rate_limit_exceeded',
      message: expect.stringMatching(/30 a minute/),
    })
    // 20 are owed and 1 is wanted: 42 s, less what has passed.
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(30)
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(42)
    expect(refused.headers).toMatchObject({ 'x-ratelimit-limit-tokens': '30', 'x-ratelimit-remaining-tokens': '0' })
    expect((await chat('alice').expect(200)).headers).not.toHaveProperty('x-ratelimit-limit-tokens')
    expect(await rows(3)).toMatchObject([
      { customer: 'slow', outcome: 'success', promptTokens: 10, completionTokens: 40, credits: 1 },
      { customer: 'slow', outcome: 'refused', errorCode: 'RATE_LIMITED', credits: 0 },
      { customer: 'alice', outcome: 'success' },
    ])
  })

  test('credits: one for each answer that was given, none for what failed', async () => {
    await start({ thrifty: { monthlyCredits: 4 } })
    const left = ({ headers }: request.Response): unknown => headers['x-taogate-credits-remaining']
    expect(left(await chat('thrifty').expect(200))).toBe('3')
    engine.plan({ error: new Error('a fault') })
    expect(left(await chat('thrifty').expect(500))).toBe('3')
    expect(left(await chat('thrifty', { strategy: 'all', top_n: 2, n: 1 }).expect(200))).toBe('2')
    expect(left(await chat('thrifty', { stream: true }).expect(200))).toBe('1')
    const many = await chat('thrifty', { n: 2 }).expect(429)
    expect(many.body.error).toMatchObject({ type: 'insufficient_quota', code: 'insufficient_quota' })
    expect(left(await post('/v1/prompt', { prompt: 'Hi', return_all: true, top_n: 1 }, 'thrifty').expect(200))).toBe('0')
    const none = await chat('thrifty').expect(429).expect('retry-after', '86400')
    expect([none.body.error.code, left(none)]).toEqual(['insufficient_quota', '0'])
    await post('/chat', { messages: [{ role: 'user', content: 'Hi' }] }, 'thrifty').expect(401, { detail: 'Not enough credits' })
    expect((await rows(8)).map(({ credits, answers, outcome }) => [credits, answers, outcome])).toEqual([
      [1, 1, 'success'],
      [0, 0, 'failed'],
      [1, 1, 'success'],
      [1, 1, 'success'],
      [0, 0, 'refused'],
      [1, 1, 'success'],
      [0, 0, 'refused'],
      [0, 0, 'refused'],
    ])
    expect([credits.used(), credits.held(), credits.twice()]).toEqual([4, 0, 0])
  })

  test('a stream that its caller ends is paid for, one that the server ends is not', async () => {
    const { url } = await start({ thrifty: { monthlyCredits: 4 } }, { drainMs: 20 })
    const stream = async (): Promise<{ reader: ReadableStreamDefaultReader; hangUp: AbortController }> => {
      engine.plan({ pieces: ['one ', new Promise<string>(() => undefined)] })
      const hangUp = new AbortController()
      const { body } = await fetch(`${url}/v1/chat/completions`, {
        ...{ method: 'POST', signal: hangUp.signal, headers: { 'x-api-key': 'thrifty', 'content-type': 'application/json' } },
        body: JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'Hi' }], stream: true }),
      })
      const reader = (body as ReadableStream).getReader()
      let text = ''
      while (!text.includes('one ')) text += Buffer.from((await reader.read()).value as Uint8Array).toString()
      return { reader, hangUp }
    }
    const left = await stream()
    left.hangUp.abort()
    await left.reader.closed.catch(() => undefined)
    expect((await rows(1))[0]).toMatchObject({ outcome: 'cancelled', credits: 1 })
    const stopped = await stream()
    expect(credits.held()).toBe(1)
    const closed = server?.close()
    while (!(await stopped.reader.read()).done);
    await closed
    expect((await rows(2))[1]).toMatchObject({ outcome: 'failed', errorCode: 'ABORTED', credits: 0 })
    expect([credits.used(), credits.held(), admission.inFlight()]).toEqual([1, 0, 0])
  })

  test('prompts at once', async () => {
    await start({ one: { concurrentPrompts: 1 } })
    engine.plan({ hangs: true })
    const first = chat('one')
    first.catch(() => undefined)
    await eventually('it is asked', () => engine.running() === 1, 2_000)
    const refused = await chat('one').expect(429).expect('retry-after', '1')
    expect(refused.body.error).toMatchObject({ code: 'rate_limit_exceeded', message: expect.stringMatching(/at once: 1 are taken/) })
    await post('/chat', { messages: [{ role: 'user', content: 'Hi' }] }, 'one').expect(429, { detail: 'Too Many Requests' })
    await chat('alice').expect(200)
    first.abort()
    await eventually('its place is free', () => admission.inFlight() === 0, 2_000)
    await chat('one').expect(200)
  })
})

describe('the queue', () => {
  test('when it is full, or takes too long, the answer is 503; who hangs up leaves it', async () => {
    await start({}, { maxInFlight: 1, queue: 1, maxWaitMs: 10_000 })
    engine.plan({ hangs: true })
    const first = chat('alice')
    first.catch(() => undefined)
    await eventually('it is asked', () => engine.running() === 1, 2_000)
    const second = chat('alice')
    second.catch(() => undefined)
    await eventually('it waits', () => admission.waiting() === 1, 2_000)
    const full = await chat('alice').expect(503).expect('retry-after', '1')
    expect(full.body.error).toMatchObject({
      type: 'server_error',
      code: 'overloaded',
      message: expect.stringMatching(/too many prompts wait/),
    })
    const old = await post('/chat', { messages: [{ role: 'user', content: 'Hi' }] }, 'alice').expect(503)
    expect(old.body).toEqual({ detail: expect.stringMatching(/too many prompts wait/) })
    second.abort()
    await eventually('it has left', () => admission.waiting() === 0, 2_000)
    const late = await chat('alice', { timeout: 0.1 }).expect(503)
    expect(late.body.error).toMatchObject({ code: 'overloaded', message: expect.stringMatching(/waited too long/) })
    first.abort()
    await eventually('its place is free', () => admission.inFlight() === 0, 2_000)
    const used = await rows(5)
    expect(used.map(({ outcome, errorCode }) => `${outcome} ${errorCode}`)).toEqual([
      ...['refused OVERLOADED', 'refused OVERLOADED', 'cancelled null', 'refused OVERLOADED', 'cancelled null'],
    ])
    expect(used[3]?.waitedMs).toBeGreaterThan(50)
  })
})

describe('a hotkey', () => {
  let pair: KeyPair

  beforeEach(async () => {
    pair = await keyPairFromSeed(Buffer.alloc(32, 9))
    stakes[pair.address] = 1000n * TAO
  })

  async function prove(key: string): Promise<string> {
    const { body } = await post('/v1/hotkey/challenge', { hotkey: pair.address }, key).expect(200)
    const signature = Buffer.from(pair.sign(Buffer.from(body.challenge))).toString('hex')
    const proven = await post('/v1/hotkey/proof', { hotkey: pair.address, challenge: body.challenge, signature }, key).expect(200)
    expect(proven.body).toEqual({
      ...{ token: expect.any(String), expires_at: expect.any(String), hotkey: pair.address, registered: true, stake: '1000000000000' },
    })
    expect(Date.parse(proven.body.expires_at) - Date.now()).toBeGreaterThan(11.9 * 3_600_000)
    return proven.body.token
  }

  test('is proven by a signature, and then counts for the place in the queue', async () => {
    await start({}, { maxInFlight: 1 })
    const token = await prove('alice')
    engine.plan({ hangs: true })
    const first = chat('alice')
    first.catch(() => undefined)
    await eventually('it is asked', () => engine.running() === 1, 2_000)
    const order: string[] = []
    const poor = chat('alice').then(() => order.push('poor'))
    await eventually('it waits', () => admission.waiting() === 1, 2_000)
    const rich = chat('alice')
      .set('x-taogate-hotkey', token)
      .then(() => order.push('rich'))
    await eventually('it waits', () => admission.waiting() === 2, 2_000)
    first.abort()
    await Promise.all([poor, rich])
    expect(order).toEqual(['rich', 'poor'])
    // The proof is the request's: the next one of the same key has none.
    expect(engine.asked.map(({ caller: { hotkey } }) => hotkey)).toEqual([undefined, pair.address, undefined])
    const used = await rows(3)
    expect(used.map(({ callerHotkey, route }) => [callerHotkey, route]).toSorted()).toEqual(
      [null, null, pair.address].map((hotkey) => [hotkey, '/v1/chat/completions']).toSorted(),
    )
  })

  test('a token that is not good is refused on every route, and says why', async () => {
    await start()
    const token = await prove('alice')
    for (const [key, bad, why] of [
      ['alice', `${token}x`, /not one of this gateway/],
      ['alice', '', /not one of this gateway/],
      ['few', token, /another customer/],
    ] as const) {
      const { body } = await chat(key).set('x-taogate-hotkey', bad).expect(401)
      expect(body.error).toMatchObject({ type: 'invalid_request_error', code: 'invalid_hotkey_proof', message: expect.stringMatching(why) })
    }
    const old = await post('/chat', { messages: [{ role: 'user', content: 'Hi' }] }, 'alice')
      .set('x-taogate-hotkey', 'x')
      .expect(401)
    expect(old.body.detail).toMatch(/not one of this gateway/)
    await request(server?.url ?? '')
      .get('/v1/models')
      .set({ 'x-api-key': 'alice', 'x-taogate-hotkey': token })
      .expect(200)
    expect([engine.asked, server?.used]).toEqual([[], []])
  })

  test('its routes are behind the keys and count as requests, and refuse what is wrong by its field', async () => {
    await start({ two: { requestsPerMinute: 2 } })
    await request(server?.url ?? '')
      .post('/v1/hotkey/challenge')
      .send({ hotkey: pair.address })
      .expect(401)
    for (const [path, body, param] of [
      ['challenge', {}, 'hotkey'],
      ['challenge', { hotkey: '5nope' }, 'hotkey'],
      ['challenge', { hotkey: pair.address, more: 1 }, 'more'],
      ['proof', { hotkey: pair.address, challenge: 'x' }, 'signature'],
      ['proof', { hotkey: pair.address, challenge: 'x', signature: '0x12' }, 'signature'],
      ['proof', { hotkey: pair.address, challenge: 'x'.repeat(3000), signature: '00'.repeat(64) }, 'challenge'],
    ] as const)
      expect((await post(`/v1/hotkey/${path}`, body, 'alice').expect(400)).body.error).toMatchObject({ param })
    const wrong = await post('/v1/hotkey/proof', { hotkey: pair.address, challenge: 'x', signature: '00'.repeat(64) }, 'alice').expect(401)
    expect(wrong.body.error.code).toBe('invalid_hotkey_proof')
    expect((await post('/v1/hotkey/else', {}, 'alice').expect(404)).body.error.code).toBe('unknown_url')
    await prove('two')
    const many = await post('/v1/hotkey/challenge', { hotkey: pair.address }, 'two').expect(429)
    expect(many.headers).toMatchObject({ 'retry-after': expect.stringMatching(/^(30|2\d)$/), 'x-ratelimit-remaining': '0' })
  })
})
