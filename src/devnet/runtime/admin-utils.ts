/** AdminUtils at spec 143: root, and for most parameters the subnet's owner, set hyperparameters of SubtensorModule. */
import { type CallDefinition, type Context, type DispatchInfo, moduleError, type Origin, type PalletDefinition } from './types.js'
import { type Parameter, setParameter } from './subtensor/hyperparameters.js'
import { ensureRoot, ensureSubnetOwnerOrRoot } from './subtensor/origin.js'
import { get } from './subtensor/storage.js'
import { callWeight } from './subtensor/weight.js'

const PALLET = 'AdminUtils'
const ERRORS = ['NetworkDoesNotExist', 'StorageValueOutOfRange', 'MaxAllowedUIdsNotAllowed'] as const

function ensure(condition: boolean, error: (typeof ERRORS)[number]): void {
  if (!condition) throw moduleError(PALLET, error)
}

/** Measured by the pallet's benchmarks; these calls are Normal and pay. */
function benchmarked(refTime: bigint, proofSize = 4697n, reads = 1): DispatchInfo {
  return callWeight({ refTime, proofSize, reads, writes: 1 })
}

/** Declared by hand; these are Operational and free. */
function declared(refTime: bigint, reads = 0): DispatchInfo {
  return callWeight({ refTime, reads, writes: refTime === 0n ? 0 : 1, class: 'Operational', paysFee: false })
}

type Check = (ctx: Context, netuid: number, value: never) => void

/** `owner` = the subnet's owner or root, `root` = root alone; both want the subnet to exist. `unchecked` = owner or root, whatever the netuid. */
type Access = 'owner' | 'root' | 'unchecked'
type SubnetRow = [
  index: number,
  call: string,
  argument: string,
  type: string,
  parameter: Parameter,
  access: Access,
  info: DispatchInfo,
  check?: Check,
]
type GlobalRow = [index: number, call: string, argument: string, type: string, parameter: Parameter, info: DispatchInfo]

function roomForAll(ctx: Context, netuid: number, maxUids: number): void {
  ensure(get(ctx, 'SubnetworkN', netuid) < maxUids, 'MaxAllowedUIdsNotAllowed')
}

function notMoreThanUids(ctx: Context, netuid: number, validators: number): void {
  ensure(validators <= get(ctx, 'MaxAllowedUids', netuid), 'StorageValueOutOfRange')
}

const SUBNET_CALLS: SubnetRow[] = [
  [3, 'serving_rate_limit', 'serving_rate_limit', 'u64', 'ServingRateLimit', 'unchecked', benchmarked(28_290_000n, 655n, 0)],
  [4, 'min_difficulty', 'min_difficulty', 'u64', 'MinDifficulty', 'owner', benchmarked(46_909_000n)],
  [5, 'max_difficulty', 'max_difficulty', 'u64', 'MaxDifficulty', 'owner', benchmarked(47_279_000n)],
  [6, 'weights_version_key', 'weights_version_key', 'u64', 'WeightsVersionKey', 'owner', benchmarked(47_460_000n)],
  [7, 'weights_set_rate_limit', 'weights_set_rate_limit', 'u64', 'WeightsSetRateLimit', 'owner', benchmarked(46_970_000n)],
  [8, 'adjustment_interval', 'adjustment_interval', 'u16', 'AdjustmentInterval', 'root', benchmarked(46_790_000n)],
  [9, 'adjustment_alpha', 'adjustment_alpha', 'u64', 'AdjustmentAlpha', 'owner', declared(14_000_000n, 1)],
  [12, 'max_weight_limit', 'max_weight_limit', 'u16', 'MaxWeightsLimit', 'owner', benchmarked(46_589_000n)],
  [13, 'immunity_period', 'immunity_period', 'u16', 'ImmunityPeriod', 'owner', benchmarked(46_679_000n)],
  [14, 'min_allowed_weights', 'min_allowed_weights', 'u16', 'MinAllowedWeights', 'owner', benchmarked(47_390_000n)],
  [15, 'max_allowed_uids', 'max_allowed_uids', 'u16', 'MaxAllowedUids', 'root', benchmarked(51_149_000n, 8301n, 2), roomForAll],
  [16, 'kappa', 'kappa', 'u16', 'Kappa', 'owner', benchmarked(46_440_000n)],
  [17, 'rho', 'rho', 'u16', 'Rho', 'owner', benchmarked(31_820_000n, 4281n)],
  [18, 'activity_cutoff', 'activity_cutoff', 'u16', 'ActivityCutoff', 'owner', benchmarked(46_759_000n)],
  [19, 'network_registration_allowed', 'registration_allowed', 'bool', 'NetworkRegistrationAllowed', 'unchecked', declared(4_000_000n)],
  [
    20,
    'network_pow_registration_allowed',
    'registration_allowed',
    'bool',
    'NetworkPowRegistrationAllowed',
    'unchecked',
    declared(14_000_000n),
  ],
  [
    21,
    'target_registrations_per_interval',
    'target_registrations_per_interval',
    'u16',
    'TargetRegistrationsPerInterval',
    'root',
    benchmarked(47_099_000n),
  ],
  [22, 'min_burn', 'min_burn', 'u64', 'MinBurn', 'owner', benchmarked(46_109_000n)],
  [23, 'max_burn', 'max_burn', 'u64', 'MaxBurn', 'owner', benchmarked(46_339_000n)],
  [24, 'difficulty', 'difficulty', 'u64', 'Difficulty', 'owner', benchmarked(47_130_000n)],
  [
    25,
    'max_allowed_validators',
    'max_allowed_validators',
    'u16',
    'MaxAllowedValidators',
    'root',
    benchmarked(53_640_000n, 8412n, 2),
    notMoreThanUids,
  ],
  [26, 'bonds_moving_average', 'bonds_moving_average', 'u64', 'BondsMovingAverage', 'owner', benchmarked(47_510_000n)],
  [27, 'max_registrations_per_block', 'max_registrations_per_block', 'u16', 'MaxRegistrationsPerBlock', 'root', benchmarked(46_490_000n)],
  [30, 'tempo', 'tempo', 'u16', 'Tempo', 'root', benchmarked(45_489_000n)],
  [39, 'rao_recycled', 'rao_recycled', 'u64', 'RAORecycledForRegistration', 'root', declared(0n)],
]

