import request from 'supertest'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  memoryPrompt,
  PROMPT_LIMITS,
  type MemoryPrompt,
  promptOf,
  type PromptServer,
  startPromptServer,
  targetAt,
} from '../../../test/support/memory-prompt.js'
import { eventually } from '../../../test/support/waiting.js'
import { AppError } from '../../core/errors.js'
import { DendriteError } from '../dendrite/types.js'
import { chatSchema } from './input.js'

/** The shapes of the OpenAI API, to the last field. */
const usage = z.strictObject({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() })
const chatCompletion = z.strictObject({
  id: z.string().regex(/^chatcmpl-\w+$/),
  object: z.literal('chat.completion'),
  created: z.int(),
  model: z.string(),
  choices: z.array(
    z.strictObject({
      index: z.int(),
      message: z.strictObject({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
      logprobs: z.null(),
      finish_reason: z.enum(['stop', 'length']),
    }),
  ),
  usage,
  system_fingerprint: z.string(),
})
const errorBody = z.strictObject({
  error: z.strictObject({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string().nullable() }),
})

const MODEL = 'bittensor/sn1'
const ALICE = targetAt(0).hotkey
const RECEIPT = { waitedMs: 0, credits: 0, creditsLeft: null, tokens: null }

let engine: MemoryPrompt
let server: PromptServer

beforeAll(async () => {
  server = await startPromptServer({ engine: promptOf(() => engine) })
})
afterAll(() => server.close())
beforeEach(() => {
  engine = memoryPrompt()
  server.used.length = 0
})

function chat(body: object, key = 'alice'): request.Test {
  return post('/v1/chat/completions', { model: MODEL, messages: [{ role: 'user', content: 'Hi' }], ...body }, key)
}

function post(path: string, body: object | string, key = 'alice'): request.Test {
  return request(server.url).post(path).set('x-api-key', key).send(body)
}

function get(path: string, key = 'alice'): request.Test {
  return request(server.url).get(path).set('x-api-key', key)
}

async function used(count = 1): Promise<PromptServer['used']> {
  await eventually('use is recorded', () => server.used.length >= count, 2_000)
  expect(server.used).toHaveLength(count)
  return server.used
}

describe('POST /v1/chat/completions', () => {
  test('the answer has the shape of the API, who answered is in the headers, and its use is recorded once', async () => {
    const before = Math.floor(Date.now() / 1000)
    const { body, headers } = await chat({}).set('x-request-id', 'mine').expect(200)
    expect(chatCompletion.parse(body)).toEqual(body)
    expect(body.created - before).toBeLessThan(5)
    expect(headers).toMatchObject({
      ...{ 'x-taogate-netuid': '1', 'x-taogate-uid': '7', 'x-taogate-hotkey': ALICE, 'x-taogate-protocol': 'grpc' },
      ...{ 'x-taogate-latency-ms': '12', 'x-taogate-return-code': '1', 'x-taogate-usage': 'estimate', 'x-request-id': 'mine' },
      ...{ 'cache-control': 'no-store', 'x-ratelimit-limit': '100000', 'x-ratelimit-limit-requests': '100000' },
      ...{
        'x-ratelimit-remaining-requests': expect.stringMatching(/^\d+$/),
        'x-ratelimit-reset-requests': expect.stringMatching(/^\d+s$/),
      },
    })
    expect(await used()).toEqual([
      {
        ...{ requestId: 'mine', at: expect.any(Date), customer: 'alice', callerHotkey: null, route: '/v1/chat/completions', model: MODEL },
        ...{ ...targetAt(0), promptTokens: 1, completionTokens: 2, answers: 1, outcome: 'success', returnCode: 'SUCCESS' },
        ...{ errorCode: null, credits: 0, waitedMs: 0, ms: expect.any(Number) },
      },
    ])
  })

  test('everything that can be passed on is', async () => {
    await chat({
      ...{
        messages: [
          {
            role: 'developer',
            content: [
              { type: 'text', text: 'Be' },
              { type: 'text', text: 'brief' },
            ],
          },
          { role: 'user', content: 'é', name: 'Zoë' },
        ],
      },
      ...{
        temperature: 0,
        top_p: 1,
        max_tokens: 5,
        max_completion_tokens: 7,
        stop: 'END',
        seed: -4,
        uids: [3, 0],
        hotkeys: [ALICE],
        top_n: 2,
      },
      ...{ strategy: 'best_of', timeout: 1.5, stream_options: null, n: null, user: 'u', store: false, metadata: {}, presence_penalty: 1 },
      ...{ tools: [], tool_choice: 'none', response_format: { type: 'text' }, logprobs: false, logit_bias: {}, modalities: ['text'] },
    }).expect(200)
    expect(engine.asked[0]?.request).toEqual({
      model: MODEL,
      messages: [
        { role: 'system', content: 'Be\nbrief' },
        { role: 'user', content: 'é' },
      ],
      ...{ stream: false, uids: [3, 0], hotkeys: [ALICE], topN: 2, strategy: 'best_of', timeoutMs: 1500, firstTokenMs: 4000 },
      sampling: { temperature: 0, topP: 1, maxTokens: 7, stop: ['END'], seed: -4 },
      receipt: RECEIPT,
    })
    const nothing = Object.fromEntries(Object.keys(chatSchema(PROMPT_LIMITS).shape).map((field) => [field, null]))
    await chat({ ...nothing, model: MODEL, messages: [{ role: 'user', content: 'Hi' }] }).expect(200)
    expect(engine.asked[1]?.request).toEqual({
      ...{ model: MODEL, messages: [{ role: 'user', content: 'Hi' }], stream: false, timeoutMs: 10_000, firstTokenMs: 4000 },
      receipt: RECEIPT,
    })
  })

  test.each([
    [{ model: undefined }, 'model'],
    [{ messages: [] }, 'messages'],
    [{ messages: [{ role: 'tool', content: 'x', tool_call_id: '1' }] }, 'messages[0].role'],
    [{ messages: [{ role: 'user' }] }, 'messages[0].content'],
    [{ messages: [{ role: 'user', content: 'half \ud800' }] }, 'messages[0].content'],
    [{ messages: [{ role: 'user', content: [] }] }, 'messages[0].content'],
    [
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'a' },
              { type: 'image_url', image_url: { url: 'x' } },
            ],
          },
        ],
      },
      'messages[0].content[1]',
    ],
    [{ messages: [{ role: 'assistant', content: 'a', tool_calls: [{ id: 'a' }] }] }, 'messages[0].tool_calls'],
    [{ temperature: 2.1 }, 'temperature'],
    [{ top_p: '1' }, 'top_p'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ n: 9 }, 'n'],
    [{ stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop'],
    [{ stop: '' }, 'stop'],
    [{ stream: 'yes' }, 'stream'],
    [{ stream_options: { include: true } }, 'stream_options.include'],
    [{ tools: [{ type: 'function' }] }, 'tools'],
    [{ tool_choice: 'required' }, 'tool_choice'],
    [{ functions: [{}] }, 'functions'],
    [{ response_format: { type: 'json_object' } }, 'response_format'],
    [{ response_format: 5 }, 'response_format'],
    [{ logprobs: true }, 'logprobs'],
    [{ top_logprobs: 2 }, 'top_logprobs'],
    [{ logit_bias: { 50256: -100 } }, 'logit_bias'],
    [{ modalities: ['audio'] }, 'modalities'],
    [{ web_search_options: {} }, 'web_search_options'],
    [{ uids: [65_536] }, 'uids[0]'],
    [{ uids: [] }, 'uids'],
    [{ hotkeys: ['5nope'] }, 'hotkeys[0]'],
    [{ top_n: 9 }, 'top_n'],
    [{ strategy: 'cheapest' }, 'strategy'],
    [{ timeout: 61 }, 'timeout'],
    [{ frobnicate: 1 }, 'frobnicate'],
  ])('%j is refused by the name of the field', async (body, param) => {
    const answer = await chat(body).expect(400)
    expect(errorBody.parse(answer.body)).toEqual(answer.body)
    expect(answer.body.error).toMatchObject({
      type: 'invalid_request_error',
      param,
      code: null,
      message: expect.stringContaining(`${param}: `),
    })
    expect(engine.asked).toEqual([])
    expect(await used()).toMatchObject([
      { outcome: 'refused', errorCode: 'BAD_INPUT', model: null, uid: null, promptTokens: 0, answers: 0 },
    ])
  })

  test('stop sequences and limits are kept here, and end what is asked', async () => {
    let pulled = 0
    const endless = async function* (): AsyncGenerator<string> {
      for (;;) yield await Promise.resolve(['Wei', 'ter EN', 'D und '][pulled++ % 3] ?? '')
    }
    engine.plan({ pieces: endless }, { pieces: endless }, { pieces: ['exactly8'] })
    const stopped = await chat({ stop: ['END'] }).expect(200)
    expect(stopped.body.choices[0]).toMatchObject({ message: { content: 'Weiter ' }, finish_reason: 'stop' })
    expect([pulled, engine.running()]).toEqual([3, 0])
    const short = await chat({ max_tokens: 2 }).expect(200)
    expect(short.body).toMatchObject({
      choices: [{ message: { content: 'Weiter E' }, finish_reason: 'length' }],
      usage: { completion_tokens: 2 },
    })
    const whole = await chat({ max_tokens: 2 }).expect(200)
    expect(whole.body.choices[0]).toMatchObject({ message: { content: 'exactly8' }, finish_reason: 'stop' })
    expect((await used(3)).map(({ completionTokens }) => completionTokens)).toEqual([2, 2, 2])
  })

  test('every answer: as many as n, or with the strategy "all" as many as there are', async () => {
    const all = await chat({ strategy: 'all', top_n: 3 }).expect(200)
    expect(chatCompletion.parse(all.body).choices).toHaveLength(3)
    expect(all.headers).toMatchObject({
      'x-taogate-uid': '7,3,9',
      'x-taogate-protocol': 'grpc,http,epistula',
      'x-taogate-latency-ms': '10,20,30',
    })
    expect((await chat({ model: `${MODEL}:all` }).expect(200)).body.choices).toHaveLength(2)
    expect((await chat({ model: `${MODEL}:all`, n: 1 }).expect(200)).body.choices).toHaveLength(1)
    expect((await chat({ model: `${MODEL}:all`, strategy: 'stake' }).expect(200)).body.choices).toHaveLength(1)
    const three = await chat({ n: 3, max_tokens: 1 }).expect(200)
    expect(three.body.choices.map(({ finish_reason }: { finish_reason: string }) => finish_reason)).toEqual(['length', 'length', 'length'])
    expect(three.body.usage.completion_tokens).toBe(3)
    expect(engine.asked.map(({ all, request: { topN, keep } }) => [all, topN, keep])).toEqual([
      [true, 3, undefined],
      [true, undefined, undefined],
      [true, undefined, 1],
      [false, undefined, undefined],
      [true, 3, 3],
    ])
    expect((await used(5)).map(({ answers }) => answers)).toEqual([3, 2, 1, 1, 3])
  })
})

