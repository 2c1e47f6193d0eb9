/** The place of consensus in the block: what `on_initialize` calls when a subnet's tempo has come round. */
import type { Context } from '../types.js'
import type { EmissionTuple } from './definition.js'

export interface EpochRunner {
  /** The root network's epoch: sets EmissionValues of every subnet from the weights of the root validators. */
  root(ctx: Context): void
  /** A subnet's epoch: writes Rank, Incentive, Dividends, Bonds and so on, and shares out `emission` rao. */
  subnet(ctx: Context, netuid: number, emission: bigint): EmissionTuple[]
}