const GLOBAL_CALLS: GlobalRow[] = [
  [1, 'default_take', 'default_take', 'u16', 'DefaultTake', benchmarked(27_199_000n, 655n, 0)],
  [2, 'tx_rate_limit', 'tx_rate_limit', 'u64', 'TxRateLimit', declared(0n)],
  [28, 'subnet_owner_cut', 'subnet_owner_cut', 'u16', 'SubnetOwnerCut', declared(14_000_000n)],
  [29, 'network_rate_limit', 'rate_limit', 'u64', 'NetworkRateLimit', declared(14_000_000n)],
  [33, 'total_issuance', 'total_issuance', 'u64', 'TotalIssuance', declared(0n)],
  [35, 'network_immunity_period', 'immunity_period', 'u64', 'NetworkImmunityPeriod', declared(14_000_000n)],
  [36, 'network_min_lock_cost', 'lock_cost', 'u64', 'NetworkMinLockCost', declared(14_000_000n)],
  [37, 'subnet_limit', 'max_subnets', 'u16', 'SubnetLimit', declared(14_000_000n)],
  [38, 'lock_reduction_interval', 'interval', 'u64', 'NetworkLockReductionInterval', declared(14_000_000n)],
  [42, 'weights_min_stake', 'min_stake', 'u64', 'WeightsMinStake', declared(0n)],
]

function subnetCall([index, call, argument, type, parameter, access, info, check]: SubnetRow): CallDefinition {
  return {
    index,
    name: `sudo_set_${call}`,
    args: [
      { name: 'netuid', type: 'u16' },
      { name: argument, type },
    ],
    ...info,
    dispatch: (ctx: Context, origin: Origin, args: Record<string, unknown>) => {
      const netuid = args['netuid'] as number
      const value = args[argument] as never
      if (access === 'root') ensureRoot(origin)
      else ensureSubnetOwnerOrRoot(ctx, origin, netuid)
      if (access !== 'unchecked') ensure(get(ctx, 'NetworksAdded', netuid), 'NetworkDoesNotExist')
      check?.(ctx, netuid, value)
      setParameter(ctx, parameter, ...([netuid, value] as never))
      return undefined
    },
  }
}

function globalCall([index, call, argument, type, parameter, info]: GlobalRow): CallDefinition {
  return {
    index,
    name: `sudo_set_${call}`,
    args: [{ name: argument, type }],
    ...info,
    dispatch: (ctx: Context, origin: Origin, args: Record<string, unknown>) => {
      ensureRoot(origin)
      setParameter(ctx, parameter, ...([args[argument]] as never))
      return undefined
    },
  }
}

/** An empty list is ignored, as a chain without authors would stand still. */
const swapAuthorities: CallDefinition = {
  index: 0,
  name: 'swap_authorities',
  args: [{ name: 'new_authorities', type: 'BoundedVec<AuraId>' }],
  ...callWeight({}),
  info: (args) => {
    const count = BigInt((args['new_authorities'] as unknown[]).length)
    return callWeight({ refTime: 20_410_228n + 199_399n * count, proofSize: 1127n, reads: 1, writes: 2 })
  },
  dispatch: (ctx, origin, args) => {
    ensureRoot(origin)
    const authorities = args['new_authorities'] as unknown[]
    if (authorities.length > 0) ctx.set('Aura', 'Authorities', [], authorities)
    return undefined
  },
}

export function adminUtilsPallet(): PalletDefinition {
  return {
    name: PALLET,
    index: 18,
    crate: 'pallet_admin_utils',
    storage: [],
    calls: [swapAuthorities, ...SUBNET_CALLS.map(subnetCall), ...GLOBAL_CALLS.map(globalCall)].sort((a, b) => a.index - b.index),
    events: [],
    errors: [...ERRORS],
    constants: [],
  }
}