describe('errors', () => {
  const FAILED = { ...targetAt(1), returnCode: 'BLACKLISTED' as const, message: 'no', ms: 30 }

  test.each([
    [new AppError('BAD_INPUT', 'no such uid', { field: 'uids' }), 400, 'invalid_request_error', null, 'uids', 'refused'],
    [new AppError('NOT_FOUND', 'no such model'), 404, 'invalid_request_error', 'model_not_found', 'model', 'refused'],
    [new AppError('RATE_LIMITED', 'slowly', { retryAfterSeconds: 7 }), 429, 'rate_limit_exceeded', 'rate_limit_exceeded', null, 'refused'],
    [new AppError('OVERLOADED', 'full', { retryAfterSeconds: 5 }), 503, 'server_error', 'overloaded', null, 'refused'],
    [new AppError('UPSTREAM_DOWN', 'nobody'), 502, 'server_error', 'upstream_down', null, 'failed'],
    [new AppError('UPSTREAM_TIMEOUT', 'late'), 504, 'server_error', 'upstream_timeout', null, 'timeout'],
    [new AppError('ABORTED', 'the queue is full'), 503, 'server_error', 'aborted', null, 'failed'],
    [new DendriteError('TIMEOUT', 'SECRET'), 504, 'server_error', 'upstream_timeout', null, 'timeout'],
    [new DendriteError('BAD_ENDPOINT', 'SECRET'), 502, 'server_error', 'upstream_down', null, 'failed'],
    [new Error('SECRET'), 500, 'server_error', 'internal', null, 'failed'],
  ])('of the engine: %s', async (error, status, type, code, param, outcome) => {
    engine.plan({ error })
    const { body, headers } = await chat({}).expect(status)
    expect(errorBody.parse(body)).toEqual(body)
    expect(body.error).toMatchObject({ type, code, param })
    expect(JSON.stringify(body)).not.toContain('SECRET')
    expect(headers['x-request-id']).toBeTruthy()
    expect(headers['retry-after']).toBe(status === 429 ? '7' : status === 503 ? '5' : undefined)
    expect(await used()).toMatchObject([{ outcome, model: MODEL, promptTokens: 1, answers: 0 }])
  })

  test('when all have failed, the last of them is told', async () => {
    engine.plan({ error: new AppError('UPSTREAM_DOWN', 'all failed', { failed: [{ ...FAILED, ...targetAt(0) }, FAILED] }) })
    const { headers } = await chat({}).expect(502)
    expect(headers).toMatchObject({ 'x-taogate-uid': '3', 'x-taogate-return-code': '25', 'x-taogate-latency-ms': '30' })
    expect(await used()).toMatchObject([{ outcome: 'failed', ...targetAt(1), returnCode: 'BLACKLISTED' }])
  })

  test('an answer that breaks off is none where it would have come whole', async () => {
    engine.plan({ pieces: ['half of ', new DendriteError('INVALID_RESPONSE', 'SECRET')] })
    expect(JSON.stringify((await chat({}).expect(502)).body)).not.toContain('SECRET')
    expect(await used()).toMatchObject([
      { outcome: 'failed', ...targetAt(0), returnCode: 'INVALID_RESPONSE', answers: 0, completionTokens: 2 },
    ])
  })

  test('of the door, the framework and paths that are not there', async () => {
    const bare = await request(server.url).post('/v1/chat/completions').send({}).expect(401).expect('www-authenticate', 'Bearer')
    expect(errorBody.parse(bare.body).error).toMatchObject({ type: 'invalid_request_error', code: 'invalid_api_key' })
    expect((await chat({}, 'works').expect(403)).body.error).toMatchObject({ type: 'permission_error', code: 'insufficient_permissions' })
    await chat({}, 'few').expect(200)
    await chat({}, 'few').expect(200)
    const many = await chat({}, 'few').expect(429)
    expect(many.body.error).toMatchObject({ type: 'rate_limit_exceeded', code: 'rate_limit_exceeded' })
    expect(many.headers).toMatchObject({ 'retry-after': '30', 'x-ratelimit-remaining-requests': '0' })
    const large = await chat({ user: 'x'.repeat(20_000) }).expect(413)
    expect(errorBody.parse(large.body).error).toMatchObject({ type: 'invalid_request_error', code: 'too_large' })
    const broken = await post('/v1/chat/completions', '{"a":').set('content-type', 'application/json').expect(400)
    expect(errorBody.parse(broken.body).error.type).toBe('invalid_request_error')
    const form = await post('/v1/chat/completions', 'a=b').set('content-type', 'application/x-www-form-urlencoded').expect(400)
    expect(errorBody.parse(form.body).error.type).toBe('invalid_request_error')
    for (const asked of [get('/v1/completions'), post('/v1/embeddings', {}), get('/v1/chat/completions')]) {
      const none = await asked.expect(404)
      expect(errorBody.parse(none.body).error).toMatchObject({ code: 'unknown_url', param: null })
    }
    const outcomes = (await used(6)).map(({ outcome, customer }) => `${customer} ${outcome}`)
    expect(outcomes).toEqual(['few success', 'few success', ...Array(4).fill('alice refused')])
  })
})

