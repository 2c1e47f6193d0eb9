/** Setters of parameters, each with the event the chain emits for it. Three have none: Rho, Burn and TotalIssuance. */
import type { Context } from '../types.js'
import { emit, get, type ItemName, type KeysOf, put, type Stored, U64_MAX } from './storage.js'

const PARAMETER_EVENTS = {
  DefaultTake: 'DefaultTakeSet',
  TxRateLimit: 'TxRateLimitSet',
  SubnetOwnerCut: 'SubnetOwnerCutSet',
  NetworkRateLimit: 'NetworkRateLimitSet',
  TotalIssuance: null,
  NetworkImmunityPeriod: 'NetworkImmunityPeriodSet',
  NetworkMinLockCost: 'NetworkMinLockCostSet',
  SubnetLimit: 'SubnetLimitSet',
  NetworkLockReductionInterval: 'NetworkLockCostReductionIntervalSet',
  WeightsMinStake: 'WeightsMinStake',
  ServingRateLimit: 'ServingRateLimitSet',
  MinDifficulty: 'MinDifficultySet',
  MaxDifficulty: 'MaxDifficultySet',
  Difficulty: 'DifficultySet',
  Burn: null,
  MinBurn: 'MinBurnSet',
  MaxBurn: 'MaxBurnSet',
  WeightsVersionKey: 'WeightsVersionKeySet',
  WeightsSetRateLimit: 'WeightsSetRateLimitSet',
  AdjustmentInterval: 'AdjustmentIntervalSet',
  AdjustmentAlpha: 'AdjustmentAlphaSet',
  MaxWeightsLimit: 'MaxWeightLimitSet',
  ImmunityPeriod: 'ImmunityPeriodSet',
  MinAllowedWeights: 'MinAllowedWeightSet',
  MaxAllowedUids: 'MaxAllowedUidsSet',
  Kappa: 'KappaSet',
  Rho: null,
  ActivityCutoff: 'ActivityCutoffSet',
  NetworkRegistrationAllowed: 'RegistrationAllowed',
  NetworkPowRegistrationAllowed: 'PowRegistrationAllowed',
  TargetRegistrationsPerInterval: 'RegistrationPerIntervalSet',
  MaxAllowedValidators: 'MaxAllowedValidatorsSet',
  BondsMovingAverage: 'BondsMovingAverageSet',
  MaxRegistrationsPerBlock: 'MaxRegistrationsPerBlockSet',
  Tempo: 'TempoSet',
  RAORecycledForRegistration: 'RAORecycledForRegistrationSet',
} as const satisfies Partial<Record<ItemName, string | null>>

export type Parameter = keyof typeof PARAMETER_EVENTS

export function setParameter<P extends Parameter>(ctx: Context, parameter: P, ...keysAndValue: [...KeysOf<P>, Stored<P>]): void {
  put(ctx, parameter, ...keysAndValue)
  const event = PARAMETER_EVENTS[parameter]
  if (event) emit(ctx, event, ...keysAndValue)
}

export function increaseRecycled(ctx: Context, netuid: number, amount: bigint): void {
  const sum = get(ctx, 'RAORecycledForRegistration', netuid) + amount
  setParameter(ctx, 'RAORecycledForRegistration', netuid, sum > U64_MAX ? U64_MAX : sum)
}
