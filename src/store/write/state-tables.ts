import type { AccountState, DelegationState, HotkeyState, NeuronState, SubnetState } from '../../core/records.js'
import { bytesParameter, intArray, jsonbText } from './encode.js'

/** What can stand in a parameter array; bytes, JSON and arrays go as text. */
export type Value = string | number | bigint | boolean | null

export type StateTableName = 'accounts' | 'subnets' | 'neurons' | 'hotkeys' | 'delegations'

/** A table that holds what the chain holds at the checkpoint. */
export interface StateTable {
  readonly table: StateTableName
  readonly key: readonly string[]
  /** All columns with their types, in the order of the row functions below. */
  readonly columns: readonly { name: string; type: string }[]
  /** Columns that say something of the chain; when one of them differs the row has changed. */
  readonly values: readonly string[]
}

/** Columns that say when: they do not make a row another one. */
const WHEN = new Set(['first_seen_block', 'updated_block'])

/** `columns` is words of `name:type`. */
function stateTable(table: StateTableName, key: string, columns: string): StateTable {
  const keys = key.split(' ')
  const list = columns.split(' ').map((word) => {
    const [name = '', type = ''] = word.split(':')
    return { name, type }
  })
  const values = list.map(({ name }) => name).filter((name) => !keys.includes(name) && !WHEN.has(name))
  return { table, key: keys, columns: list, values }
}

export const ACCOUNTS = stateTable(
  'accounts',
  'address',
  'address:bytea free:bigint reserved:bigint frozen:bigint nonce:bigint staked:bigint total:bigint alive:boolean ' +
    'first_seen_block:bigint updated_block:bigint',
)
export const SUBNETS = stateTable(
  'subnets',
  'netuid',
  'netuid:int owner:bytea n:int max_uids:int tempo:int difficulty:numeric burn:numeric emission:bigint pending_emission:bigint ' +
    'registered_block:bigint last_epoch_block:bigint params:jsonb updated_block:bigint',
)
export const NEURONS = stateTable(
  'neurons',
  'netuid uid',
  'netuid:int uid:int hotkey:bytea coldkey:bytea stake:bigint rank:int trust:int consensus:int incentive:int dividends:int ' +
    'emission:bigint validator_trust:int validator_permit:boolean active:boolean last_update:bigint pruning_score:int ' +
    'registered_block:bigint axon:jsonb prometheus:jsonb weight_uids:int[] weight_values:int[] bond_uids:int[] bond_values:int[] ' +
    'updated_block:bigint',
)
export const HOTKEYS = stateTable('hotkeys', 'hotkey', 'hotkey:bytea coldkey:bytea take:int total_stake:bigint updated_block:bigint')
export const DELEGATIONS = stateTable(
  'delegations',
  'hotkey coldkey netuid',
  'hotkey:bytea coldkey:bytea netuid:int amount:bigint updated_block:bigint',
)

export const STATE_TABLES = [ACCOUNTS, SUBNETS, NEURONS, HOTKEYS, DELEGATIONS] as const

/** SQL of a row source with the given columns, read from one array parameter a column; the first is $`first`. */
export function rowSource(columns: readonly { name: string; type: string }[], first = 1): string {
  // unnest would flatten arrays of arrays, so those come as the text of each array.
  const arrays = columns.map(({ type }, i) => `$${first + i}::${type === 'int[]' ? 'text' : type}[]`)
  const picked = columns.map(({ name, type }) => (type === 'int[]' ? `u."${name}"::int[]` : `u."${name}"`))
  return `SELECT ${picked.join(', ')} FROM unnest(${arrays.join(', ')}) u (${columns.map(({ name }) => `"${name}"`).join(', ')})`
}

/** Rows as one array a column. */
export function transpose(rows: readonly (readonly Value[])[], columns: number): Value[][] {
  return Array.from({ length: columns }, (_, i) => rows.map((row) => row[i] ?? null))
}

const bytesOrNull = (value: `0x${string}` | null): string | null => (value === null ? null : bytesParameter(value))
const jsonOrNull = (value: string | null): string | null => (value === null ? null : jsonbText(value))

export function accountRow(r: AccountState): Value[] {
  const total = r.free + r.reserved + (r.staked ?? 0n)
  return [bytesParameter(r.address), r.free, r.reserved, r.frozen, r.nonce, r.staked, total, r.alive, r.block, r.block]
}

/** Subnets carry no block of their own: what changed in them changed by the end of the batch. */
export function subnetRow(r: SubnetState, block: number): Value[] {
  return [
    ...[r.netuid, bytesOrNull(r.owner), r.n, r.maxUids, r.tempo, r.difficulty, r.burn, r.emission, r.pendingEmission],
    ...[r.registeredBlock, r.lastEpochBlock, jsonbText(r.params), block],
  ]
}

export function neuronRow(r: NeuronState): Value[] {
  return [
    ...[r.netuid, r.uid, bytesParameter(r.hotkey), bytesOrNull(r.coldkey), r.stake, r.rank, r.trust, r.consensus, r.incentive],
    ...[r.dividends, r.emission, r.validatorTrust, r.validatorPermit, r.active, r.lastUpdate, r.pruningScore, r.registeredBlock],
    ...[jsonOrNull(r.axon), jsonOrNull(r.prometheus)],
    ...[intArray(r.weightUids), intArray(r.weightValues), intArray(r.bondUids), intArray(r.bondValues), r.block],
  ]
}

export function hotkeyRow(r: HotkeyState): Value[] {
  return [bytesParameter(r.hotkey), bytesOrNull(r.coldkey), r.take, r.totalStake, r.block]
}

export function delegationRow(r: DelegationState): Value[] {
  return [bytesParameter(r.hotkey), bytesParameter(r.coldkey), r.netuid, r.amount, r.block]
}
