/**
 * SubtensorSignedExtension: what the transaction pool thinks of an extrinsic. It takes no part in its execution, so a validator that loses its stake
 * between the two gets NotEnoughStakeToSetWeights instead.
 */
import type { Hex } from '../../../core/records.js'
import type { CallValue, Context } from '../types.js'
import { get, now, PALLET, U64_MAX } from './storage.js'

export type PoolVerdict = { valid: true; priority: bigint; longevity?: number } | { valid: false; error: 'Call' }

/** Of weights that nobody has waited for; below every other call. */
const WEIGHTS_BASE_PRIORITY = 2n ** 32n - 1n

export function subtensorValidity(ctx: Context, who: Hex, { pallet, call, args }: CallValue): PoolVerdict {
  if (pallet !== PALLET || call !== 'set_weights') return { valid: true, priority: U64_MAX }
  if (get(ctx, 'TotalHotkeyStake', who) < get(ctx, 'WeightsMinStake')) return { valid: false, error: 'Call' }
  return { valid: true, priority: weightsPriority(ctx, who, args['netuid'] as number), longevity: 1 }
}

/** The longer a validator has waited, the sooner its weights are taken. */
function weightsPriority(ctx: Context, who: Hex, netuid: number): bigint {
  const uid = get(ctx, 'Uids', netuid, who)
  if (uid === undefined) return 0n
  return now(ctx) - (get(ctx, 'LastUpdate', netuid)[uid] ?? 0n) + WEIGHTS_BASE_PRIORITY
}
