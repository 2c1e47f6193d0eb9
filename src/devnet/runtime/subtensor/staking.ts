/** `become_delegate`, `add_stake` and `remove_stake`. */
import type { Hex } from '../../../core/records.js'
import type { Context, Origin } from '../types.js'
import type { SubtensorConfig } from './config.js'
import { ensure, ensureSigned } from './origin.js'
import { canPay, decreaseStake, increaseStake, ownsHotkey } from './stake-ledger.js'
import { emit, get, has, now, put } from './storage.js'

export function becomeDelegate(ctx: Context, origin: Origin, hotkey: Hex): void {
  const coldkey = ensureSigned(origin)
  ensure(has(ctx, 'Owner', hotkey), 'NotRegistered')
  ensure(ownsHotkey(ctx, coldkey, hotkey), 'NonAssociatedColdKey')
  ensure(!has(ctx, 'Delegates', hotkey), 'AlreadyDelegate')
  ensureTxRate(ctx, coldkey)
  const take = get(ctx, 'DefaultTake')
  put(ctx, 'Delegates', hotkey, take)
  noteTx(ctx, coldkey)
  emit(ctx, 'DelegateAdded', coldkey, hotkey, take)
}

export function addStake(ctx: Context, config: SubtensorConfig, origin: Origin, hotkey: Hex, amount: bigint): void {
  const coldkey = ensureSigned(origin)
  ensure(canPay(ctx, config.currency, coldkey, amount), 'NotEnoughBalanceToStake')
  ensureMayStake(ctx, coldkey, hotkey)
  ensureTxRate(ctx, coldkey)
  ensure(config.currency.withdraw(ctx, coldkey, amount), 'BalanceWithdrawalError')
  increaseStake(ctx, coldkey, hotkey, amount)
  noteTx(ctx, coldkey)
  emit(ctx, 'StakeAdded', hotkey, amount)
}

export function removeStake(ctx: Context, config: SubtensorConfig, origin: Origin, hotkey: Hex, amount: bigint): void {
  const coldkey = ensureSigned(origin)
  ensureMayStake(ctx, coldkey, hotkey)
  ensure(amount > 0n && get(ctx, 'Stake', hotkey, coldkey) >= amount, 'NotEnoughStaketoWithdraw')
  ensureTxRate(ctx, coldkey)
  decreaseStake(ctx, coldkey, hotkey, amount)
  config.currency.deposit(ctx, coldkey, amount)
  noteTx(ctx, coldkey)
  emit(ctx, 'StakeRemoved', hotkey, amount)
}

function ensureMayStake(ctx: Context, coldkey: Hex, hotkey: Hex): void {
  ensure(has(ctx, 'Owner', hotkey), 'NotRegistered')
  ensure(has(ctx, 'Delegates', hotkey) || ownsHotkey(ctx, coldkey, hotkey), 'NonAssociatedColdKey')
}

/** A coldkey's first call is free; after it, more than `TxRateLimit` blocks must pass. A limit of zero is none. */
export function ensureTxRate(ctx: Context, coldkey: Hex): void {
  const limit = get(ctx, 'TxRateLimit')
  const last = get(ctx, 'LastTxBlock', coldkey)
  ensure(limit === 0n || last === 0n || now(ctx) - last > limit, 'TxRateLimitExceeded')
}

export function noteTx(ctx: Context, coldkey: Hex): void {
  put(ctx, 'LastTxBlock', coldkey, now(ctx))
}
