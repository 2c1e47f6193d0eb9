/** How the price of a place moves: difficulty and burn follow the registrations of the last interval. */
import { setParameter } from './hyperparameters.js'
import type { Context } from '../types.js'
import { entries, get, now, put, U16_MAX, U64_MAX } from './storage.js'

/** Fraction bits of I110F18. */
const FRACTION = 18n
const ONE = 1n << FRACTION

export interface Adjustment {
  current: bigint
  registrations: number
  target: number
  /** Weight of the present value, of 2^64 - 1. */
  alpha: bigint
  min: bigint
  max: bigint
}

/** The next value, in the chain's truncating I110F18. The upper bound wins over the lower one. */
export function adjusted({ current, registrations, target, alpha, min, max }: Adjustment): bigint {
  const doubled = BigInt((target + target) & U16_MAX)
  if (doubled === 0n) throw new RangeError('the target of registrations per interval is zero, which the chain divides by')
  const updated = ((current * BigInt((registrations + target) & U16_MAX)) << FRACTION) / doubled
  const keep = (alpha << FRACTION) / U64_MAX
  const next = keep * current + (((ONE - keep) * updated) >> FRACTION)
  if (next >= max << FRACTION) return max
  if (next <= min << FRACTION) return min
  return next >> FRACTION
}

/** At the end of each interval the price that the busier way in pays goes up, or that of the quieter one down. */
export function adjustRegistrationTerms(ctx: Context): void {
  for (const {
    keys: [netuid],
  } of entries(ctx, 'NetworksAdded')) {
    if (now(ctx) - get(ctx, 'LastAdjustmentBlock', netuid) >= BigInt(get(ctx, 'AdjustmentInterval', netuid))) closeInterval(ctx, netuid)
    put(ctx, 'RegistrationsThisBlock', netuid, 0)
  }
}

function closeInterval(ctx: Context, netuid: number): void {
  const registrations = get(ctx, 'RegistrationsThisInterval', netuid)
  const target = get(ctx, 'TargetRegistrationsPerInterval', netuid)
  const byWork = get(ctx, 'POWRegistrationsThisInterval', netuid)
  const byBurn = get(ctx, 'BurnRegistrationsThisInterval', netuid)
  const busy = registrations > target
  const common = { registrations, target, alpha: get(ctx, 'AdjustmentAlpha', netuid) }
  if (byWork === byBurn || busy === byBurn > byWork) {
    const current = get(ctx, 'Burn', netuid)
    setParameter(ctx, 'Burn', netuid, adjusted({ ...common, current, min: get(ctx, 'MinBurn', netuid), max: get(ctx, 'MaxBurn', netuid) }))
  }
  if (byWork === byBurn || busy === byWork > byBurn) {
    const current = get(ctx, 'Difficulty', netuid)
    const bounds = { min: get(ctx, 'MinDifficulty', netuid), max: get(ctx, 'MaxDifficulty', netuid) }
    setParameter(ctx, 'Difficulty', netuid, adjusted({ ...common, current, ...bounds }))
  }
  put(ctx, 'LastAdjustmentBlock', netuid, now(ctx))
  for (const item of ['RegistrationsThisInterval', 'POWRegistrationsThisInterval', 'BurnRegistrationsThisInterval'] as const) {
    put(ctx, item, netuid, 0)
  }
}
