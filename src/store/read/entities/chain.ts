import { column, nullable } from '../column.js'
import { by, defineEntity } from '../entity.js'

/** Blocks and what happened in them. All are read newest first unless asked otherwise. */

const timeFollows = 'blockHeight'

export const blocks = defineEntity({
  name: 'blocks',
  from: 'blocks',
  columns: {
    height: column('height', 'height'),
    hash: column('bytes', 'hash'),
    parentHash: column('bytes', 'parent_hash', { filterable: false }),
    stateRoot: column('bytes', 'state_root', { filterable: false }),
    extrinsicsRoot: column('bytes', 'extrinsics_root', { filterable: false }),
    timestamp: column('timestamp', 'timestamp'),
    author: nullable('bytes', 'author'),
    specVersion: column('int', 'spec_version'),
    extrinsicCount: column('int', 'extrinsic_count'),
    eventCount: column('int', 'event_count'),
  },
  key: ['height'],
  orders: { HEIGHT: by('height'), TIMESTAMP: by('timestamp') },
  defaultOrder: ['HEIGHT_DESC'],
  timeFollows: 'height',
})

const block = { entity: () => blocks, on: { height: 'blockHeight' } } as const
const extrinsic = { entity: () => extrinsics, on: { blockHeight: 'blockHeight', index: 'extrinsicIndex' } } as const

export const extrinsics = defineEntity({
  name: 'extrinsics',
  from: 'extrinsics',
  columns: {
    blockHeight: column('height', 'block_height'),
    index: column('int', 'index'),
    hash: column('bytes', 'hash'),
    signer: nullable('bytes', 'signer'),
    pallet: column('text', 'pallet'),
    call: column('text', 'call'),
    args: column('json', 'args'),
    success: column('bool', 'success'),
    errorPallet: nullable('text', 'error_pallet'),
    errorName: nullable('text', 'error_name'),
    fee: nullable('bigint', 'fee', { filterable: false }),
    tip: nullable('bigint', 'tip', { filterable: false }),
    nonce: nullable('height', 'nonce', { filterable: false }),
    eraPeriod: nullable('int', 'era_period', { filterable: false }),
    eraPhase: nullable('int', 'era_phase', { filterable: false }),
    timestamp: column('timestamp', 'timestamp'),
  },
  key: ['blockHeight', 'index'],
  orders: { BLOCK_HEIGHT: by('blockHeight') },
  defaultOrder: ['ID_DESC'],
  relations: { block },
  ids: { id: ['blockHeight', 'index'] },
  timeFollows,
})

export const calls = defineEntity({
  name: 'calls',
  from: 'calls',
  columns: {
    blockHeight: column('height', 'block_height'),
    extrinsicIndex: column('int', 'extrinsic_index'),
    index: column('int', 'index'),
    parentIndex: column('int', 'parent_index', { filterable: false }),
    pallet: column('text', 'pallet'),
    call: column('text', 'call'),
    args: column('json', 'args'),
    success: nullable('bool', 'success'),
    errorPallet: nullable('text', 'error_pallet'),
    errorName: nullable('text', 'error_name'),
    origin: nullable('bytes', 'origin'),
  },
  key: ['blockHeight', 'extrinsicIndex', 'index'],
  orders: { BLOCK_HEIGHT: by('blockHeight') },
  defaultOrder: ['ID_DESC'],
  relations: { block, extrinsic },
  ids: { id: ['blockHeight', 'extrinsicIndex', 'index'], extrinsicId: ['blockHeight', 'extrinsicIndex'] },
})

export const events = defineEntity({
  name: 'events',
  from: 'events',
  columns: {
    blockHeight: column('height', 'block_height'),
    index: column('int', 'index'),
    phase: column('text', 'phase'),
    extrinsicIndex: nullable('int', 'extrinsic_index'),
    pallet: column('text', 'pallet'),
    name: column('text', 'name'),
    data: column('json', 'data'),
  },
  key: ['blockHeight', 'index'],
  orders: { BLOCK_HEIGHT: by('blockHeight') },
  defaultOrder: ['ID_DESC'],
  relations: { block, extrinsic },
  ids: { id: ['blockHeight', 'index'], extrinsicId: ['blockHeight', 'extrinsicIndex'] },
})

