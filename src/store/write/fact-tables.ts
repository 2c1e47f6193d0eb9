import type { Facts, NeuronFields } from '../../core/records.js'
import {
  bool,
  boolOrNull,
  bytes,
  bytesOrNull,
  intArray,
  json,
  jsonOrNull,
  line,
  numberOrNull,
  rawBytes,
  text,
  textOrNull,
  timestamp,
} from './encode.js'

/** How the rows of one list of `Facts` become rows of their table. */
export interface FactTable<K extends keyof Facts = keyof Facts> {
  readonly list: K
  readonly table: string
  readonly columns: readonly string[]
  readonly encode: (row: Facts[K][number]) => string
  readonly heightOf: (row: Facts[K][number]) => number
}

/** Lists that go straight into their tables. Parameters and runtime versions do not: they are compared with what is stored. */
export type PlainFacts = Exclude<keyof Facts, 'subnetParams' | 'runtimeVersions'>

/** Tables that are range-partitioned by block height in the migration. */
export const PARTITIONED = [
  'extrinsics',
  'calls',
  'events',
  'transfers',
  'weight_sets',
  'account_balances',
  'epoch_inputs',
  'emissions',
  'neuron_snapshots',
] as const

const NEURON_COLUMNS = [
  ['netuid', 'uid', 'hotkey', 'coldkey', 'stake', 'rank', 'trust', 'consensus', 'incentive', 'dividends', 'emission'],
  ['validator_trust', 'validator_permit', 'active', 'last_update', 'pruning_score', 'registered_block', 'axon', 'prometheus'],
  ['weight_uids', 'weight_values', 'bond_uids', 'bond_values'],
].flat()

function neuronFields(r: NeuronFields): (string | number | bigint)[] {
  return [
    [
      r.netuid,
      r.uid,
      bytes(r.hotkey),
      bytesOrNull(r.coldkey),
      numberOrNull(r.stake),
      r.rank,
      r.trust,
      r.consensus,
      r.incentive,
      r.dividends,
      r.emission,
    ],
    [r.validatorTrust, bool(r.validatorPermit), bool(r.active), r.lastUpdate, r.pruningScore, r.registeredBlock],
    [jsonOrNull(r.axon), jsonOrNull(r.prometheus)],
    [intArray(r.weightUids), intArray(r.weightValues), intArray(r.bondUids), intArray(r.bondValues)],
  ].flat()
}

/** `columns` are the table's names for what `fields` returns, in the same order. */
function fact<K extends PlainFacts>(
  list: K,
  table: string,
  columns: string,
  fields: (row: Facts[K][number]) => (string | number | bigint)[],
  heightOf: (row: Facts[K][number]) => number,
): FactTable {
  const spec: FactTable<K> = { list, table, columns: columns.split(' '), encode: (row) => line(...fields(row)), heightOf }
  // Each list is only ever read together with its own functions; see `insertFacts`.
  return spec as unknown as FactTable
}

const height = (row: { blockHeight: number }): number => row.blockHeight

