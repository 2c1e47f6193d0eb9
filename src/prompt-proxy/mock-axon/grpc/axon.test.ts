import { afterEach, describe, expect, test } from 'vitest'
import { signedByHand, v5TestClient, v5Vectors, type V5TestClient } from '../../../../test/support/v5-client.js'
import { eventually } from '../../../../test/support/waiting.js'
import { sleep } from '../../../core/lifecycle.js'
import { fromHex } from '../../../core/units/bytes.js'
import { keyPairFromSeed } from '../../../core/wallet/keys.js'
import { createV5Nonces } from '../../grpc-auth.js'
import { startGrpcMockAxon, type GrpcMockAxon, type GrpcMockAxonOptions } from './axon.js'
import type { AxonQuestion, AxonReward } from './synapse.js'

const vectors = v5Vectors()
const SEED = new Uint8Array(32).fill(0x11)
const AXON = '5Fpfx4iDtrrY99VGkQnLXASytC2y9Z3o8KUyTtD4w7o5SZcA'
const CALLER = '5DtDLm5rQHShDqojQpsvcN8tRXHVFaecfDoRet1SU6BFD9Fi'
const UUID = '5ecbd69c-1cec-11ee-b0dc-e29ce36fec1a'
const MESSAGES = ['{"role": "user", "content": "2 + 2?"}']

const cleanup: (() => unknown)[] = []
let nonce = 0n

afterEach(async () => {
  for (const clean of cleanup.splice(0).reverse()) await clean()
})

async function start(options: Partial<GrpcMockAxonOptions> = {}): Promise<{ axon: GrpcMockAxon; client: V5TestClient }> {
  const axon = await startGrpcMockAxon({
    ...{ pair: { address: AXON }, host: '127.0.0.1', port: 0, version: 510 },
    answer: async () => '4',
    ...options,
  })
  const client = v5TestClient(axon.port)
  cleanup.push(
    () => axon.close(),
    () => client.close(),
  )
  return { axon, client }
}

function forward(client: V5TestClient, { timeout = 5, timeoutMs = 5_000, messages = MESSAGES, seed = SEED } = {}) {
  return client.call('Forward', { version: 510, messages, timeout }, signedByHand(seed, AXON, ++nonce, UUID), timeoutMs)
}

describe('vectors, over the wire', () => {
  test.each(vectors.valid)('$name', async (vector) => {
    const questions: AxonQuestion[] = []
    const rewards: AxonReward[] = []
    const { client } = await start({
      version: vector.version_as_int,
      answer: async (question) => (questions.push(question), '4'),
      answers: async (question) => (questions.push(question), ['a', 'b']),
      reward: async (reward) => void rewards.push(reward),
    })
    const method = vector.http2_path.split('/')[2] ?? ''
    const good = { return_message: 'Success', return_code: 1, version: 0, hotkey: '' }
    const expected = { Forward: { ...good, response: '4' }, MultiForward: { ...good, multi_completions: ['a', 'b'] }, Backward: good }[
      method
    ]
    await expect(client.call(method, Buffer.from(vector.request_protobuf_hex, 'hex'), vector.metadata)).resolves.toEqual(expected)
    const caller = { hotkey: vector.dendrite_hotkey, uuid: vector.uuid, nonce: BigInt(vector.nonce), version: vector.version_as_int }
    if (method === 'Backward') {
      const { rewards: list, messages, response: completion } = vector.request_fields
      expect(rewards).toMatchObject([{ caller, rewards: list, messages, completion }])
    } else {
      const messages = [
        { role: 'system', content: 'You are terse.' },
        { role: 'user', content: 'It\'s 2 + 2 = ? é "q"' },
      ]
      expect(questions).toMatchObject([{ caller, messages }])
    }
    await expect(client.call(method, vector.request_fields, vector.metadata)).rejects.toMatchObject({
      code: 16,
      details: 'Nonce is too small',
    })
  })

  test.each(vectors.rejected)('$name: $details', async (refusal) => {
    const only53 = refusal.tags.startsWith('5.3 only')
    for (const version of only53 ? [530] : [500, 510, 534]) {
      const nonces = createV5Nonces()
      for (const [key, last] of Object.entries(refusal.prior_nonces)) nonces.accept(...(key.split(':') as [string, string]), BigInt(last))
      const { client } = await start({ version, nonces, pair: await keyPairFromSeed(fromHex(refusal.axon_seed)) })
      const call = client.call('Forward', { version: 510, messages: MESSAGES, timeout: 5 }, refusal.metadata)
      await expect(call).rejects.toMatchObject({ code: refusal.grpc_status, details: refusal.details })
    }
    if (!only53) return
    const { client } = await start({ version: 520 })
    await expect(client.call('Forward', { messages: MESSAGES, timeout: 5 }, refusal.metadata)).resolves.toMatchObject({ return_code: 1 })
  })

  test('what surprises: another body, a low nonce under another uuid, and no auth header are all accepted', async () => {
    expect(vectors.accepted_surprises.map(({ name }) => name)).toEqual([
      'tampered body is NOT detected',
      'another uuid with a low nonce',
      'rpc-auth-header absent',
    ])
    const { client } = await start()
    const vector = vectors.valid[1]
    const tampered = { ...vector?.request_fields, messages: ['{"role": "user", "content": "something else"}'] }
    await expect(client.call('Forward', tampered, vector?.metadata ?? [])).resolves.toMatchObject({ return_code: 1 })
    const low = signedByHand(SEED, AXON, 1n, '5ecbd69c-1cec-11ee-b0dc-e29ce36fec1b')
    expect(low.map(([key]) => key)).not.toContain('rpc-auth-header')
    await expect(client.call('Forward', tampered, low)).resolves.toMatchObject({ return_code: 1 })
  })
})

