import type { ChainState } from '../chain/state.js'
import { prefetchNeurons, uidKeys } from '../chain/views/neuron-view.js'
import { readDelegationsOf } from '../chain/views/stake-view.js'
import { ROOT_NETUID, SUBTENSOR } from '../chain/views/subnet-view.js'
import type { RootAuditInputs } from '../consensus/audit/index.js'
import { sparseRows, type SparseRows } from '../consensus/sparse-rows.js'
import { drainStake, type HotkeyStake, type LoadedShare } from '../consensus/tokenomics/drain.js'
import type { Generation, SubnetEpochInputs } from '../consensus/types.js'
import type { Hex } from '../core/records.js'
import type { LoadedEmission } from './epochs.js'

/** What is due to be paid out at the start of a block, in the chain's order. */
export type Loaded = readonly LoadedShare[]

/** LoadedEmission of all subnets after the block before; the chain pays those that have a tempo, by the order of its keys. */
export async function readLoaded(before: ChainState, netuids: readonly number[]): Promise<Loaded> {
  const keys = inKeyOrder(netuids).map((netuid) => [netuid])
  const [tempos, loaded] = await Promise.all([
    before.stored(SUBTENSOR, 'Tempo', keys),
    before.stored(SUBTENSOR, 'LoadedEmission', keys) as Promise<(LoadedEmission | null)[]>,
  ])
  return loaded.flatMap((tuples, i) =>
    tempos[i] === null ? [] : (tuples ?? []).map(([hotkey, server, validator]) => ({ hotkey, server, validator: validator ?? 0n })),
  )
}

/**
 * The inputs of the epoch that runs in the block after `before`. `emissionValue` is what the subnet is given in that block. A RangeError where the
 * state holds what no epoch could have run on.
 */
export async function readSubnetInputs(
  before: ChainState,
  netuid: number,
  generation: Generation,
  loaded: Promise<Loaded>,
  emissionValue: Promise<bigint>,
): Promise<SubnetEpochInputs> {
  const [n, tempo, kappa, activityCutoff, maxAllowedValidators, bondsMovingAverage, pending, ownerCut, [owner], lastUpdate, permits] =
    await Promise.all([
      numberOf(before, 'SubnetworkN', netuid),
      numberOf(before, 'Tempo', netuid),
      numberOf(before, 'Kappa', netuid),
      numberOf(before, 'ActivityCutoff', netuid),
      numberOf(before, 'MaxAllowedValidators', netuid),
      raoOf(before, 'BondsMovingAverage', netuid),
      raoOf(before, 'PendingEmission', netuid),
      numberOf(before, 'SubnetOwnerCut'),
      before.stored(SUBTENSOR, 'SubnetOwner', [[netuid]]),
      before.get(SUBTENSOR, 'LastUpdate', netuid) as Promise<bigint[] | null>,
      before.get(SUBTENSOR, 'ValidatorPermit', netuid) as Promise<boolean[] | null>,
    ])
  if (lastUpdate?.length !== n || permits?.length !== n) throw new RangeError(`vectors of subnet ${netuid} are not as long as the subnet`)
  const uids = uidKeys(netuid, n)
  const [hotkeys, registered, weights, bonds] = await Promise.all([
    before.stored(SUBTENSOR, 'Keys', uids) as Promise<(Hex | null)[]>,
    before.many(SUBTENSOR, 'BlockAtRegistration', uids) as Promise<(bigint | null)[]>,
    readRows(before, 'Weights', uids),
    readRows(before, 'Bonds', uids),
  ])
  const stake = await readPaidStake(before, hotkeys, generation, await loaded)
  const { queued } = generation.queueEmission(await emissionValue, owner === null ? null : ownerCut)
  return {
    kind: 'subnet',
    netuid,
    block: before.height + 1,
    tempo,
    n,
    kappa,
    bondsMovingAverage,
    activityCutoff,
    maxAllowedValidators,
    emission: pending + queued,
    registered: Uint8Array.from(hotkeys, (hotkey) => (hotkey === null ? 0 : 1)),
    stake,
    lastUpdate: Float64Array.from(lastUpdate, Number),
    // The chain counts a uid without a hotkey as registered in block 0.
    registeredBlock: Float64Array.from(registered, (block, uid) => (hotkeys[uid] === null ? 0 : Number(block ?? 0n))),
    validatorPermit: Uint8Array.from(permits, Number),
    weights,
    bonds,
  }
}

const SUBNET_VALUES = [
  'Tempo',
  'Kappa',
  'ActivityCutoff',
  'MaxAllowedValidators',
  'BondsMovingAverage',
  'PendingEmission',
  'EmissionValues',
  'SubnetOwner',
]

/** Asks for what the epoch of a subnet will be read from, in the request of this turn. `believed`: how many uids there are likely to be. */
export function prefetchInputs(before: ChainState, netuid: number, netuids: readonly number[], believed: number): void {
  prefetchNeurons(before, netuid, believed, ['LastUpdate', 'ValidatorPermit'])
  for (const name of SUBNET_VALUES) before.prefetch(SUBTENSOR, name, [[netuid]])
  before.prefetch(SUBTENSOR, 'SubnetOwnerCut', [[]])
  const keys = netuids.map((other) => [other])
  for (const name of ['Tempo', 'LoadedEmission']) before.prefetch(SUBTENSOR, name, keys)
}

