import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { verify as scureVerify } from '@scure/sr25519'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { fromHex } from '../../../core/units/bytes.js'
import { decodeSs58 } from '../../../core/units/ss58.js'
import { keyPairFromSeed, type KeyPair } from '../../../core/wallet/keys.js'
import { startHttpMockAxon, type HttpAxonQuestion, type HttpMockAxon, type HttpMockAxonOptions } from '../../mock-axon/http/axon.js'
import type { HttpAxonFault } from '../../mock-axon/http/faults.js'
import type { AxonTarget, Dendrite, PromptCall, ReturnCodeName } from '../types.js'
import { createEpistulaDendrite, type EpistulaDendriteOptions } from './dendrite.js'
import { readEvents } from './events.js'
import { epistulaHeaders, epistulaMessage, secretMessages } from './signing.js'
import { createReplayTable, verifyEpistula, type EpistulaCheck } from './verifying.js'

type Pairs = [string, string][]
interface Vectors {
  dendrite_seed: string
  axon_seed: string
  v2: {
    body_utf8: string
    timestamp_ms: number
    uuid: string
    signed_message: string
    headers: Pairs
    not_addressed: { signed_message: string; headers: Pairs }
    secret_signatures: Record<'python_flavour' | 'go_flavour', [string, string, string][]>
    rejected: {
      name: string
      now_ms?: number
      body_utf8?: string
      signed_for?: string
      signed_by?: string
      uuid?: string
      error: string | null
    }[]
  }
}
const vectors = JSON.parse(readFileSync(new URL('../../../../test/fixtures/epistula.json', import.meta.url), 'utf8')) as Vectors
const { v2 } = vectors
const body = Buffer.from(v2.body_utf8)

let pair: KeyPair
let axonPair: KeyPair
beforeAll(async () => {
  pair = await keyPairFromSeed(fromHex(vectors.dendrite_seed))
  axonPair = await keyPairFromSeed(fromHex(vectors.axon_seed))
})

function verified(message: string, signature: string, address = pair.address): boolean {
  return scureVerify(Buffer.from(message), fromHex(signature), fromHex(decodeSs58(address)))
}

function named(flat: readonly string[]): Pairs {
  return flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] as string] as [string, string]] : []))
}

describe('signing', () => {
  test.each([
    ['to an axon', () => v2.headers, () => v2.signed_message, true],
    ['to nobody', () => v2.not_addressed.headers, () => v2.not_addressed.signed_message, false],
  ])('a request %s has the headers of the vectors', (_title, headers, message, isAddressed) => {
    const input = { body, uuid: v2.uuid, timestampMs: v2.timestamp_ms, signedFor: isAddressed ? axonPair.address : null }
    const ours = named(epistulaHeaders(pair, input))
    const rest = (list: Pairs): Pairs => list.filter(([name]) => name !== 'Epistula-Request-Signature')
    const signature = (list: Pairs): string => list.find(([name]) => name === 'Epistula-Request-Signature')?.[1] as string
    expect(epistulaMessage(input)).toBe(message())
    expect(rest(ours)).toEqual(rest(headers()))
    expect(verified(message(), signature(ours))).toBe(true)
    expect(verified(message(), signature(headers()))).toBe(true)
  })

  test.each(['python', 'go'] as const)('secret signatures as %s writes them', (flavour) => {
    const rows = v2.secret_signatures[`${flavour}_flavour`]
    expect(secretMessages(v2.timestamp_ms, axonPair.address, flavour)).toEqual(rows.map(([, text]) => text))
    const input = { body, uuid: v2.uuid, timestampMs: v2.timestamp_ms, signedFor: axonPair.address, secrets: flavour }
    const ours = new Map(named(epistulaHeaders(pair, input)))
    for (const [header, text, signature] of rows) {
      expect(verified(text, signature)).toBe(true)
      expect(verified(text, ours.get(header) as string)).toBe(true)
    }
  })
})

