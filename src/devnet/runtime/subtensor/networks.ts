/** `register_network` and `dissolve_network`: subnets that come, go, and make room for one another. */
import type { Context, Origin } from '../types.js'
import type { SubtensorConfig } from './config.js'
import { setParameter } from './hyperparameters.js'
import { ensure, ensureSigned } from './origin.js'
import { canPay } from './stake-ledger.js'
import { clearPrefix, emit, entries, get, has, now, type PerSubnet, put, remove, ROOT_NETUID, U16_MAX, U64_MAX } from './storage.js'

const NEW_NETWORK_TEMPO = 360

/** Written with their defaults when a network begins, so that they are there to be seen. */
const MADE_EXPLICIT = [
  'Tempo',
  'Kappa',
  'Difficulty',
  'MaxAllowedUids',
  'ImmunityPeriod',
  'ActivityCutoff',
  'EmissionValues',
  'MaxWeightsLimit',
  'MinAllowedWeights',
  'RegistrationsThisInterval',
  'POWRegistrationsThisInterval',
  'BurnRegistrationsThisInterval',
] as const satisfies PerSubnet<number | bigint>[]

const REMOVED = [
  'SubnetworkN',
  'NetworkModality',
  'NetworksAdded',
  'NetworkRegisteredAt',
  'Rank',
  'Trust',
  'Active',
  'Emission',
  'Incentive',
  'Consensus',
  'Dividends',
  'PruningScores',
  'LastUpdate',
  'ValidatorPermit',
  'ValidatorTrust',
  ...MADE_EXPLICIT,
] as const

export function registerNetwork(ctx: Context, config: SubtensorConfig, origin: Origin): void {
  const coldkey = ensureSigned(origin)
  ensure(blocksSinceLastNetwork(ctx) >= get(ctx, 'NetworkRateLimit'), 'TxRateLimitExceeded')
  const cost = lockCost(ctx)
  ensure(canPay(ctx, config.currency, coldkey, cost), 'NotEnoughBalanceToStake')
  const netuid = claimNetuid(ctx, config)
  ensure(config.currency.withdraw(ctx, coldkey, cost), 'BalanceWithdrawalError')
  put(ctx, 'SubnetLocked', netuid, cost)
  put(ctx, 'NetworkLastLockCost', cost)
  initNetwork(ctx, netuid, NEW_NETWORK_TEMPO)
  put(ctx, 'NetworkLastRegistered', now(ctx))
  put(ctx, 'NetworkRegisteredAt', netuid, now(ctx))
  put(ctx, 'SubnetOwner', netuid, coldkey)
  emit(ctx, 'NetworkAdded', netuid, 0)
}

export function dissolveNetwork(ctx: Context, config: SubtensorConfig, origin: Origin, netuid: number): void {
  const coldkey = ensureSigned(origin)
  ensure(get(ctx, 'NetworksAdded', netuid), 'NetworkDoesNotExist')
  ensure(get(ctx, 'SubnetOwner', netuid) === coldkey, 'NotSubnetOwner')
  removeNetwork(ctx, config, netuid)
  emit(ctx, 'NetworkRemoved', netuid)
}

/** The first free netuid, or that of the worst subnet, which is removed, once the limit is reached. */
function claimNetuid(ctx: Context, config: SubtensorConfig): number {
  if (Math.max(0, get(ctx, 'TotalNetworks') - 1) < get(ctx, 'SubnetLimit')) {
    let netuid = 1
    while (get(ctx, 'NetworksAdded', netuid)) netuid++
    return netuid
  }
  const pruned = subnetToPrune(ctx)
  ensure(pruned > 0, 'AllNetworksInImmunity')
  removeNetwork(ctx, config, pruned)
  emit(ctx, 'NetworkRemoved', pruned)
  return pruned
}

