/** The books of stake: per pair, per hotkey, per coldkey, in total, and the issuance that SubtensorModule keeps by itself. */
import type { Hex } from '../../../core/records.js'
import type { Context } from '../types.js'
import type { Currency } from './config.js'
import { entries, get, has, put, U64_MAX } from './storage.js'

function saturatingAdd(a: bigint, b: bigint): bigint {
  const sum = a + b
  return sum > U64_MAX ? U64_MAX : sum
}

function saturatingSub(a: bigint, b: bigint): bigint {
  return a > b ? a - b : 0n
}

export function ownsHotkey(ctx: Context, coldkey: Hex, hotkey: Hex): boolean {
  return has(ctx, 'Owner', hotkey) && get(ctx, 'Owner', hotkey) === coldkey
}

export function createAccountIfMissing(ctx: Context, coldkey: Hex, hotkey: Hex): void {
  if (has(ctx, 'Owner', hotkey)) return
  put(ctx, 'Stake', hotkey, coldkey, 0n)
  put(ctx, 'Owner', hotkey, coldkey)
}

export function increaseStake(ctx: Context, coldkey: Hex, hotkey: Hex, amount: bigint): void {
  adjustStake(ctx, coldkey, hotkey, (old) => saturatingAdd(old, amount))
}

export function decreaseStake(ctx: Context, coldkey: Hex, hotkey: Hex, amount: bigint): void {
  adjustStake(ctx, coldkey, hotkey, (old) => saturatingSub(old, amount))
}

/** At spec 143 stake that is added counts as newly issued and stake that is removed as gone, although it only moves. */
function adjustStake(ctx: Context, coldkey: Hex, hotkey: Hex, change: (old: bigint) => bigint): void {
  put(ctx, 'TotalColdkeyStake', coldkey, change(get(ctx, 'TotalColdkeyStake', coldkey)))
  put(ctx, 'TotalHotkeyStake', hotkey, change(get(ctx, 'TotalHotkeyStake', hotkey)))
  put(ctx, 'Stake', hotkey, coldkey, change(get(ctx, 'Stake', hotkey, coldkey)))
  put(ctx, 'TotalStake', change(get(ctx, 'TotalStake')))
  put(ctx, 'TotalIssuance', change(get(ctx, 'TotalIssuance')))
}

/** Gives every nominator of a hotkey the stake back as balance. */
export function unstakeAll(ctx: Context, currency: Currency, hotkey: Hex): void {
  for (const { keys, value } of entries(ctx, 'Stake', hotkey)) {
    const [, coldkey] = keys
    decreaseStake(ctx, coldkey, hotkey, value)
    currency.deposit(ctx, coldkey, value)
  }
}

export function issue(ctx: Context, amount: bigint): void {
  put(ctx, 'TotalIssuance', saturatingAdd(get(ctx, 'TotalIssuance'), amount))
}

export function burn(ctx: Context, amount: bigint): void {
  put(ctx, 'TotalIssuance', saturatingSub(get(ctx, 'TotalIssuance'), amount))
}

export function canPay(ctx: Context, currency: Currency, who: Hex, amount: bigint): boolean {
  return amount <= currency.freeBalance(ctx, who) && currency.canWithdraw(ctx, who, amount)
}
