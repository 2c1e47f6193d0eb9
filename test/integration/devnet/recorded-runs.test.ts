/**
 * The devnet lives through what a real chain of spec 143 lived through, left to itself: from the real chain's state at block 1, with the same extrinsics
 * signed by the same keys, some hundred blocks long, with nothing put right in between. After each block its events and what it changed must be the real ones, after every tenth all state.
 */
import { Keyring } from '@polkadot/keyring'
import { xxhashAsHex } from '@polkadot/util-crypto'
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { Hex } from '../../../src/core/records.js'
import { fromHex, toHex } from '../../../src/core/units/bytes.js'
import type { Account } from '../../../src/devnet/cast/accounts.js'
import type { CallValue } from '../../../src/devnet/runtime/types.js'
import { ownChain, type Item, type OwnChain } from '../../support/own-chain.js'
import { workOf, type WorkKind } from '../../support/work.js'

interface RecordedRun {
  seed: string
  start: Record<Hex, Hex>
  blocks: {
    n: number
    extrinsics: { by: string; call: Hex; tip?: string; period?: number; work?: WorkKind }[]
    events: Hex
    changed: Record<Hex, Hex | null>
  }[]
}

/** What record-run.mjs records. Keys of used work are hashes of this chain. */
const PREFIXES = ['SubtensorModule', 'SenateMembers', 'Balances', 'TransactionPayment', 'Sudo', 'System.Account'].map(prefixOf)
const LEFT_OUT = prefixOf('SubtensorModule.UsedWork')
const EVERY = 10
/** Of the first block that differs; what comes after it follows from that. */
const SHOWN = 20

function prefixOf(name: string): string {
  const [pallet = '', item] = name.split('.')
  return xxhashAsHex(pallet, 128) + (item === undefined ? '' : xxhashAsHex(item, 128).slice(2))
}

function load(name: string): RecordedRun {
  const file = new URL(`../../fixtures/devnet/${name}`, import.meta.url)
  return JSON.parse(gunzipSync(readFileSync(file)).toString()) as RecordedRun
}

test.each([
  { file: 'run-rig.json.gz', blocks: 240, calls: 492, epochs: { 1: 23, 2: 16 } },
  { file: 'run-extremes.json.gz', blocks: 200, calls: 681, epochs: { 1: 65, 2: 49, 3: 38 } },
  { file: 'run-crowd.json.gz', blocks: 160, calls: 613, epochs: { 1: 30, 2: 15, 3: 10 } },
])('$file: $blocks blocks end as on the real chain', async ({ file, ...expected }) => {
  const run = load(file)
  const chain = await ownChain({ people: 0 })
  startAt(chain, run.start)
  const signer = signers(run.seed)
  const want = new Map(Object.entries(run.start) as [Hex, Hex][])
  const epochs: Record<number, number> = {}
  let calls = 0
  for (const { n, extrinsics, events, changed } of run.blocks) {
    chain.block(
      extrinsics.map(({ by, call, tip, period, work }): Item => {
        const value = decode(chain, 'RuntimeCall', call) as CallValue
        return {
          by: signer(by),
          call: work === undefined ? value : withOwnWork(chain, value, work),
          label: '',
          tip: BigInt(tip ?? 0),
          period,
        }
      }),
    )
    for (const [key, value] of Object.entries(changed) as [Hex, Hex | null][]) {
      if (value === null) want.delete(key)
      else want.set(key, value)
    }
    const compared = n % EVERY === 0 || n === run.blocks.at(-1)?.n ? allKeys(chain, want) : (Object.keys(changed) as Hex[])
    expect([...stateDifferences(chain, want, compared), ...eventDifferences(chain, events)].slice(0, SHOWN), `after block ${n}`).toEqual([])
    calls += extrinsics.length
    for (const netuid of epochsIn(chain, n)) epochs[netuid] = (epochs[netuid] ?? 0) + 1
  }
  expect({ blocks: run.blocks.length, calls, epochs }).toEqual(expected)
})

