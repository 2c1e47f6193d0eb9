import { Writable } from 'node:stream'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { memoryPrompt, promptOf, TARGETS, targetAt, type MemoryPrompt } from '../../../test/support/memory-prompt.js'
import { signedByHand, v5TestClient, v5Vectors, type V5TestClient } from '../../../test/support/v5-client.js'
import { eventually } from '../../../test/support/waiting.js'
import { NO_LIMITS, type Caller } from '../../core/api-keys.js'
import { AppError, type ErrorCode } from '../../core/errors.js'
import { startGrpcServer, type GrpcLimits, type GrpcServer } from '../../core/grpc/index.js'
import { sleep } from '../../core/lifecycle.js'
import { createLocalLimits } from '../../core/local-limits.js'
import { createLogger, silentLog } from '../../core/log.js'
import type { PromptUsageRow } from '../../core/prompting.js'
import { fromHex } from '../../core/units/bytes.js'
import { keyPairFromSeed } from '../../core/wallet/keys.js'
import type { FailedAttempt } from '../contract.js'
import { DendriteError } from '../dendrite/types.js'
import { promptGrpc, type PromptGrpcOptions } from './front.js'

const vectors = v5Vectors()
const SEED = new Uint8Array(32).fill(0x11)
const GATEWAY = '5Fpfx4iDtrrY99VGkQnLXASytC2y9Z3o8KUyTtD4w7o5SZcA'
const CALLER = '5DtDLm5rQHShDqojQpsvcN8tRXHVFaecfDoRet1SU6BFD9Fi'
/** Not that of the vectors, whose nonces are higher. */
const UUID = '5ecbd69c-1cec-11ee-b0dc-e29ce36fec1c'
const MESSAGES = ['{"role": "system", "content": "Be terse."}', '{"role": "user", "content": "2 + 2?"}']
const LIMITS = { timeoutMs: 10_000, maxTimeoutMs: 60_000, firstTokenMs: 4_000, maxTargets: 2 }
const FAILED: FailedAttempt = { ...targetAt(1), returnCode: 'BLACKLISTED', message: 'no', ms: 12 }

const cleanup: (() => unknown)[] = []
let engine: MemoryPrompt
let rows: PromptUsageRow[]
let admitted: [string, string][]
let nonce = 0n
let common: Front | undefined

beforeEach(() => {
  engine = memoryPrompt()
  rows = []
  admitted = []
})

afterEach(async () => {
  for (const clean of cleanup.splice(0).reverse()) await clean()
})

afterAll(async () => {
  common?.client.close()
  await common?.server.close()
})

interface Front {
  server: GrpcServer
  client: V5TestClient
}

/** One for all tests that want nothing special, with the engine and the rows of the test. */
async function usual(): Promise<Front> {
  return (common ??= await open({ wrongPerMinute: 1_000 }))
}

async function start(...[options, limits, host]: Parameters<typeof open>): Promise<Front> {
  const front = await open(options, limits, host)
  cleanup.push(
    () => front.server.close(),
    () => front.client.close(),
  )
  return front
}

async function open(options: Partial<PromptGrpcOptions> = {}, limits: Partial<GrpcLimits> = {}, host = '127.0.0.1'): Promise<Front> {
  const service = promptGrpc({
    ...{ engine: promptOf(() => engine), hotkey: GATEWAY, limits: LIMITS, model: 'bittensor/sn1', log: silentLog },
    callers: { admit: async (hotkey, address) => (admitted.push([hotkey, address]), { customer: `of ${hotkey}`, limits: NO_LIMITS }) },
    usage: { add: (row) => void rows.push(row) },
    ...options,
  })
  const server = await startGrpcServer({ host, port: 0, services: [service], log: silentLog, limits })
  return { server, client: v5TestClient(server.port, host.includes(':') ? `[${host}]` : host) }
}

interface Sent {
  method?: string
  messages?: readonly string[]
  timeout?: number
  timeoutMs?: number
  signal?: AbortSignal
  seed?: Uint8Array
}

/** A call signed as it should be, with the metadata that came ahead of its answer. */
async function ask({ client }: Front, { method = 'Forward', messages = MESSAGES, timeout = 5, timeoutMs, signal, seed = SEED }: Sent = {}) {
  let headers: Record<string, unknown> = {}
  const onHeaders = (sent: Record<string, unknown>): void => void (headers = sent)
  const metadata = signedByHand(seed, GATEWAY, ++nonce, UUID)
  const answer = await client.call(method, { version: 520, messages, timeout }, metadata, timeoutMs, {
    onHeaders,
    ...(signal && { signal }),
  })
  return { ...answer, headers }
}

