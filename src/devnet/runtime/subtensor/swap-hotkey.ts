/** `swap_hotkey`: everything that hangs on a hotkey moves to a new one, for one TAO. */
import type { Hex } from '../../../core/records.js'
import type { Context, Origin } from '../types.js'
import type { SubtensorConfig } from './config.js'
import { isRegisteredAnywhere } from './neurons.js'
import { ensure, ensureSigned } from './origin.js'
import { burn, canPay, ownsHotkey } from './stake-ledger.js'
import { ensureTxRate, noteTx } from './staking.js'
import { emit, entries, get, has, put, remove } from './storage.js'

const SWAP_COST = 1_000_000_000n

export function swapHotkey(ctx: Context, config: SubtensorConfig, origin: Origin, from: Hex, to: Hex): void {
  const coldkey = ensureSigned(origin)
  ensure(ownsHotkey(ctx, coldkey, from), 'NonAssociatedColdKey')
  ensureTxRate(ctx, coldkey)
  ensure(from !== to && !isRegisteredAnywhere(ctx, to), 'AlreadyRegistered')
  ensure(canPay(ctx, config.currency, coldkey, SWAP_COST), 'NotEnoughBalance')
  ensure(config.currency.withdraw(ctx, coldkey, SWAP_COST), 'BalanceWithdrawalError')
  burn(ctx, SWAP_COST)
  remove(ctx, 'Owner', from)
  put(ctx, 'Owner', to, coldkey)
  for (const item of ['TotalHotkeyStake', 'Delegates', 'LastTxBlock'] as const) moveEntry(ctx, item, from, to)
  const stakes = entries(ctx, 'Stake', from)
  for (const { keys } of stakes) remove(ctx, 'Stake', ...keys)
  for (const { keys, value } of stakes) put(ctx, 'Stake', to, keys[1], value)
  const netuids = entries(ctx, 'IsNetworkMember', from).map(({ keys }) => keys[1])
  for (const netuid of netuids) moveMembership(ctx, netuid, from, to)
  noteTx(ctx, coldkey)
  emit(ctx, 'HotkeySwapped', coldkey, from, to)
}

function moveEntry(ctx: Context, item: 'TotalHotkeyStake' | 'Delegates' | 'LastTxBlock', from: Hex, to: Hex): void {
  if (!has(ctx, item, from)) return
  put(ctx, item, to, get(ctx, item, from) as never)
  remove(ctx, item, from)
}

/** The prometheus endpoint stays with the old hotkey. */
function moveMembership(ctx: Context, netuid: number, from: Hex, to: Hex): void {
  remove(ctx, 'IsNetworkMember', from, netuid)
  put(ctx, 'IsNetworkMember', to, netuid, true)
  const axon = get(ctx, 'Axons', netuid, from)
  if (axon) {
    remove(ctx, 'Axons', netuid, from)
    put(ctx, 'Axons', netuid, to, axon)
  }
  const uid = get(ctx, 'Uids', netuid, from)
  if (uid === undefined) return
  remove(ctx, 'Uids', netuid, from)
  put(ctx, 'Uids', netuid, to, uid)
  put(ctx, 'Keys', netuid, uid, to)
  // The chain takes the uid for the place in the list.
  const loaded = get(ctx, 'LoadedEmission', netuid)
  const tuple = loaded?.[uid]
  if (loaded && tuple) put(ctx, 'LoadedEmission', netuid, loaded.with(uid, [to, tuple[1], tuple[2]]))
}
