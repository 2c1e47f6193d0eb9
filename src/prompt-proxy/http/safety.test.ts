import fc from 'fast-check'
import { Writable } from 'node:stream'
import { get } from 'node:http'
import { once } from 'node:events'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  memoryPrompt,
  type MemoryPrompt,
  promptOf,
  type PromptServer,
  startPromptServer,
  targetAt,
} from '../../../test/support/memory-prompt.js'
import { eventually } from '../../../test/support/waiting.js'
import { AppError } from '../../core/errors.js'
import { createLogger } from '../../core/log.js'
import { DendriteError } from '../dendrite/types.js'

/** In whatever is asked and answered here, and never to be met elsewhere. */
const MARK = 'marigold-7731'
const MODEL = 'bittensor/sn1'

let engine: MemoryPrompt
let server: PromptServer
let logged = ''

beforeAll(async () => {
  const stream = new Writable({
    write(line: Buffer, _encoding, done) {
      logged += line.toString()
      done()
    },
  })
  server = await startPromptServer({ engine: promptOf(() => engine), log: createLogger({ level: 'trace', format: 'json', stream }) })
})
afterAll(() => server.close())
beforeEach(() => {
  engine = memoryPrompt()
  server.used.length = 0
})

function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const body_ = typeof body === 'string' ? body : JSON.stringify(body)
  return fetch(`${server.url}${path}`, {
    method: 'POST',
    body: body_,
    headers: { 'x-api-key': 'alice', 'content-type': 'application/json', ...headers },
  })
}

function rawHeaders({ headers }: Response): [string, string][] {
  return [...headers.entries()]
}

const nasty = fc.string({
  unit: fc.constantFrom('\r', '\n', '\0', '\u0085', '\u2028', 'é', '語', '🙂', ':', ' ', ',', '"', 'a', '\t', '\x7f'),
  maxLength: 200,
})

test('whatever a chain, a target or a caller says, headers are plain words', async () => {
  await fc.assert(
    fc.asyncProperty(nasty, nasty, async (hotkey, prompt) => {
      const target = { ...targetAt(0), hotkey: `${hotkey}\r\nset-cookie: a=b`, protocol: hotkey as 'grpc' }
      const failed = { ...target, returnCode: 'TIMEOUT' as const, message: hotkey, ms: 1 }
      engine.plan(
        { target, pieces: [hotkey, 'x'] },
        { target, pieces: [hotkey, 'x'] },
        { error: new AppError('UPSTREAM_DOWN', hotkey, { failed: [failed] }) },
      )
      engine.plan({
        results: [
          { target, text: hotkey, ms: 1 },
          { target, text: 'x', ms: 1 },
        ],
      })
      const body = { model: MODEL, messages: [{ role: 'user', content: `${prompt}\r\nset-cookie: a=b` }], user: prompt }
      for (const [extra, status] of [
        [{}, 200],
        [{ stream: true }, 200],
        [{}, 502],
        [{ n: 2 }, 200],
      ] as const) {
        const response = await post('/v1/chat/completions', { ...body, ...extra })
        expect(response.status).toBe(status)
        await response.text()
        for (const [name, value] of rawHeaders(response)) {
          expect(name).not.toBe('set-cookie')
          expect(value).toMatch(/^[\x20-\x7e]*$/)
          if (name.startsWith('x-taogate-')) expect(value).toMatch(/^[\w.:?,-]*$/)
        }
      }
    }),
    { numRuns: 30 },
  )
})

test('a name that a caller gives its request is taken as it is only where that is harmless', async () => {
  const asked = get(`${server.url}/v1/models`, { headers: { 'x-api-key': 'alice', 'x-request-id': 'caf\xe9 "x"' } })
  const [response] = (await once(asked, 'response')) as [import('node:http').IncomingMessage]
  response.resume()
  expect(response.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
})

test('no log line has anything of what was asked or answered', async () => {
  const ask = (extra: object = {}): Promise<Response> =>
    post('/v1/chat/completions', { model: MODEL, messages: [{ role: 'user', content: MARK }], stop: [`${MARK}!`], ...extra })
  const faults = [
    new Error(MARK),
    new TypeError(MARK, { cause: new Error(MARK) }),
    new DendriteError('INVALID_RESPONSE', MARK),
    new AppError('UPSTREAM_DOWN', MARK),
  ]
  for (const error of faults) {
    engine.plan({ error }, { pieces: [MARK, error] }, { pieces: [MARK, error] })
    for (const extra of [{}, {}, { stream: true }]) await (await ask(extra)).text()
  }
  engine.plan({ error: Object.assign(new Error('first\nsecond'), { stack: `Error: ${MARK}\n ${MARK}\n    at somewhere (file.ts:1:1)` }) })
  await ask()
  for (const extra of [{}, { stream: true }, { n: 2 }, { tools: [MARK] }, { temperature: MARK }, { [MARK]: 1 }])
    await (await ask(extra)).text()
  await post('/v1/prompt', MARK, { 'content-type': 'text/plain' })
  await post('/v1/prompt', `{"prompt": "${MARK}`)
  await post('/v1/prompt', { prompt: MARK.repeat(5_000) })
  await post('/chat', { messages: [{ role: 'user', content: MARK }] })
  await post(`/v1/${MARK}`, {})
  await eventually('all are over', () => server.used.length === 24, 3_000)
  expect(JSON.stringify(server.used)).not.toContain(MARK)
  expect(logged).not.toContain(MARK)
  // The faults themselves are there, with their place.
  const lines = logged.split('\n').filter((line) => line.includes('"level":"error"'))
  expect(lines).toHaveLength(7)
  for (const line of lines)
    expect(JSON.parse(line)).toMatchObject({ requestId: expect.any(String), fault: expect.stringMatching(/Error$/), at: expect.any(Array) })
  expect(logged).toContain('at somewhere (file.ts:1:1)')
})

test('bodies that are too large are refused by their length or as they come, and are asked of nobody', async () => {
  const large = await post('/v1/prompt', { prompt: 'x'.repeat(20_000) })
  expect(large.status).toBe(413)
  const chunks = new ReadableStream({
    start(controller) {
      for (let n = 0; n < 40; n++) controller.enqueue(Buffer.from('x'.repeat(1_000)))
      controller.close()
    },
  })
  const streamed = await fetch(`${server.url}/v1/prompt`, {
    ...{ method: 'POST', body: chunks, duplex: 'half', headers: { 'x-api-key': 'alice', 'content-type': 'text/plain' } },
  })
  expect(streamed.status).toBe(413)
  expect(engine.asked).toEqual([])
})

test('pages of other sites may read who answered and what is left', async () => {
  const { headers } = await post('/v1/prompt', { prompt: 'a' }, { origin: 'https://app.example' })
  expect(headers.get('access-control-allow-origin')).toBe('*')
  const exposed = headers.get('access-control-expose-headers')?.split(', ')
  expect(exposed).toEqual(
    expect.arrayContaining(['x-request-id', 'x-ratelimit-limit', 'x-taogate-uid', 'x-taogate-return-code', 'x-ratelimit-limit-requests']),
  )
  const preflight = await fetch(`${server.url}/v1/chat/completions`, {
    ...{ method: 'OPTIONS', headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' } },
  })
  expect(preflight.status).toBe(204)
})
