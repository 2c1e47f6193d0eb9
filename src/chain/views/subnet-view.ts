import type { Hex, JsonText, SubnetState } from '../../core/records.js'
import type { Runtime } from '../runtime.js'
import type { ChainState } from '../state.js'

export const SUBTENSOR = 'SubtensorModule'
export const ROOT_NETUID = 0

/** A subnet's own values at a block. Null where the runtime has no such thing. */
export type SubnetView = Omit<SubnetState, 'params'> & {
  /** Every value that the runtime keeps for a subnet, by storage name in camelCase. */
  params: Map<string, JsonText>
}

/** Values that the chain moves by itself, without a word in the events: they are state, not parameters with a history. */
const VOLATILE = new Set([
  'BlocksSinceLastStep',
  'BurnRegistrationsThisInterval',
  'EmissionValues',
  'LastAdjustmentBlock',
  'LastMechansimStepBlock',
  'NeuronsToPruneAtNextEpoch',
  'PendingEmission',
  'POWRegistrationsThisInterval',
  'RAORecycledForRegistration',
  'RegistrationsThisBlock',
  'RegistrationsThisInterval',
  'SubnetworkN',
])
/** Read elsewhere, and as long as the subnet has neurons. */
const NOT_A_PARAMETER = new Set(['LoadedEmission'])
const VOLATILE_TOTALS = new Set(['TotalStake', 'TotalIssuance', 'TotalNetworks', 'NetworkLastRegistered', 'NetworkLastLockCost'])

/** Storage names of per-subnet scalars: maps from a netuid to anything but a vector with an entry for each neuron. */
export function subnetItems(runtime: Runtime): string[] {
  return runtime.itemNames(SUBTENSOR).filter((name) => {
    const item = runtime.item(SUBTENSOR, name)
    return item?.arity === 1 && item.keyTypes[0] === 'u16' && !item.valueType.startsWith('Vec<') && !NOT_A_PARAMETER.has(name)
  })
}

export function stableSubnetItems(runtime: Runtime): string[] {
  return subnetItems(runtime).filter((name) => !VOLATILE.has(name))
}

/** Storage names of the pallet's plain values. */
export function networkItems(runtime: Runtime): string[] {
  return runtime.itemNames(SUBTENSOR).filter((name) => runtime.item(SUBTENSOR, name)?.arity === 0)
}

export function stableNetworkItems(runtime: Runtime): string[] {
  return networkItems(runtime).filter((name) => !VOLATILE_TOTALS.has(name))
}

/** `RAORecycledForRegistration` → `raoRecycledForRegistration`, `MaxAllowedUids` → `maxAllowedUids`. */
export function camelCase(name: string): string {
  return name.replace(/^[A-Z]+(?=[A-Z][a-z])|^[A-Z]/, (start) => start.toLowerCase())
}

/** Netuids of all subnets, ascending, the root network included where there is one. */
export async function readNetuids(state: ChainState): Promise<number[]> {
  const entries = await state.entries(SUBTENSOR, 'NetworksAdded')
  return entries
    .filter((entry) => entry.value === true)
    .map((entry) => entry.args[0] as number)
    .sort((a, b) => a - b)
}

export async function readSubnets(state: ChainState, netuids: readonly number[]): Promise<SubnetView[]> {
  const names = subnetItems(state.runtime)
  const keys = netuids.map((netuid) => [netuid])
  const number = (name: string): Promise<(number | null)[]> => state.many(SUBTENSOR, name, keys) as Promise<(number | null)[]>
  const rao = (name: string): Promise<(bigint | null)[]> => state.many(SUBTENSOR, name, keys) as Promise<(bigint | null)[]>
  const [params, owner, n, maxUids, tempo, difficulty, burn, emission, pending, registered, lastEpoch] = await Promise.all([
    Promise.all(names.map((name) => state.json(SUBTENSOR, name, keys))),
    state.stored(SUBTENSOR, 'SubnetOwner', keys) as Promise<(Hex | null)[]>,
    number('SubnetworkN'),
    number('MaxAllowedUids'),
    number('Tempo'),
    rao('Difficulty'),
    rao('Burn'),
    rao('EmissionValues'),
    rao('PendingEmission'),
    rao('NetworkRegisteredAt'),
    rao('LastMechansimStepBlock'),
  ])
  return netuids.map((netuid, i) => ({
    netuid,
    owner: owner[i] ?? null,
    n: n[i] ?? 0,
    maxUids: maxUids[i] ?? 0,
    tempo: tempo[i] ?? 0,
    difficulty: difficulty[i] ?? null,
    burn: burn[i] ?? null,
    emission: emission[i] ?? null,
    pendingEmission: pending[i] ?? null,
    registeredBlock: registered[i] ?? null,
    lastEpochBlock: lastEpoch[i] ?? null,
    params: new Map(names.map((name, k) => [camelCase(name), params[k]?.[i] ?? 'null'])),
  }))
}

/** Values of the named items for one subnet, by camelCase name. */
export async function readParams(state: ChainState, netuid: number, names: readonly string[]): Promise<Map<string, JsonText>> {
  const values = await Promise.all(names.map((name) => state.json(SUBTENSOR, name, [[netuid]])))
  return new Map(names.map((name, i) => [camelCase(name), values[i]?.[0] ?? 'null']))
}

/** The pallet's plain values, by camelCase name. */
export async function readNetworkValues(state: ChainState, names: readonly string[]): Promise<Map<string, JsonText>> {
  const values = await Promise.all(names.map((name) => state.json(SUBTENSOR, name, [[]])))
  return new Map(names.map((name, i) => [camelCase(name), values[i]?.[0] ?? 'null']))
}

/** JSON object text out of values that are JSON already. */
export function jsonObject(values: ReadonlyMap<string, JsonText>): JsonText {
  return `{${[...values].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`
}