export const FACT_TABLES: readonly FactTable[] = [
  fact(
    'blocks',
    'blocks',
    'height hash parent_hash state_root extrinsics_root timestamp author spec_version extrinsic_count event_count',
    (r) =>
      [
        [r.height, bytes(r.hash), bytes(r.parentHash), bytes(r.stateRoot), bytes(r.extrinsicsRoot), timestamp(r.timestamp)],
        [bytesOrNull(r.author), r.specVersion, r.extrinsicCount, r.eventCount],
      ].flat(),
    (r) => r.height,
  ),
  fact(
    'extrinsics',
    'extrinsics',
    'block_height index hash signer pallet call args success error_pallet error_name fee tip nonce era_period era_phase timestamp',
    (r) =>
      [
        [r.blockHeight, r.index, bytes(r.hash), bytesOrNull(r.signer), text(r.pallet), text(r.call), json(r.args), bool(r.success)],
        [textOrNull(r.errorPallet), textOrNull(r.errorName), numberOrNull(r.fee), numberOrNull(r.tip), numberOrNull(r.nonce)],
        [numberOrNull(r.eraPeriod), numberOrNull(r.eraPhase), timestamp(r.timestamp)],
      ].flat(),
    height,
  ),
  fact(
    'calls',
    'calls',
    'block_height extrinsic_index index parent_index pallet call args success error_pallet error_name origin',
    (r) =>
      [
        [r.blockHeight, r.extrinsicIndex, r.index, r.parentIndex, text(r.pallet), text(r.call), json(r.args), boolOrNull(r.success)],
        [textOrNull(r.errorPallet), textOrNull(r.errorName), bytesOrNull(r.origin)],
      ].flat(),
    height,
  ),
  fact(
    'events',
    'events',
    'block_height index phase extrinsic_index pallet name data',
    (r) => [r.blockHeight, r.index, r.phase, numberOrNull(r.extrinsicIndex), text(r.pallet), text(r.name), json(r.data)],
    height,
  ),
  fact(
    'transfers',
    'transfers',
    'block_height event_index extrinsic_index from to amount fee timestamp',
    (r) =>
      [
        [r.blockHeight, r.eventIndex, numberOrNull(r.extrinsicIndex), bytes(r.from), bytes(r.to), r.amount],
        [numberOrNull(r.fee), timestamp(r.timestamp)],
      ].flat(),
    height,
  ),
  fact(
    'stakeEvents',
    'stake_events',
    'block_height event_index extrinsic_index action hotkey coldkey netuid amount timestamp',
    (r) =>
      [
        [r.blockHeight, r.eventIndex, numberOrNull(r.extrinsicIndex), r.action, bytes(r.hotkey), bytesOrNull(r.coldkey)],
        [numberOrNull(r.netuid), r.amount, timestamp(r.timestamp)],
      ].flat(),
    height,
  ),
  fact(
    'neuronRegistrations',
    'neuron_registrations',
    'block_height netuid uid hotkey coldkey method cost difficulty replaced_hotkey extrinsic_index timestamp',
    (r) =>
      [
        [r.blockHeight, r.netuid, r.uid, bytes(r.hotkey), bytesOrNull(r.coldkey), r.method, numberOrNull(r.cost)],
        [numberOrNull(r.difficulty), bytesOrNull(r.replacedHotkey), numberOrNull(r.extrinsicIndex), timestamp(r.timestamp)],
      ].flat(),
    height,
  ),
  fact(
    'neuronDeregistrations',
    'neuron_deregistrations',
    'block_height netuid uid hotkey coldkey reason timestamp',
    (r) => [r.blockHeight, r.netuid, r.uid, bytes(r.hotkey), bytesOrNull(r.coldkey), r.reason, timestamp(r.timestamp)],
    height,
  ),
  fact(
    'weightSets',
    'weight_sets',
    'block_height netuid validator_uid hotkey uids weights extrinsic_index timestamp',
    (r) =>
      [
        [r.blockHeight, r.netuid, r.validatorUid, bytes(r.hotkey), intArray(r.uids), intArray(r.weights)],
        [numberOrNull(r.extrinsicIndex), timestamp(r.timestamp)],
      ].flat(),
    height,
  ),
  fact(
    'endpoints',
    'endpoints',
    'block_height netuid hotkey kind ip ip_type port protocol version placeholder1 placeholder2',
    (r) =>
      [
        [r.blockHeight, r.netuid, bytes(r.hotkey), r.kind, text(r.ip), r.ipType, r.port, numberOrNull(r.protocol), r.version],
        [numberOrNull(r.placeholder1), numberOrNull(r.placeholder2)],
      ].flat(),
    height,
  ),
  fact(
    'accountBalances',
    'account_balances',
    'address block_height free reserved staked timestamp',
    (r) => [bytes(r.address), r.blockHeight, r.free, r.reserved, numberOrNull(r.staked), timestamp(r.timestamp)],
    height,
  ),
  fact(
    'epochs',
    'epochs',
    'netuid block_height tempo n emission_value emission_due emission_given server_emission validator_emission total_stake ' +
      'active_count validator_count timestamp inputs_hash audit_status audit_reason audit_generation audit_difference_count audit_differences',
    (r) =>
      [
        [r.netuid, r.blockHeight, r.tempo, r.n, numberOrNull(r.emissionValue), numberOrNull(r.emissionDue), numberOrNull(r.emissionGiven)],
        [numberOrNull(r.serverEmission), numberOrNull(r.validatorEmission), numberOrNull(r.totalStake), r.activeCount, r.validatorCount],
        [timestamp(r.timestamp), bytesOrNull(r.audit.inputsHash), r.audit.status, textOrNull(r.audit.reason)],
        [textOrNull(r.audit.generation), r.audit.differenceCount, jsonOrNull(r.audit.differences)],
      ].flat(),
    height,
  ),
  fact('epochInputs', 'epoch_inputs', 'netuid block_height inputs', (r) => [r.netuid, r.blockHeight, rawBytes(r.inputs)], height),
  fact(
    'emissions',
    'emissions',
    'netuid block_height uid hotkey server validator total',
    (r) => [r.netuid, r.blockHeight, r.uid, bytes(r.hotkey), numberOrNull(r.server), numberOrNull(r.validator), r.total],
    height,
  ),
  fact(
    'neuronSnapshots',
    'neuron_snapshots',
    ['block_height', ...NEURON_COLUMNS].join(' '),
    (r) => [r.blockHeight, ...neuronFields(r)],
    height,
  ),
  fact(
    'networkStats',
    'network_stats',
    'block_height timestamp balances_issuance total_issuance total_stake block_emission subnets totals',
    (r) =>
      [
        [r.blockHeight, timestamp(r.timestamp), numberOrNull(r.balancesIssuance), numberOrNull(r.totalIssuance)],
        [numberOrNull(r.totalStake), numberOrNull(r.blockEmission), numberOrNull(r.subnets), json(r.totals)],
      ].flat(),
    height,
  ),
]
