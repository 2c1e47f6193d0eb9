/** The HTTP dendrite against axons that are right, late, dead and lying. */
import { once, setMaxListeners } from 'node:events'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { fromHex } from '../../../core/units/bytes.js'
import { keyPairFromSeed, type KeyPair } from '../../../core/wallet/keys.js'
import { startHttpMockAxon, type HttpAxonQuestion, type HttpMockAxon, type HttpMockAxonOptions } from '../../mock-axon/http/axon.js'
import type { HttpAxonFault } from '../../mock-axon/http/faults.js'
import { createNonceSource } from '../nonce.js'
import type { AxonTarget, PromptCall, ReturnCodeName } from '../types.js'
import { createHttpDendrite, type HttpDendrite, type HttpDendriteOptions } from './dendrite.js'
import { statusFailure } from './outcome.js'
import { readPieces } from './transport.js'

let pair: KeyPair
let axonPair: KeyPair
beforeAll(async () => {
  pair = await keyPairFromSeed(fromHex('11'.repeat(32)))
  axonPair = await keyPairFromSeed(fromHex('22'.repeat(32)))
})

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((part) => part.close()))
})

async function axonOf(more: Partial<HttpMockAxonOptions> = {}): Promise<HttpMockAxon> {
  const answer = ({ messages, stream }: HttpAxonQuestion): string | AsyncIterable<string> =>
    stream ? pieces('Hello', '\nwo', 'rld: ', 'naïve ☃ 😀') : `You said: ${messages.at(-1)?.content ?? ''}`
  const axon = await startHttpMockAxon({ pair: axonPair, host: '127.0.0.1', port: 0, version: '6.9.4', answer, ...more })
  open.push(axon)
  return axon
}

