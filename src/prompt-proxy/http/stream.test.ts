import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { memoryPrompt, type MemoryPrompt, type PromptServer, startPromptServer, targetAt } from '../../../test/support/memory-prompt.js'
import { eventually } from '../../../test/support/waiting.js'
import { sleep } from '../../core/lifecycle.js'
import { DendriteError } from '../dendrite/types.js'

const MODEL = 'bittensor/sn1'
const delta = z.union([
  z.strictObject({ role: z.literal('assistant'), content: z.literal(''), refusal: z.null() }),
  z.strictObject({ content: z.string().min(1) }),
  z.strictObject({}),
])
const choice = z.strictObject({ index: z.int(), delta, logprobs: z.null(), finish_reason: z.enum(['stop', 'length']).nullable() })
const usage = z.strictObject({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() })
const chunkFields = {
  ...{ id: z.string().regex(/^chatcmpl-\w+$/), object: z.literal('chat.completion.chunk'), created: z.int(), model: z.literal(MODEL) },
  ...{ system_fingerprint: z.string(), choices: z.array(choice).max(1) },
}
const chunk = z.strictObject(chunkFields)
const chunkWithUsage = z.strictObject({ ...chunkFields, usage: usage.nullable() })

let engine: MemoryPrompt
let server: PromptServer | undefined
beforeEach(() => {
  engine = memoryPrompt()
})
afterEach(() => server?.close())

async function start(options: Partial<Parameters<typeof startPromptServer>[0]> = {}): Promise<PromptServer> {
  return (server = await startPromptServer({ engine, ...options }))
}

interface Hearing {
  response: IncomingMessage
  hangUp(): void
}

/** Asks over a connection that is only used as the test says. */
async function ask(body: object, { path = '/v1/chat/completions', agent }: { path?: string; agent?: Agent } = {}): Promise<Hearing> {
  const asked = begin(body, { path, agent })
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  response.on('error', () => undefined)
  return { response, hangUp: () => asked.destroy() }
}

function begin(body: object, { path = '/v1/chat/completions', agent }: { path?: string; agent?: Agent } = {}): ReturnType<typeof request> {
  const asked = request(`${server?.url}${path}`, {
    method: 'POST',
    agent,
    headers: { 'x-api-key': 'alice', 'content-type': 'application/json' },
  })
  asked.on('error', () => undefined)
  asked.end(JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'Hi' }], stream: true, ...body }))
  return asked
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const part of response) chunks.push(part as Buffer)
  return Buffer.concat(chunks).toString()
}

/** The data of every frame, where the frames are as they have to be. */
function framesOf(text: string): string[] {
  const blocks = text.split('\n\n')
  expect(blocks.pop()).toBe('')
  return blocks.map((block) => {
    expect(block).toMatch(/^data: [^\n\r]*$/)
    return block.slice('data: '.length)
  })
}

