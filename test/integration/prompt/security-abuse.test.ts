/** Callers that send too much, too slowly, too often, the same again, or read nothing: each is told so, in bounded time and memory, and others are served meanwhile. */
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sleep } from '../../../src/core/lifecycle.js'
import { keyPairFromSeed } from '../../../src/core/wallet/keys.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { signedByHand, v5TestClient, type V5TestClient } from '../../support/v5-client.js'
import { eventually } from '../../support/waiting.js'
import { modelOf, neuronOf, startAxon, startWorld, type Axon, type Question, type World } from './world.js'

const MODEL = modelOf('http')
const MAX_BODY = 65_536
const TIMEOUTS = { headersMs: 300, requestMs: 600 }
/** Connections are looked at twice within the time for headers. */
const LATE_MS = TIMEOUTS.requestMs + TIMEOUTS.headersMs + 500
const WRONG_KEYS = 5
const CALLER_SEED = new Uint8Array(32).fill(0x11)
const UUID = '5ecbd69c-1cec-11ee-b0dc-e29ce36fec30'
const MESSAGES = ['{"role": "user", "content": "Hello"}']
const MIB = 1_048_576

let db: TestDatabase
let axon: Axon<'http'>
let world: World
let key: string
let client: V5TestClient
let questions: Question[] = []
let nonce = 0n

beforeAll(async () => {
  db = await testDatabase()
  axon = await startAxon('http', async function* (question) {
    questions.push(question)
    yield 'fine'
  })
  world = await startWorld({
    ...{ db, neurons: [neuronOf('http', 0, axon)], timeouts: TIMEOUTS, wrongKeysPerMinute: WRONG_KEYS },
    config: { 'prompt.maxBodyBytes': String(MAX_BODY), 'prompt.netuids': MODEL.replace('bittensor/sn', '') },
  })
  key = (await world.newKey()).key
  client = v5TestClient(world.grpcPort)
})
afterAll(async () => {
  client?.close()
  await world?.close()
  await axon?.close()
  await db?.[Symbol.asyncDispose]()
})

function ask(content: string, path = '/v1/chat/completions'): Promise<Response> {
  return world.post(path, { model: MODEL, messages: [{ role: 'user', content }] }, key)
}

async function expectServed(): Promise<void> {
  const response = await ask('Hello')
  expect(response.status).toBe(200)
  await response.text()
}

/** A connection over which a test writes what it likes. */
function rawSocket(): { socket: Socket; text(): string; closed: Promise<unknown> } {
  const socket = connect(world.port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk: Buffer) => void (text += chunk.toString('latin1'))).on('error', () => undefined)
  return { socket, text: () => text, closed: once(socket, 'close') }
}

const head = (more: string): string =>
  `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx-api-key: ${key}\r\ncontent-type: application/json\r\n${more}`

