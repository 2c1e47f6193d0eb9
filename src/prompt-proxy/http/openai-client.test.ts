/** The published client library of the OpenAI API, as it comes, on the routes. */
import OpenAI from 'openai'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  memoryPrompt,
  type MemoryPrompt,
  MODELS,
  promptOf,
  type PromptServer,
  startPromptServer,
  TARGETS,
  targetAt,
} from '../../../test/support/memory-prompt.js'
import { eventually } from '../../../test/support/waiting.js'
import { AppError } from '../../core/errors.js'

const MODEL = 'bittensor/sn1'
const HELLO = [{ role: 'user' as const, content: 'Hello there' }]

let engine: MemoryPrompt
let server: PromptServer
let client: OpenAI

beforeAll(async () => {
  server = await startPromptServer({ engine: promptOf(() => engine) })
  client = clientOf('alice')
})
afterAll(() => server.close())
beforeEach(() => {
  engine = memoryPrompt()
  server.used.length = 0
})

function clientOf(apiKey: string): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${server.url}/v1`, maxRetries: 0 })
}

describe('completions', () => {
  test('plain', async () => {
    const { data, response } = await client.chat.completions
      .create({ model: MODEL, messages: HELLO, temperature: 0.5, user: 'u', n: 1 })
      .withResponse()
    expect(data.choices).toEqual([
      { index: 0, message: { role: 'assistant', content: 'echo: Hello there', refusal: null }, logprobs: null, finish_reason: 'stop' },
    ])
    expect(data).toMatchObject({
      object: 'chat.completion',
      model: MODEL,
      usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 },
    })
    expect(response.headers.get('x-taogate-uid')).toBe('7')
    // As programs do: the answer goes back with the next question.
    const [choice] = data.choices
    if (choice === undefined) throw new Error('no choice')
    await client.chat.completions.create({
      model: MODEL,
      messages: [...HELLO, choice.message, { role: 'user', content: [{ type: 'text', text: 'And' }] }],
    })
    expect(engine.asked[1]?.request.messages.map(({ role, content }) => [role, content])).toEqual([
      ['user', 'Hello there'],
      ['assistant', 'echo: Hello there'],
      ['user', 'And'],
    ])
  })

  test('a stream with its usage', async () => {
    engine.plan({ pieces: ['One ', 'two', ' – 🙂'] })
    const stream = await client.chat.completions.create({
      model: MODEL,
      messages: HELLO,
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks.map(({ choices }) => choices[0]?.delta.content)).toEqual(['', 'One ', 'two', ' – 🙂', undefined, undefined])
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant')
    expect(chunks.map(({ choices }) => choices[0]?.finish_reason)).toEqual([null, null, null, null, 'stop', undefined])
    expect(chunks.map(({ usage }) => usage ?? null)).toEqual([
      ...Array(5).fill(null),
      { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
    ])
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
  })

  test('the helper of the library puts a stream together', async () => {
    engine.plan({ pieces: ['All ', 'of ', 'it'] })
    const final = await client.chat.completions.stream({ model: MODEL, messages: HELLO }).finalChatCompletion()
    expect(final.choices[0]).toMatchObject({ finish_reason: 'stop', message: { role: 'assistant', content: 'All of it' } })
  })

  test('several answers, plain and as a stream', async () => {
    const { data, response } = await client.chat.completions.create({ model: MODEL, messages: HELLO, n: 2 }).withResponse()
    expect(data.choices.map(({ index, message }) => [index, message.content])).toEqual([
      [0, '0: echo: Hello there'],
      [1, '1: echo: Hello there'],
    ])
    expect(response.headers.get('x-taogate-hotkey')).toBe(
      TARGETS.slice(0, 2)
        .map(({ hotkey }) => hotkey)
        .join(','),
    )
    const streamed = await client.chat.completions.stream({ model: MODEL, messages: HELLO, n: 2 }).finalChatCompletion()
    expect(streamed.choices.map(({ message, finish_reason }) => [message.content, finish_reason])).toEqual([
      ['0: echo: Hello there', 'stop'],
      ['1: echo: Hello there', 'stop'],
    ])
  })

  test('aborting ends what is asked', async () => {
    engine.plan({ hangs: true })
    const stop = new AbortController()
    const asked = client.chat.completions.create({ model: MODEL, messages: HELLO }, { signal: stop.signal })
    await eventually('the engine is asked', () => engine.running() === 1, 2_000)
    stop.abort()
    await expect(asked).rejects.toBeInstanceOf(OpenAI.APIUserAbortError)
    await eventually('the engine is told', () => engine.running() === 0, 2_000)
  })
})

describe('models', () => {
  test('the list, one by its id, and one that is not there', async () => {
    const ids = []
    for await (const model of client.models.list()) ids.push(model.id)
    expect(ids).toEqual(MODELS.map(({ id }) => id))
    expect(await client.models.retrieve('bittensor/sn1:best_of')).toEqual({
      ...{ id: 'bittensor/sn1:best_of', object: 'model', created: 1_683_000_000, owned_by: 'bittensor' },
    })
    await expect(client.models.retrieve('gpt-4')).rejects.toBeInstanceOf(OpenAI.NotFoundError)
  })
})

describe('errors', () => {
  async function failure(asked: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
    const error = await asked.then(
      () => new Error('it did not fail'),
      (reason: unknown) => reason,
    )
    if (error instanceof OpenAI.APIError) return error
    throw error
  }
  const ask = (body: object = {}, by = client): Promise<unknown> => by.chat.completions.create({ model: MODEL, messages: HELLO, ...body })

  test('each is of the class that programs look for', async () => {
    const wrong = await failure(ask({ temperature: 5 }))
    expect(wrong).toBeInstanceOf(OpenAI.BadRequestError)
    expect(wrong).toMatchObject({ type: 'invalid_request_error', param: 'temperature', code: null, requestID: expect.any(String) })
    const tools = await failure(ask({ tools: [{ type: 'function', function: { name: 'f' } }] }))
    expect(tools).toMatchObject({ status: 400, param: 'tools', message: expect.stringContaining('tools cannot be passed on') })
    const noKey = await failure(ask({}, clientOf('nobody')))
    expect(noKey).toBeInstanceOf(OpenAI.AuthenticationError)
    expect(noKey.code).toBe('invalid_api_key')
    expect(await failure(ask({}, clientOf('works')))).toBeInstanceOf(OpenAI.PermissionDeniedError)
    const model = await failure(ask({ model: 'gpt-4' }))
    expect(model).toBeInstanceOf(OpenAI.NotFoundError)
    expect(model).toMatchObject({ code: 'model_not_found', param: 'model' })
    const broke = await failure(ask({}, clientOf('broke')))
    expect(broke).toBeInstanceOf(OpenAI.RateLimitError)
    expect(broke).toMatchObject({ type: 'insufficient_quota', code: 'insufficient_quota' })
    engine.plan({ error: new AppError('UPSTREAM_DOWN', 'all targets failed') })
    const down = await failure(ask())
    expect(down).toBeInstanceOf(OpenAI.InternalServerError)
    expect(down).toMatchObject({ status: 502, type: 'server_error', code: 'upstream_down' })
  })

  test('before a stream begins it is the status, later the stream fails', async () => {
    engine.plan({ error: new AppError('UPSTREAM_TIMEOUT', 'too late') }, { pieces: ['some', new AppError('UPSTREAM_DOWN', 'broken off')] })
    expect(await failure(ask({ stream: true }))).toMatchObject({ status: 504, code: 'upstream_timeout' })
    const stream = await client.chat.completions.create({ model: MODEL, messages: HELLO, stream: true })
    const read = async (): Promise<string> => {
      let text = ''
      for await (const { choices } of stream) text += choices[0]?.delta.content ?? ''
      return text
    }
    expect(await failure(read())).toMatchObject({ code: 'upstream_down', type: 'server_error', message: 'broken off' })
    await eventually('it is recorded', () => server.used.length === 2, 2_000)
    expect(server.used).toMatchObject([
      { outcome: 'timeout', answers: 0 },
      { outcome: 'failed', uid: targetAt(0).uid, completionTokens: 1 },
    ])
  })
})
