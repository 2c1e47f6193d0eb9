/** Anybody may publish any address as an axon's: through the whole service, none that leads behind the gateway is dialled. */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sleep } from '../../../src/core/lifecycle.js'
import type { PromptNeuron } from '../../../src/core/prompting.js'
import { toHex } from '../../../src/core/units/bytes.js'
import { parseIp } from '../../../src/core/units/ip.js'
import { encodeSs58 } from '../../../src/core/units/ss58.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { watchDials, type Dialled } from './dialled.js'
import { modelOf, neuronOf, PROTOCOLS, startAxon, startWorld, textAnswer, type Axon, type World } from './world.js'

/** Refused whatever the settings say. */
const NEVER = [
  ...['169.254.169.254', '169.254.0.1', '169.254.170.2', '100.100.100.200', '168.63.129.16'],
  ...['0.0.0.1', '0.255.255.255', '192.0.0.1', '192.0.2.1', '198.18.0.1', '198.51.100.7', '203.0.113.9'],
  ...['224.0.0.1', '239.255.255.250', '240.0.0.1', '255.255.255.255'],
  ...['::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:169.254.169.254', '::ffff:8.8.8.8', '::127.0.0.1', '::ffff:0:7f00:1'],
  ...['64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::1', '2002:7f00:1::', '2002:a9fe:a9fe::1', '2001::1', '2001:db8::1', '3fff::1'],
  ...[
    'fd00:ec2::254',
    'fd20:ce::254',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    'ff0e::1',
    '100::1',
    '4000::1',
    'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  ],
]
/** Dialled on a devnet alone. */
const PRIVATE = [
  ...['127.0.0.1', '127.255.255.254', '10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255'],
  ...['100.64.0.1', '100.127.255.254', '::1', 'fc00::1', 'fdff::1'],
]
/** Numbers that are no address: of the wrong type, or none at all. */
const NUMBERS: [string, Partial<PromptNeuron>, string][] = [
  ['no address', { ip: 0n, ipType: 4 }, 'it does not serve'],
  ['no address of IPv6', { ip: 0n, ipType: 6 }, 'it does not serve'],
  ['no port', { ...parseIp('127.0.0.1'), port: 0 }, 'it does not serve'],
  ['an address of IPv6 as one of IPv4', { ip: parseIp('::1:0:0').ip, ipType: 4 }, 'its address is none'],
  ['the loopback of IPv4 as a number of IPv6', { ip: parseIp('127.0.0.1').ip, ipType: 6 }, 'its address may not be dialled'],
  ['the loopback of IPv6 as a number of IPv4', { ip: 1n, ipType: 4 }, 'its address may not be dialled'],
  ['a type that there is not', { ip: parseIp('127.0.0.1').ip, ipType: 5 }, 'its address is none'],
  ['more than 128 bits', { ip: 1n << 128n, ipType: 6 }, 'its address is none'],
  ['less than nothing', { ip: -1n, ipType: 4 }, 'its address is none'],
]

const PROBE_MS = 1_000

let db: TestDatabase
let traps: Server[]
let trapped = 0
let dials: Dialled
let startedAt: number
/** Of the faces of the service and of the database. */
const ports = new Set<number>()
let decoys: Axon[]
/** As on a public chain, and as on a devnet. */
let strict: World
let devnet: World
let key: { strict: string; devnet: string }
/** What each neuron stands for, by its uid. */
const places: { name: string; refusal: string; isPrivate: boolean; protocol: (typeof PROTOCOLS)[number] }[] = []

beforeAll(async () => {
  db = await testDatabase()
  // Wherever a connection of this machine may end, somebody listens; all on one port.
  const first = await trapAt('127.0.0.1', 0)
  const { port } = first.address() as AddressInfo
  traps = [first, ...(await Promise.all(['127.255.255.254', '::1'].map((host) => trapAt(host, port))))]
  decoys = await Promise.all(PROTOCOLS.map((protocol) => startAxon(protocol, textAnswer)))
  const neurons: PromptNeuron[] = []
  for (const [at, protocol] of PROTOCOLS.entries()) {
    const add = (name: string, where: Partial<PromptNeuron>, refusal: string, isPrivate: boolean): void => {
      const hotkey = hotkeyOf(places.length)
      neurons.push(neuronOf(protocol, places.length, decoys[at] as Axon, { port, hotkey, ...where }))
      places.push({ name, refusal, isPrivate, protocol })
    }
    for (const ip of NEVER) add(ip, parseIp(ip), 'its address may not be dialled', false)
    for (const ip of PRIVATE) add(ip, parseIp(ip), 'its address may not be dialled', true)
    for (const [name, where, refusal] of NUMBERS) add(name, where, refusal, false)
  }
  dials = watchDials()
  // Pinned by the operator, which lifts what is wanted of permit and stake, and of nothing else. Asked for signs of life all the time.
  const config = { 'prompt.hotkeys': neurons.map(({ hotkey }) => hotkey).join(','), 'prompt.probeSeconds': String(PROBE_MS / 1_000) }
  strict = await startWorld({ db, neurons, config: { ...config, 'prompt.allowPrivate': 'false' } })
  devnet = await startWorld({ db, neurons: neurons.filter((_, uid) => places[uid]?.isPrivate === false), config })
  startedAt = performance.now()
  for (const { port } of [strict, devnet]) ports.add(port)
  key = { strict: (await strict.newKey()).key, devnet: (await devnet.newKey()).key }
})

afterAll(async () => {
  dials?.[Symbol.dispose]()
  await Promise.all([strict?.close(), devnet?.close()])
  await Promise.all((decoys ?? []).map((axon) => axon.close()))
  for (const trap of traps ?? []) trap.close()
  await db?.[Symbol.asyncDispose]()
})

function hotkeyOf(uid: number): string {
  const key = Buffer.alloc(32, 0x5a)
  key.writeUInt32LE(uid)
  return encodeSs58(toHex(key))
}

async function trapAt(host: string, port: number): Promise<Server> {
  const server = createServer((socket) => {
    trapped++
    socket.destroy()
  }).listen(port, host)
  await once(server, 'listening')
  return server
}

function ask(world: World, key: string, uid: number, protocol: (typeof PROTOCOLS)[number], more: object = {}): Promise<Response> {
  const body = { model: modelOf(protocol), messages: [{ role: 'user', content: 'Hello' }], uids: [uid], timeout: 2, ...more }
  return world.post('/v1/chat/completions', body, key)
}

describe.each([
  ['on a public chain', () => strict, () => key.strict],
  ['on a devnet', () => devnet, () => key.devnet],
] as const)('%s', (name, world, key) => {
  test('GET /v1/targets says of each why it is not asked', async () => {
    const targets = await world().targets()
    expect(targets.length).toBe(name === 'on a devnet' ? places.filter(({ isPrivate }) => !isPrivate).length : places.length)
    expect(targets.length).toBeGreaterThan(120)
    for (const { uid, refusal } of targets) expect([places[uid]?.name, refusal]).toEqual([places[uid]?.name, places[uid]?.refusal])
  })

  test('none is asked, by whatever name and strategy', async () => {
    const uids = (await world().targets()).map(({ uid }) => uid)
    for (const uid of uids) {
      const protocol = places[uid]?.protocol ?? 'grpc'
      const response = await ask(world(), key(), uid, protocol)
      expect([places[uid]?.name, response.status]).toEqual([places[uid]?.name, 502])
      expect(await response.json()).toMatchObject({ error: { code: 'upstream_down' } })
    }
    for (const protocol of PROTOCOLS) {
      const hotkeys = places.flatMap((place, uid) => (place.protocol === protocol && !place.isPrivate ? [hotkeyOf(uid)] : []))
      const anybody = { uids: null }
      for (const more of [{ hotkeys }, { hotkeys, strategy: 'all' }, { strategy: 'best_of' }, { stream: true }, {}]) {
        const response = await ask(world(), key(), 0, protocol, { ...anybody, ...more })
        expect(response.status).toBe(502)
      }
    }
  })
})

test('private addresses are those that the devnet opens', async () => {
  const { port } = traps[0]?.address() as AddressInfo
  const neurons = PRIVATE.map((ip, uid) => neuronOf('http', uid, decoys[1] as Axon, { ...parseIp(ip), port, hotkey: hotkeyOf(uid) }))
  await using open = await startWorld({ db, neurons })
  ports.add(open.port)
  expect((await open.targets()).map(({ refusal }) => refusal)).toEqual(PRIVATE.map(() => null))
})

test('no connection was begun to any of them, not even for a sign of life, and no name was looked up', async () => {
  await sleep(Math.max(0, startedAt + 2 * PROBE_MS - performance.now()))
  expect(trapped).toBe(0)
  ports.add(Number(new URL(db.url).port))
  expect(dials.connections().filter((to) => !ports.has(Number(to.slice(to.lastIndexOf(':') + 1))))).toEqual([])
  expect(dials.lookups().filter((name) => name !== '127.0.0.1' && name !== 'localhost')).toEqual([])
})