async function* pieces(...all: string[]): AsyncGenerator<string> {
  for (const piece of all) {
    yield piece
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

function dendriteOf(more: Partial<HttpDendriteOptions> = {}): HttpDendrite {
  const dendrite = createHttpDendrite({ pair, allowPrivate: true, nonces: createNonceSource(), ...more })
  open.push(dendrite)
  return dendrite
}

function targetOf(axon: { port: number; versionInteger?: number }, more: Partial<AxonTarget> = {}): AxonTarget {
  return { netuid: 1, uid: 7, hotkey: axonPair.address, ip: '127.0.0.1', port: axon.port, version: axon.versionInteger ?? 694, ...more }
}

const NEVER = new AbortController().signal
setMaxListeners(100, NEVER)

function call(more: Partial<PromptCall> = {}): PromptCall {
  const messages = [{ role: 'user', content: 'it\'s "2 + 2" ☃ \u200b' }]
  return { messages, stream: false, timeoutMs: 2_000, maxBytes: 100_000, signal: NEVER, ...more }
}

async function all(answer: AsyncIterable<string>): Promise<string[]> {
  const got: string[] = []
  for await (const piece of answer) got.push(piece)
  return got
}

describe.each(['6.0.0', '6.4.4', '6.9.4', '6.10.0', '7.1.2', '7.2.0', '7.4.0', '9.12.2', '10.2.0'])('an axon of %s', (version) => {
  test('answers a plain prompt, a stream and a ping', async () => {
    const seen: boolean[] = []
    const axon = await axonOf({ version })
    const dendrite = dendriteOf({ onAnswer: (_target, { signed }) => seen.push(signed) })
    expect(await all(dendrite.prompt(targetOf(axon), call()))).toEqual(['You said: it\'s "2 + 2" ☃ \u200b'])
    expect((await all(dendrite.prompt(targetOf(axon), call({ stream: true })))).join('')).toBe('Hello\nworld: naïve ☃ 😀')
    await dendrite.ping(targetOf(axon), { timeoutMs: 2_000, signal: NEVER })
    // From 7.2 on answers that went well are not signed: noted, and no failure.
    expect(seen).toEqual(axon.versionInteger < 7_002_000 ? [true, true] : [false, false])
  })

  test.each([
    ['a blacklist', 'BLACKLISTED', { blacklist: () => 'not today' }, {}, 'Key is blacklisted: not today.'],
    ['a handler that throws', 'UNKNOWN_EXCEPTION', { answer: () => Promise.reject(new Error('no model')) }, {}, ''],
    [
      'a signature for another axon',
      'UNAUTHENTICATED',
      {},
      { hotkey: '5HBcPkCPJuNzWBstouENkvnpsyEqo1dn9Sj4Q1oihXGro6Jg' },
      'Signature mismatch',
    ],
  ] as const)('%s is %s', async (_title, returnCode, options, target, text) => {
    const axon = await axonOf({ version, ...options })
    await expect(all(dendriteOf().prompt(targetOf(axon, target), call()))).rejects.toMatchObject({
      returnCode,
      message: expect.stringContaining(text) as string,
    })
  })

  test('a synapse that it lacks', async () => {
    const axon = await axonOf({ version, synapses: [] })
    const code = version === '6.0.0' || version === '6.4.4' ? 'UNKNOWN_EXCEPTION' : 'NOT_IMPLEMENTED'
    await expect(all(dendriteOf().prompt(targetOf(axon), call()))).rejects.toMatchObject({ returnCode: code })
  })
})

test.each([
  [408, 'Response timeout after: 12.0s', 'TIMEOUT'],
  [503, 'Response timeout after: 12.0s', 'TIMEOUT'],
  [503, 'overloaded', 'UNAVAILABLE'],
  [400, 'Improperly formatted request.', 'INVALID_REQUEST'],
  [422, '', 'INVALID_REQUEST'],
  [504, '', 'TIMEOUT'],
  [302, '', 'BAD_ENDPOINT'],
  [418, '', 'UNKNOWN_EXCEPTION'],
] as const)('status %i "%s" is %s', (status, text, returnCode) => {
  expect(statusFailure(status, text).returnCode).toBe(returnCode)
})

test('what an axon wrote is quoted in one line, and not at length', () => {
  const { message } = statusFailure(500, `a\r\nb\u2028\u0000c${'x'.repeat(5_000)}`)
  expect(message).toMatch(/^the axon answered 500: a b cx*\.\.\.$/)
  expect(message.length).toBeLessThan(350)
})

test.each([
  ['roles', 'messages'],
  ['messages', 'roles'],
])('synapses may have other names and hash fields: %s, %s', async (...hashFields) => {
  for (const version of ['6.0.0', '6.9.4', '7.4.0', '10.2.0']) {
    for (const hashFieldsInBody of [true, false]) {
      const spec = { name: 'Chat', streams: false, hashFields, hashFieldsInBody }
      const axon = await axonOf({ version, synapses: [spec] })
      expect(await all(dendriteOf({ synapsesOf: () => ({ plain: spec }) }).prompt(targetOf(axon), call({ stream: true })))).toHaveLength(1)
    }
  }
})

test('50 calls at once to one axon all get through, though they overtake each other', async () => {
  const axon = await axonOf()
  const dendrite = dendriteOf()
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, at) =>
      all(dendrite.prompt(targetOf(axon), call({ messages: [{ role: 'user', content: `${at}` }], timeoutMs: 5_000 }))),
    ),
  )
  expect(answers.flat()).toEqual(Array.from({ length: 50 }, (_, at) => `You said: ${at}`))
})

test('without a sequence of its own a dendrite asks nobody twice, however many calls are under way', async () => {
  let asked = 0
  const axon = await axonOf({ version: '10.2.0', blacklist: () => (asked++, false) })
  const dendrite = dendriteOf({ nonces: undefined })
  const ask = (): Promise<string[]>[] => Array.from({ length: 60 }, () => all(dendrite.prompt(targetOf(axon), call({ timeoutMs: 5_000 }))))
  for (let round = 1; round <= 3; round++) {
    await Promise.all(ask())
    expect(asked).toBe(60 * round)
  }
})

const FAULTS: [HttpAxonFault, ReturnCodeName][] = [
  [{ kind: 'hang' }, 'TIMEOUT'],
  [{ kind: 'delay', ms: 400 }, 'TIMEOUT'],
  [{ kind: 'drip', ms: 20 }, 'TIMEOUT'],
  [{ kind: 'die', afterPieces: 1 }, 'BAD_ENDPOINT'],
  [{ kind: 'drop' }, 'BAD_ENDPOINT'],
  [{ kind: 'refuse' }, 'UNAVAILABLE'],
  [{ kind: 'forge' }, 'INVALID_RESPONSE'],
  [{ kind: 'wrong-hotkey' }, 'INVALID_RESPONSE'],
  [{ kind: 'wrong-name' }, 'INVALID_RESPONSE'],
  [{ kind: 'garbage' }, 'INVALID_RESPONSE'],
  [{ kind: 'empty' }, 'EMPTY_RESPONSE'],
  [{ kind: 'huge', bytes: 3_000_000 }, 'INVALID_RESPONSE'],
  [{ kind: 'huge-header', bytes: 100_000 }, 'INVALID_RESPONSE'],
  [{ kind: 'redirect', to: 'http://127.0.0.1:1/' }, 'BAD_ENDPOINT'],
  [{ kind: 'status', status: 502, message: 'no' }, 'BAD_ENDPOINT'],
  [{ kind: 'status', status: 429, message: 'slow down' }, 'BACKOFF'],
  [{ kind: 'status', status: 503, message: '' }, 'UNAVAILABLE'],
  [{ kind: 'status', status: 200, message: 'hello from a web server' }, 'INVALID_RESPONSE'],
]

