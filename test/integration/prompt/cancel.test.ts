/** A caller that hangs up ends the work of the axon, however it asked and whatever the axon speaks. */
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { signedByHand, v5TestClient } from '../../support/v5-client.js'
import { eventually } from '../../support/waiting.js'
import { modelOf, neuronOf, PROTOCOLS, startAxon, startWorld, type Axon, type Protocol, type Question, type World } from './world.js'

const CALLER_SEED = new Uint8Array(32).fill(0x11)
const UUID = '5ecbd69c-1cec-11ee-b0dc-e29ce36fec20'
const TRIES = 5
/** The aim is 100 ms; this is for a machine that is busy with something else. */
const BUSY_MS = 500
const GIVE_UP_MS = 4_000

let db: TestDatabase
let world: World
let nonce = 0n
const axons: Axon[] = []
/** What the axons are working on, the newest last. */
const questions: Question[] = []

beforeAll(async () => {
  db = await testDatabase()
  for (const protocol of PROTOCOLS) axons.push(await startAxon(protocol, begin))
  world = await startWorld({ db, neurons: PROTOCOLS.map((protocol, at) => neuronOf(protocol, 0, axons[at] as Axon)) })
})

afterAll(async () => {
  await world?.close()
  await Promise.all(axons.map((axon) => axon.close()))
  await db?.[Symbol.asyncDispose]()
})

/** Begins to answer, and never comes to an end. */
async function* begin(question: Question): AsyncGenerator<string> {
  questions.push(question)
  yield 'Once upon a time'
  if (!question.signal.aborted) await once(question.signal, 'abort')
  throw new Error('nobody listens')
}

/** A request under way; `hangUp` cuts its connection. */
interface Call {
  /** Resolves when the first piece of a stream has come. */
  begun(): Promise<unknown>
  hangUp(): void
}

function overHttp(protocol: Protocol, isStream: boolean, key: string): Call {
  const body = JSON.stringify({ model: modelOf(protocol), messages: [{ role: 'user', content: 'Tell me a story.' }], stream: isStream })
  const asked = request(`${world.url}/v1/chat/completions`, {
    ...{ method: 'POST', agent: false, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' } },
  })
  asked.on('error', () => undefined)
  asked.end(body)
  return {
    async begun() {
      const [response] = (await once(asked, 'response')) as [IncomingMessage]
      response.on('error', () => undefined)
      let text = ''
      response.on('data', (chunk: Buffer) => void (text += chunk.toString()))
      await eventually('the first piece', () => text.includes('Once upon'), 10_000)
    },
    hangUp: () => void asked.destroy(),
  }
}

/** Milliseconds from hanging up to the moment when the axon's handler is told. */
async function measure(call: Call, isStream: boolean): Promise<number> {
  const before = questions.length
  const begun = isStream ? call.begun() : Promise.resolve()
  await Promise.all([begun, eventually('the axon works', () => questions.length > before, 10_000)])
  const signal = questions.at(-1)?.signal as AbortSignal
  expect(signal.aborted).toBe(false)
  const told = once(signal, 'abort', { signal: AbortSignal.timeout(GIVE_UP_MS) })
  const leftAt = performance.now()
  call.hangUp()
  await told
  return performance.now() - leftAt
}

function judge(times: number[]): void {
  const sorted = times.toSorted((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? Infinity
  expect(median).toBeLessThan(BUSY_MS)
  // One that was not held up by anything else.
  expect(sorted[0]).toBeLessThan(100)
}

describe.each(PROTOCOLS)('an axon over %s', (protocol) => {
  // Over gRPC an answer comes as one piece: there is no stream to be left in its middle.
  const modes: [string, boolean][] = [
    ['plain', false],
    [protocol === 'grpc' ? 'stream that has not begun' : 'stream', true],
  ]
  test.each(modes)('%s over HTTP', async (_name, isStream) => {
    const { key, customer } = await world.newKey({ monthlyCredits: 100 })
    const begins = isStream && protocol !== 'grpc'
    const times: number[] = []
    for (let n = 0; n < TRIES; n++) times.push(await measure(overHttp(protocol, isStream, key), begins))
    judge(times)
    await eventually('all are counted', () => world.used.filter((row) => row.customer === customer).length === TRIES, 5_000)
    expect(world.used.filter((row) => row.customer === customer)).toMatchObject(
      Array(TRIES).fill({ outcome: 'cancelled', credits: begins ? 1 : 0 }),
    )
    // Who leaves an answer that has begun has had it; who was given nothing owes nothing.
    await eventually('credits are settled', async () => (await world.charged(customer)) === (begins ? TRIES : 0), 5_000)
    const target = (await world.targets()).find(({ netuid }) => modelOf(protocol).endsWith(`sn${netuid}`))
    expect(target).toMatchObject({ in_flight: 0, circuit: 'closed' })
  })
})

test.each(PROTOCOLS)('a caller over gRPC, and an axon over %s', async (protocol) => {
  // The service over gRPC asks the first of the subnets.
  const at = PROTOCOLS.indexOf(protocol)
  await using front = await startWorld({
    ...{ db, neurons: [neuronOf(protocol, 0, axons[at] as Axon)] },
    config: { 'prompt.netuids': modelOf(protocol).replace('bittensor/sn', '') },
  })
  const client = v5TestClient(front.grpcPort)
  const times: number[] = []
  try {
    for (let n = 0; n < TRIES; n++) {
      const controller = new AbortController()
      const metadata = signedByHand(CALLER_SEED, front.gateway.address, ++nonce, UUID)
      const request = { version: 520, messages: ['{"role": "user", "content": "Tell me a story."}'], timeout: 20 }
      const answer = client.call('Forward', request, metadata, 20_000, { signal: controller.signal })
      answer.catch(() => undefined)
      times.push(await measure({ begun: () => Promise.resolve(), hangUp: () => controller.abort() }, false))
      await expect(answer).rejects.toMatchObject({ code: 1 })
    }
    judge(times)
    await eventually('all are counted', () => front.used.length === TRIES, 5_000)
    expect(front.used).toMatchObject(Array(TRIES).fill({ outcome: 'cancelled', credits: 0 }))
  } finally {
    client.close()
  }
})

test('the work of all axons asked side by side ends', async () => {
  const crowd = await Promise.all(Array.from({ length: 3 }, () => startAxon('http', begin)))
  await using several = await startWorld({ db, neurons: crowd.map((axon, uid) => neuronOf('http', uid, axon)) })
  try {
    const { key } = await several.newKey()
    const before = questions.length
    const controller = new AbortController()
    const body = { model: modelOf('http'), messages: [{ role: 'user', content: 'Tell me a story.' }], strategy: 'all', top_n: 3 }
    const answer = several.post('/v1/chat/completions', body, key, controller.signal)
    answer.catch(() => undefined)
    await eventually('all work', () => questions.length === before + 3, 10_000)
    const told = questions.slice(before).map(({ signal }) => once(signal, 'abort', { signal: AbortSignal.timeout(GIVE_UP_MS) }))
    const leftAt = performance.now()
    controller.abort()
    await Promise.all(told)
    expect(performance.now() - leftAt).toBeLessThan(BUSY_MS)
  } finally {
    await Promise.all(crowd.map((axon) => axon.close()))
  }
})
