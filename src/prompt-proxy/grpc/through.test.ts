/** From a dendrite of SDK 5.x through the service, the engine and its own dendrite to axons, all of them real. */
import { once } from 'node:events'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { eventually } from '../../../test/support/waiting.js'
import { NO_LIMITS } from '../../core/api-keys.js'
import { startGrpcServer } from '../../core/grpc/index.js'
import { silentLog } from '../../core/log.js'
import { createMetrics } from '../../core/metrics.js'
import type { PromptNeuron, PromptUsageRow } from '../../core/prompting.js'
import { parseIp } from '../../core/units/ip.js'
import { keyPairFromSeed, type KeyPair } from '../../core/wallet/keys.js'
import { createGrpcDendrite, type GrpcDendrite } from '../dendrite/grpc/dendrite.js'
import { createNonceSource } from '../dendrite/nonce.js'
import type { AxonTarget, Dendrite, PromptCall } from '../dendrite/types.js'
import { createEngine } from '../engine/engine.js'
import { promptModels } from '../engine/models.js'
import { createAgreementScorer } from '../engine/scorer.js'
import { startGrpcMockAxon, type GrpcMockAxon } from '../mock-axon/grpc/axon.js'
import type { AxonQuestion } from '../mock-axon/grpc/synapse.js'
import { systemClock } from '../targets/clock.js'
import { createProtocolOf } from '../targets/protocol.js'
import { createTargets } from '../targets/registry.js'
import { promptGrpc } from './front.js'

const TAO = 1_000_000_000n
const LOOPBACK = '127.0.0.1'
const cleanup: (() => unknown)[] = []
let gateway: KeyPair
let user: KeyPair
let validators: KeyPair[]

beforeAll(async () => {
  const pairs = await Promise.all([0x21, 0x22, 0x23, 0x24].map((byte) => keyPairFromSeed(new Uint8Array(32).fill(byte))))
  ;[gateway, user, ...validators] = pairs as [KeyPair, KeyPair, ...KeyPair[]]
})

afterEach(async () => {
  for (const clean of cleanup.splice(0).reverse()) await clean()
})

interface World {
  axons: GrpcMockAxon[]
  /** What each axon was asked. */
  questions: AxonQuestion[][]
  rows: PromptUsageRow[]
  client: GrpcDendrite
  front: AxonTarget
}

/** Two validators behind the service; the first has more stake, and is asked first. */
async function start({ answer = async () => 'four' }: { answer?: (uid: number) => Promise<string> } = {}): Promise<World> {
  const questions: AxonQuestion[][] = [[], []]
  const rows: PromptUsageRow[] = []
  const axons = await Promise.all(
    validators.map((pair, uid) =>
      startGrpcMockAxon({
        ...{ pair, host: LOOPBACK, port: 0, version: 520 },
        // Axons know the gateway, and nobody else.
        blacklist: ({ hotkey }) => hotkey !== gateway.address,
        answer: (question) => {
          questions[uid]?.push(question)
          return answer(uid)
        },
      }),
    ),
  )
  const neurons = axons.map((axon, uid): PromptNeuron => {
    const { ip, ipType } = parseIp(LOOPBACK)
    const place = { netuid: 1, uid, hotkey: validators[uid]?.address ?? '', ip, ipType, port: axon.port, version: 520 }
    return {
      ...place,
      stake: (9_000n - BigInt(uid)) * TAO,
      validatorPermit: true,
      active: true,
      lastUpdate: 1n,
      incentive: 0,
      validatorTrust: 0,
    }
  })
  const parts = { log: silentLog, metrics: createMetrics(), clock: systemClock }
  const targets = createTargets({
    ...{ source: async () => neurons, isDialable: () => true, protocolOf: createProtocolOf(new Map()), settings: { netuids: [1] } },
    ...{ probe: null, random: () => 0.5, ...parts },
  })
  await targets.refresh()
  const upstream = createGrpcDendrite({ pair: gateway, allowPrivate: true, nonces: createNonceSource() })
  const none = (protocol: 'http' | 'epistula'): Dendrite => ({ ...upstream, protocol })
  const engine = createEngine({
    ...{ targets, dendrites: { grpc: upstream, http: none('http'), epistula: none('epistula') } },
    ...{ models: promptModels([1], 0, 'stake'), scorer: createAgreementScorer(), ...parts },
  })
  const service = promptGrpc({
    ...{ engine, hotkey: gateway.address, model: 'bittensor/sn1', log: silentLog, usage: { add: (row) => void rows.push(row) } },
    callers: { admit: async (hotkey) => ({ customer: hotkey, limits: NO_LIMITS }) },
    limits: { timeoutMs: 10_000, maxTimeoutMs: 60_000, maxTargets: 10 },
  })
  const server = await startGrpcServer({
    host: LOOPBACK,
    port: 0,
    services: [service],
    log: silentLog,
    limits: { maxReceiveBytes: 1_048_576 },
  })
  const client = createGrpcDendrite({ pair: user, allowPrivate: true, nonces: createNonceSource() })
  cleanup.push(...axons.map((axon) => () => axon.close()))
  cleanup.push(
    () => targets.close(),
    () => upstream.close(),
    () => server.close(),
    () => client.close(),
  )
  const front = { netuid: 1, uid: 0, hotkey: gateway.address, ip: LOOPBACK, port: server.port, version: 520 }
  return { axons, questions, rows, client, front }
}