describe('bodies', () => {
  test.each(['/v1/chat/completions', '/v1/prompt', '/chat'])(
    'too large ones are refused at %s by what they say and by what they are',
    async (path) => {
      questions = []
      const said = await ask('x'.repeat(MAX_BODY), path)
      expect(said.status).toBe(413)
      await said.text()
      const chunks = new ReadableStream({
        pull: (controller) => controller.enqueue(Buffer.alloc(8_192, 'x')),
      })
      const sent = await fetch(`${world.url}${path}`, {
        ...{ method: 'POST', body: chunks, duplex: 'half', headers: { 'x-api-key': key, 'content-type': 'application/json' } },
      }).catch(() => null)
      // The end of the connection may come before the answer was read.
      if (sent !== null) expect(sent.status).toBe(413)
      expect(questions).toEqual([])
      await expectServed()
    },
  )

  test('one that says to be large is refused before any of it came, and its connection is not kept waiting for it', async () => {
    const { socket, text, closed } = rawSocket()
    socket.write(head(`content-length: ${100 * MIB}\r\n\r\n`))
    const startedAt = performance.now()
    await closed
    expect(text()).toMatch(/^HTTP\/1\.1 413 /)
    expect(performance.now() - startedAt).toBeLessThan(LATE_MS + 1_000)
  })

  test('over gRPC as well', async () => {
    const messages = [JSON.stringify({ role: 'user', content: 'x'.repeat(MAX_BODY) })]
    const call = client.call('Forward', { messages, timeout: 5 }, signedByHand(CALLER_SEED, world.gateway.address, ++nonce, UUID))
    await expect(call).rejects.toMatchObject({ code: 8 })
  })

  test.each([
    ['nested deep', `{"model":"${MODEL}","messages":${'['.repeat(30_000)}${']'.repeat(30_000)}}`],
    ['nested deep as objects', `{"model":"${MODEL}","messages":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`],
    ['nested deep within a part', `{"model":"${MODEL}","messages":[{"role":"user","content":${'['.repeat(30_000)}${']'.repeat(30_000)}}]}`],
    ['nested without an end', '['.repeat(60_000)],
    ['many keys', `{${Array.from({ length: 5_000 }, (_, n) => `"k${n}":1`).join()}}`],
    ['many messages', `{"model":"${MODEL}","messages":[${Array<string>(2_000).fill('{"role":"user","content":"x"}').join()}]}`],
    ['one number of many digits', `{"model":"${MODEL}","seed":${'9'.repeat(60_000)},"messages":[{"role":"user","content":"x"}]}`],
    ['no JSON', '{"model": '],
    ['nothing', ''],
    ['null', 'null'],
  ])('%s', async (_name, body) => {
    questions = []
    const startedAt = performance.now()
    const response = await world.post('/v1/chat/completions', body, key)
    expect(response.status).toBe(400)
    expect((await response.text()).length).toBeLessThan(4_096)
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    expect(questions).toEqual([])
  })

  test('what is no UTF-8 does not reach anybody as such', async () => {
    questions = []
    const [start = '', end = ''] = JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'a#b' }] }).split('#')
    for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xc0, 0x80]]) {
      const body = Buffer.concat([Buffer.from(start), Buffer.from(bytes), Buffer.from(end)])
      const response = await fetch(`${world.url}/v1/chat/completions`, {
        method: 'POST',
        body,
        headers: { 'x-api-key': key, 'content-type': 'application/json' },
      })
      expect([200, 400]).toContain(response.status)
      await response.text()
    }
    for (const { messages } of questions) expect(messages[0]?.content).toMatch(/^a\ufffd+b$/)
  })

  test('what is packed is not unpacked', async () => {
    const packed = gzipSync(JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'x'.repeat(50 * MIB) }] }))
    expect(packed.length).toBeLessThan(MAX_BODY)
    const response = await fetch(`${world.url}/v1/chat/completions`, {
      ...{ method: 'POST', body: packed },
      headers: { 'x-api-key': key, 'content-type': 'application/json', 'content-encoding': 'gzip' },
    })
    expect([400, 415]).toContain(response.status)
  })
})

