/** The axons that whoever starts a devnet gives to its cast. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createChainReader, createRpcClient, type ChainState } from '../../chain/index.js'
import { silentLog } from '../../core/log.js'
import type { Hex } from '../../core/records.js'
import { parseIp } from '../../core/units/ip.js'
import { prepareKeys, verify } from '../../core/wallet/keys.js'
import { castOf, startDevnet, type Devnet, type DevnetOptions } from '../index.js'

const SETTINGS = { seed: 'serving', subnets: 2, neurons: 8 }
const NETUIDS = [1, 2]
/** Until all are in and have served. */
const BLOCKS = 12
const { ip } = parseIp('127.0.0.2')

interface Axon {
  block: bigint
  ip: bigint
  port: bigint | number
  version: bigint | number
}
/** The state at the head. */
type Reading = () => Promise<ChainState>

let dataDir: string
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'taogate-serving-'))
})
afterAll(() => rm(dataDir, { recursive: true }))

async function withDevnet<T>(options: Partial<DevnetOptions>, use: (devnet: Devnet, now: Reading) => Promise<T>): Promise<T> {
  const devnet = await startDevnet({ ...SETTINGS, blockMs: null, dataDir, log: silentLog, ...options })
  const rpc = createRpcClient({ endpoints: [devnet.url], log: silentLog })
  const reader = createChainReader(rpc)
  try {
    return await use(devnet, () => reader.reading().stateAt(devnet.best.number))
  } finally {
    await rpc.close()
    await devnet.close()
  }
}

/** By subnet, then by hotkey. */
async function axonsOf(now: Reading): Promise<Record<number, Map<Hex, Axon>>> {
  const state = await now()
  const ofSubnet = async (netuid: number) => {
    const entries = await state.entries('SubtensorModule', 'Axons', netuid)
    return [netuid, new Map(entries.map(({ args, value }) => [args.at(-1) as Hex, value as Axon]))] as const
  }
  return Object.fromEntries(await Promise.all(NETUIDS.map(ofSubnet)))
}

/** Validators at a port of their subnet and place; the first one is left out. */
function choiceFrom(basePort: number): NonNullable<DevnetOptions['axons']> {
  return ({ netuid, place, isValidator }) =>
    isValidator && place > 0 ? { ip, ipType: 4, port: basePort + 100 * netuid + place, version: 10_002_000, protocol: 4 } : undefined
}

test('the cast is known before the chain starts, and its keys sign', async () => {
  await prepareKeys()
  const cast = await castOf(SETTINGS)
  expect(cast.map(({ place }) => place)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  expect(cast.filter(({ isValidator }) => isValidator).map(({ place }) => place)).toEqual([0, 4])
  const message = Buffer.from('some bytes')
  for (const { pair } of cast.slice(0, 2)) expect(verify(message, pair.sign(message), pair.publicKey)).toBe(true)
  expect(await castOf({ ...SETTINGS, subnets: 0 })).toEqual([])
})

test('validators serve what they are given, the others addresses that lead nowhere, and again after a restart with other ports', async () => {
  const cast = await castOf(SETTINGS)
  const chosen = cast[4]!.pair.publicKey
  const first = await withDevnet({ axons: choiceFrom(20_000) }, async (devnet, now) => {
    expect(devnet.accounts.hotkeys.map(({ id }) => id)).toEqual(cast.map(({ pair }) => pair.publicKey))
    devnet.newBlock({ count: BLOCKS })
    const axons = await axonsOf(now)
    for (const netuid of NETUIDS) {
      expect(axons[netuid]!.size).toBe(SETTINGS.neurons)
      expect(axons[netuid]!.get(chosen)).toMatchObject({ ip, port: 20_000 + 100 * netuid + 4, version: 10_002_000 })
      const others = [...axons[netuid]!].filter(([hotkey]) => hotkey !== chosen).map(([, axon]) => axon.ip >> 24n)
      expect(new Set(others)).toEqual(new Set([10n]))
    }
    return axons
  })

  const moved = await withDevnet({ axons: choiceFrom(30_000) }, async (devnet, now) => {
    const { number } = devnet.newBlock()
    const axons = await axonsOf(now)
    for (const netuid of NETUIDS) {
      expect(axons[netuid]!.get(chosen)).toMatchObject({ block: BigInt(number), ip, port: 30_000 + 100 * netuid + 4 })
      for (const [hotkey, axon] of first[netuid]!) if (hotkey !== chosen) expect(axons[netuid]!.get(hotkey)).toEqual(axon)
    }
    // Served once, not in every block.
    devnet.newBlock({ count: 3 })
    expect(await axonsOf(now)).toEqual(axons)
    return axons
  })

  await withDevnet({}, async (devnet, now) => {
    devnet.newBlock({ count: 3 })
    expect(await axonsOf(now)).toEqual(moved)
  })
})

test('a chain of before has its serving rate limit, and who moved serves as soon as it lets them', async () => {
  const folder = join(dataDir, 'before')
  const limit = async (now: Reading) => (await now()).get('SubtensorModule', 'ServingRateLimit', 1)
  const before = await withDevnet({ dataDir: folder }, async (devnet, now) => {
    devnet.newBlock({ count: BLOCKS })
    expect(await limit(now)).toBe(10n)
    return axonsOf(now)
  })
  const cast = await castOf(SETTINGS)
  const chosen = cast[4]!.pair.publicKey
  const since = before[1]!.get(chosen)!.block
  await withDevnet({ dataDir: folder, axons: choiceFrom(20_000) }, async (devnet, now) => {
    expect(await limit(now)).toBe(10n)
    devnet.newBlock({ count: Number(since) + 9 - devnet.best.number })
    expect((await axonsOf(now))[1]!.get(chosen)).toMatchObject({ block: since, ip: before[1]!.get(chosen)!.ip })
    devnet.newBlock()
    expect((await axonsOf(now))[1]!.get(chosen)).toMatchObject({ block: since + 10n, port: 20_104 })
  })
})
