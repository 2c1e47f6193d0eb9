import { verify as verifyElsewhere } from '@scure/sr25519'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../../../../test/support/waiting.js'
import { sleep } from '../../../core/lifecycle.js'
import { fromHex } from '../../../core/units/bytes.js'
import { keyPairFromSeed, type KeyPair } from '../../../core/wallet/keys.js'
import { v5SignedText } from '../../grpc-auth.js'
import { startGrpcMockAxon, type GrpcMockAxon, type GrpcMockAxonOptions } from '../../mock-axon/grpc/axon.js'
import type { AxonQuestion } from '../../mock-axon/grpc/synapse.js'
import { createNonceSource } from '../nonce.js'
import { DendriteError, type AxonTarget, type PromptCall } from '../types.js'
import { createGrpcDendrite, type GrpcDendrite, type GrpcDendriteOptions } from './dendrite.js'

const AXON = '5Fpfx4iDtrrY99VGkQnLXASytC2y9Z3o8KUyTtD4w7o5SZcA'
const MESSAGES = [
  { role: 'system', content: 'You are terse.' },
  { role: 'user', content: 'né 😀 "q"\n\u0000 \ud800' },
]

const cleanup: (() => unknown)[] = []
let pair: KeyPair

beforeAll(async () => {
  pair = await keyPairFromSeed(new Uint8Array(32).fill(0x11))
})

afterEach(async () => {
  for (const clean of cleanup.splice(0).reverse()) await clean()
})

async function startAxon(options: Partial<GrpcMockAxonOptions> = {}): Promise<{ axon: GrpcMockAxon; target: AxonTarget }> {
  const { host = '127.0.0.1', version = 520 } = options
  const axon = await startGrpcMockAxon({ pair: { address: AXON }, host, port: 0, version, answer: async () => 'four', ...options })
  cleanup.push(() => axon.close())
  return { axon, target: { netuid: 1, uid: 0, hotkey: AXON, ip: host, port: axon.port, version } }
}

function dendrite(options: Partial<GrpcDendriteOptions> = {}): GrpcDendrite {
  const made = createGrpcDendrite({ pair, allowPrivate: true, ...options })
  cleanup.push(() => made.close())
  return made
}

function call(options: Partial<PromptCall> = {}): PromptCall {
  return { messages: MESSAGES, stream: true, timeoutMs: 5_000, maxBytes: 100_000, signal: new AbortController().signal, ...options }
}

async function collect(pieces: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = []
  for await (const piece of pieces) all.push(piece)
  return all
}