export const transfers = defineEntity({
  name: 'transfers',
  from: 'transfers',
  columns: {
    blockHeight: column('height', 'block_height'),
    eventIndex: column('int', 'event_index'),
    extrinsicIndex: nullable('int', 'extrinsic_index'),
    from: column('bytes', 'from'),
    to: column('bytes', 'to'),
    amount: column('bigint', 'amount'),
    fee: nullable('bigint', 'fee', { filterable: false }),
    timestamp: column('timestamp', 'timestamp'),
  },
  key: ['blockHeight', 'eventIndex'],
  orders: { BLOCK_HEIGHT: by('blockHeight'), AMOUNT: by('amount') },
  defaultOrder: ['ID_DESC'],
  relations: { block, extrinsic },
  ids: { id: ['blockHeight', 'eventIndex'], extrinsicId: ['blockHeight', 'extrinsicIndex'] },
  timeFollows,
})

export const stakeEvents = defineEntity({
  name: 'stakeEvents',
  from: 'stake_events',
  columns: {
    blockHeight: column('height', 'block_height'),
    eventIndex: column('int', 'event_index'),
    extrinsicIndex: nullable('int', 'extrinsic_index'),
    action: column('text', 'action'),
    hotkey: column('bytes', 'hotkey'),
    coldkey: nullable('bytes', 'coldkey'),
    netuid: nullable('int', 'netuid'),
    amount: column('bigint', 'amount'),
    timestamp: column('timestamp', 'timestamp'),
  },
  key: ['blockHeight', 'eventIndex'],
  orders: { BLOCK_HEIGHT: by('blockHeight'), AMOUNT: by('amount') },
  defaultOrder: ['ID_DESC'],
  relations: { block, extrinsic },
  ids: { id: ['blockHeight', 'eventIndex'], extrinsicId: ['blockHeight', 'extrinsicIndex'] },
  timeFollows,
})

export const runtimeVersions = defineEntity({
  name: 'runtimeVersions',
  from: 'runtime_versions',
  columns: {
    specVersion: column('int', 'spec_version'),
    specName: column('text', 'spec_name'),
    transactionVersion: nullable('int', 'transaction_version', { filterable: false }),
    firstBlock: column('height', 'first_block'),
    metadataVersion: column('int', 'metadata_version', { filterable: false }),
    metadataHash: column('bytes', 'metadata_hash', { filterable: false }),
    metadata: column('bytes', 'metadata', { heavy: true, filterable: false }),
  },
  key: ['specVersion'],
  orders: { SPEC_VERSION: by('specVersion'), FIRST_BLOCK: by('firstBlock') },
  defaultOrder: ['SPEC_VERSION_DESC'],
})

export const networkStats = defineEntity({
  name: 'networkStats',
  from: 'network_stats',
  columns: {
    blockHeight: column('height', 'block_height'),
    timestamp: column('timestamp', 'timestamp'),
    balancesIssuance: nullable('bigint', 'balances_issuance', { filterable: false }),
    totalIssuance: nullable('bigint', 'total_issuance', { filterable: false }),
    totalStake: nullable('bigint', 'total_stake', { filterable: false }),
    blockEmission: nullable('bigint', 'block_emission', { filterable: false }),
    subnets: nullable('int', 'subnets', { filterable: false }),
    stakeSum: nullable('numeric', 'stake_sum', { filterable: false }),
    hotkeyStakeSum: nullable('numeric', 'hotkey_stake_sum', { filterable: false }),
    balanceSum: nullable('numeric', 'balance_sum', { filterable: false }),
    emissionDue: nullable('numeric', 'emission_due', { filterable: false }),
    emissionGiven: nullable('numeric', 'emission_given', { filterable: false }),
    totals: column('json', 'totals'),
  },
  key: ['blockHeight'],
  orders: { BLOCK_HEIGHT: by('blockHeight'), TIMESTAMP: by('timestamp') },
  defaultOrder: ['BLOCK_HEIGHT_DESC'],
})