describe('slow callers', () => {
  test.each([
    ['a head', () => head('x-a: '), 'x'],
    ['a body with a length', () => head('content-length: 5000\r\n\r\n'), ' '],
    ['a body in chunks', () => head('transfer-encoding: chunked\r\n\r\n'), '1\r\n \r\n'],
    ['nothing at all', () => '', ''],
  ])('%s that never comes to its end is given up in time', async (_name, start, piece) => {
    const connections = Array.from({ length: 20 }, rawSocket)
    const startedAt = performance.now()
    const writing = setInterval(() => connections.forEach(({ socket }) => socket.writable && socket.write(piece)), 50)
    try {
      for (const { socket } of connections) socket.write(start())
      // Meanwhile others are served.
      await expectServed()
      await Promise.all(connections.map(({ closed }) => closed))
    } finally {
      clearInterval(writing)
    }
    expect(performance.now() - startedAt).toBeLessThan(LATE_MS + 1_000)
    for (const { text } of connections) expect(text()).toMatch(/^(HTTP\/1\.1 408 |$)/)
    expect(connections.some(({ text }) => text() !== '')).toBe(true)
    await expectServed()
  })

  test('callers that do not read their streams do not make the gateway large', async () => {
    // Each piece becomes a frame of some 240 bytes: much more than the kernel keeps for a connection.
    const [readers, pieces, frameBytes] = [3, 80_000, 240]
    let made = 0
    const talker = await startAxon('http', async function* ({ signal }) {
      for (let n = 0; n < pieces && !signal.aborted; n++, made++) yield 'xxxxxxx '
    })
    await using wide = await startWorld({ db, neurons: [neuronOf('http', 0, talker)] })
    const { key: own } = await wide.newKey()
    const asked = Array.from({ length: readers }, () => {
      const one = httpRequest(`${wide.url}/v1/chat/completions`, {
        ...{ method: 'POST', agent: false, headers: { 'x-api-key': own, 'content-type': 'application/json' } },
      })
      one.on('error', () => undefined)
      return one
    })
    try {
      const before = memory()
      const body = { model: MODEL, messages: [{ role: 'user', content: 'Tell me all.' }], stream: true, timeout: 60 }
      for (const one of asked) one.end(JSON.stringify(body))
      // Nobody listens to their data: they are read as far as the first buffer, and no further.
      await Promise.all(asked.map((one) => once(one, 'response')))
      let last = -1
      await eventually('all have come to a stand', async () => {
        const isStill = made === last
        last = made
        await sleep(250)
        return isStill
      })
      expect(made).toBeGreaterThan(readers * 1_000)
      expect(memory() - before).toBeLessThan((readers * pieces * frameBytes) / 3)
    } finally {
      for (const one of asked) one.destroy()
      await talker.close()
    }
  })

  function memory(): number {
    setFlagsFromString('--expose-gc')
    ;(runInNewContext('gc') as () => void)()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
})

describe('what was good once', () => {
  test('a call over gRPC is taken once, and none with a lower nonce after it', async () => {
    const call = (metadata: [string, string][]) => client.call('Forward', { version: 520, messages: MESSAGES, timeout: 5 }, metadata)
    const gateway = world.gateway.address
    const first = signedByHand(CALLER_SEED, gateway, ++nonce, UUID)
    await expect(call(first)).resolves.toMatchObject({ return_code: 1, response: 'fine' })
    questions = []
    for (let n = 0; n < 3; n++) await expect(call(first)).rejects.toMatchObject({ code: 16, details: 'Nonce is too small' })
    const [low, high] = [signedByHand(CALLER_SEED, gateway, ++nonce, UUID), signedByHand(CALLER_SEED, gateway, ++nonce, UUID)]
    await expect(call(high)).resolves.toMatchObject({ return_code: 1 })
    await expect(call(low)).rejects.toMatchObject({ code: 16, details: 'Nonce is too small' })
    // The body is not signed: that it is another one does not make it another call.
    await expect(client.call('Forward', { messages: ['{"role":"user","content":"other"}'], timeout: 5 }, high)).rejects.toMatchObject({
      code: 16,
    })
    for (const method of ['MultiForward', 'Backward'])
      await expect(client.call(method, { messages: MESSAGES, timeout: 5 }, high)).rejects.toMatchObject({ code: 16 })
    const many = signedByHand(CALLER_SEED, gateway, ++nonce, UUID)
    const answers = await Promise.allSettled(Array.from({ length: 10 }, () => call(many)))
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(questions).toHaveLength(2)
  })

  test('a proof of a hotkey is good once, for whom it was made, and as it was made', async () => {
    const pair = await keyPairFromSeed(new Uint8Array(32).fill(0x33))
    const { key: other } = await world.newKey()
    const json = async (path: string, body: object, by = key) => {
      const response = await world.post(`/v1/hotkey/${path}`, body, by)
      return { status: response.status, ...((await response.json()) as { challenge: string; token: string; error: { code: string } }) }
    }
    const prove = (challenge: string, by = key, hotkey = pair.address, signed = challenge) => {
      const signature = Buffer.from(pair.sign(Buffer.from(signed))).toString('hex')
      return json('proof', { hotkey, challenge, signature }, by)
    }
    const refused = { status: 401, error: { code: 'invalid_hotkey_proof' } }
    const { challenge } = await json('challenge', { hotkey: pair.address })
    expect(await prove(challenge, other)).toMatchObject(refused)
    expect(await prove(challenge, key, world.gateway.address)).toMatchObject(refused)
    expect(await prove(challenge, key, pair.address, 'something else')).toMatchObject(refused)
    expect(await prove(challenge.replace(/Expires: 20\d\d/, 'Expires: 2099'))).toMatchObject(refused)
    const race = await Promise.all(Array.from({ length: 8 }, () => prove(challenge)))
    expect(race.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(await prove(challenge)).toMatchObject(refused)
    const token = race.find(({ status }) => status === 200)?.token ?? ''
    const withToken = async (value: string, by = key) => {
      const body = JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'Hello' }] })
      const headers = { 'x-api-key': by, 'x-taogate-hotkey': value, 'content-type': 'application/json' }
      const response = await fetch(`${world.url}/v1/chat/completions`, { method: 'POST', body, headers })
      return { status: response.status, ...((await response.json()) as { error?: { code: string } }) }
    }
    expect(await withToken(token)).toMatchObject({ status: 200 })
    expect(await withToken(token, other)).toMatchObject(refused)
    const [payload = '', seal = ''] = token.split('.')
    const forged = Buffer.from(Buffer.from(payload, 'base64url').toString().replace(pair.address, world.gateway.address)).toString(
      'base64url',
    )
    for (const bad of [
      `${forged}.${seal}`,
      `${payload}.${seal.slice(0, -1)}`,
      `${payload}.`,
      payload,
      `.${seal}`,
      `${token}.x`,
      `${token}=`,
      challenge.split('Seal: ')[1] ?? '',
    ])
      expect(await withToken(bad)).toMatchObject(refused)
  })
})