function call(over: Partial<PromptCall> = {}): PromptCall {
  const messages = [
    { role: 'system', content: 'Be terse.' },
    { role: 'user', content: 'né 😀 "q"\n\u0000' },
  ]
  return { messages, stream: false, timeoutMs: 8_000, maxBytes: 1_000_000, signal: new AbortController().signal, ...over }
}

async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = ''
  for await (const piece of pieces) text += piece
  return text
}

test.each([500, 510, 520, 534])(
  'a dendrite that takes the service for an axon of %i has the answer of a validator, signed for all the way',
  async (version) => {
    const { client, front, questions, rows } = await start({ answer: async () => 'vier 😀\n' })
    expect(await textOf(client.prompt({ ...front, version }, call()))).toBe('vier 😀\n')
    expect(questions).toMatchObject([[{ caller: { hotkey: gateway.address }, messages: call().messages }], []])
    const [validator] = validators
    expect(rows).toMatchObject([{ callerHotkey: user.address, uid: 0, hotkey: validator?.address, protocol: 'grpc', outcome: 'success' }])
  },
)

test('all answers of all validators come in one', async () => {
  const { client, front } = await start({ answer: async (uid) => `${uid}` })
  expect((await client.promptMany(front, call())).sort()).toEqual(['0', '1'])
  await client.reward(front, {
    messages: call().messages,
    completion: '0',
    rewards: [1],
    timeoutMs: 1_000,
    signal: new AbortController().signal,
  })
})

test('with one validator that never answers, all answers there are come before the caller gives up', async () => {
  const { client, front, axons } = await start({ answer: async (uid) => `${uid}` })
  await axons[0]?.setFault({ kind: 'hang' })
  expect(await client.promptMany(front, call({ timeoutMs: 3_000 }))).toEqual(['1'])
})

test('a validator that is gone, or lies, is not the matter of the caller', async () => {
  const { client, front, axons, rows } = await start()
  await axons[0]?.setFault({ kind: 'refuse' })
  expect(await textOf(client.prompt(front, call()))).toBe('four')
  await axons[0]?.setFault({ kind: 'wrong-hotkey' })
  expect(await textOf(client.prompt(front, call()))).toBe('four')
  expect(rows).toMatchObject([{ uid: 1 }, { uid: 1 }])
})

test('when none can answer, the return code says so, and in time', async () => {
  const { client, front, axons, rows } = await start()
  for (const axon of axons) await axon.setFault({ kind: 'code', code: 22, message: 'CUDA out of memory' })
  const failure = (over: Partial<PromptCall>) => textOf(client.prompt(front, call(over)))
  await expect(failure({})).rejects.toMatchObject({ returnCode: 'UNAVAILABLE', message: expect.not.stringContaining('CUDA') })
  for (const axon of axons) await axon.setFault({ kind: 'hang' })
  await expect(failure({ timeoutMs: 2_000 })).rejects.toMatchObject({
    returnCode: 'TIMEOUT',
    message: 'the axon answered with return code 2: GRPC request timeout after: 2.0s',
  })
  expect(rows).toMatchObject([{ outcome: 'failed', returnCode: 'UNKNOWN_EXCEPTION' }, { outcome: 'timeout' }])
})

test('an axon of another hotkey is not taken for this one', async () => {
  const { client, front, questions } = await start()
  const elsewhere = { ...front, hotkey: user.address }
  await expect(textOf(client.prompt(elsewhere, call()))).rejects.toMatchObject({
    returnCode: 'UNAUTHENTICATED',
    message: 'GRPC error code: 16, details: Signature mismatch',
  })
  expect(questions).toEqual([[], []])
})

test('whoever hangs up ends the work of the validator within 100 ms', async () => {
  const { client, front, questions, rows } = await start({ answer: () => new Promise(() => undefined) })
  const delays: number[] = []
  for (let i = 0; i < 3; i++) {
    const controller = new AbortController()
    const pieces = textOf(client.prompt(front, call({ signal: controller.signal })))
    pieces.catch(() => undefined)
    await eventually('the validator works', () => questions[0]?.length === i + 1)
    const stopped = once(questions[0]?.[i]?.signal as AbortSignal, 'abort')
    const leftAt = performance.now()
    controller.abort()
    await stopped
    delays.push(performance.now() - leftAt)
  }
  // The best of three: this machine may be busy with something else.
  expect(Math.min(...delays)).toBeLessThan(100)
  await eventually('all are counted', () => rows.length === 3)
  expect(rows).toMatchObject(Array(3).fill({ outcome: 'cancelled' }))
})