describe('verifying', () => {
  const headersOf = (list: Pairs, more: Record<string, string | undefined> = {}): ((name: string) => string | undefined) => {
    const map = new Map<string, string | undefined>(list.map(([name, value]) => [name.toLowerCase(), value]))
    for (const [name, value] of Object.entries(more)) map.set(name, value)
    return (name) => map.get(name)
  }
  const check = (more: Partial<EpistulaCheck> = {}): EpistulaCheck => ({
    self: axonPair.address,
    nowMs: v2.timestamp_ms,
    replays: null,
    ...more,
  })

  test.each(v2.rejected)('$name: $error', (row) => {
    const more: Record<string, string> = {}
    if (row.signed_for !== undefined) more['epistula-signed-for'] = row.signed_for
    if (row.signed_by !== undefined) more['epistula-signed-by'] = row.signed_by
    if (row.uuid !== undefined) more['epistula-uuid'] = row.uuid
    const bytes = row.body_utf8 === undefined ? body : Buffer.from(row.body_utf8)
    const verdict = verifyEpistula(headersOf(v2.headers, more), bytes, check({ nowMs: row.now_ms ?? v2.timestamp_ms }))
    if (row.error === null) expect(verdict).toEqual({ ok: true, signedBy: pair.address })
    else expect(verdict).toMatchObject({ ok: false, status: 400, error: row.error.replace(/ \(HTTP.*/, '') })
  })

  test('a request to nobody is for everybody', () => {
    expect(verifyEpistula(headersOf(v2.not_addressed.headers), body, check())).toMatchObject({ ok: true })
  })

  test('a request counts once, and does not come from the future', () => {
    const replays = createReplayTable()
    const read = headersOf(v2.headers)
    expect(verifyEpistula(read, body, check({ replays, nowMs: v2.timestamp_ms - 2_001 }))).toMatchObject({
      error: 'Request is from the future',
    })
    expect(verifyEpistula(read, body, check({ replays, nowMs: v2.timestamp_ms - 2_000 }))).toMatchObject({ ok: true })
    for (const nowMs of [v2.timestamp_ms, v2.timestamp_ms + 8_000])
      expect(verifyEpistula(read, body, check({ replays, nowMs }))).toMatchObject({ error: 'Request was seen before' })
    expect(verifyEpistula(read, body, check({ replays, nowMs: v2.timestamp_ms + 8_001 }))).toMatchObject({ error: 'Request is too stale' })
  })

  test('a table of replays forgets what is stale, and has an end', () => {
    const replays = createReplayTable(2)
    expect(['a', 'b', 'a'].map((uuid) => replays.take('x', uuid, 0))).toEqual([true, true, false])
    expect(replays.take('x', 'c', 10_000)).toBe(false)
    expect(['c', 'a'].map((uuid) => replays.take('x', uuid, 10_001))).toEqual([true, true])
  })

  test.each([
    ['another version', { 'epistula-version': '1' }, 'Unknown Epistula version'],
    ['no signature', { 'epistula-request-signature': undefined }, 'Signature Mismatch'],
    ['no signer', { 'epistula-signed-by': undefined }, 'Invalid Sender Key'],
    ['no time', { 'epistula-timestamp': 'soon' }, 'Invalid timestamp provided'],
    ['no uuid', { 'epistula-uuid': undefined }, 'Invalid uuid provided'],
    ['no receiver any more', { 'epistula-signed-for': undefined }, 'Signature Mismatch'],
  ])('%s', (_title, more, error) => {
    expect(verifyEpistula(headersOf(v2.headers, more), body, check())).toEqual({ ok: false, status: 400, error })
  })

  test('a signer that nobody knows is told so with 401', () => {
    expect(verifyEpistula(headersOf(v2.headers), body, check({ isKnown: () => false }))).toMatchObject({ status: 401 })
  })
})

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((part) => part.close()))
})