async function failure(promise: Promise<unknown>): Promise<DendriteError> {
  const error = await promise.then(
    () => new Error('it went well'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(DendriteError)
  return error as DendriteError
}

describe('a call', () => {
  test.each([500, 510, 529, 530, 534])('to an axon of version %i is accepted, and says what it must', async (version) => {
    const questions: AxonQuestion[] = []
    const { target } = await startAxon({ version, answer: async (question) => (questions.push(question), 'vier 😀\n') })
    expect(await collect(dendrite().prompt(target, call()))).toEqual(['vier 😀\n'])
    expect(questions).toMatchObject([{ caller: { hotkey: pair.address, version: version < 530 ? 520 : 534 }, messages: MESSAGES }])
  })

  test('is signed for the axon of the metagraph, with a nonce that rises: another axon there refuses it', async () => {
    const { target } = await startAxon()
    const another = { ...target, hotkey: pair.address }
    const ours = dendrite()
    expect(await failure(collect(ours.prompt(another, call())))).toMatchObject({
      returnCode: 'UNAUTHENTICATED',
      message: 'GRPC error code: 16, details: Signature mismatch',
    })
    for (let i = 0; i < 5; i++) expect(await collect(ours.prompt(target, call()))).toEqual(['four'])
  })

  test('has a signature that another implementation verifies', async () => {
    const texts: [Uint8Array, Uint8Array][] = []
    const watched = {
      address: pair.address,
      sign: (message: Uint8Array) => {
        const signature = pair.sign(message)
        texts.push([message, signature])
        return signature
      },
    }
    const { target } = await startAxon()
    const nonces = createNonceSource(() => 1_690_000_000_000)
    await collect(dendrite({ pair: watched, nonces }).prompt(target, call()))
    const [message = new Uint8Array(), signature = new Uint8Array()] = texts[0] ?? []
    expect(Buffer.from(message).toString()).toBe(v5SignedText(1_690_000_000_000_000_000n, pair.address, AXON, nonces.uuid))
    expect(verifyElsewhere(message, signature, fromHex(pair.publicKey))).toBe(true)
  })

  test('goes to an address of IPv6', async () => {
    const { target } = await startAxon({ host: '::1' })
    expect(await collect(dendrite().prompt(target, call()))).toEqual(['four'])
  })

  test.each([
    [{ ip: 'localhost' }, /"localhost" is no IP address/],
    [{ ip: 'fe80::1%lo' }, /no IP address/],
    [{ ip: '[::1]' }, /no IP address/],
    [{ ip: '127.0.0.1,10.0.0.1' }, /no IP address/],
    [{ port: 0 }, /0 is no port/],
    [{ port: 65_536 }, /is no port/],
  ])('to %j is not made', async (where, message) => {
    const { target } = await startAxon()
    const error = await failure(collect(dendrite().prompt({ ...target, ...where }, call())))
    expect(error).toMatchObject({ returnCode: 'BAD_ENDPOINT', message: expect.stringMatching(message) })
  })

  test('goes past the proxies of the environment', async () => {
    const { target } = await startAxon()
    const before = process.env['grpc_proxy']
    cleanup.push(() => (before === undefined ? delete process.env['grpc_proxy'] : (process.env['grpc_proxy'] = before)))
    process.env['grpc_proxy'] = 'http://127.0.0.1:1'
    expect(await collect(dendrite().prompt(target, call()))).toEqual(['four'])
  })

  test('many at once share a connection', async () => {
    const { target } = await startAxon({ limits: { threads: 50, workers: 50 } })
    const ours = dendrite()
    const answers = await Promise.all(Array.from({ length: 50 }, () => collect(ours.prompt(target, call()))))
    expect(answers).toEqual(Array.from({ length: 50 }, () => ['four']))
    expect(ours.connections).toBe(1)
  })
})

describe('the other methods', () => {
  test('many completions, without the empty ones; none is a failure', async () => {
    let answers = ['a', '', 'b']
    const { target } = await startAxon({ answers: async () => answers })
    const ours = dendrite()
    expect(await ours.promptMany(target, call())).toEqual(['a', 'b'])
    expect(await failure(ours.promptMany(target, call({ maxBytes: 1 })))).toMatchObject({ returnCode: 'INVALID_RESPONSE' })
    answers = ['', '']
    expect(await failure(ours.promptMany(target, call()))).toMatchObject({ returnCode: 'EMPTY_RESPONSE' })
  })

  test('5.3 has many completions no longer', async () => {
    const { target } = await startAxon({ version: 530 })
    expect(await failure(dendrite().promptMany(target, call()))).toMatchObject({
      returnCode: 'NOT_IMPLEMENTED',
      message: 'GRPC error code: 12, details: Method not found!',
    })
  })

  test.each([520, 534])('rewards to version %i', async (version) => {
    const seen: unknown[] = []
    const { target } = await startAxon({ version, reward: async (reward) => void seen.push(reward) })
    const { signal } = new AbortController()
    await dendrite().reward(target, {
      messages: [{ role: 'user', content: 'é' }],
      completion: '4',
      rewards: [0.25, -1.5],
      timeoutMs: 5_000,
      signal,
    })
    expect(seen).toMatchObject([
      {
        caller: { hotkey: pair.address },
        messages: [String.raw`{"role": "user", "content": "\u00e9"}`],
        completion: '4',
        rewards: [0.25, -1.5],
      },
    ])
  })
})

describe('ending a call', () => {
  async function waitingAxon() {
    const signals: AbortSignal[] = []
    const { target } = await startAxon({ answer: ({ signal }) => (signals.push(signal), new Promise(() => undefined)) })
    return { target, signals }
  }

  /** Milliseconds until the axon knows. */
  async function known(signal: AbortSignal | undefined, since: number): Promise<number> {
    if (signal === undefined) throw new Error('the axon was not asked')
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    return performance.now() - since
  }

  test('by its signal: the axon is told at once', async () => {
    const { target, signals } = await waitingAxon()
    const controller = new AbortController()
    const ended = failure(collect(dendrite().prompt(target, call({ signal: controller.signal }))))
    await eventually('the axon is asked', () => signals.length === 1)
    expect(signals[0]?.aborted).toBe(false)
    const since = performance.now()
    controller.abort(new Error('the caller left'))
    expect(await ended).toMatchObject({ returnCode: 'NO_RETURN', cause: { message: 'the caller left' } })
    // Some milliseconds when nothing else runs; the tests share two cores.
    expect(await known(signals[0], since)).toBeLessThan(1_000)
  })

  test('by leaving the iteration, also while it waits for its first piece', async () => {
    const { target, signals } = await waitingAxon()
    const pieces = dendrite().prompt(target, call())[Symbol.asyncIterator]()
    const first = failure(pieces.next())
    await eventually('the axon is asked', () => signals.length === 1)
    const since = performance.now()
    expect(await pieces.return?.()).toEqual({ done: true, value: undefined })
    expect(await first).toMatchObject({ returnCode: 'NO_RETURN' })
    expect(await known(signals[0], since)).toBeLessThan(1_000)
    expect(await pieces.next()).toEqual({ done: true, value: undefined })
  })

  test('before it began: the axon hears nothing', async () => {
    const { target, signals } = await waitingAxon()
    const error = await failure(collect(dendrite().prompt(target, call({ signal: AbortSignal.abort(new Error('gone')) }))))
    expect(error.returnCode).toBe('NO_RETURN')
    const never = dendrite().prompt(target, call())[Symbol.asyncIterator]()
    await never.return?.()
    expect(await never.next()).toEqual({ done: true, value: undefined })
    await sleep(50)
    expect(signals).toHaveLength(0)
  })

  test('by its deadline, which the axon is told of too', async () => {
    const { axon, target } = await startAxon()
    await axon.setFault({ kind: 'hang' })
    const since = performance.now()
    expect(await failure(collect(dendrite().prompt(target, call({ timeoutMs: 200 }))))).toMatchObject({ returnCode: 'TIMEOUT' })
    const took = performance.now() - since
    expect(took).toBeGreaterThan(150)
    expect(took).toBeLessThan(2_000)
    expect(await failure(collect(dendrite().prompt(target, call({ timeoutMs: 0 }))))).toMatchObject({ returnCode: 'TIMEOUT' })
    const { target: busy, signals } = await waitingAxon()
    expect(await failure(collect(dendrite().prompt(busy, call({ timeoutMs: 200 }))))).toMatchObject({ returnCode: 'TIMEOUT' })
    expect(signals).toHaveLength(1)
    await known(signals[0], since)
  })

  test('a closed dendrite makes none', async () => {
    const { target } = await startAxon()
    const ours = dendrite()
    await ours.close()
    expect(await failure(collect(ours.prompt(target, call())))).toMatchObject({ returnCode: 'UNAVAILABLE' })
  })
})

describe('axons that go wrong', () => {
  test.each([
    [{ kind: 'refuse' }, 'UNAVAILABLE', /code: 14/],
    [{ kind: 'drop' }, 'UNAVAILABLE', /code: 14/],
    [{ kind: 'die' }, 'UNAVAILABLE', /code: 14/],
    [{ kind: 'garbage' }, 'INVALID_RESPONSE', /parsing error/],
    [{ kind: 'wrong-hotkey' }, 'INVALID_RESPONSE', /another hotkey/],
    [{ kind: 'empty' }, 'EMPTY_RESPONSE', /with nothing/],
    [{ kind: 'huge', bytes: 100_001 }, 'INVALID_RESPONSE', /100001 bytes; 100000 are allowed/],
    [{ kind: 'huge', bytes: 400_000 }, 'INVALID_RESPONSE', /larger than max/],
    [{ kind: 'code', code: 25, message: 'blacklisted key' }, 'BLACKLISTED', /return code 25: blacklisted key/],
    [{ kind: 'code', code: 2, message: 'GRPC request timeout after: 5.0s' }, 'TIMEOUT', /5\.0s/],
    [{ kind: 'code', code: 22, message: 'a\nb\u001b[31m' }, 'UNKNOWN_EXCEPTION', /return code 22: a\?b\?\[31m$/],
    [{ kind: 'code', code: 22, message: '' }, 'UNKNOWN_EXCEPTION', /return code 22$/],
    [{ kind: 'code', code: 18, message: 'x'.repeat(5_000) }, 'NUCLEUS_FULL', /^.{1,260}…$/],
    [{ kind: 'code', code: 16, message: '' }, 'UNAVAILABLE', /code 16/],
    [{ kind: 'code', code: 17, message: '' }, 'TIMEOUT', /code 17/],
    [{ kind: 'code', code: 12, message: '' }, 'INVALID_REQUEST', /code 12/],
    [{ kind: 'code', code: 20, message: '' }, 'INVALID_RESPONSE', /code 20/],
    [{ kind: 'code', code: 0, message: '' }, 'NO_RETURN', /code 0/],
    [{ kind: 'code', code: 99, message: '' }, 'UNKNOWN_EXCEPTION', /code 99/],
    [{ kind: 'code', code: -1, message: '' }, 'UNKNOWN_EXCEPTION', /code -1/],
  ] as const)('%j is %s, and well again it answers', async (fault, returnCode, message) => {
    const { axon, target } = await startAxon()
    const ours = dendrite({ limits: { maxReceiveBytes: 200_000 } })
    await axon.setFault(fault)
    expect(await failure(collect(ours.prompt(target, call())))).toMatchObject({ returnCode, message: expect.stringMatching(message) })
    await axon.setFault(undefined)
    expect(await collect(ours.prompt(target, call()))).toEqual(['four'])
  })

  test('a late answer is an answer; a code 22 without a word at the end of the time is a timeout', async () => {
    const { axon, target } = await startAxon()
    await axon.setFault({ kind: 'delay', ms: 60 })
    expect(await collect(dendrite().prompt(target, call()))).toEqual(['four'])
    const silent = await startAxon({
      answer: async () => {
        await sleep(970)
        throw new Error('')
      },
    })
    const error = await failure(collect(dendrite().prompt(silent.target, call({ timeoutMs: 1_050 }))))
    expect(error.returnCode).toBe('TIMEOUT')
  })
})