describe.each(['6.9.4', '10.2.0'])('an axon of %s that goes wrong', (version) => {
  test.each(FAULTS)('%o is %s, within the deadline', async (fault, returnCode) => {
    const axon = await axonOf({ version })
    const dendrite = dendriteOf()
    await all(dendrite.prompt(targetOf(axon), call()))
    await axon.setFault(fault)
    const timeoutMs = returnCode === 'TIMEOUT' ? 120 : 3_000
    for (const stream of [false, true]) {
      const start = performance.now()
      const got = all(dendrite.prompt(targetOf(axon), call({ stream, timeoutMs })))
      await expect(got).rejects.toMatchObject({ returnCode })
      expect(performance.now() - start).toBeLessThan(timeoutMs + 150)
    }
    await axon.setFault(undefined)
    expect(await all(dendrite.prompt(targetOf(axon), call()))).toHaveLength(1)
  })

  test('a signature that was seen before is a lie', async () => {
    const axon = await axonOf({ version })
    const dendrite = dendriteOf()
    await axon.setFault({ kind: 'replay' })
    expect(await all(dendrite.prompt(targetOf(axon), call()))).toHaveLength(1)
    await expect(all(dendrite.prompt(targetOf(axon), call()))).rejects.toMatchObject({
      returnCode: 'INVALID_RESPONSE',
      message: expect.stringContaining('seen before') as string,
    })
  })
})

describe('an early end', () => {
  /** An axon that streams until its caller is gone, and tells when that was. */
  async function endless(): Promise<{ axon: HttpMockAxon; gone: Promise<number> }> {
    let tell: (at: number) => void
    const gone = new Promise<number>((resolve) => (tell = resolve))
    async function* forever({ signal }: HttpAxonQuestion): AsyncGenerator<string> {
      signal.addEventListener('abort', () => tell(performance.now()))
      yield 'first'
      await new Promise(() => undefined)
    }
    return { axon: await axonOf({ answer: forever }), gone }
  }

  test('of the iteration ends the request of the axon', async () => {
    const { axon, gone } = await endless()
    for await (const piece of dendriteOf().prompt(targetOf(axon), call({ stream: true }))) {
      expect(piece).toBe('first')
      break
    }
    const left = performance.now()
    expect((await gone) - left).toBeLessThan(100)
  })

  test('while a piece is waited for does not wait for it', async () => {
    const { axon, gone } = await endless()
    const iterator = dendriteOf()
      .prompt(targetOf(axon), call({ stream: true }))
      [Symbol.asyncIterator]()
    await iterator.next()
    const waiting = Promise.resolve(iterator.next()).catch((error: unknown) => error)
    const left = performance.now()
    await iterator.return?.()
    expect((await gone) - left).toBeLessThan(100)
    expect(await waiting).toMatchObject({ returnCode: 'NO_RETURN' })
  })

  test('by the signal, whether bytes have come or not', async () => {
    const { axon, gone } = await endless()
    const caller = new AbortController()
    const got = all(dendriteOf().prompt(targetOf(axon), call({ stream: true, signal: caller.signal }))).catch((error: unknown) => error)
    await expect.poll(() => axon.inFlight).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 30))
    const left = performance.now()
    caller.abort()
    expect(await got).toMatchObject({ returnCode: 'NO_RETURN' })
    expect((await gone) - left).toBeLessThan(100)
    await expect(all(dendriteOf().prompt(targetOf(axon), call({ signal: AbortSignal.abort() })))).rejects.toMatchObject({
      returnCode: 'NO_RETURN',
    })
  })

  test('without a first byte in time', async () => {
    const axon = await axonOf()
    await axon.setFault({ kind: 'hang' })
    const start = performance.now()
    const got = all(dendriteOf({ limits: { firstByteMs: 100 } }).prompt(targetOf(axon), call({ stream: true, timeoutMs: 5_000 })))
    await expect(got).rejects.toMatchObject({ returnCode: 'TIMEOUT', message: 'no first byte of an answer within 100 ms' })
    expect(performance.now() - start).toBeLessThan(400)
  })
})

