/** What the metadata of spec 143 says about SubtensorModule besides storage and calls: composites, events, errors and constants. */
import type { Hex } from '../../../core/records.js'
import type { CompositeDefinition, EventDefinition, PalletDefinition } from '../types.js'

export interface AxonInfo {
  block: bigint
  version: number
  ip: bigint
  port: number
  ip_type: number
  protocol: number
  placeholder1: number
  placeholder2: number
}

export interface PrometheusInfo {
  block: bigint
  version: number
  ip: bigint
  port: number
  ip_type: number
}

/** Hotkey, what it earned as a server, what it earned as a validator. */
export type EmissionTuple = readonly [hotkey: Hex, server: bigint, validator: bigint]

const PROMETHEUS_FIELDS = [
  { name: 'block', type: 'u64' },
  { name: 'version', type: 'u32' },
  { name: 'ip', type: 'u128' },
  { name: 'port', type: 'u16' },
  { name: 'ip_type', type: 'u8' },
]

export const subtensorTypes: CompositeDefinition[] = [
  {
    name: 'AxonInfo',
    path: ['pallet_subtensor', 'pallet', 'AxonInfo'],
    fields: [
      ...PROMETHEUS_FIELDS,
      { name: 'protocol', type: 'u8' },
      { name: 'placeholder1', type: 'u8' },
      { name: 'placeholder2', type: 'u8' },
    ],
  },
  { name: 'PrometheusInfo', path: ['pallet_subtensor', 'pallet', 'PrometheusInfo'], fields: PROMETHEUS_FIELDS },
]

/** In the order of their indices. */
const EVENTS: [name: string, ...types: string[]][] = [
  ['NetworkAdded', 'u16', 'u16'],
  ['NetworkRemoved', 'u16'],
  ['StakeAdded', 'AccountId', 'u64'],
  ['StakeRemoved', 'AccountId', 'u64'],
  ['WeightsSet', 'u16', 'u16'],
  ['NeuronRegistered', 'u16', 'u16', 'AccountId'],
  ['BulkNeuronsRegistered', 'u16', 'u16'],
  ['BulkBalancesSet', 'u16', 'u16'],
  ['MaxAllowedUidsSet', 'u16', 'u16'],
  ['MaxWeightLimitSet', 'u16', 'u16'],
  ['DifficultySet', 'u16', 'u64'],
  ['AdjustmentIntervalSet', 'u16', 'u16'],
  ['RegistrationPerIntervalSet', 'u16', 'u16'],
  ['MaxRegistrationsPerBlockSet', 'u16', 'u16'],
  ['ActivityCutoffSet', 'u16', 'u16'],
  ['RhoSet', 'u16', 'u16'],
  ['KappaSet', 'u16', 'u16'],
  ['MinAllowedWeightSet', 'u16', 'u16'],
  ['ValidatorPruneLenSet', 'u16', 'u64'],
  ['ScalingLawPowerSet', 'u16', 'u16'],
  ['WeightsSetRateLimitSet', 'u16', 'u64'],
  ['ImmunityPeriodSet', 'u16', 'u16'],
  ['BondsMovingAverageSet', 'u16', 'u64'],
  ['MaxAllowedValidatorsSet', 'u16', 'u16'],
  ['AxonServed', 'u16', 'AccountId'],
  ['PrometheusServed', 'u16', 'AccountId'],
  ['EmissionValuesSet'],
  ['DelegateAdded', 'AccountId', 'AccountId', 'u16'],
  ['DefaultTakeSet', 'u16'],
  ['WeightsVersionKeySet', 'u16', 'u64'],
  ['MinDifficultySet', 'u16', 'u64'],
  ['MaxDifficultySet', 'u16', 'u64'],
  ['ServingRateLimitSet', 'u16', 'u64'],
  ['BurnSet', 'u16', 'u64'],
  ['MaxBurnSet', 'u16', 'u64'],
  ['MinBurnSet', 'u16', 'u64'],
  ['TxRateLimitSet', 'u64'],
  ['Sudid', 'DispatchResult'],
  ['RegistrationAllowed', 'u16', 'bool'],
  ['PowRegistrationAllowed', 'u16', 'bool'],
  ['TempoSet', 'u16', 'u16'],
  ['RAORecycledForRegistrationSet', 'u16', 'u64'],
  ['WeightsMinStake', 'u64'],
  ['SenateRequiredStakePercentSet', 'u64'],
  ['AdjustmentAlphaSet', 'u16', 'u64'],
  ['Faucet', 'AccountId', 'u64'],
  ['SubnetOwnerCutSet', 'u16'],
  ['NetworkRateLimitSet', 'u64'],
  ['NetworkImmunityPeriodSet', 'u64'],
  ['NetworkMinLockCostSet', 'u64'],
  ['SubnetLimitSet', 'u16'],
  ['NetworkLockCostReductionIntervalSet', 'u64'],
]

