/** How the price of a place moves: difficulty and burn follow the registrations of the last interval. */
import { nextPrice2024, priceMoves2024 } from '../../../consensus/tokenomics/adjustment.js'
import { setParameter } from './hyperparameters.js'
import type { Context } from '../types.js'
import { entries, get, now, put } from './storage.js'

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
  const interval = {
    registrations: get(ctx, 'RegistrationsThisInterval', netuid),
    target: get(ctx, 'TargetRegistrationsPerInterval', netuid),
    byWork: get(ctx, 'POWRegistrationsThisInterval', netuid),
    byBurn: get(ctx, 'BurnRegistrationsThisInterval', netuid),
  }
  const alpha = get(ctx, 'AdjustmentAlpha', netuid)
  const moves = priceMoves2024(interval)
  if (moves.burn) {
    const price = { current: get(ctx, 'Burn', netuid), min: get(ctx, 'MinBurn', netuid), max: get(ctx, 'MaxBurn', netuid) }
    setParameter(ctx, 'Burn', netuid, nextPrice2024(price, interval, alpha))
  }
  if (moves.difficulty) {
    const bounds = { min: get(ctx, 'MinDifficulty', netuid), max: get(ctx, 'MaxDifficulty', netuid) }
    setParameter(ctx, 'Difficulty', netuid, nextPrice2024({ current: get(ctx, 'Difficulty', netuid), ...bounds }, interval, alpha))
  }
  put(ctx, 'LastAdjustmentBlock', netuid, now(ctx))
  for (const item of ['RegistrationsThisInterval', 'POWRegistrationsThisInterval', 'BurnRegistrationsThisInterval'] as const) {
    put(ctx, item, netuid, 0)
  }
}
