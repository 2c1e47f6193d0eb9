/** A stop of the gateway with all its faces busy. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keyPairFromSeed } from '../../../src/core/wallet/keys.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { signedByHand, v5TestClient } from '../../support/v5-client.js'
import { eventually } from '../../support/waiting.js'
import { AXON_HOST, modelOf, NETUID, neuronOf, startWorld } from './world.js'

const STREAMS = 500
const AXONS = 10
const CALLS = 20
const CALLER_SEED = new Uint8Array(32).fill(0x11)
/** Without its end. */
const UUID = '5ecbd69c-1cec-11ee-b0dc-e29ce36fec'
/** Answers may go on for so long. */
const DRAIN_MS = 5_000

let db: TestDatabase
let axons: Server[]
/** Requests that axons work on. */
let open = 0

beforeAll(async () => {
  db = await testDatabase()
  // Those that check nothing: hundreds of signatures would take the time of this test.
  axons = await Promise.all(Array.from({ length: AXONS }, startIdleAxon))
})
afterAll(async () => {
  for (const axon of axons ?? []) axon.close()
  await db?.[Symbol.asyncDispose]()
})

/** Begins to answer, and says no more. */
async function startIdleAxon(): Promise<Server> {
  const server = createServer((request, response) => {
    open++
    response.on('close', () => void open--)
    request.resume()
    const delta = { choices: [{ index: 0, delta: { content: 'One moment' }, finish_reason: null }] }
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`data: ${JSON.stringify(delta)}\n\n`)
  }).listen(0, AXON_HOST)
  await once(server, 'listening')
  return server
}

test(`${STREAMS} idle streams, and calls over gRPC, are ended within the time of a stop, and cost nothing`, async () => {
  const pair = await keyPairFromSeed(new Uint8Array(32).fill(0x44))
  const neurons = axons.map((axon, uid) => neuronOf('epistula', uid, { port: (axon.address() as AddressInfo).port, pair }))
  const hotkeys = await Promise.all(axons.map((_, uid) => keyPairFromSeed(new Uint8Array(32).fill(uid + 1))))
  await using world = await startWorld({
    ...{ db, neurons: neurons.map((neuron, uid) => ({ ...neuron, hotkey: hotkeys[uid]?.address ?? '' })) },
    // The service over gRPC asks the first of the subnets.
    config: { 'prompt.netuids': String(NETUID.epistula) },
  })
  const { key, customer } = await world.newKey({ concurrentPrompts: 1_000, monthlyCredits: 10_000, tokensPerMinute: 1_000_000 })
  const body = (uid: number) => ({
    ...{ model: modelOf('epistula'), messages: [{ role: 'user', content: 'Tell me all.' }], stream: true, uids: [uid], timeout: 100 },
  })
  const responses = await Promise.all(Array.from({ length: STREAMS }, (_, n) => world.post('/v1/chat/completions', body(n % AXONS), key)))
  expect(responses.every(({ status }) => status === 200)).toBe(true)
  const client = v5TestClient(world.grpcPort)
  const calls = Array.from({ length: CALLS }, (_, n) =>
    client.call(
      'Forward',
      { messages: ['{"role":"user","content":"Hello"}'], timeout: 60 },
      signedByHand(CALLER_SEED, world.gateway.address, 1n, `${UUID}${n + 10}`),
      60_000,
    ),
  )
  const settled = Promise.allSettled(calls)
  await eventually('all are worked on', () => open >= STREAMS + CALLS)
  const texts = Promise.all(responses.map((response) => response.text().catch(() => 'cut')))
  const startedAt = performance.now()
  await world.close()
  const ms = performance.now() - startedAt
  client.close()
  expect(ms).toBeGreaterThan(DRAIN_MS * 0.9)
  expect(ms).toBeLessThan(DRAIN_MS + 3_000)
  for (const text of await texts) {
    // What came is a whole sequence of frames, the last of which says why there is no more.
    expect(text).toContain('One moment')
    expect(text).toMatch(/\n\ndata: \{"error":\{[^\n]*\}\}\n\n$/)
    expect(text).not.toContain('[DONE]')
  }
  for (const call of await settled)
    expect(call).toMatchObject({ status: 'rejected', reason: { code: expect.toSatisfy((code) => code === 1 || code === 14) } })
  await eventually('all axons are told', () => open === 0, 5_000)
  expect(await world.charged(customer)).toBe(0)
  expect(world.used.filter((row) => row.customer === customer)).toHaveLength(STREAMS)
  expect(new Set(world.used.map(({ outcome }) => outcome))).toEqual(new Set(['failed']))
})