test('connections are kept and used again', async () => {
  const connections = new Set<unknown>()
  const axon = await axonOf()
  const server = await countingProxy(axon.port, connections)
  open.push({ close: async () => void server.close() })
  const dendrite = dendriteOf({ limits: { connectionsPerAxon: 3 } })
  const target = targetOf({ port: (server.address() as AddressInfo).port })
  for (let i = 0; i < 12; i++) await all(dendrite.prompt(target, call({ stream: i % 2 === 0 })))
  // A second one is opened when a call comes while the first takes note of its end.
  expect(connections.size).toBeLessThanOrEqual(2)
  await Promise.all(Array.from({ length: 12 }, () => all(dendrite.prompt(target, call()))))
  expect(connections.size).toBeLessThanOrEqual(3)
  // A refusal is read to its end.
  await expect(all(dendrite.prompt({ ...target, hotkey: pair.address }, call()))).rejects.toMatchObject({ returnCode: 'UNAUTHENTICATED' })
})

/** Hands connections on, and counts them. */
async function countingProxy(port: number, seen: Set<unknown>): Promise<Server> {
  const server = createServer({ noDelay: true }, (socket) => {
    seen.add(socket)
    const onward = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.pipe(onward).pipe(socket)
    for (const end of [socket, onward]) end.on('error', () => undefined)
    socket.on('close', () => onward.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

test('nothing is dialled that is not public, unless it may be', async () => {
  const axon = await axonOf()
  const dendrite = dendriteOf({ allowPrivate: false, ownIp: '127.0.0.1' })
  const got = all(dendrite.prompt(targetOf(axon), call()))
  await expect(got).rejects.toMatchObject({ returnCode: 'BAD_ENDPOINT', message: expect.stringContaining('loopback') as string })
})

test('no messages are no request, and a closed dendrite makes none', async () => {
  const axon = await axonOf()
  const dendrite = dendriteOf()
  await expect(all(dendrite.prompt(targetOf(axon), call({ messages: [] })))).rejects.toMatchObject({ returnCode: 'EMPTY_REQUEST' })
  await dendrite.close()
  await expect(all(dendrite.prompt(targetOf(axon), call()))).rejects.toMatchObject({ returnCode: 'UNAVAILABLE' })
})

test('what a user writes never gets into a header', async () => {
  const axon = await axonOf()
  const evil = 'x\r\nbt_header_dendrite_hotkey: 5Evil\r\n\r\nPOST / HTTP/1.1'
  const messages = [{ role: evil, content: evil }]
  expect(await all(dendriteOf().prompt(targetOf(axon), call({ messages })))).toEqual([`You said: ${evil}`])
})

test('characters stay whole wherever the bytes are cut', async () => {
  const text = 'naïve ☃ 😀 \ufeff end\n'
  const bytes = Buffer.from(text)
  async function* cut(at: number): AsyncGenerator<Buffer> {
    yield bytes.subarray(0, at)
    yield bytes.subarray(at)
  }
  for (let at = 0; at <= bytes.length; at++) {
    const got = await all(readPieces(cut(at), 1000))
    expect(got.join('')).toBe(text)
    for (const piece of got) expect(/[\p{Cs}\ufffd]/u.test(piece)).toBe(false)
  }
  async function* single(): AsyncGenerator<Buffer> {
    for (const byte of bytes) yield Buffer.of(byte)
  }
  expect((await all(readPieces(single(), 1000))).join('')).toBe(text)
  await expect(all(readPieces(cut(bytes.length), bytes.length - 1))).rejects.toMatchObject({ returnCode: 'INVALID_RESPONSE' })
  async function* broken(): AsyncGenerator<Buffer> {
    yield Buffer.from('☃').subarray(0, 2)
  }
  await expect(all(readPieces(broken(), 1000))).rejects.toMatchObject({ returnCode: 'INVALID_RESPONSE' })
})