describe('GET', () => {
  test('models, with slashes in their ids as they are or encoded', async () => {
    const { body } = await get('/v1/models').expect(200)
    const model = { id: 'bittensor/sn1:best_of', object: 'model', created: 1_683_000_000, owned_by: 'bittensor' }
    expect(body).toEqual({ object: 'list', data: [{ ...model, id: MODEL }, model, { ...model, id: 'bittensor/sn1:all' }] })
    for (const path of ['bittensor/sn1:best_of', 'bittensor%2Fsn1%3Abest_of'])
      expect((await get(`/v1/models/${path}`).expect(200)).body).toEqual(model)
    for (const path of ['gpt-4', 'bittensor/sn2', ''])
      expect((await get(`/v1/models/${path}`).expect(404)).body.error).toMatchObject({ code: 'model_not_found', param: 'model' })
    await get('/v1/models', 'nobody').expect(401)
    expect(server.used).toEqual([])
  })

  test('targets with their state, all or some of them', async () => {
    const state = {
      ...targetAt(0),
      ...{
        address: '[2001:db8::1]:8091',
        version: 510,
        stake: '18446744073709551615',
        validatorPermit: true,
        refusal: null,
        circuit: 'closed' as const,
      },
      ...{ successRate: 0.5, latencyMs: 100.5, p95Ms: null, inFlight: 2, lastReturnCode: 'TIMEOUT' as const },
    }
    engine.states = [state, { ...state, ...targetAt(1), netuid: 2, refusal: 'private address' }]
    const { body } = await get('/v1/targets').expect(200)
    expect(body.object).toBe('list')
    expect(body.data[0]).toEqual({
      ...{ object: 'target', netuid: 1, uid: 7, hotkey: ALICE, protocol: 'grpc', address: '[2001:db8::1]:8091', version: 510 },
      ...{ stake: '18446744073709551615', validator_permit: true, refusal: null, circuit: 'closed', success_rate: 0.5 },
      ...{ latency_ms: 100.5, p95_ms: null, in_flight: 2, last_return_code: 'TIMEOUT' },
    })
    const uids = async (query: string): Promise<number[]> =>
      (await get(`/v1/targets?${query}`).expect(200)).body.data.map(({ uid }: { uid: number }) => uid)
    expect([await uids(''), await uids('netuid=2'), await uids('available=true'), await uids('netuid=2&available=true')]).toEqual([
      [7, 3],
      [3],
      [7],
      [],
    ])
    for (const query of ['netuid=x', 'netuid=65536', 'available=1', 'uid=1']) await get(`/v1/targets?${query}`).expect(400)
  })
})