describe('vectors', () => {
  test.each(vectors.valid)('$name is answered once, and refused when it comes again', async (vector) => {
    const front = await usual()
    const method = vector.http2_path.split('/')[2] ?? ''
    const call = () => front.client.call(method, Buffer.from(vector.request_protobuf_hex, 'hex'), vector.metadata)
    // The service fills in neither version nor hotkey, as axons do not: 5.3 does not know the second.
    const good = { version: 0, hotkey: '', return_message: 'Success', return_code: 1 }
    const content = 'It\'s 2 + 2 = ? é "q"'
    const texts = {
      Forward: { response: `echo: ${content}` },
      MultiForward: { multi_completions: [`0: echo: ${content}`, `1: echo: ${content}`] },
    }
    await expect(call()).resolves.toEqual({ ...good, ...texts[method as keyof typeof texts] })
    expect(admitted).toEqual([[vector.dendrite_hotkey, '127.0.0.1']])
    if (method !== 'Backward') {
      const messages = [
        { role: 'system', content: 'You are terse.' },
        { role: 'user', content },
      ]
      expect(engine.asked).toMatchObject([
        { caller: { hotkey: vector.dendrite_hotkey }, request: { messages }, all: method === 'MultiForward' },
      ])
    }
    await expect(call()).rejects.toMatchObject({ code: 16, details: 'Nonce is too small' })
    expect(rows).toHaveLength(1)
  })

  test.each(vectors.rejected)('$name: $details', async (refusal) => {
    const { address: hotkey } = await keyPairFromSeed(fromHex(refusal.axon_seed))
    const is53 = refusal.tags.startsWith('5.3 only')
    const front = await start({ hotkey, ...(is53 ? { minVersion: 510 } : {}) })
    // A nonce of before is one that was taken.
    for (const [key, last] of Object.entries(refusal.prior_nonces)) {
      const [, uuid = ''] = key.split(':')
      await front.client.call('Forward', { messages: MESSAGES, timeout: 5 }, signedByHand(SEED, hotkey, BigInt(last), uuid))
    }
    const before = engine.asked.length
    const call = front.client.call('Forward', { version: 510, messages: MESSAGES, timeout: 5 }, refusal.metadata)
    await expect(call).rejects.toMatchObject({ code: refusal.grpc_status, details: refusal.details })
    expect([engine.asked.length, rows.length]).toEqual([before, before])
  })
})

