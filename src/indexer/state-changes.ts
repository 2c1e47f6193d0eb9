import type { ChainState } from '../chain/state.js'
import { readAccounts, readAllAccounts } from '../chain/views/account-view.js'
import { readAllNeurons, readNeurons } from '../chain/views/neuron-view.js'
import {
  readAllDelegations,
  readAllHotkeys,
  readDelegations,
  readDelegationsOf,
  readHotkeys,
  type DelegationView,
  type HotkeyView,
} from '../chain/views/stake-view.js'
import { jsonObject, readNetuids, readSubnets, SUBTENSOR, type SubnetView } from '../chain/views/subnet-view.js'
import { emptyState, type Hex, type StateChanges } from '../core/records.js'
import type { LoadedEmission } from './epochs.js'
import { ALL_SUBNETS, type Touches } from './touches.js'

/** Everything that a range of blocks may have changed, with the last block that touched each. */
export interface Dirty {
  accounts: Map<Hex, number>
  hotkeys: Map<Hex, number>
  pairs: Map<`${Hex}${Hex}`, number>
  allDelegationsOf: Map<Hex, number>
  /** `netuid/uid` */
  neurons: Map<string, number>
  /** `netuid/hotkey` of announced endpoints: the uid is looked up at the end. */
  endpoints: Map<string, number>
  subnets: Map<number, number>
  removedSubnets: Set<number>
}

export function createDirty(): Dirty {
  return {
    accounts: new Map(),
    hotkeys: new Map(),
    pairs: new Map(),
    allDelegationsOf: new Map(),
    neurons: new Map(),
    endpoints: new Map(),
    subnets: new Map(),
    removedSubnets: new Set(),
  }
}

export function addTouches(dirty: Dirty, touches: Touches, height: number): void {
  for (const address of [...touches.accounts, ...touches.credited]) dirty.accounts.set(address, height)
  for (const hotkey of touches.hotkeys) dirty.hotkeys.set(hotkey, height)
  for (const pair of touches.pairs) dirty.pairs.set(pair, height)
  for (const hotkey of touches.allDelegationsOf) dirty.allDelegationsOf.set(hotkey, height)
  for (const { netuid, uid } of [...touches.weights, ...touches.registrations]) dirty.neurons.set(`${netuid}/${uid}`, height)
  for (const { netuid, hotkey } of touches.endpoints) dirty.endpoints.set(`${netuid}/${hotkey}`, height)
  for (const netuid of touches.subnets) dirty.subnets.set(netuid, height)
  for (const netuid of touches.removedSubnets) dirty.removedSubnets.add(netuid)
}

/** A hotkey that lost its place may have been unstaked by the chain, its nominators with it. */
export function addReplaced(dirty: Dirty, hotkeys: Iterable<Hex | null>, height: number): void {
  for (const hotkey of hotkeys) {
    if (!hotkey) continue
    dirty.hotkeys.set(hotkey, height)
    dirty.allDelegationsOf.set(hotkey, height)
  }
}

/**
 * Emission that was loaded by an epoch is paid out to stake by later blocks, without events. Everyone it names is dirty: a delegate's nominators
 * all gain, of other hotkeys only the owner.
 */
export async function addDrained(dirty: Dirty, end: ChainState, loaded: readonly LoadedEmission[]): Promise<void> {
  const named = [...new Set(loaded.flat().map(([hotkey]) => hotkey))]
  const views = await readHotkeys(end, named)
  for (const { hotkey, coldkey, take } of views) {
    setNewest(dirty.hotkeys, hotkey, end.height)
    if (take !== null) setNewest(dirty.allDelegationsOf, hotkey, end.height)
    else if (coldkey) {
      setNewest(dirty.pairs, `${hotkey}${coldkey}`, end.height)
      setNewest(dirty.accounts, coldkey, end.height)
    }
  }
}

function setNewest<K>(map: Map<K, number>, key: K, height: number): void {
  map.set(key, Math.max(height, map.get(key) ?? 0))
}

/** What the chain holds of everything dirty, after the last block of the range. */
export async function readStateChanges(end: ChainState, dirty: Dirty, netuids: readonly number[]): Promise<StateChanges> {
  const out = emptyState()
  out.removedSubnets = [...dirty.removedSubnets].filter((netuid) => !netuids.includes(netuid)).sort((a, b) => a - b)
  out.completeDelegations = [...dirty.allDelegationsOf.keys()].sort()
  await Promise.all([readStake(end, dirty, out), readDirtyHotkeys(end, dirty, out), readMetagraphs(end, dirty, netuids, out)])
  return out
}

async function readStake(end: ChainState, dirty: Dirty, out: StateChanges): Promise<void> {
  for (const view of await readDirtyDelegations(end, dirty)) {
    const block = dirty.pairs.get(`${view.hotkey}${view.coldkey}`) ?? dirty.allDelegationsOf.get(view.hotkey) ?? end.height
    out.delegations.push({ ...view, block })
    // Whoever's stake moved has another total, too.
    if (!dirty.accounts.has(view.coldkey)) dirty.accounts.set(view.coldkey, block)
  }
  await readDirtyAccounts(end, dirty, out)
}