async function axonOf(more: Partial<HttpMockAxonOptions> = {}): Promise<HttpMockAxon> {
  async function* answer({ messages }: HttpAxonQuestion): AsyncGenerator<string> {
    yield* ['You ', 'said:\n', messages.at(-1)?.content ?? '']
  }
  const axon = await startHttpMockAxon({ pair: axonPair, host: '127.0.0.1', port: 0, version: '9.12.2', answer, ...more })
  open.push(axon)
  return axon
}

function dendriteOf(more: Partial<EpistulaDendriteOptions> = {}): Dendrite {
  const dendrite = createEpistulaDendrite({ pair, allowPrivate: true, ...more })
  open.push(dendrite)
  return dendrite
}

function targetOf({ port }: { port: number }, more: Partial<AxonTarget> = {}): AxonTarget {
  return { netuid: 4, uid: 7, hotkey: axonPair.address, ip: '127.0.0.1', port, version: 9_012_002, ...more }
}

function call(more: Partial<PromptCall> = {}): PromptCall {
  const messages = [{ role: 'user', content: 'naïve "q" ☃' }]
  return { messages, stream: false, timeoutMs: 2_000, maxBytes: 10_000, signal: new AbortController().signal, ...more }
}

async function all(answer: AsyncIterable<string>): Promise<string[]> {
  const got: string[] = []
  for await (const piece of answer) got.push(piece)
  return got
}