describe('who may call', () => {
  test.each([
    ['nothing at all', () => [], 'Request signature missing'],
    ['a signature for another axon', () => signedByHand(SEED, CALLER, ++nonce, UUID), 'Signature mismatch'],
    ['no version', () => signedByHand(SEED, GATEWAY, ++nonce, UUID).slice(0, 1), /^int\(\) argument must be a string/],
    ['a version of before there was this service', () => signedByHand(SEED, GATEWAY, ++nonce, UUID, 369), 'Incorrect Version'],
    [
      'a name other than that of who signed',
      () => signedByHand(SEED, GATEWAY, ++nonce, UUID).map(([key, value]): [string, string] => [key, value.replace(CALLER, GATEWAY)]),
      'Signature mismatch',
    ],
  ])('%s is refused whatever the method', async (_name, metadata, details) => {
    const { client } = await usual()
    for (const method of ['Forward', 'MultiForward', 'Backward'])
      await expect(client.call(method, { messages: ['no JSON'] }, metadata())).rejects.toMatchObject({
        code: 16,
        details: typeof details === 'string' ? details : expect.stringMatching(details),
      })
    expect([engine.asked, admitted, rows]).toEqual([[], [], []])
  })

  test('of calls sent at once with the same nonce one is answered', async () => {
    const { client } = await usual()
    const metadata = signedByHand(SEED, GATEWAY, ++nonce, UUID)
    const calls = await Promise.allSettled(
      Array.from({ length: 8 }, () => client.call('Forward', { messages: MESSAGES, timeout: 5 }, metadata)),
    )
    expect(calls.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(engine.asked).toHaveLength(1)
  })

  test('a call that another instance took is refused here, where they share what they took', async () => {
    const shared = createLocalLimits()
    const [one, other] = [await start({ replays: shared }), await start({ replays: shared })]
    const metadata = signedByHand(SEED, GATEWAY, ++nonce, UUID)
    const call = ({ client }: Front) => client.call('Forward', { messages: MESSAGES, timeout: 5 }, metadata)
    await expect(call(one)).resolves.toMatchObject({ return_code: 1 })
    await expect(call(other)).rejects.toMatchObject({ code: 16, details: 'Nonce is too small' })
    await expect(ask(other)).resolves.toMatchObject({ return_code: 1 })
  })

  test('wrong signatures are taken so often from an address; who signed well there before is not held up by others', async () => {
    const front = await start({ wrongPerMinute: 3 })
    const wrong = () =>
      front.client.call('Forward', { messages: MESSAGES }, signedByHand(new Uint8Array(32).fill(9), CALLER, ++nonce, UUID))
    await expect(ask(front)).resolves.toMatchObject({ return_code: 1 })
    for (let i = 0; i < 3; i++) await expect(wrong()).rejects.toMatchObject({ code: 16 })
    await expect(wrong()).rejects.toMatchObject({
      code: 8,
      details: expect.stringMatching(/^too many wrong signatures came from this address: 3 a minute/),
    })
    await expect(ask(front)).resolves.toMatchObject({ return_code: 1 })
    await expect(ask(front, { seed: new Uint8Array(32).fill(5) })).rejects.toMatchObject({ code: 8 })
    // Whoever uses the name of one that signed well gets no more tries by it.
    const inItsName = () => front.client.call('Forward', { messages: MESSAGES }, signedByHand(SEED, CALLER, ++nonce, UUID))
    for (let i = 0; i < 3; i++) await expect(inItsName()).rejects.toMatchObject({ code: 16 })
    await expect(inItsName()).rejects.toMatchObject({ code: 8 })
  })

  test('good ones are not counted, however many come at once', async () => {
    const front = await start({ wrongPerMinute: 3 })
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => ask(front, { seed: new Uint8Array(32).fill(i + 30) })))
    expect(answers.map((answer) => (answer as Record<string, unknown>)['return_code'])).toEqual(Array(30).fill(1))
  })

  test('callers over IPv6 are known by their address as well', async () => {
    const front = await start({}, {}, '::1')
    await expect(ask(front)).resolves.toMatchObject({ return_code: 1 })
    expect(admitted).toEqual([[CALLER, '::1']])
  })

  test.each<[ErrorCode, number]>([
    ['FORBIDDEN', 25],
    ['RATE_LIMITED', 3],
    ['DATABASE_DOWN', 4],
  ])('%s by the policy is return code %d, with its reason, for all methods', async (code, returnCode) => {
    const admit = () =>
      Promise.reject(new AppError(code, 'pubkey not registered', code === 'RATE_LIMITED' ? { retryAfterSeconds: 7.2 } : {}))
    const front = await start({ callers: { admit } })
    for (const method of ['Forward', 'MultiForward', 'Backward']) {
      const answer = await ask(front, { method })
      expect(answer).toMatchObject({ return_code: returnCode, return_message: 'pubkey not registered' })
      expect(answer.headers['retry-after']).toBe(code === 'RATE_LIMITED' ? '8' : undefined)
    }
    expect(engine.asked).toEqual([])
  })
})

