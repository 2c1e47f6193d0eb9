import type { AccountState, DelegationState, HotkeyState, NeuronState, SubnetState } from '../../core/records.js'
import { bool, bytes, bytesOrNull, json, line, numberOrNull } from './encode.js'
import { NEURON_COLUMNS, neuronFields } from './fact-tables.js'

/** A table that holds what the chain holds at the checkpoint. */
export interface StateTable {
  readonly table: StateTableName
  readonly stage: string
  readonly key: readonly string[]
  /** Columns that say something of the chain; when one of them differs the row has changed. */
  readonly values: readonly string[]
  /** Columns written with a new row and kept by later changes. */
  readonly kept: readonly string[]
}

export type StateTableName = 'accounts' | 'subnets' | 'neurons' | 'hotkeys' | 'delegations'

function stateTable(table: StateTableName, key: string, values: readonly string[], kept: readonly string[] = []): StateTable {
  return { table, stage: `stage_${table}`, key: key.split(' '), values, kept }
}

export const ACCOUNTS = stateTable(
  'accounts',
  'address',
  ['free', 'reserved', 'frozen', 'nonce', 'staked', 'total', 'alive'],
  ['first_seen_block'],
)
export const SUBNETS = stateTable('subnets', 'netuid', [
  'owner',
  'n',
  'max_uids',
  'tempo',
  'difficulty',
  'burn',
  'emission',
  'pending_emission',
  'registered_block',
  'last_epoch_block',
  'params',
])
export const NEURONS = stateTable(
  'neurons',
  'netuid uid',
  NEURON_COLUMNS.filter((column) => column !== 'netuid' && column !== 'uid'),
)
export const HOTKEYS = stateTable('hotkeys', 'hotkey', ['coldkey', 'take', 'total_stake'])
export const DELEGATIONS = stateTable('delegations', 'hotkey coldkey netuid', ['amount'])

export const STATE_TABLES = [ACCOUNTS, SUBNETS, NEURONS, HOTKEYS, DELEGATIONS] as const

/** All columns in the order in which the encoders below write them. */
export function stageColumns(spec: StateTable): string[] {
  return [...spec.key, ...spec.values, ...spec.kept, 'updated_block']
}

export const encodeAccount = (r: AccountState): string =>
  line(bytes(r.address), r.free, r.reserved, r.frozen, r.nonce, r.staked, r.free + r.reserved + r.staked, bool(r.alive), r.block, r.block)

/** Subnets carry no block of their own: what changed in them changed by the end of the batch. */
export const encodeSubnet = (r: SubnetState, block: number): string =>
  line(
    ...[r.netuid, bytesOrNull(r.owner), r.n, r.maxUids, r.tempo, numberOrNull(r.difficulty), numberOrNull(r.burn)],
    ...[numberOrNull(r.emission), numberOrNull(r.pendingEmission), numberOrNull(r.registeredBlock), numberOrNull(r.lastEpochBlock)],
    ...[json(r.params), block],
  )

export const encodeNeuron = (r: NeuronState): string => line(...neuronFields(r), r.block)

export const encodeHotkey = (r: HotkeyState): string =>
  line(bytes(r.hotkey), bytesOrNull(r.coldkey), numberOrNull(r.take), r.totalStake, r.block)

export const encodeDelegation = (r: DelegationState): string => line(bytes(r.hotkey), bytes(r.coldkey), r.netuid, r.amount, r.block)