describe('the dendrite', () => {
  test.each([undefined, 'python', 'go'] as const)('gets answers, plain and streamed (secrets: %s)', async (secrets) => {
    const axon = await axonOf()
    const dendrite = dendriteOf({ secrets })
    const asked = call({ model: 'm', sampling: { temperature: 0.5, maxTokens: 5, stop: ['x'] } })
    expect(await all(dendrite.prompt(targetOf(axon), asked))).toEqual(['You said:\nnaïve "q" ☃'])
    expect(await all(dendrite.prompt(targetOf(axon), { ...asked, stream: true }))).toEqual(['You ', 'said:\n', 'naïve "q" ☃'])
  })

  const FAULTS: [HttpAxonFault, ReturnCodeName][] = [
    [{ kind: 'hang' }, 'TIMEOUT'],
    [{ kind: 'drip', ms: 20 }, 'TIMEOUT'],
    [{ kind: 'die', afterPieces: 2 }, 'BAD_ENDPOINT'],
    [{ kind: 'drop' }, 'BAD_ENDPOINT'],
    [{ kind: 'refuse' }, 'UNAVAILABLE'],
    [{ kind: 'garbage' }, 'INVALID_RESPONSE'],
    [{ kind: 'empty' }, 'EMPTY_RESPONSE'],
    [{ kind: 'huge', bytes: 1_000_000 }, 'INVALID_RESPONSE'],
    [{ kind: 'huge-header', bytes: 100_000 }, 'INVALID_RESPONSE'],
    [{ kind: 'redirect', to: 'http://127.0.0.1:1/' }, 'BAD_ENDPOINT'],
    [{ kind: 'status', status: 429, message: '' }, 'BACKOFF'],
  ]
  test.each(FAULTS)('%o is %s, within the deadline', async (fault, returnCode) => {
    const axon = await axonOf()
    await axon.setFault(fault)
    const timeoutMs = returnCode === 'TIMEOUT' ? 120 : 3_000
    for (const stream of [false, true]) {
      const start = performance.now()
      await expect(all(dendriteOf().prompt(targetOf(axon), call({ stream, timeoutMs })))).rejects.toMatchObject({ returnCode })
      expect(performance.now() - start).toBeLessThan(timeoutMs + 150)
    }
  })

  test('refusals of the axon have codes of their own', async () => {
    const axon = await axonOf({ blacklist: (hotkey) => (hotkey === pair.address ? 'not you' : false), now: () => Date.now() })
    await expect(all(dendriteOf().prompt(targetOf(axon), call()))).rejects.toMatchObject({ returnCode: 'BLACKLISTED' })
    const stranger = await axonOf({ isKnown: () => false })
    await expect(all(dendriteOf().prompt(targetOf(stranger), call()))).rejects.toMatchObject({ returnCode: 'UNAUTHENTICATED' })
    const late = dendriteOf({ now: () => Date.now() - 60_000 })
    await expect(all(late.prompt(targetOf(await axonOf()), call()))).rejects.toMatchObject({
      returnCode: 'UNAUTHENTICATED',
      message: expect.stringContaining('too stale') as string,
    })
    const other = targetOf(await axonOf(), { hotkey: pair.address })
    await expect(all(dendriteOf().prompt(other, call()))).rejects.toMatchObject({
      returnCode: 'UNAUTHENTICATED',
      message: expect.stringContaining('not intended') as string,
    })
  })

  test('an early end hangs up at once', async () => {
    let gone: (at: number) => void
    const left = new Promise<number>((resolve) => (gone = resolve))
    async function* forever({ signal }: HttpAxonQuestion): AsyncGenerator<string> {
      signal.addEventListener('abort', () => gone(performance.now()))
      yield 'first'
      await new Promise(() => undefined)
    }
    const axon = await axonOf({ answer: forever })
    for await (const piece of dendriteOf().prompt(targetOf(axon), call({ stream: true }))) {
      expect(piece).toBe('first')
      break
    }
    const at = performance.now()
    expect((await left) - at).toBeLessThan(100)
  })

  async function serving(type: string, text: string): Promise<AxonTarget> {
    const server = createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(200, { 'content-type': type }).end(text))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    open.push({
      async close() {
        server.close()
        server.closeAllConnections()
      },
    })
    return targetOf({ port: (server.address() as AddressInfo).port })
  }

  test.each([
    [
      'an error in the stream',
      'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: {"error":{"message":"boom"}}\n\n',
      'UNKNOWN_EXCEPTION',
    ],
    ['a stream without an end', 'data: {"choices":[{"delta":{"content":"a"}}]}\n\n', 'INVALID_RESPONSE'],
    ['a piece that is no text', 'data: {"choices":[{"delta":{"content":5}}]}\n\n', 'INVALID_RESPONSE'],
    ['nothing but an end', ': hello\n\ndata: [DONE]\n\n', 'EMPTY_RESPONSE'],
  ])('%s', async (_title, text, returnCode) => {
    const target = await serving('text/event-stream', text)
    await expect(all(dendriteOf().prompt(target, call({ stream: true })))).rejects.toMatchObject({ returnCode })
  })

  test('a stream may end by its finish reason, and a plain answer may come to who asked for a stream', async () => {
    const stream = await serving(
      'text/event-stream; charset=utf-8',
      'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\r\n\r\n',
    )
    expect(await all(dendriteOf().prompt(stream, call({ stream: true })))).toEqual(['a'])
    const plain = await serving('application/json', '{"choices":[{"message":{"content":"b"}}]}')
    expect(await all(dendriteOf().prompt(plain, call({ stream: true })))).toEqual(['b'])
  })
})

test('events are the same wherever their text is cut', async () => {
  const text = ': comment\r\ndata: one\r\n\r\ndata:two\ndata: three\n\nevent: x\rdata: four ☃\r\rdata: lost'
  const fail = (): Error => new Error('too long')
  async function* cut(...at: number[]): AsyncGenerator<string> {
    let from = 0
    for (const to of [...at, text.length]) yield text.slice(from, (from = to))
  }
  for (let a = 0; a <= text.length; a++)
    for (let b = a; b <= text.length; b += 7) expect(await all(readEvents(cut(a, b), 100, fail))).toEqual(['one', 'two\nthree', 'four ☃'])
  await expect(all(readEvents(cut(), 8, fail))).rejects.toThrow('too long')
})