describe('what is asked', () => {
  test('the caller is who signed, with its limits, and the model is the one that was set', async () => {
    const caller: Caller = { customer: 'alice', limits: { ...NO_LIMITS, concurrentPrompts: 1 } }
    const front = await start({ callers: { admit: async () => caller }, model: 'bittensor/sn1:best_of' })
    await ask(front)
    const [{ caller: asking, request } = { caller: null, request: null }] = engine.asked
    expect(asking).toEqual({ ...caller, hotkey: CALLER })
    expect(request).toMatchObject({ model: 'bittensor/sn1:best_of', stream: false, firstTokenMs: 4_000 })
    expect(request).not.toHaveProperty('strategy')
  })

  test('MultiForward asks for all answers of as many targets as a request may have', async () => {
    await ask(await usual(), { method: 'MultiForward' })
    await ask(await start({ limits: { ...LIMITS, maxTargets: 64 } }), { method: 'MultiForward' })
    expect(engine.asked.map(({ request: { strategy, topN } }) => [strategy, topN])).toEqual([
      ['all', 2],
      ['all', 10],
    ])
  })

  test.each([
    [5, 60_000, 4_500],
    [20, 60_000, 19_500],
    [1, 60_000, 900],
    [0, 60_000, 9_500],
    [-1, 60_000, 9_500],
    [NaN, 60_000, 9_500],
    [1e9, 600_000, 59_500],
    [Infinity, 600_000, 59_500],
    [0.0001, 60_000, 1],
  ])('a timeout of %d s with a deadline in %d ms leaves %d ms for targets', async (timeout, timeoutMs, expected) => {
    await ask(await usual(), { timeout, timeoutMs })
    expect(engine.asked[0]?.request.timeoutMs).toBe(expected)
  })

  test('the deadline of the call counts where it is earlier', async () => {
    await ask(await usual(), { timeout: 20, timeoutMs: 2_000 })
    const { timeoutMs = 0 } = engine.asked[0]?.request ?? {}
    expect(timeoutMs).toBeGreaterThan(500)
    expect(timeoutMs).toBeLessThanOrEqual(1_800)
  })

  test.each([
    ['none', [], 6, /^there are no messages$/],
    ['no JSON', ['2 + 2?'], 9, /^messages\[0\]: wanted a JSON object/],
    ['no object', [...MESSAGES, '["user", "2 + 2?"]'], 9, /^messages\[2\]: wanted a JSON object/],
    ['a role without a content', ['{"role": "user"}'], 9, /^messages\[0\]: wanted a JSON object/],
    ['a content that is no text', ['{"role": "user", "content": ["a"]}'], 9, /^messages\[0\]: wanted/],
    ['a role that nobody has', ['{"role": "tool", "content": "x"}'], 9, /^messages\[0\]: the role is one of system, user, assistant$/],
    ['half a character', ['{"role": "user", "content": "\\ud83d"}'], 9, /half a character/],
    ['too many', Array<string>(1025).fill(MESSAGES[0] ?? ''), 9, /^there are 1025 messages; 1024 are taken$/],
  ])('messages: %s', async (_name, messages, code, text) => {
    const front = await usual()
    for (const method of ['Forward', 'MultiForward'])
      await expect(ask(front, { method, messages })).resolves.toMatchObject({
        return_code: code,
        return_message: expect.stringMatching(text),
      })
    expect(engine.asked).toEqual([])
    expect(rows.map(({ outcome, errorCode, promptTokens }) => [outcome, errorCode, promptTokens])).toEqual(
      Array(2).fill(['refused', 'BAD_INPUT', 0]),
    )
  })

  test('Backward is taken and left', async () => {
    const front = await usual()
    const request = { messages: MESSAGES, response: '4', rewards: [0.5, NaN], timeout: 5 }
    await expect(front.client.call('Backward', request, signedByHand(SEED, GATEWAY, ++nonce, UUID))).resolves.toMatchObject({
      return_code: 1,
    })
    await expect(ask(front, { method: 'Backward', messages: ['no JSON'] })).resolves.toMatchObject({ return_code: 1 })
    expect(engine.asked).toEqual([])
    expect(rows).toMatchObject(Array(2).fill({ route: 'TextPrompting/Backward', outcome: 'success', answers: 0, credits: 0, uid: null }))
  })

  test('a message above the limit of the server is refused by it', async () => {
    const front = await start({}, { maxReceiveBytes: 200_000 })
    const messageOf = (length: number) => [JSON.stringify({ role: 'user', content: 'x'.repeat(length) })]
    await expect(ask(front, { messages: messageOf(150_000) })).resolves.toMatchObject({ return_code: 1 })
    await expect(ask(front, { messages: messageOf(200_000) })).rejects.toMatchObject({ code: 8 })
    expect(engine.asked).toHaveLength(1)
  })
})

