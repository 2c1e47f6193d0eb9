/** What the pallet needs from the rest of the runtime. */
import type { Hex } from '../../../core/records.js'
import type { Context } from '../types.js'
import type { EpochRunner } from './epoch.js'

/** The part of `Currency` that stakes and burns go through; events and total issuance are its business. */
export interface Currency {
  freeBalance(ctx: Context, who: Hex): bigint
  /** Whether locks leave `amount` free to go. Says nothing about keeping the account alive. */
  canWithdraw(ctx: Context, who: Hex, amount: bigint): boolean
  /** Takes and burns `amount`; false, with nothing done, when it is not there or the account would die of it. */
  withdraw(ctx: Context, who: Hex, amount: bigint): boolean
  /** Mints `amount`, creating the account if it is at least the existential deposit, and doing nothing if it is not. */
  deposit(ctx: Context, who: Hex, amount: bigint): void
}

/** The membership pallet that holds the senate; its errors and events are its own. */
export interface Senate {
  readonly maxMembers: number
  members(ctx: Context): readonly Hex[]
  add(ctx: Context, who: Hex): void
  swap(ctx: Context, out: Hex, into: Hex): void
}

export interface SubtensorConfig {
  currency: Currency
  senate: Senate
  /** Without one, emission is queued and no consensus is ever computed. */
  epoch?: EpochRunner
}
