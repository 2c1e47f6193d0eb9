import { WsProvider } from '@polkadot/api'
import { xxhashAsHex } from '@polkadot/util-crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { silentLog } from '../../src/core/log.js'
import { startDevnet } from '../../src/devnet/index.js'
import { needsRig, runTool, startRig } from '../support/rig.js'

/**
 * The devnet against the real runtime of spec 143, side by side: the rig's scenario is played on both with the same seed, and what the rig reads from their
 * storage must be the same at every 10th block. Scenarios that were recorded this way run in the ordinary suite (recorded-runs.test.ts).
 * TAOGATE_RIG_SEEDS and TAOGATE_RIG_BLOCKS change how many scenarios are played and how long they are.
 */
const SEEDS = (process.env['TAOGATE_RIG_SEEDS'] ?? 'rig,second').split(',')
const BLOCKS = Number(process.env['TAOGATE_RIG_BLOCKS'] ?? 200)
const EVERY = 10
const MINUTES = 60_000

/** Follow from block hashes and the clock, which no two chains share. */
const OF_ONE_CHAIN = new Set(['hash', 'parentHash', 'genesisHash', 'stateRoot', 'extrinsicsRoot', 'timestamp', 'bytes'])
/** Arguments of `Timestamp.set` and of the work done for a block's hash. */
const ARGUMENTS_OF_ONE_CHAIN = new Map([
  ['timestamp.set', ['now']],
  ['subtensorModule.register', ['nonce', 'work']],
])
/** What the scenario's beginning depends on; everything else of the two chains' first state is the clock's or the block maker's. */
const COPIED = ['SubtensorModule', 'SenateMembers', 'Balances', 'TransactionPayment', 'Sudo', 'System.Account'].map((name) =>
  name.split('.').reduce((key, part) => key + xxhashAsHex(part, 128).slice(2), '0x'),
)

describe.skipIf(!needsRig())('the devnet and the real runtime do the same', () => {
  test.each(SEEDS)(
    'seed %s',
    async (seed) => {
      const folder = await mkdtemp(path.join(tmpdir(), 'taogate-devnet-'))
      const real = await startRig(143)
      const devnet = await startDevnet({ blockMs: null, subnets: 0, neurons: 0, log: silentLog })
      try {
        devnet.newBlock()
        await copyState(real.url, devnet.url)
        const chains = [
          { url: real.url, folder: path.join(folder, 'real') },
          { url: devnet.url, folder: path.join(folder, 'devnet') },
        ] as const
        await Promise.all(chains.map((chain) => playScenario(chain, seed)))
        const end = BLOCKS + 1
        for (let block = EVERY; block <= end; block += EVERY) {
          const [want, got] = await Promise.all(chains.map((chain) => readTruth(chain, block)))
          expect(differences(got, want), `block ${block}`).toEqual([])
        }
        expect(devnet.best.number).toBe(end)
      } finally {
        await devnet.close()
        await real.close()
        await rm(folder, { recursive: true, force: true })
      }
    },
    30 * MINUTES,
  )
})

interface Chain {
  url: string
  folder: string
}

async function playScenario({ url, folder }: Chain, seed: string): Promise<void> {
  await runTool('scenario.mjs', ['--ws', url, '--out', folder, '--blocks', String(BLOCKS), '--seed', seed], 25 * MINUTES)
}

async function readTruth({ url, folder }: Chain, block: number): Promise<unknown> {
  const file = path.join(folder, `truth-${block}.json`)
  await runTool('truth.mjs', ['--ws', url, '--block', String(block), '--from', String(block - EVERY + 1), '--out', file])
  return JSON.parse(await readFile(file, 'utf8'), dropOwn)
}

function dropOwn(this: unknown, key: string, value: unknown): unknown {
  if (OF_ONE_CHAIN.has(key)) return undefined
  if (key !== 'args') return value
  const dropped = ARGUMENTS_OF_ONE_CHAIN.get((this as { call: string }).call) ?? []
  return Object.fromEntries(Object.entries(value as object).filter(([name]) => !dropped.includes(name)))
}

/** Puts the state of one head in place of another's. */
async function copyState(from: string, to: string): Promise<void> {
  const [source, target] = [new WsProvider(from), new WsProvider(to)]
  try {
    await Promise.all([source.isReady, target.isReady])
    const [own, wanted] = await Promise.all([stateOf(target), stateOf(source)])
    const removed = [...own.keys()].filter((key) => !wanted.has(key)).map((key) => [key, null])
    await target.send('dev_setStorage', [[...removed, ...wanted]])
  } finally {
    await Promise.all([source.disconnect(), target.disconnect()])
  }
}

async function stateOf(node: WsProvider): Promise<Map<string, string>> {
  const state = new Map<string, string>()
  for (const prefix of COPIED) {
    const keys = await node.send<string[]>('state_getKeysPaged', [prefix, 1000, null])
    expect(keys.length, 'a page holds all keys').toBeLessThan(1000)
    for (const key of keys) state.set(key, (await node.send<string | null>('state_getStorage', [key])) as string)
  }
  return state
}

/** Paths at which two trees differ, with both values. */
function differences(got: unknown, want: unknown, at = ''): string[] {
  if (typeof got !== 'object' || typeof want !== 'object' || got === null || want === null) {
    return got === want ? [] : [`${at}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`]
  }
  const keys = new Set([...Object.keys(got), ...Object.keys(want)])
  return [...keys].flatMap((key) =>
    differences((got as Record<string, unknown>)[key], (want as Record<string, unknown>)[key], `${at}/${key}`),
  )
}
