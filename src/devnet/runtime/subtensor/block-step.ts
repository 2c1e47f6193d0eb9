/** What SubtensorModule does at the start of each block, before its extrinsics. */
import { epochDue } from '../../../consensus/tokenomics/emission-queue.js'
import type { Context } from '../types.js'
import { adjustRegistrationTerms } from './adjustment.js'
import type { SubtensorConfig } from './config.js'
import { drainEmission, generateEmission } from './emission.js'
import { get, ROOT_NETUID } from './storage.js'
import { callWeight } from './weight.js'

/** Taken from the block before any extrinsic, whatever the step did. */
export const ON_INITIALIZE_WEIGHT = callWeight({ refTime: 110_634_229_000n, reads: 8304, writes: 110 }).weight.refTime

export function blockStep(ctx: Context, config: SubtensorConfig): void {
  adjustRegistrationTerms(ctx)
  if (config.epoch && epochDue(ROOT_NETUID, get(ctx, 'Tempo', ROOT_NETUID), ctx.blockNumber)) config.epoch.root(ctx)
  drainEmission(ctx)
  generateEmission(ctx, config)
}
