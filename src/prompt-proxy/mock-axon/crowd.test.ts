/** Mock axons of all kinds in one process, asked by our own dendrites. */
import { connect, createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { fromHex } from '../../core/units/bytes.js'
import { formatIp } from '../../core/units/ip.js'
import { keyPairFromSeed, type KeyPair } from '../../core/wallet/keys.js'
import { createEpistulaDendrite } from '../dendrite/epistula/dendrite.js'
import { createGrpcDendrite } from '../dendrite/grpc/dendrite.js'
import { createHttpDendrite } from '../dendrite/http/dendrite.js'
import type { AxonTarget, Dendrite, PromptCall } from '../dendrite/types.js'
import { createProtocolOf } from '../targets/protocol.js'
import type { MockAxon } from './axon.js'
import { startMockAxons, type MockAxonCrowd } from './crowd.js'
import { echoAnswer, fixedAnswer } from './echo.js'

const HOST = '127.0.0.2'
const RELEASES = ['5.0.0', '5.3.4', '6.0.0', '6.9.4', '7.1.2', '7.4.0', '10.2.0']
const open: { close(): Promise<void> }[] = []
let caller: KeyPair
let pairs: KeyPair[]

beforeAll(async () => {
  caller = await keyPairFromSeed(fromHex('11'.repeat(32)))
  pairs = await Promise.all(RELEASES.map((_, at) => keyPairFromSeed(new Uint8Array(32).fill(at + 0x20))))
})
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close()
})

async function crowdOf(options: { releases?: readonly string[]; basePort?: number; knows?: (hotkey: string) => boolean } = {}) {
  const { releases = RELEASES, ...more } = options
  const members = releases.map((release, at) => ({ pair: pairs[at]!, release, answer: echoAnswer(`axon ${at}`, 1) }))
  const crowd = await startMockAxons({ members, host: HOST, ...more })
  open.push(crowd)
  return crowd
}

function dendriteFor(protocol: 'grpc' | 'http' | 'epistula'): Dendrite {
  const options = { pair: caller, allowPrivate: true }
  const make = { grpc: createGrpcDendrite, http: createHttpDendrite, epistula: createEpistulaDendrite }[protocol]
  const dendrite = make(options)
  open.push(dendrite)
  return dendrite
}

/** As somebody who knows the chain's record alone. */
function targetOf({ hotkey, served }: MockAxon): AxonTarget {
  return { netuid: 1, uid: 0, hotkey, ip: formatIp(served.ip, served.ipType)!, port: served.port, version: served.version }
}

async function ask(dendrite: Dendrite, axon: MockAxon, content: string, stream = false): Promise<string[]> {
  const signal = new AbortController().signal
  const call: PromptCall = { messages: [{ role: 'user', content }], stream, timeoutMs: 5_000, maxBytes: 100_000, signal }
  const pieces: string[] = []
  for await (const piece of dendrite.prompt(targetOf(axon), call)) pieces.push(piece)
  return pieces
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST)
    socket.on('connect', () => (socket.destroy(), resolve(true))).on('error', () => resolve(false))
  })
}

test('each axon answers the dendrite that its published version asks for, and says which one it is', async () => {
  const crowd = await crowdOf()
  expect(crowd.axons.map(({ served }) => served.version)).toEqual([500, 534, 600, 694, 712, 7_004_000, 10_002_000])
  expect(crowd.axons.map(({ hotkey }) => hotkey)).toEqual(pairs.map(({ address }) => address))
  const protocolOf = createProtocolOf(new Map())
  for (const [at, axon] of crowd.axons.entries()) {
    const protocol = protocolOf(1, axon.served.version)!
    expect(axon.protocol).toBe(protocol)
    expect(axon.served).toMatchObject({ ip: 0x7f000002n, ipType: 4, port: axon.port, protocol: 4 })
    const text = (await ask(dendriteFor(protocol), axon, 'reverse: né 😀')).join('')
    expect(text, axon.release).toBe(`[axon ${at}, a stand-in without a model] 😀 én`)
  }
})

test.each(['http', 'epistula'] as const)('HTTP axons stream their answers in pieces over %s', async (protocol) => {
  const crowd = await crowdOf({ releases: ['6.9.4', '10.2.0'] })
  for (const axon of crowd.axons) {
    const pieces = await ask(dendriteFor(protocol), axon, 'repeat one two three', true)
    expect(pieces.length).toBeGreaterThan(3)
    expect(pieces.join('')).toMatch(/^\[axon \d, a stand-in without a model\] one two three$/)
  }
})

test('callers are taken from whoever they are, unless the axon knows only some', async () => {
  const crowd = await crowdOf({ releases: ['5.3.4', '10.2.0'], knows: (hotkey) => hotkey === pairs[0]!.address })
  const [grpc, http] = crowd.axons as [MockAxon, MockAxon]
  await expect(ask(dendriteFor('grpc'), grpc, 'hello')).rejects.toMatchObject({ returnCode: 'BLACKLISTED' })
  await expect(ask(dendriteFor('http'), http, 'hello')).rejects.toMatchObject({ returnCode: 'BLACKLISTED' })
  await expect(ask(dendriteFor('epistula'), http, 'hello')).rejects.toThrow(/not in the metagraph/)
  const known = createHttpDendrite({ pair: pairs[0]!, allowPrivate: true })
  open.push(known)
  expect((await ask(known, http, 'hello')).join('')).toMatch(/You said, in 1 words: hello$/)
})

describe('ports', () => {
  async function freePort(): Promise<number> {
    const server = createServer().listen(0, HOST)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    return port
  }

  test('go up from a base, and are let go of together', async () => {
    const basePort = await freePort()
    const crowd = await crowdOf({ releases: ['5.3.4', '10.2.0', '6.9.4'], basePort })
    const ports = crowd.axons.map(({ port }) => port)
    expect(ports).toEqual([basePort, basePort + 1, basePort + 2])
    expect(await crowd.ready()).toEqual({ ok: true })
    await Promise.all([crowd.close(), crowd.close()])
    expect(await crowd.ready()).toMatchObject({ ok: false })
    expect(await Promise.all(ports.map(isListening))).toEqual([false, false, false])
  })

  test('when one is taken, none stays open', async () => {
    const taken = createServer().listen(0, HOST)
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const started: Promise<MockAxonCrowd> = crowdOf({ releases: ['5.3.4', '10.2.0'], basePort: port - 1 })
    await expect(started).rejects.toMatchObject({ code: 'PORT_IN_USE' })
    expect(await isListening(port - 1)).toBe(false)
    taken.close()
    await once(taken, 'close')
  })
})

test.each(['5.4.0', '4.9.9', '11.0.0', '10.2', ''])('"%s" is no release that is imitated', async (release) => {
  const start = startMockAxons({ members: [{ pair: caller, release, answer: fixedAnswer('x', 0) }], host: HOST })
  await expect(start).rejects.toMatchObject({ code: 'BAD_INPUT' })
})