export const subtensorEvents: EventDefinition[] = [
  ...EVENTS.map(([name, ...types], index) => ({ index, name, fields: types.map((type) => ({ type })) })),
  {
    index: EVENTS.length,
    name: 'HotkeySwapped',
    fields: ['coldkey', 'old_hotkey', 'new_hotkey'].map((name) => ({ name, type: 'AccountId' })),
  },
]

export const subtensorErrors = [
  'NetworkDoesNotExist',
  'NetworkExist',
  'InvalidModality',
  'InvalidIpType',
  'InvalidIpAddress',
  'InvalidPort',
  'NotRegistered',
  'NonAssociatedColdKey',
  'NotEnoughStaketoWithdraw',
  'NotEnoughStakeToSetWeights',
  'NotEnoughBalanceToStake',
  'BalanceWithdrawalError',
  'NoValidatorPermit',
  'WeightVecNotEqualSize',
  'DuplicateUids',
  'InvalidUid',
  'NotSettingEnoughWeights',
  'TooManyRegistrationsThisBlock',
  'AlreadyRegistered',
  'InvalidWorkBlock',
  'InvalidDifficulty',
  'InvalidSeal',
  'MaxAllowedUIdsNotAllowed',
  'CouldNotConvertToBalance',
  'StakeAlreadyAdded',
  'MaxWeightExceeded',
  'StorageValueOutOfRange',
  'TempoHasNotSet',
  'InvalidTempo',
  'EmissionValuesDoesNotMatchNetworks',
  'InvalidEmissionValues',
  'AlreadyDelegate',
  'SettingWeightsTooFast',
  'IncorrectNetworkVersionKey',
  'ServingRateLimitExceeded',
  'BalanceSetError',
  'MaxAllowedUidsExceeded',
  'TooManyUids',
  'TxRateLimitExceeded',
  'RegistrationDisabled',
  'TooManyRegistrationsThisInterval',
  'BenchmarkingOnly',
  'HotkeyOriginMismatch',
  'SenateMember',
  'NotSenateMember',
  'AlreadySenateMember',
  'BelowStakeThreshold',
  'NotDelegate',
  'IncorrectNetuidsLength',
  'FaucetDisabled',
  'NotSubnetOwner',
  'OperationNotPermittedonRootSubnet',
  'StakeTooLowForRoot',
  'AllNetworksInImmunity',
  'NotEnoughBalance',
] as const

export type SubtensorError = (typeof subtensorErrors)[number]

const u16 = (name: string, value: number) => ({ name: `Initial${name}`, type: 'u16', value })
const u64 = (name: string, value: bigint) => ({ name: `Initial${name}`, type: 'u64', value })

export const subtensorConstants: PalletDefinition['constants'] = [
  u64('Issuance', 0n),
  u16('MinAllowedWeights', 1024),
  u16('EmissionValue', 0),
  u16('MaxWeightsLimit', 1000),
  u16('Tempo', 99),
  u64('Difficulty', 10_000_000n),
  u64('MaxDifficulty', 4_611_686_018_427_387_903n),
  u64('MinDifficulty', 10_000_000n),
  u64('RAORecycledForRegistration', 0n),
  u64('Burn', 1_000_000_000n),
  u64('MaxBurn', 100_000_000_000n),
  u64('MinBurn', 1_000_000_000n),
  u16('AdjustmentInterval', 100),
  u64('BondsMovingAverage', 900_000n),
  u16('TargetRegistrationsPerInterval', 2),
  u16('Rho', 10),
  u16('Kappa', 32_767),
  u16('MaxAllowedUids', 4096),
  u64('ValidatorPruneLen', 1n),
  u16('ScalingLawPower', 50),
  u16('ImmunityPeriod', 4096),
  u16('ActivityCutoff', 5000),
  u16('MaxRegistrationsPerBlock', 1),
  u16('PruningScore', 65_535),
  u16('MaxAllowedValidators', 128),
  u16('DefaultTake', 11_796),
  u64('WeightsVersionKey', 0n),
  u64('ServingRateLimit', 50n),
  u64('TxRateLimit', 1000n),
  u64('SenateRequiredStakePercentage', 1n),
  u64('AdjustmentAlpha', 0n),
  u64('NetworkImmunityPeriod', 50_400n),
  u16('NetworkMinAllowedUids', 128),
  u64('NetworkMinLockCost', 1_000_000_000_000n),
  u16('SubnetOwnerCut', 11_796),
  u64('NetworkLockReductionInterval', 100_800n),
  u16('SubnetLimit', 12),
  u64('NetworkRateLimit', 7200n),
]
