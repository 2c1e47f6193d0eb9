import type { Hex, JsonText, NeuronFields } from '../../core/records.js'
import { formatIp } from '../../core/units/ip.js'
import type { ChainState } from '../state.js'
import { SUBTENSOR } from './subnet-view.js'

/** The pallet keeps one vector a subnet for each of these, indexed by uid. */
const VECTORS = [
  'Rank',
  'Trust',
  'Consensus',
  'Incentive',
  'Dividends',
  'Emission',
  'ValidatorTrust',
  'ValidatorPermit',
  'Active',
  'LastUpdate',
  'PruningScores',
] as const
type VectorName = (typeof VECTORS)[number]

export interface EndpointView {
  block: bigint
  version: number
  ip: bigint
  port: number
  ipType: number
  protocol: number | null
  placeholder1: number | null
  placeholder2: number | null
}

/**
 * Rows of the metagraph of a subnet: of the given uids, or of all. Uids without a neuron are left out. Two round trips: what is keyed by uid, then
 * what is keyed by the hotkeys found.
 */
export async function readNeurons(state: ChainState, netuid: number, uids: readonly number[]): Promise<NeuronFields[]> {
  if (uids.length === 0) return []
  const byUid = uids.map((uid) => [netuid, uid] as const)
  const [vectors, keys, registered, weights, bonds] = await Promise.all([
    readVectors(state, netuid),
    state.stored(SUBTENSOR, 'Keys', byUid) as Promise<(Hex | null)[]>,
    state.many(SUBTENSOR, 'BlockAtRegistration', byUid) as Promise<(bigint | null)[]>,
    state.many(SUBTENSOR, 'Weights', byUid) as Promise<([number, number][] | null)[]>,
    state.many(SUBTENSOR, 'Bonds', byUid) as Promise<([number, number][] | null)[]>,
  ])
  const present = uids
    .map((uid, i) => ({ uid, i, hotkey: keys[i] ?? null }))
    .filter((row): row is { uid: number; i: number; hotkey: Hex } => row.hotkey !== null)
  const hotkeys = present.map((row) => [row.hotkey])
  const endpoints = present.map((row) => [netuid, row.hotkey] as const)
  const [coldkeys, stakes, axons, prometheus] = await Promise.all([
    state.stored(SUBTENSOR, 'Owner', hotkeys) as Promise<(Hex | null)[]>,
    state.many(SUBTENSOR, 'TotalHotkeyStake', hotkeys) as Promise<(bigint | null)[]>,
    readEndpoints(state, 'Axons', endpoints),
    readEndpoints(state, 'Prometheus', endpoints),
  ])
  return present.map(({ uid, i, hotkey }, at) => ({
    netuid,
    uid,
    hotkey,
    coldkey: coldkeys[at] ?? null,
    stake: stakes[at] ?? null,
    rank: numberAt(vectors, 'Rank', uid),
    trust: numberAt(vectors, 'Trust', uid),
    consensus: numberAt(vectors, 'Consensus', uid),
    incentive: numberAt(vectors, 'Incentive', uid),
    dividends: numberAt(vectors, 'Dividends', uid),
    emission: bigintAt(vectors, 'Emission', uid),
    validatorTrust: numberAt(vectors, 'ValidatorTrust', uid),
    validatorPermit: vectors.ValidatorPermit[uid] === true,
    active: vectors.Active[uid] === true,
    lastUpdate: bigintAt(vectors, 'LastUpdate', uid),
    pruningScore: numberAt(vectors, 'PruningScores', uid),
    registeredBlock: registered[i] ?? 0n,
    axon: endpointJson(axons[at] ?? null),
    prometheus: endpointJson(prometheus[at] ?? null),
    ...split(weights[i], 'weightUids', 'weightValues'),
    ...split(bonds[i], 'bondUids', 'bondValues'),
  }))
}

/** The arguments of what is kept by uid, of the first `n`. */
export function uidKeys(netuid: number, n: number): (readonly [number, number])[] {
  return Array.from({ length: n }, (_, uid) => [netuid, uid] as const)
}