describe('what is told', () => {
  test('who answered, ahead of the answer', async () => {
    const { headers } = await ask(await usual())
    const { netuid, uid, hotkey, protocol } = targetAt(0)
    expect(headers).toMatchObject({
      ...{ 'x-taogate-netuid': `${netuid}`, 'x-taogate-uid': `${uid}`, 'x-taogate-hotkey': hotkey, 'x-taogate-protocol': protocol },
      ...{ 'x-taogate-latency-ms': '12', 'x-taogate-return-code': '1', 'x-request-id': rows[0]?.requestId },
    })
  })

  test('all who answered', async () => {
    const { headers } = await ask(await usual(), { method: 'MultiForward' })
    const hotkeys = TARGETS.slice(0, 2).map(({ hotkey }) => hotkey)
    expect(headers).toMatchObject({ 'x-taogate-uid': '7,3', 'x-taogate-hotkey': hotkeys.join(','), 'x-taogate-latency-ms': '10,20' })
    expect(headers).toMatchObject({ 'x-taogate-return-code': '1,1' })
  })

  test('a hotkey with a line break in it does not end the header', async () => {
    const target = { ...targetAt(0), hotkey: 'a\r\nx-evil: 1 ü' }
    engine.plan({ target })
    expect((await ask(await usual())).headers).toMatchObject({ 'x-taogate-hotkey': 'a??x-evil:?1??' })
  })

  const timeout = 'GRPC request timeout after: 5.0s'
  test.each<[ErrorCode, number, string, string]>([
    ['UPSTREAM_TIMEOUT', 2, timeout, 'timeout'],
    ['UPSTREAM_DOWN', 4, 'it is so', 'failed'],
    ['NOT_FOUND', 4, 'it is so', 'refused'],
    ['BAD_INPUT', 9, 'it is so', 'refused'],
    ['RATE_LIMITED', 3, 'it is so', 'refused'],
    ['OVERLOADED', 18, 'it is so', 'refused'],
    ['FORBIDDEN', 25, 'it is so', 'refused'],
    ['UNAUTHORIZED', 23, 'it is so', 'refused'],
    ['QUEUE_DOWN', 4, 'it is so', 'failed'],
    ['SOLVER_WRONG', 22, 'it is so', 'failed'],
  ])('%s is return code %d', async (code, returnCode, message, outcome) => {
    const front = await usual()
    for (const method of ['Forward', 'MultiForward']) {
      engine.plan({ error: new AppError(code, 'it is so', { failed: [FAILED] }) })
      const answer = await ask(front, { method })
      expect(answer).toMatchObject({ return_code: returnCode, return_message: message })
      expect(answer.headers).toMatchObject({ 'x-taogate-uid': '3', 'x-taogate-return-code': '25', 'x-taogate-latency-ms': '12' })
    }
    const { netuid, uid, hotkey, protocol } = FAILED
    const row = { netuid, uid, hotkey, protocol, returnCode: 'BLACKLISTED', outcome, errorCode: code, answers: 0, completionTokens: 0 }
    expect(rows).toMatchObject([row, row])
  })

  test('a timeout that the caller did not set is told in the words of the engine', async () => {
    engine.plan({ error: new AppError('UPSTREAM_TIMEOUT', 'no target answered within 10 ms') })
    const answer = await ask(await usual(), { timeout: 0 })
    expect(answer).toMatchObject({ return_code: 2, return_message: 'no target answered within 10 ms' })
  })

  test('an answer that breaks off, or is empty, is none', async () => {
    const front = await usual()
    engine.plan({ pieces: ['half', new DendriteError('INVALID_RESPONSE', 'secret words of the target')] }, { pieces: [] })
    await expect(ask(front)).resolves.toMatchObject({ return_code: 8, response: '', return_message: expect.not.stringContaining('secret') })
    await expect(ask(front)).resolves.toMatchObject({ return_code: 7, response: '' })
    expect(rows).toMatchObject([
      { outcome: 'failed', returnCode: 'INVALID_RESPONSE', uid: targetAt(0).uid, answers: 0 },
      { outcome: 'failed', returnCode: 'EMPTY_RESPONSE', answers: 0 },
    ])
  })

  test('what nobody foresaw is told and logged by its id alone', async () => {
    const lines: string[] = []
    const stream = new Writable({ write: (line: Buffer, _encoding, done) => (lines.push(line.toString()), done()) })
    const log = createLogger({ level: 'trace', format: 'json', stream })
    const front = await start({ log })
    engine.plan({ error: new TypeError('the prompt was 2 + 2?') })
    const answer = await ask(front)
    expect(answer).toMatchObject({
      return_code: 22,
      return_message: `internal error; the request was ${String(answer.headers['x-request-id'])}`,
    })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain(String(answer.headers['x-request-id']))
    expect(lines[0]).not.toContain('2 + 2')
  })
})