/** Block 1 with the real chain's state in place of its own. */
function startAt(chain: OwnChain, start: Record<Hex, Hex>): void {
  chain.block()
  const changes = new Map<Hex, Uint8Array | null>(keysOf(chain).map((key) => [key, null]))
  for (const [key, value] of Object.entries(start) as [Hex, Hex][]) changes.set(key, fromHex(value))
  chain.author.patch(chain.author.store.best, changes)
}

function signers(seed: string): (path: string) => Account {
  const base = new Keyring({ type: 'sr25519', ss58Format: 42 }).createFromUri(`//${seed}`)
  const known = new Map<string, Account>()
  return (path) => {
    let found = known.get(path)
    if (found === undefined) {
      const pair = base.derive(path)
      known.set(path, (found = { path: `//${seed}${path}`, id: toHex(pair.publicKey), sign: (payload) => pair.sign(payload) }))
    }
    return found
  }
}

/** Work is bound to the hashes of the chain it is done for. */
function withOwnWork({ author, read }: OwnChain, { args, ...call }: CallValue, kind: WorkKind): CallValue {
  const { netuid, block_number, hotkey } = args as { netuid: number; block_number: bigint; hotkey: Hex }
  const { hash } = author.store.byNumber(Number(block_number)) ?? author.store.best
  const difficulty = read((ctx) => ctx.get<bigint>('SubtensorModule', 'Difficulty', netuid))
  const { nonce, seal } = workOf(kind, hash, hotkey, difficulty)
  return { ...call, args: { ...args, nonce, work: seal } }
}

function keysOf({ author: { store } }: OwnChain): Hex[] {
  return PREFIXES.flatMap((prefix) => store.history.keys(store.best.state, prefix)).filter((key) => !key.startsWith(LEFT_OUT))
}

function allKeys(chain: OwnChain, want: ReadonlyMap<Hex, Hex>): Hex[] {
  return [...new Set([...keysOf(chain), ...want.keys()])]
}

function stateDifferences(chain: OwnChain, want: ReadonlyMap<Hex, Hex>, keys: Hex[]): string[] {
  const { store } = chain.author
  return keys.flatMap((key) => {
    const bytes = store.history.get(store.best.state, key)
    const got = bytes === undefined ? undefined : toHex(bytes)
    return got === want.get(key) ? [] : [`${nameOf(chain, key)}: ${valueOf(chain, key, got)}, not ${valueOf(chain, key, want.get(key))}`]
  })
}

function eventDifferences(chain: OwnChain, wanted: Hex): string[] {
  const want = decode(chain, 'Vec<EventRecord>', wanted) as unknown[]
  const got = chain.events()
  return Array.from({ length: Math.max(got.length, want.length) }, (_, i) => i)
    .filter((i) => text(got[i]) !== text(want[i]))
    .map((i) => `event ${i}: ${text(got[i])}, not ${text(want[i])}`)
}

function epochsIn({ read }: OwnChain, block: number): number[] {
  return read((ctx) => ctx.entries<bigint>('SubtensorModule', 'LastMechansimStepBlock'))
    .filter(({ value }) => value === BigInt(block))
    .map(({ keys: [netuid] }) => netuid as number)
}

function nameOf({ author }: OwnChain, key: Hex): string {
  const found = author.chain.runtime.storage.find(key)
  return found === undefined ? key : `${found.pallet}.${found.item.definition.name}(${found.item.keysOf(key).join(', ')})`
}

function valueOf(chain: OwnChain, key: Hex, value: Hex | undefined): string {
  const type = chain.author.chain.runtime.storage.find(key)?.item.definition.value
  return value === undefined ? 'nothing' : type === undefined ? value : text(decode(chain, type, value))
}

function decode({ author }: OwnChain, type: string, value: Hex): unknown {
  return author.chain.runtime.codecs.decode(type, fromHex(value))
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner)) ?? 'nothing'
}