/** Everything but what is kept by hotkey. */
const BY_UID = ['Keys', 'BlockAtRegistration', 'Weights', 'Bonds'] as const

/**
 * Asks for what is kept by subnet and by uid in the request of this turn, for as many uids as the subnet is believed to have: saves the round trip in which
 * their number is asked for. `vectors` are those that will be looked at.
 */
export function prefetchNeurons(state: ChainState, netuid: number, believed: number, vectors: readonly VectorName[] = VECTORS): void {
  for (const name of [...vectors, 'SubnetworkN']) state.prefetch(SUBTENSOR, name, [[netuid]])
  for (const name of BY_UID) state.prefetch(SUBTENSOR, name, uidKeys(netuid, believed))
}

export function readAllNeurons(state: ChainState, netuid: number, n: number): Promise<NeuronFields[]> {
  return readNeurons(
    state,
    netuid,
    Array.from({ length: n }, (_, uid) => uid),
  )
}

/** A validator's row of the weight matrix. */
export async function readWeights(state: ChainState, netuid: number, uid: number): Promise<{ uids: number[]; weights: number[] }> {
  const row = (await state.get(SUBTENSOR, 'Weights', netuid, uid)) as [number, number][] | null
  const { weightUids, weightValues } = split(row, 'weightUids', 'weightValues')
  return { uids: weightUids, weights: weightValues }
}

export async function readEndpoints(
  state: ChainState,
  item: 'Axons' | 'Prometheus',
  keys: readonly (readonly [number, Hex])[],
): Promise<(EndpointView | null)[]> {
  const values = (await state.stored(SUBTENSOR, item, keys)) as (Record<string, number | bigint> | null)[]
  return values.map((value) =>
    value === null
      ? null
      : {
          block: BigInt(value.block ?? 0),
          version: Number(value.version ?? 0),
          ip: BigInt(value.ip ?? 0),
          port: Number(value.port ?? 0),
          ipType: Number(value.ip_type ?? 4),
          protocol: optional(value.protocol),
          placeholder1: optional(value.placeholder1),
          placeholder2: optional(value.placeholder2),
        },
  )
}

/** The address as text. Anything can be stored on the chain; what is no address of its type is given as the number it is. */
export function endpointIp(endpoint: EndpointView): string {
  return formatIp(endpoint.ip, endpoint.ipType) ?? endpoint.ip.toString()
}

export function endpointJson(endpoint: EndpointView | null): JsonText | null {
  if (!endpoint) return null
  const { block, version, port, ipType, protocol, placeholder1, placeholder2 } = endpoint
  const ip = endpointIp(endpoint)
  return JSON.stringify({ block: Number(block), version, ip, port, ipType, protocol, placeholder1, placeholder2 })
}

async function readVectors(state: ChainState, netuid: number): Promise<Record<VectorName, unknown[]>> {
  const values = await Promise.all(VECTORS.map((name) => state.get(SUBTENSOR, name, netuid)))
  return Object.fromEntries(VECTORS.map((name, i) => [name, (values[i] as unknown[] | null) ?? []])) as Record<VectorName, unknown[]>
}

/** Vectors may be shorter than the subnet for a moment (an epoch writes them whole): what is not there counts as zero, as on the chain. */
function numberAt(vectors: Record<VectorName, unknown[]>, name: VectorName, uid: number): number {
  return (vectors[name][uid] as number | undefined) ?? 0
}

function bigintAt(vectors: Record<VectorName, unknown[]>, name: VectorName, uid: number): bigint {
  return (vectors[name][uid] as bigint | undefined) ?? 0n
}

function split<A extends string, B extends string>(
  row: [number, number][] | null | undefined,
  uids: A,
  values: B,
): Record<A, number[]> & Record<B, number[]> {
  return { [uids]: (row ?? []).map((pair) => pair[0]), [values]: (row ?? []).map((pair) => pair[1]) } as Record<A, number[]> &
    Record<B, number[]>
}

function optional(value: number | bigint | undefined): number | null {
  return value === undefined ? null : Number(value)
}