/** The inputs of the root network's epoch in the block after `before`, which runs before anything is paid out. `netuids`: the subnets that may have been there. */
export async function readRootInputs(before: ChainState, netuids: readonly number[]): Promise<RootAuditInputs> {
  const asked = inKeyOrder(netuids)
  const [n, tempo, kappa, rho, totalNetworks, blockEmission, added] = await Promise.all([
    numberOf(before, 'SubnetworkN', ROOT_NETUID),
    numberOf(before, 'Tempo', ROOT_NETUID),
    numberOf(before, 'Kappa', ROOT_NETUID),
    numberOf(before, 'Rho', ROOT_NETUID),
    numberOf(before, 'TotalNetworks'),
    raoOf(before, 'BlockEmission'),
    before.stored(
      SUBTENSOR,
      'NetworksAdded',
      asked.map((netuid) => [netuid]),
    ),
  ])
  const present = asked.filter((_, i) => added[i] !== null)
  const uids = uidKeys(ROOT_NETUID, n)
  const [hotkeys, weights, values] = await Promise.all([
    before.stored(SUBTENSOR, 'Keys', uids) as Promise<(Hex | null)[]>,
    readRows(before, 'Weights', uids),
    before.many(
      SUBTENSOR,
      'EmissionValues',
      present.map((netuid) => [netuid]),
    ) as Promise<(bigint | null)[]>,
  ])
  const stake = await readStake(before, hotkeys)
  return {
    kind: 'root',
    block: before.height + 1,
    tempo,
    n,
    netuids: present,
    before: BigUint64Array.from(values, (value) => value ?? 0n),
    totalNetworks,
    blockEmission,
    rho,
    kappa,
    stake,
    weights,
  }
}

/** rao on the hotkey of each uid. */
async function readStake(before: ChainState, hotkeys: readonly (Hex | null)[]): Promise<BigUint64Array> {
  const present = hotkeys.filter((hotkey) => hotkey !== null)
  const totals = (await before.many(
    SUBTENSOR,
    'TotalHotkeyStake',
    present.map((hotkey) => [hotkey]),
  )) as (bigint | null)[]
  const stake = new Map(present.map((hotkey, i) => [hotkey, totals[i] ?? 0n]))
  return BigUint64Array.from(hotkeys, (hotkey) => (hotkey === null ? 0n : (stake.get(hotkey) ?? 0n)))
}

/** The same after what is due was paid, which is done before the epochs of subnets. */
async function readPaidStake(
  before: ChainState,
  hotkeys: readonly (Hex | null)[],
  generation: Generation,
  loaded: Loaded,
): Promise<BigUint64Array> {
  const present = new Set(hotkeys)
  const due = loaded.filter(({ hotkey }) => present.has(hotkey))
  const [stake, ledger] = await Promise.all([
    readStake(before, hotkeys),
    readLedger(before, [...new Set(due.map(({ hotkey }) => hotkey))], generation),
  ])
  const paid = drainStake(generation.payout, due, ledger)
  hotkeys.forEach((hotkey, uid) => {
    if (hotkey !== null) stake[uid] = paid.get(hotkey) ?? (stake[uid] as bigint)
  })
  return stake
}

/** What payments depend on. Nominators matter only where sharing loses something. */
async function readLedger(before: ChainState, hotkeys: readonly Hex[], generation: Generation): Promise<ReadonlyMap<Hex, HotkeyStake>> {
  const keys = hotkeys.map((hotkey) => [hotkey])
  const [totals, owners, takes] = await Promise.all([
    before.many(SUBTENSOR, 'TotalHotkeyStake', keys) as Promise<(bigint | null)[]>,
    before.many(SUBTENSOR, 'Owner', keys) as Promise<(Hex | null)[]>,
    generation.payoutKeepsAll ? [] : (before.stored(SUBTENSOR, 'Delegates', keys) as Promise<(number | null)[]>),
  ])
  const delegates = hotkeys.filter((_, i) => (takes[i] ?? null) !== null)
  const nominated = await readDelegationsOf(before, delegates)
  return new Map(
    hotkeys.map((hotkey, i) => {
      const stakes = nominated.filter((stake) => stake.hotkey === hotkey)
      return [hotkey, { take: takes[i] ?? null, total: totals[i] ?? 0n, owner: owners[i] ?? ZERO_ACCOUNT, stakes }]
    }),
  )
}

/** Owner of hotkeys that have none. */
const ZERO_ACCOUNT: Hex = `0x${'00'.repeat(32)}`

/** The order in which the chain goes through a map from netuid (u16, little-endian, not hashed). */
function inKeyOrder(netuids: readonly number[]): number[] {
  const key = (netuid: number): number => ((netuid & 0xff) << 8) | (netuid >> 8)
  return [...netuids].sort((a, b) => key(a) - key(b))
}

async function readRows(state: ChainState, item: 'Weights' | 'Bonds', uids: readonly (readonly [number, number])[]): Promise<SparseRows> {
  return sparseRows((await state.many(SUBTENSOR, item, uids)) as ([number, number][] | null)[])
}

async function numberOf(state: ChainState, item: string, ...keys: number[]): Promise<number> {
  return Number((await state.get(SUBTENSOR, item, ...keys)) ?? 0)
}

async function raoOf(state: ChainState, item: string, ...keys: number[]): Promise<bigint> {
  return BigInt(((await state.get(SUBTENSOR, item, ...keys)) as bigint | null) ?? 0n)
}