describe('usage', () => {
  test('a call is one row, without a word of what was asked or answered', async () => {
    const front = await usual()
    engine.plan({ pieces: ['four', ', I think'] })
    const before = Date.now()
    await ask(front)
    const { netuid, uid, hotkey, protocol } = targetAt(0)
    expect(rows).toEqual([
      {
        ...{ requestId: expect.stringMatching(/./), at: expect.any(Date), customer: `of ${CALLER}`, callerHotkey: CALLER },
        ...{ route: 'TextPrompting/Forward', model: 'bittensor/sn1', netuid, uid, hotkey, protocol, returnCode: 'SUCCESS' },
        ...{ outcome: 'success', errorCode: null, promptTokens: 3 + 2, completionTokens: 4, answers: 1, credits: 0, waitedMs: 0 },
        ms: expect.any(Number),
      },
    ])
    expect(rows[0]?.at.getTime()).toBeGreaterThanOrEqual(before)
    expect(rows[0]?.ms).toBeGreaterThan(0)
  })

  test('what admission wrote on the receipt is in the row, and ahead of the answer', async () => {
    const admission = { ...engine }
    engine = {
      ...admission,
      prompt: (caller, request, signal) => {
        const tokens = { limit: 100, remaining: 95, resetSeconds: 2.4 }
        Object.assign(request.receipt ?? {}, { waitedMs: 31, credits: 1, creditsLeft: 41, tokens })
        return admission.prompt(caller, request, signal)
      },
    }
    const { headers } = await ask(await usual())
    expect(rows).toMatchObject([{ waitedMs: 31, credits: 1 }])
    expect(headers).toMatchObject({ 'x-ratelimit-limit-tokens': '100', 'x-ratelimit-remaining-tokens': '95' })
    expect(headers).toMatchObject({ 'x-ratelimit-reset-tokens': '3s', 'x-taogate-credits-remaining': '41' })
  })

  test('all answers of one call are in one row', async () => {
    await ask(await usual(), { method: 'MultiForward' })
    // "0: echo: 2 + 2?" is 15 bytes.
    expect(rows).toMatchObject([{ route: 'TextPrompting/MultiForward', answers: 2, completionTokens: 8, uid: 7, outcome: 'success' }])
  })
})

describe('callers that leave', () => {
  test.each(['Forward', 'MultiForward'])('%s: who hangs up is not waited for', async (method) => {
    const front = await usual()
    engine.plan({ hangs: true })
    const controller = new AbortController()
    const call = ask(front, { method, signal: controller.signal })
    call.catch(() => undefined)
    await eventually('it is asked', () => engine.running() === 1)
    controller.abort()
    await eventually('nobody is asked any more', () => engine.running() === 0)
    await expect(call).rejects.toMatchObject({ code: 1 })
    await eventually('it is counted', () => rows.length === 1)
    expect(rows).toMatchObject([{ outcome: 'cancelled', errorCode: 'ABORTED', answers: 0, uid: null, promptTokens: 5 }])
  })

  test('a deadline that passes is a timeout', async () => {
    const front = await usual()
    engine.plan({ hangs: true })
    await expect(ask(front, { timeoutMs: 1_000 })).rejects.toMatchObject({ code: 4 })
    await eventually('it is counted', () => rows.length === 1)
    expect(engine.running()).toBe(0)
    expect(rows).toMatchObject([{ outcome: 'timeout', errorCode: 'ABORTED' }])
  })
})

describe('stopping', () => {
  test('calls that end in time are answered', async () => {
    const front = await start({}, { drainMs: 5_000 })
    let give: (text: string) => void = () => undefined
    engine.plan({ pieces: [new Promise<string>((resolve) => (give = resolve))] })
    const call = ask(front)
    await eventually('it is asked', () => engine.running() === 1)
    const closed = front.server.close()
    await sleep(50)
    give('four')
    await expect(call).resolves.toMatchObject({ response: 'four', return_code: 1 })
    await closed
  })

  test('others are ended, and are not taken for ones whose caller left', async () => {
    const front = await start({}, { drainMs: 50 })
    engine.plan({ hangs: true })
    const call = ask(front)
    call.catch(() => undefined)
    await eventually('it is asked', () => engine.running() === 1)
    await front.server.close()
    await expect(call).rejects.toMatchObject({ code: 1, details: 'the server is stopping' })
    expect(engine.running()).toBe(0)
    expect(rows).toMatchObject([{ outcome: 'failed', errorCode: 'ABORTED' }])
  })
})