/** The subnet out of immunity with the least emission; of equals, the one registered first. 0 if there is none. */
function subnetToPrune(ctx: Context): number {
  const immunity = get(ctx, 'NetworkImmunityPeriod')
  const candidates = entries(ctx, 'NetworksAdded')
    .map(({ keys: [netuid] }) => ({ netuid, emission: get(ctx, 'EmissionValues', netuid), since: get(ctx, 'NetworkRegisteredAt', netuid) }))
    .filter(({ netuid, since }) => netuid !== ROOT_NETUID && (now(ctx) > since ? now(ctx) - since : 0n) >= immunity)
    .sort((a, b) => Number(b.emission - a.emission) || Number(b.since - a.since))
  return candidates.at(-1)?.netuid ?? 0
}

/** The price doubles with each registration and falls back to the minimum over the reduction interval. */
function lockCost(ctx: Context): bigint {
  const last = get(ctx, 'NetworkLastLockCost')
  const interval = get(ctx, 'NetworkLockReductionInterval')
  const start = clampU64(get(ctx, 'NetworkLastRegistered') === 0n ? last : last * 2n)
  const reduction = clampU64((last / interval) * blocksSinceLastNetwork(ctx))
  const cost = start > reduction ? start - reduction : 0n
  const minimum = get(ctx, 'NetworkMinLockCost')
  return cost < minimum ? minimum : cost
}

function clampU64(value: bigint): bigint {
  return value > U64_MAX ? U64_MAX : value
}

function blocksSinceLastNetwork(ctx: Context): bigint {
  const last = get(ctx, 'NetworkLastRegistered')
  return now(ctx) > last ? now(ctx) - last : 0n
}

function initNetwork(ctx: Context, netuid: number, tempo: number): void {
  put(ctx, 'SubnetworkN', netuid, 0)
  put(ctx, 'NetworksAdded', netuid, true)
  put(ctx, 'Tempo', netuid, tempo)
  put(ctx, 'NetworkModality', netuid, 0)
  put(ctx, 'TotalNetworks', (get(ctx, 'TotalNetworks') + 1) & U16_MAX)
  setParameter(ctx, 'NetworkRegistrationAllowed', netuid, true)
  setParameter(ctx, 'MaxAllowedUids', netuid, 256)
  setParameter(ctx, 'MaxAllowedValidators', netuid, 64)
  setParameter(ctx, 'MinAllowedWeights', netuid, 1)
  setParameter(ctx, 'MaxWeightsLimit', netuid, U16_MAX)
  setParameter(ctx, 'AdjustmentInterval', netuid, 360)
  setParameter(ctx, 'TargetRegistrationsPerInterval', netuid, 1)
  setParameter(ctx, 'AdjustmentAlpha', netuid, 17_893_341_751_498_265_066n)
  setParameter(ctx, 'ImmunityPeriod', netuid, 5000)
  setParameter(ctx, 'MinBurn', netuid, 1n)
  setParameter(ctx, 'MinDifficulty', netuid, U64_MAX)
  setParameter(ctx, 'MaxDifficulty', netuid, U64_MAX)
  for (const item of MADE_EXPLICIT) makeExplicit(ctx, item, netuid)
}

function makeExplicit(ctx: Context, item: (typeof MADE_EXPLICIT)[number], netuid: number): void {
  if (!has(ctx, item, netuid)) put(ctx, item, netuid, get(ctx, item, netuid) as never)
}

/** What is not listed here stays behind: axons, memberships and the other parameters outlive their subnet at spec 143. */
function removeNetwork(ctx: Context, config: SubtensorConfig, netuid: number): void {
  const owner = get(ctx, 'SubnetOwner', netuid)
  const locked = get(ctx, 'SubnetLocked', netuid)
  for (const item of REMOVED) remove(ctx, item, netuid)
  put(ctx, 'TotalNetworks', (get(ctx, 'TotalNetworks') - 1) & U16_MAX)
  for (const item of ['Uids', 'Keys', 'Bonds', 'Weights'] as const) clearPrefix(ctx, item, netuid)
  for (const { keys, value } of entries(ctx, 'Weights', ROOT_NETUID)) {
    put(
      ctx,
      'Weights',
      ...keys,
      value.map(([dest, weight]) => [dest, dest === netuid ? 0 : weight] as const),
    )
  }
  config.currency.deposit(ctx, owner, locked)
  put(ctx, 'SubnetLocked', netuid, 0n)
  remove(ctx, 'SubnetOwner', netuid)
}