describe('POST /v1/prompt', () => {
  test('text in, text out', async () => {
    const { text, headers } = await post('/v1/prompt', 'Wie spät ist es?').set('content-type', 'text/plain; charset=utf-8').expect(200)
    expect(text).toBe('echo: Wie spät ist es?')
    expect(headers).toMatchObject({ 'content-type': 'text/plain; charset=utf-8', 'x-taogate-hotkey': ALICE })
    expect(engine.asked[0]?.request).toMatchObject({ model: MODEL, messages: [{ role: 'user', content: 'Wie spät ist es?' }] })
  })

  test('JSON in, JSON out, one answer or all', async () => {
    const one = await post('/v1/prompt', { prompt: 'Hi', system: 'Be brief', model: `${MODEL}:best_of`, stop: ['i'] }).expect(200)
    expect(one.body).toEqual({
      ...{ model: `${MODEL}:best_of`, response: 'echo: H', finish_reason: 'stop', latency_ms: expect.any(Number) },
      target: { netuid: 1, uid: 7, hotkey: ALICE, protocol: 'grpc' },
    })
    engine.plan({
      results: [{ target: targetAt(1), text: 'Yes', ms: 5.6 }],
      failed: [{ ...targetAt(2), returnCode: 'TIMEOUT', message: 'late', ms: 9.2 }],
    })
    const all = await post('/v1/prompt', { prompt: 'Hi', return_all: true, top_n: 2 }).expect(200)
    expect(all.body).toEqual({
      model: MODEL,
      responses: [{ response: 'Yes', finish_reason: 'stop', target: targetAt(1), latency_ms: 6 }],
      failed: [{ target: targetAt(2), return_code: 'TIMEOUT', error: 'late', latency_ms: 9 }],
    })
    expect(engine.asked[0]?.request.messages).toEqual([
      { role: 'system', content: 'Be brief' },
      { role: 'user', content: 'Hi' },
    ])
  })

  test('what is not a prompt is refused, and without models nobody is asked', async () => {
    for (const body of [{}, { prompt: '' }, { prompt: 5 }, { prompt: 'a', stream: true }]) await post('/v1/prompt', body).expect(400)
    await post('/v1/prompt', '"text as JSON"').set('content-type', 'application/json').expect(400)
    engine.models = () => []
    expect((await post('/v1/prompt', { prompt: 'a' }).expect(502)).body.error.code).toBe('upstream_down')
    expect(engine.asked).toEqual([])
  })
})