describe('what the releases differ in', () => {
  test('5.3 has no MultiForward; who may not call is told that first', async () => {
    const { client } = await start({ version: 530 })
    const call = (metadata: [string, string][]) => client.call('MultiForward', { messages: MESSAGES, timeout: 5 }, metadata)
    await expect(call(signedByHand(SEED, AXON, ++nonce, UUID))).rejects.toMatchObject({ code: 12, details: 'Method not found!' })
    await expect(call([])).rejects.toMatchObject({ code: 16, details: 'Request signature missing' })
  })

  test('without a list of its own, an older axon gives its one answer as a list', async () => {
    const { client } = await start({ version: 529 })
    const call = client.call('MultiForward', { messages: MESSAGES, timeout: 5 }, signedByHand(SEED, AXON, ++nonce, UUID))
    await expect(call).resolves.toMatchObject({ multi_completions: ['4'], return_code: 1 })
  })

  test('the caller is who signed, whatever the body says', async () => {
    const callers: string[] = []
    const { client } = await start({ version: 500, blacklist: ({ hotkey }) => (callers.push(hotkey), false) })
    const request = { version: 500, hotkey: AXON, messages: MESSAGES, timeout: 5 }
    await client.call('Forward', request, signedByHand(SEED, AXON, ++nonce, UUID))
    expect(callers).toEqual([CALLER])
  })
})

test('bytes that are no request are refused, after the signature', async () => {
  const { client } = await start()
  const call = (metadata: [string, string][]) => client.call('Forward', Buffer.from('1aff', 'hex'), metadata)
  await expect(call([])).rejects.toMatchObject({ code: 16 })
  await expect(call(signedByHand(SEED, AXON, ++nonce, UUID))).rejects.toMatchObject({
    code: 13,
    details: 'Exception deserializing request!',
  })
})

