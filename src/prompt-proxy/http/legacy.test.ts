import request from 'supertest'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  memoryPrompt,
  type MemoryPrompt,
  promptOf,
  type PromptServer,
  startPromptServer,
  targetAt,
} from '../../../test/support/memory-prompt.js'
import { AppError } from '../../core/errors.js'

const MESSAGES = [{ role: 'user', content: 'Hi' }]
const FAILED = { ...targetAt(1), returnCode: 'TIMEOUT' as const, message: 'took too long', ms: 30.4 }
const FAILED_RESPONSE = { index: 0, uid: 3, responder_hotkey: targetAt(1).hotkey, error: 'took too long', response_ms: 30 }

let engine: MemoryPrompt
let server: PromptServer

beforeAll(async () => {
  server = await startPromptServer({ engine: promptOf(() => engine) })
})
afterAll(() => server.close())
beforeEach(() => {
  engine = memoryPrompt()
})

function chat(body: object, key = 'alice'): request.Test {
  return request(server.url)
    .post('/chat')
    .set('authorization', `Bearer ${key}`)
    .send({ messages: MESSAGES, ...body })
}

test('the first good answer, with those that failed before it', async () => {
  engine.plan({ failed: [FAILED] })
  const { body, headers } = await chat({ in_parallel: 2, whatever: 1 }).set('endpoint-version', '2023-05-19').expect(200)
  expect(body).toEqual({
    choices: [
      {
        ...{ index: 0, uid: 7, responder_hotkey: targetAt(0).hotkey, message: { role: 'assistant', content: 'echo: Hi' } },
        response_ms: expect.any(Number),
      },
    ],
    failed_responses: [FAILED_RESPONSE],
  })
  expect(headers['x-taogate-uid']).toBe('7')
})

test('every answer, of the best or of those named; top_n wins over uids', async () => {
  const { body } = await chat({ respond_on_first_success: false, uids: [7, 3] }).expect(200)
  expect(body.choices.map(({ index, uid }: { index: number; uid: number }) => [index, uid])).toEqual([
    [0, 7],
    [1, 3],
  ])
  expect(body.failed_responses).toEqual([])
  await chat({ respond_on_first_success: false, uids: [1, 2], top_n: 3 }).expect(200)
  await chat({ uids: [5] }).expect(200)
  await request(server.url).post('/chat/').set('authorization', 'Bearer alice').send({ messages: MESSAGES }).expect(200)
  expect(engine.asked.map(({ all, request: { uids, topN, strategy } }) => [all, uids, topN, strategy])).toEqual([
    [true, [7, 3], 2, 'all'],
    [true, undefined, 3, 'all'],
    [false, [5], undefined, 'fastest'],
    [false, undefined, undefined, 'fastest'],
  ])
})

test('errors have the shape and the words of 2023', async () => {
  await request(server.url).post('/chat').send({}).expect(401, { detail: 'Missing API key' }).expect('www-authenticate', 'Bearer')
  await chat({}, 'nobody').expect(401, { detail: 'Invalid API key' })
  await chat({}, 'gone').expect(401, { detail: 'API key has expired' })
  await chat({}, 'broke').expect(401, { detail: 'Not enough credits' })
  await chat({}, 'few').expect(200)
  await chat({}, 'few').expect(200)
  await chat({}, 'few').expect(429, { detail: 'Too Many Requests' }).expect('retry-after', '30')
  engine.plan(
    { error: new AppError('UPSTREAM_DOWN', 'all failed', { failed: [FAILED] }) },
    { error: new AppError('UPSTREAM_DOWN', 'there is no target') },
    { error: new Error('SECRET') },
  )
  await chat({}).expect(502, { detail: 'All miner responses have failed.', failed_responses: [FAILED_RESPONSE] })
  await chat({}).expect(502, { detail: 'there is no target', failed_responses: [] })
  await chat({}).expect(500, { detail: 'Internal Server Error' })
  const wrong = await chat({ messages: [{ role: 'user', content: 5 }] }).expect(422)
  expect(wrong.body.detail).toEqual([{ loc: ['body', 'messages', 0, 'content'], msg: expect.any(String), type: 'value_error' }])
  const version = await chat({}).set('endpoint-version', '2024-01-01').expect(422)
  expect(version.body.detail[0].loc).toEqual(['header', 'Endpoint-Version'])
  await request(server.url).post('/chat/more').set('authorization', 'Bearer alice').send({}).expect(404)
})