async function readMetagraphs(end: ChainState, dirty: Dirty, netuids: readonly number[], out: StateChanges): Promise<void> {
  const subnets = await readSubnets(end, netuids)
  addSubnets(subnets, out)
  await readDirtyNeurons(end, dirty, subnets, out)
}

/** Everything the chain holds: for the first block of an index. */
export async function readWholeState(state: ChainState): Promise<StateChanges> {
  const out = emptyState()
  const block = state.height
  const [accounts, hotkeys, delegations, netuids] = await Promise.all([
    readAllAccounts(state),
    readAllHotkeys(state),
    readAllDelegations(state),
    readNetuids(state),
  ])
  out.accounts = accounts.map((account) => ({ ...account, block }))
  out.hotkeys = hotkeys.map((hotkey) => ({ ...hotkey, block }))
  out.delegations = delegations.map((delegation) => ({ ...delegation, block }))
  const subnets = await readSubnets(state, netuids)
  addSubnets(subnets, out)
  const neurons = await Promise.all(subnets.map((subnet) => readAllNeurons(state, subnet.netuid, subnet.n)))
  out.neurons = neurons.flat().map((neuron) => ({ ...neuron, block }))
  return out
}

function addSubnets(subnets: readonly SubnetView[], out: StateChanges): void {
  out.subnets = subnets.map(({ params, ...columns }) => ({ ...columns, params: jsonObject(params) }))
  out.neuronCounts = subnets.map(({ netuid, n }) => ({ netuid, n }))
}

async function readDirtyDelegations(end: ChainState, dirty: Dirty): Promise<DelegationView[]> {
  const whole = [...dirty.allDelegationsOf.keys()].sort()
  const pairs = [...dirty.pairs.keys()].map((pair) => [pair.slice(0, 66) as Hex, pair.slice(66) as Hex] as const)
  const single = pairs.filter(([hotkey]) => !dirty.allDelegationsOf.has(hotkey))
  const [some, all] = await Promise.all([readDelegations(end, single), readDelegationsOf(end, whole)])
  return [...some, ...all]
}

async function readDirtyAccounts(end: ChainState, dirty: Dirty, out: StateChanges): Promise<void> {
  const views = await readAccounts(end, [...dirty.accounts.keys()])
  out.accounts = views.map((view) => ({ ...view, block: dirty.accounts.get(view.address) ?? end.height }))
}

async function readDirtyHotkeys(end: ChainState, dirty: Dirty, out: StateChanges): Promise<void> {
  const gone = (view: HotkeyView): boolean => view.coldkey === null && view.take === null && !view.totalStake
  for (const view of await readHotkeys(end, [...dirty.hotkeys.keys()])) {
    if (gone(view)) out.removedHotkeys.push(view.hotkey)
    else out.hotkeys.push({ ...view, block: dirty.hotkeys.get(view.hotkey) ?? end.height })
  }
}

async function readDirtyNeurons(end: ChainState, dirty: Dirty, subnets: readonly SubnetView[], out: StateChanges): Promise<void> {
  const uids = new Map<number, Map<number, number>>()
  const mark = (netuid: number, uid: number, height: number): void => {
    let rows = uids.get(netuid)
    if (!rows) uids.set(netuid, (rows = new Map<number, number>()))
    setNewest(rows, uid, height)
  }
  for (const [id, height] of dirty.neurons) {
    const [netuid, uid] = id.split('/').map(Number) as [number, number]
    mark(netuid, uid, height)
  }
  await markEndpoints(end, dirty, mark)
  const everywhere = dirty.subnets.get(ALL_SUBNETS)
  for (const { netuid, n } of subnets) {
    const height = Math.max(dirty.subnets.get(netuid) ?? -1, everywhere ?? -1)
    if (height >= 0) for (let uid = 0; uid < n; uid++) mark(netuid, uid, height)
  }
  const present = subnets.filter(({ netuid }) => uids.has(netuid))
  const read = await Promise.all(
    present.map(async ({ netuid, n }) => {
      const rows = uids.get(netuid) as Map<number, number>
      const neurons = await readNeurons(
        end,
        netuid,
        [...rows.keys()].filter((uid) => uid < n).sort((a, b) => a - b),
      )
      return neurons.map((neuron) => ({ ...neuron, block: rows.get(neuron.uid) ?? end.height }))
    }),
  )
  out.neurons = read.flat()
}

async function markEndpoints(end: ChainState, dirty: Dirty, mark: (netuid: number, uid: number, height: number) => void): Promise<void> {
  const endpoints = [...dirty.endpoints].map(([id, height]) => {
    const slash = id.indexOf('/')
    return { netuid: Number(id.slice(0, slash)), hotkey: id.slice(slash + 1) as Hex, height }
  })
  const uids = (await end.stored(
    SUBTENSOR,
    'Uids',
    endpoints.map((e) => [e.netuid, e.hotkey]),
  )) as (number | null)[]
  endpoints.forEach(({ netuid, height }, i) => {
    const uid = uids[i]
    if (typeof uid === 'number') mark(netuid, uid, height)
  })
}