test('whoever guesses keys is stopped, and a key that is good is served from the same address', async () => {
  await expectServed()
  const guess = (n: number): string => `tg_${n.toString(16).padStart(16, '0')}_${'A'.repeat(43)}`
  const tries: [string, [string, string][]][] = Array.from({ length: 60 }, (_, n) => [
    ['/v1/chat/completions', '/chat', '/v1/prompt', '/v1/models', '/v1/targets', '/v1/hotkey/challenge'][n % 6] as string,
    [n % 2 === 0 ? ['authorization', `Bearer ${guess(n)}`] : ['x-api-key', guess(n)]],
  ])
  const answers = await Promise.all(
    tries.map(async ([path, headers]) => {
      const isGet = path === '/v1/models' || path === '/v1/targets'
      const response = await fetch(
        `${world.url}${path}`,
        isGet ? { headers } : { method: 'POST', body: '{}', headers: [...headers, ['content-type', 'application/json']] },
      )
      await response.text()
      return response
    }),
  )
  const statuses = answers.map(({ status }) => status)
  expect(statuses.filter((status) => status === 401)).toHaveLength(WRONG_KEYS)
  expect(statuses.filter((status) => status === 429)).toHaveLength(tries.length - WRONG_KEYS)
  for (const { status, headers } of answers) if (status === 429) expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  // A part of the good key is no better than any other guess, and neither is one of the right form: the address is out of tries.
  for (const wrong of [key.slice(0, -1), `${key}A`, key.toUpperCase()])
    expect((await world.post('/v1/prompt', { prompt: 'x' }, wrong)).status).toBe(429)
  await expectServed()
})
