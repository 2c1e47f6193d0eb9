import { column, nullable } from '../column.js'
import { by, defineEntity } from '../entity.js'
import { subnets } from './subnets.js'

/** Neurons now and at each epoch, their registrations, and the weight and bond matrices. */

const subnet = { entity: () => subnets, on: { netuid: 'netuid' } } as const
const neuron = (uid: string) => ({ entity: () => neurons, on: { netuid: 'netuid', uid } }) as const

const neuronColumns = {
  netuid: column('int', 'netuid'),
  uid: column('int', 'uid'),
  hotkey: column('bytes', 'hotkey'),
  coldkey: nullable('bytes', 'coldkey'),
  stake: nullable('bigint', 'stake'),
  rank: column('ratio', 'rank'),
  trust: column('ratio', 'trust'),
  consensus: column('ratio', 'consensus'),
  incentive: column('ratio', 'incentive'),
  dividends: column('ratio', 'dividends'),
  emission: column('bigint', 'emission'),
  validatorTrust: column('ratio', 'validator_trust'),
  validatorPermit: column('bool', 'validator_permit'),
  active: column('bool', 'active'),
  lastUpdate: column('height', 'last_update'),
  pruningScore: column('ratio', 'pruning_score'),
  registeredBlock: column('height', 'registered_block'),
  axon: nullable('json', 'axon', { heavy: false }),
  prometheus: nullable('json', 'prometheus', { heavy: false }),
  weightUids: column('ints', 'weight_uids'),
  weightValues: column('ints', 'weight_values'),
  bondUids: column('ints', 'bond_uids'),
  bondValues: column('ints', 'bond_values'),
} as const

/** Columns without an index: cheap to sort within one subnet or one key, not over the network. */
const needs = ['netuid', 'hotkey', 'coldkey']
const sortedWithin = (name: string) => by(name, { tie: 'opposite', needs })

export const neurons = defineEntity({
  name: 'neurons',
  from: 'neurons',
  columns: { ...neuronColumns, updatedBlock: column('height', 'updated_block', { filterable: false }) },
  key: ['netuid', 'uid'],
  orders: {
    NETUID: by('netuid'),
    UID: by('uid', { needs }),
    STAKE: by('stake', { tie: 'opposite' }),
    INCENTIVE: sortedWithin('incentive'),
    DIVIDENDS: sortedWithin('dividends'),
    EMISSION: sortedWithin('emission'),
    RANK: sortedWithin('rank'),
    TRUST: sortedWithin('trust'),
    CONSENSUS: sortedWithin('consensus'),
    VALIDATOR_TRUST: sortedWithin('validatorTrust'),
    PRUNING_SCORE: sortedWithin('pruningScore'),
    LAST_UPDATE: sortedWithin('lastUpdate'),
    REGISTERED_BLOCK: sortedWithin('registeredBlock'),
  },
  defaultOrder: ['ID_ASC'],
  relations: { subnet },
})

export const neuronSnapshots = defineEntity({
  name: 'neuronSnapshots',
  from: 'neuron_snapshots',
  columns: { ...neuronColumns, blockHeight: column('height', 'block_height') },
  key: ['netuid', 'blockHeight', 'uid'],
  orders: { BLOCK_HEIGHT: by('blockHeight', { needs: ['netuid', 'hotkey'] }) },
  defaultOrder: ['ID_DESC'],
  relations: { subnet },
})

const registrationColumns = {
  blockHeight: column('height', 'block_height'),
  netuid: column('int', 'netuid'),
  uid: column('int', 'uid'),
  hotkey: column('bytes', 'hotkey'),
  coldkey: nullable('bytes', 'coldkey'),
  timestamp: column('timestamp', 'timestamp'),
} as const

export const neuronRegistrations = defineEntity({
  name: 'neuronRegistrations',
  from: 'neuron_registrations',
  columns: {
    ...registrationColumns,
    method: column('text', 'method'),
    cost: nullable('bigint', 'cost', { filterable: false }),
    difficulty: nullable('numeric', 'difficulty', { filterable: false }),
    replacedHotkey: nullable('bytes', 'replaced_hotkey'),
    extrinsicIndex: nullable('int', 'extrinsic_index', { filterable: false }),
  },
  key: ['blockHeight', 'netuid', 'uid', 'hotkey'],
  orders: { BLOCK_HEIGHT: by('blockHeight') },
  defaultOrder: ['BLOCK_HEIGHT_DESC'],
  relations: { subnet },
  timeFollows: 'blockHeight',
})

export const neuronDeregistrations = defineEntity({
  name: 'neuronDeregistrations',
  from: 'neuron_deregistrations',
  columns: { ...registrationColumns, reason: column('text', 'reason') },
  key: ['blockHeight', 'netuid', 'uid', 'hotkey'],
  orders: { BLOCK_HEIGHT: by('blockHeight') },
  defaultOrder: ['BLOCK_HEIGHT_DESC'],
  relations: { subnet },
  timeFollows: 'blockHeight',
})

export const weightSets = defineEntity({
  name: 'weightSets',
  from: 'weight_sets',
  columns: {
    blockHeight: column('height', 'block_height'),
    netuid: column('int', 'netuid'),
    validatorUid: column('int', 'validator_uid'),
    hotkey: column('bytes', 'hotkey'),
    uids: column('ints', 'uids'),
    weights: column('ints', 'weights'),
    extrinsicIndex: nullable('int', 'extrinsic_index', { filterable: false }),
    timestamp: column('timestamp', 'timestamp'),
  },
  key: ['blockHeight', 'netuid', 'validatorUid'],
  orders: { BLOCK_HEIGHT: by('blockHeight') },
  defaultOrder: ['BLOCK_HEIGHT_DESC'],
  relations: { subnet },
  timeFollows: 'blockHeight',
})

/** The matrices as edges: rows of the current neurons, unnested. */
const edges = (uids: string, values: string, value: string, block: string) =>
  `(SELECT n.netuid, n.uid AS validator_uid, n.hotkey AS validator_hotkey, e.uid AS miner_uid, e.value AS ${value}, ${block} AS block_height
    FROM neurons n CROSS JOIN LATERAL unnest(n.${uids}, n.${values}) AS e(uid, value))`

const edgeColumns = {
  netuid: column('int', 'netuid'),
  validatorUid: column('int', 'validator_uid'),
  validatorHotkey: column('bytes', 'validator_hotkey'),
  minerUid: column('int', 'miner_uid'),
  blockHeight: column('height', 'block_height'),
} as const

const edgeList = {
  key: ['netuid', 'validatorUid', 'minerUid'],
  defaultOrder: ['ID_ASC'],
  relations: { subnet, validator: neuron('validatorUid'), miner: neuron('minerUid') },
} as const

export const weights = defineEntity({
  ...edgeList,
  name: 'weights',
  from: edges('weight_uids', 'weight_values', 'weight', 'n.last_update'),
  columns: { ...edgeColumns, weight: column('int', 'weight') },
  orders: { WEIGHT: by('weight', { tie: 'opposite', needs: ['netuid', 'validatorHotkey'] }) },
})

export const bonds = defineEntity({
  ...edgeList,
  name: 'bonds',
  from: edges('bond_uids', 'bond_values', 'bond', '(SELECT s.last_epoch_block FROM subnets s WHERE s.netuid = n.netuid)'),
  columns: { ...edgeColumns, blockHeight: nullable('height', 'block_height', { filterable: false }), bond: column('int', 'bond') },
  orders: { BOND: by('bond', { tie: 'opposite', needs: ['netuid', 'validatorHotkey'] }) },
})
