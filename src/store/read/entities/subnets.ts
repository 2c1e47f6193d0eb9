import { column, nullable } from '../column.js'
import { by, defineEntity } from '../entity.js'

/** Subnets, their parameters over time, and their epochs. */

export const subnets = defineEntity({
  name: 'subnets',
  from: 'subnets',
  columns: {
    netuid: column('int', 'netuid'),
    owner: nullable('bytes', 'owner'),
    n: column('int', 'n'),
    maxUids: column('int', 'max_uids', { filterable: false }),
    tempo: column('int', 'tempo'),
    difficulty: nullable('numeric', 'difficulty', { filterable: false }),
    burn: nullable('numeric', 'burn'),
    emission: nullable('bigint', 'emission'),
    pendingEmission: nullable('bigint', 'pending_emission', { filterable: false }),
    registeredBlock: nullable('height', 'registered_block'),
    lastEpochBlock: nullable('height', 'last_epoch_block', { filterable: false }),
    params: column('json', 'params'),
    updatedBlock: column('height', 'updated_block', { filterable: false }),
  },
  key: ['netuid'],
  // A chain has at most some hundred subnets: sorting them needs no index.
  orders: {
    NETUID: by('netuid'),
    EMISSION: by('emission'),
    BURN: by('burn'),
    N: by('n'),
    REGISTERED_BLOCK: by('registeredBlock'),
    DIFFICULTY: by('difficulty'),
  },
  defaultOrder: ['NETUID_ASC'],
})

const subnet = { entity: () => subnets, on: { netuid: 'netuid' } } as const

export const subnetHyperparams = defineEntity({
  name: 'subnetHyperparams',
  from: 'subnet_params',
  columns: {
    blockHeight: column('height', 'block_height'),
    netuid: column('int', 'netuid'),
    name: column('text', 'name'),
    value: column('json', 'value', { heavy: false }),
  },
  key: ['blockHeight', 'netuid', 'name'],
  orders: { BLOCK_HEIGHT: by('blockHeight') },
  defaultOrder: ['BLOCK_HEIGHT_DESC'],
  relations: { subnet },
})

export const epochs = defineEntity({
  name: 'epochs',
  from: 'epochs',
  columns: {
    blockHeight: column('height', 'block_height'),
    netuid: column('int', 'netuid'),
    tempo: column('int', 'tempo', { filterable: false }),
    n: column('int', 'n', { filterable: false }),
    emissionValue: nullable('bigint', 'emission_value', { filterable: false }),
    emissionDue: nullable('bigint', 'emission_due', { filterable: false }),
    emissionGiven: nullable('bigint', 'emission_given', { filterable: false }),
    serverEmission: nullable('bigint', 'server_emission', { filterable: false }),
    validatorEmission: nullable('bigint', 'validator_emission', { filterable: false }),
    totalStake: nullable('bigint', 'total_stake', { filterable: false }),
    activeCount: column('int', 'active_count', { filterable: false }),
    validatorCount: column('int', 'validator_count', { filterable: false }),
    inputsHash: nullable('bytes', 'inputs_hash', { filterable: false }),
    auditStatus: nullable('text', 'audit_status'),
    auditReason: nullable('text', 'audit_reason', { filterable: false }),
    auditGeneration: nullable('text', 'audit_generation', { filterable: false }),
    auditDifferenceCount: column('int', 'audit_difference_count'),
    auditDifferences: nullable('json', 'audit_differences'),
    timestamp: column('timestamp', 'timestamp'),
  },
  key: ['blockHeight', 'netuid'],
  orders: { BLOCK_HEIGHT: by('blockHeight') },
  defaultOrder: ['BLOCK_HEIGHT_DESC'],
  relations: { subnet },
  timeFollows: 'blockHeight',
})

export const emissions = defineEntity({
  name: 'emissions',
  from: 'emissions',
  columns: {
    blockHeight: column('height', 'block_height'),
    netuid: column('int', 'netuid'),
    uid: column('int', 'uid'),
    hotkey: column('bytes', 'hotkey'),
    server: nullable('bigint', 'server', { filterable: false }),
    validator: nullable('bigint', 'validator', { filterable: false }),
    total: column('bigint', 'total', { filterable: false }),
  },
  key: ['blockHeight', 'netuid', 'uid'],
  orders: { BLOCK_HEIGHT: by('blockHeight') },
  defaultOrder: ['BLOCK_HEIGHT_DESC'],
  relations: { subnet },
})