describe('frames', () => {
  test('role, pieces, an empty delta with the reason, the end; headers come with the first of them', async () => {
    await start()
    engine.plan({ pieces: ['line\n\nbreaks', ' \r\u2028 ', '🙂"\\'] })
    const { response } = await ask({})
    expect(response.headers).toMatchObject({
      ...{ 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' },
      ...{ 'x-taogate-uid': '7', 'x-taogate-return-code': '1', 'x-taogate-latency-ms': '12', 'x-taogate-usage': 'estimate' },
      ...{ 'x-ratelimit-limit-requests': '100000', 'x-request-id': expect.any(String) },
    })
    const frames = framesOf(await textOf(response))
    expect(frames.pop()).toBe('[DONE]')
    const chunks = frames.map((frame) => chunk.parse(JSON.parse(frame)))
    expect(chunks.map(({ choices }) => choices[0])).toEqual([
      { index: 0, delta: { role: 'assistant', content: '', refusal: null }, logprobs: null, finish_reason: null },
      ...['line\n\nbreaks', ' \r\u2028 ', '🙂"\\'].map((content) => ({
        index: 0,
        delta: { content },
        logprobs: null,
        finish_reason: null,
      })),
      { index: 0, delta: {}, logprobs: null, finish_reason: 'stop' },
    ])
    expect(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size).toBe(1)
  })

  test('with include_usage every chunk has the field, and one more has the numbers', async () => {
    const { used } = await start()
    engine.plan({ pieces: ['abcd', 'efgh', 'ijk'] })
    const { response } = await ask({ stream_options: { include_usage: true }, max_tokens: 2 })
    const frames = framesOf(await textOf(response))
    expect(frames.pop()).toBe('[DONE]')
    const chunks = frames.map((frame) => chunkWithUsage.parse(JSON.parse(frame)))
    expect(chunks.map((one) => one.usage)).toEqual([null, null, null, null, { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }])
    expect(chunks.at(-1)?.choices).toEqual([])
    expect(chunks.at(-2)?.choices[0]).toMatchObject({ delta: {}, finish_reason: 'length' })
    await eventually('it is recorded', () => used.length === 1, 2_000)
    expect(used[0]).toMatchObject({ outcome: 'success', answers: 1, completionTokens: 2, promptTokens: 1, returnCode: 'SUCCESS' })
  })

  test('a stop sequence split over pieces is not seen, and ends what is asked', async () => {
    await start()
    let pulled = 0
    engine.plan({
      async *pieces() {
        for (const piece of ['one ##', '# two #', '#', '## three', 'four']) {
          pulled++
          yield await Promise.resolve(piece)
        }
      },
    })
    const { response } = await ask({ stop: ['####'] })
    const frames = framesOf(await textOf(response))
    const texts = frames.slice(1, -2).map((frame) => JSON.parse(frame).choices[0].delta.content)
    expect(texts).toEqual(['one ', '### two '])
    expect([pulled, engine.running()]).toEqual([4, 0])
  })

  test('one connection serves one stream after the other', async () => {
    await start({ heartbeatMs: 25 })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ports = new Set<number | undefined>()
    for (let n = 0; n < 3; n++) {
      const { response } = await ask({}, { agent })
      ports.add(response.socket.localPort)
      expect(await textOf(response)).toMatch(/\[DONE\]\n\n$/)
      // Longer than a reader may stall: what watched over the stream has to be over with it.
      await sleep(150)
    }
    expect(ports.size).toBe(1)
    agent.destroy()
  })

  test('a quiet stream is kept alive by comments', async () => {
    await start({ heartbeatMs: 20 })
    let go = (_piece: string): void => undefined
    engine.plan({ pieces: ['first', new Promise<string>((resolve) => (go = resolve))] })
    const { response } = await ask({})
    setTimeout(() => go('last'), 150)
    const text = await textOf(response)
    expect(text.split(':\n\n').length).toBeGreaterThanOrEqual(4)
    expect(framesOf(text.replaceAll(/^:\n\n/gm, ''))).toHaveLength(5)
  })

  test('what goes wrong after the first frame is a frame, and nothing comes after it', async () => {
    const { used } = await start()
    engine.plan({ pieces: ['some', new Error('SECRET')] }, { pieces: ['some', new DendriteError('TIMEOUT', 'SECRET')] })
    const errors = []
    for (let n = 0; n < 2; n++) {
      const { response } = await ask({})
      expect(response.statusCode).toBe(200)
      const frames = framesOf(await textOf(response))
      expect(frames).toHaveLength(3)
      errors.push(JSON.parse(frames.at(-1) ?? ''))
    }
    expect(errors).toEqual([
      { error: { message: expect.stringMatching(/^internal error/), type: 'server_error', param: null, code: 'internal' } },
      { error: { message: 'the target broke off its answer: TIMEOUT', type: 'server_error', param: null, code: 'upstream_timeout' } },
    ])
    await eventually('they are recorded', () => used.length === 2, 2_000)
    expect(used.map(({ outcome, returnCode, uid }) => [outcome, returnCode, uid])).toEqual([
      ['failed', 'SUCCESS', targetAt(0).uid],
      ['timeout', 'TIMEOUT', targetAt(0).uid],
    ])
  })
})

describe('who hangs up', () => {
  test.each([
    ['before an answer', '/v1/chat/completions', { stream: false }],
    ['before a stream', '/v1/chat/completions', {}],
    ['before every answer', '/v1/chat/completions', { stream: false, n: 2 }],
    ['on the routes of 2023', '/chat', {}],
  ])('%s: what is asked is aborted at once', async (_when, path, body) => {
    const { used } = await start()
    engine.plan({ hangs: true })
    const asked = begin(body, { path })
    await eventually('the engine is asked', () => engine.running() === 1, 2_000)
    await expectAbort(() => asked.destroy())
    await eventually('it is recorded', () => used.length === 1, 2_000)
    expect(used[0]).toMatchObject({ outcome: 'cancelled', answers: 0 })
    expect(engine.running()).toBe(0)
  })

  test('in the middle of a stream: pieces are not waited for', async () => {
    const { used } = await start()
    engine.plan({ pieces: ['abcd', new Promise<string>(() => undefined)] })
    const { response, hangUp } = await ask({})
    await once(response, 'data')
    await expectAbort(hangUp)
    await eventually('it is recorded', () => used.length === 1 && engine.running() === 0, 2_000)
    expect(used[0]).toMatchObject({ outcome: 'cancelled', answers: 0, completionTokens: 1, uid: targetAt(0).uid })
  })

  /** 100 ms is the aim; a busy machine may take longer without anything being wrong. */
  async function expectAbort(hangUp: () => void): Promise<void> {
    const signal = engine.asked[0]?.signal
    if (signal === undefined) throw new Error('nothing was asked')
    expect(signal.aborted).toBe(false)
    const aborted = once(signal, 'abort')
    const at = performance.now()
    hangUp()
    await aborted
    expect(performance.now() - at).toBeLessThan(1_000)
    expect(signal.reason).toMatchObject({ code: 'ABORTED' })
  }
})

describe('who reads slowly', () => {
  function plenty(told: { pulled: number }): (signal: AbortSignal) => AsyncGenerator<string> {
    return async function* (signal) {
      while (!signal.aborted) {
        told.pulled++
        yield await Promise.resolve('x'.repeat(65_536))
      }
    }
  }

  test('holds up what is pulled, and gets the rest when it reads on', async () => {
    await start()
    const told = { pulled: 0 }
    engine.plan({ pieces: plenty(told) })
    const { response, hangUp } = await ask({})
    response.pause()
    let before = -1
    await eventually(
      'nothing more is pulled',
      async () => {
        const same = told.pulled === before
        before = told.pulled
        await sleep(100)
        return same && told.pulled === before
      },
      5_000,
    )
    // What the kernel takes on both ends, a few MiB.
    expect(told.pulled).toBeLessThan(400)
    response.resume()
    await eventually('it goes on', () => told.pulled > before + 10, 5_000)
    hangUp()
    await eventually('it ends', () => engine.running() === 0, 2_000)
  })

  test('and not at all for four heartbeats is given up', async () => {
    const { used } = await start({ heartbeatMs: 50 })
    engine.plan({ pieces: plenty({ pulled: 0 }) })
    const { response } = await ask({})
    response.pause()
    await eventually('it is given up', () => used.length === 1, 5_000)
    expect(used[0]?.outcome).toBe('cancelled')
    expect(engine.running()).toBe(0)
  })
})

describe('a server that closes', () => {
  test('lets answers finish', async () => {
    const { close } = await start({ drainMs: 5_000 })
    let go = (_piece: string): void => undefined
    engine.plan({ pieces: ['first ', new Promise<string>((resolve) => (go = resolve))] })
    const { response } = await ask({})
    const closed = close()
    await sleep(50)
    go('last')
    expect(await textOf(response)).toMatch(/last[^]*\[DONE\]\n\n$/)
    // The client would keep the connection for seconds, and the server would wait for it.
    const at = Date.now()
    await closed
    expect(Date.now() - at).toBeLessThan(2_000)
  })

  test('but not for ever', async () => {
    const { close, used } = await start({ drainMs: 50 })
    engine.plan({ pieces: ['first ', new Promise<string>(() => undefined)] }, { hangs: true })
    const { response } = await ask({})
    const plain = begin({ stream: false })
    const answered = once(plain, 'response') as Promise<[IncomingMessage]>
    await eventually('both are under way', () => engine.running() === 2, 2_000)
    const closed = close()
    const frames = framesOf(await textOf(response))
    expect(JSON.parse(frames.at(-1) ?? '')).toMatchObject({ error: { type: 'server_error', code: 'aborted' } })
    const [refused] = await answered
    expect(refused.statusCode).toBe(503)
    refused.resume()
    await closed
    expect(used.map(({ outcome }) => outcome)).toEqual(['failed', 'failed'])
  })
})