describe('the synapse', () => {
  test.each([
    ['pubkey not registered', 'pubkey not registered'],
    [true, 'no reason specified'],
  ])('blacklist %j', async (verdict, reason) => {
    const { client } = await start({ blacklist: () => verdict })
    await expect(forward(client)).resolves.toMatchObject({ return_code: 25, return_message: reason, response: '' })
  })

  test('what a handler throws is told under code 22', async () => {
    const { client } = await start({ answer: () => Promise.reject(new Error('CUDA out of memory')) })
    await expect(forward(client)).resolves.toMatchObject({ return_code: 22, return_message: 'CUDA out of memory' })
    const priorities = await start({
      priority: () => {
        throw new Error('no such uid')
      },
    })
    await expect(forward(priorities.client)).resolves.toMatchObject({ return_code: 22, return_message: 'no such uid' })
    await expect(forward(client, { messages: ['no JSON'] })).resolves.toMatchObject({
      return_code: 22,
      return_message: expect.stringMatching(/./),
    })
  })

  test.each([
    [0.25, '0.25s'],
    [0.1, '0.10000000149011612s'],
    [0, '0.0s'],
  ])('after %d s the caller is told that it took too long, and the work is', async (timeout, text) => {
    const signals: AbortSignal[] = []
    const { client } = await start({ answer: ({ signal }) => (signals.push(signal), new Promise(() => undefined)) })
    await expect(forward(client, { timeout })).resolves.toMatchObject({
      return_code: 2,
      return_message: `GRPC request timeout after: ${text}`,
    })
    expect(signals.map((signal) => signal.aborted)).toEqual([true])
  })

  test('a full queue is code 22 without a word; more priority goes first', async () => {
    const order: string[] = []
    const release: (() => void)[] = []
    const { client } = await start({
      limits: { workers: 1, queue: 2 },
      priority: ({ uuid }) => Number(uuid),
      answer: async ({ caller }) => {
        order.push(caller.uuid)
        await new Promise<void>((resolve) => release.push(resolve))
        return caller.uuid
      },
    })
    const ask = (uuid: string) => client.call('Forward', { messages: MESSAGES, timeout: 5 }, signedByHand(SEED, AXON, 1n, uuid))
    const calls = [ask('1')]
    await eventually('the first is worked on', () => order.length === 1)
    calls.push(ask('10'), ask('20'))
    await sleep(50)
    await expect(ask('30')).resolves.toMatchObject({ return_code: 22, return_message: '' })
    for (let i = 0; i < 3; i++) {
      await eventually('the next is worked on', () => release.length === i + 1)
      release[i]?.()
    }
    expect(await Promise.all(calls)).toMatchObject([{ response: '1' }, { response: '10' }, { response: '20' }])
    expect(order).toEqual(['1', '20', '10'])
  })

  test('work that waited too long is dropped, and ends as the timeout of its caller', async () => {
    const release: (() => void)[] = []
    let asked = 0
    const { client } = await start({
      limits: { workers: 1, queue: 2, maxWaitMs: 50 },
      answer: async () => {
        asked++
        await new Promise<void>((resolve) => release.push(resolve))
        return '4'
      },
    })
    const first = forward(client)
    await eventually('the first is worked on', () => release.length === 1)
    const second = forward(client, { timeout: 0.3 })
    await sleep(120)
    release[0]?.()
    await expect(first).resolves.toMatchObject({ return_code: 1 })
    await expect(second).resolves.toMatchObject({ return_code: 2 })
    expect(asked).toBe(1)
  })

  test('calls beyond the threads wait in line, and too many are refused', async () => {
    const release: (() => void)[] = []
    const { client } = await start({
      limits: { threads: 1, maxCalls: 2 },
      answer: async () => (await new Promise<void>((resolve) => release.push(resolve)), '4'),
    })
    const first = forward(client)
    await eventually('the first is worked on', () => release.length === 1)
    const second = forward(client)
    await sleep(30)
    await expect(forward(client)).rejects.toMatchObject({ code: 8, details: 'Concurrent RPC limit exceeded!' })
    expect(release).toHaveLength(1)
    release[0]?.()
    await eventually('the second is worked on', () => release.length === 2)
    release[1]?.()
    expect(await Promise.all([first, second])).toMatchObject([{ return_code: 1 }, { return_code: 1 }])
  })
})

describe('starting and stopping', () => {
  test('a port that is taken is told as such', async () => {
    const { axon } = await start()
    await expect(start({ port: axon.port })).rejects.toMatchObject({ code: 'PORT_IN_USE' })
  })

  test('calls end with it, and closing twice is closing once', async () => {
    const { axon, client } = await start({ answer: () => new Promise(() => undefined) })
    const call = forward(client)
    call.catch(() => undefined)
    await sleep(50)
    expect(await axon.ready()).toEqual({ ok: true })
    const closed = axon.close()
    expect(axon.close()).toBe(closed)
    await closed
    await expect(call).rejects.toMatchObject({ code: 14 })
    expect(await axon.ready()).toMatchObject({ ok: false })
  })
})
