/** `set_weights`. On the root network the weights are on netuids and need no permit. */
import type { Context, Origin } from '../types.js'
import { isRegistered, setAt } from './neurons.js'
import { ensure, ensureSigned } from './origin.js'
import { emit, get, has, now, put, ROOT_NETUID, U16_MAX } from './storage.js'

const MAX = BigInt(U16_MAX)
/** One half in I32F32, for rounding. */
const HALF = 1n << 31n

export interface WeightsArgs {
  netuid: number
  dests: readonly number[]
  weights: readonly number[]
  version_key: bigint
}

export function setWeights(ctx: Context, origin: Origin, { netuid, dests, weights, version_key }: WeightsArgs): void {
  const hotkey = ensureSigned(origin)
  const root = netuid === ROOT_NETUID
  ensure(dests.length === weights.length, 'WeightVecNotEqualSize')
  ensure(get(ctx, 'NetworksAdded', netuid), 'NetworkDoesNotExist')
  if (root)
    ensure(
      dests.every((dest) => get(ctx, 'NetworksAdded', dest)),
      'InvalidUid',
    )
  else ensure(dests.length <= get(ctx, 'SubnetworkN', netuid), 'TooManyUids')
  ensure(isRegistered(ctx, netuid, hotkey), 'NotRegistered')
  ensure(get(ctx, 'TotalHotkeyStake', hotkey) >= get(ctx, 'WeightsMinStake'), 'NotEnoughStakeToSetWeights')
  // A network key of zero lets everybody in, as any key is at least that.
  ensure(version_key >= get(ctx, 'WeightsVersionKey', netuid), 'IncorrectNetworkVersionKey')
  const uid = get(ctx, 'Uids', netuid, hotkey) ?? 0
  ensure(passesRateLimit(ctx, netuid, uid), 'SettingWeightsTooFast')
  const self = dests.length === 1 && dests[0] === uid
  if (!root) ensure(self || (get(ctx, 'ValidatorPermit', netuid)[uid] ?? false), 'NoValidatorPermit')
  ensure(new Set(dests).size === dests.length, 'DuplicateUids')
  if (!root)
    ensure(
      dests.every((dest) => has(ctx, 'Keys', netuid, dest)),
      'InvalidUid',
    )
  ensure((!root && self) || weights.length >= minimumLength(ctx, netuid), 'NotSettingEnoughWeights')
  const scaled = maxUpscale(weights)
  ensure(self || withinLimit(scaled, get(ctx, 'MaxWeightsLimit', netuid)), 'MaxWeightExceeded')
  put(
    ctx,
    'Weights',
    netuid,
    uid,
    dests.map((dest, i) => [dest, scaled[i] ?? 0] as const),
  )
  setAt(ctx, 'LastUpdate', netuid, uid, now(ctx))
  emit(ctx, 'WeightsSet', netuid, uid)
}

function passesRateLimit(ctx: Context, netuid: number, uid: number): boolean {
  if (!has(ctx, 'Keys', netuid, uid)) return false
  const last = get(ctx, 'LastUpdate', netuid)[uid] ?? 0n
  return last === 0n || now(ctx) - last >= get(ctx, 'WeightsSetRateLimit', netuid)
}

function minimumLength(ctx: Context, netuid: number): number {
  return Math.min(get(ctx, 'SubnetworkN', netuid), get(ctx, 'MinAllowedWeights', netuid))
}

/**
 * Scales weights so that the greatest becomes 65535. I32F32 as on the chain: above 32768 the product of two weights would not fit, so
 * the quotient is taken first and what it truncates is seen in the result.
 */
export function maxUpscale(weights: readonly number[]): number[] {
  const max = BigInt(Math.max(0, ...weights))
  if (max === 0n) return weights.map(() => 0)
  const quotient = (MAX << 32n) / max
  return weights.map((weight) => {
    const scaled = max > 32_768n ? BigInt(weight) * quotient : ((BigInt(weight) * MAX) << 32n) / max
    return Number((scaled + HALF) >> 32n)
  })
}

/** Whether no weight has more than `limit` / 65535 of the sum, both quotients truncated to I32F32. */
export function withinLimit(weights: readonly number[], limit: number): boolean {
  if (limit === U16_MAX) return true
  const sum = weights.reduce((total, weight) => total + BigInt(weight), 0n)
  const max = BigInt(Math.max(0, ...weights)) << 32n
  return (sum === 0n ? max : max / sum) <= (BigInt(limit) << 32n) / MAX
}
