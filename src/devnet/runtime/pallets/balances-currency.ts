/** What other pallets do with balances: the rules of pallet balances at the chain's version, with its events and its order of them. */
import type { Hex } from '../../../core/records.js'
import { DispatchError, moduleError, type Context } from '../types.js'
import { account, canDropProvider, hasData, setAccountData, type AccountData } from './system.js'

export const EXISTENTIAL_DEPOSIT = 500n
const U64_MAX = 0xffff_ffff_ffff_ffffn

export function balancesError(name: string): DispatchError {
  return moduleError('Balances', name)
}

export function freeBalance(ctx: Context, who: Hex): bigint {
  return account(ctx, who).data.free
}

export function totalOf(data: AccountData): bigint {
  return data.free + data.reserved
}

function frozenOf(data: AccountData): bigint {
  return data.misc_frozen > data.fee_frozen ? data.misc_frozen : data.fee_frozen
}

function changeIssuance(ctx: Context, by: bigint): void {
  const issuance = ctx.get<bigint>('Balances', 'TotalIssuance') + by
  ctx.set('Balances', 'TotalIssuance', [], issuance < 0n ? 0n : issuance > U64_MAX ? U64_MAX : issuance)
}

/**
 * Changes an account's balances. What is left below the existential deposit is dust: the account goes, and the dust is returned
 * for the caller to clean up, because the chain reports it after whatever else the change did.
 */
export function mutateAccount(ctx: Context, who: Hex, change: (data: AccountData, isNew: boolean) => AccountData): { dust: bigint } {
  const before = account(ctx, who).data
  const isNew = !hasData(before)
  const after = change(before, isNew)
  const total = totalOf(after)
  const alive = total >= EXISTENTIAL_DEPOSIT
  setAccountData(ctx, who, alive ? after : undefined)
  if (isNew) ctx.emit('Balances', 'Endowed', who, after.free)
  return { dust: alive ? 0n : total }
}

export function cleanDust(ctx: Context, who: Hex, dust: bigint): void {
  if (dust === 0n) return
  ctx.emit('Balances', 'DustLost', who, dust)
  changeIssuance(ctx, -dust)
}

function checkLocks(data: AccountData, amount: bigint, newFree: bigint): void {
  if (amount > 0n && newFree < frozenOf(data)) throw balancesError('LiquidityRestrictions')
}

export function transfer(ctx: Context, from: Hex, to: Hex, amount: bigint, keepAlive: boolean): void {
  if (amount === 0n || from === to) return
  let fromDust = 0n
  const { dust: toDust } = mutateAccount(ctx, to, (toData) => {
    const received = { ...toData, free: toData.free + amount }
    fromDust = mutateAccount(ctx, from, (fromData) => {
      const free = fromData.free - amount
      if (free < 0n) throw balancesError('InsufficientBalance')
      if (received.free > U64_MAX) throw new DispatchError({ type: 'Arithmetic', value: 'Overflow' })
      if (totalOf(received) < EXISTENTIAL_DEPOSIT) throw balancesError('ExistentialDeposit')
      checkLocks(fromData, amount, free)
      const left = { ...fromData, free }
      const mayDie = !keepAlive && canDropProvider(ctx, from)
      if (!mayDie && totalOf(left) < EXISTENTIAL_DEPOSIT) throw balancesError('KeepAlive')
      return left
    }).dust
    return received
  })
  cleanDust(ctx, from, fromDust)
  cleanDust(ctx, to, toDust)
  ctx.emit('Balances', 'Transfer', from, to, amount)
}

/** Takes and burns. Throws the pallet's own errors. */
export function withdraw(ctx: Context, who: Hex, amount: bigint, keepAlive: boolean): void {
  if (amount === 0n) return
  const { dust } = mutateAccount(ctx, who, (data) => {
    const free = data.free - amount
    if (free < 0n) throw balancesError('InsufficientBalance')
    const dies = free + data.reserved < EXISTENTIAL_DEPOSIT && totalOf(data) >= EXISTENTIAL_DEPOSIT
    if (keepAlive && dies) throw balancesError('KeepAlive')
    checkLocks(data, amount, free)
    ctx.emit('Balances', 'Withdraw', who, amount)
    return { ...data, free }
  })
  cleanDust(ctx, who, dust)
  changeIssuance(ctx, -amount)
}

/** Mints, creating the account where the amount suffices; otherwise does nothing. */
export function deposit(ctx: Context, who: Hex, amount: bigint): void {
  if (amount === 0n) return
  const { data } = account(ctx, who)
  if (!hasData(data) && amount < EXISTENTIAL_DEPOSIT) return
  if (data.free + amount > U64_MAX) return
  const { dust } = mutateAccount(ctx, who, (before) => {
    ctx.emit('Balances', 'Deposit', who, amount)
    return { ...before, free: before.free + amount }
  })
  cleanDust(ctx, who, dust)
  changeIssuance(ctx, amount)
}

/** Mints into an account that is there; false, with nothing done, where it is not. */
export function depositIntoExisting(ctx: Context, who: Hex, amount: bigint): boolean {
  if (!hasData(account(ctx, who).data)) return false
  deposit(ctx, who, amount)
  return true
}

/** Sets balances outright and adjusts the issuance. */
export function setBalance(ctx: Context, who: Hex, free: bigint, reserved: bigint): void {
  const wiped = free + reserved < EXISTENTIAL_DEPOSIT
  const now = wiped ? { free: 0n, reserved: 0n } : { free, reserved }
  const before = account(ctx, who).data
  const { dust } = mutateAccount(ctx, who, (data) => ({ ...data, ...now }))
  cleanDust(ctx, who, dust)
  changeIssuance(ctx, now.free + now.reserved - totalOf(before))
  ctx.emit('Balances', 'BalanceSet', who, now.free, now.reserved)
}

/** The most that `transfer_all` may move. */
export function reducibleBalance(ctx: Context, who: Hex, keepAlive: boolean): bigint {
  const { data } = account(ctx, who)
  const frozen = frozenOf(data)
  const liquid = data.free > frozen ? data.free - frozen : 0n
  if (!keepAlive && canDropProvider(ctx, who)) return liquid
  const other = totalOf(data) - liquid
  const mustRemain = other < EXISTENTIAL_DEPOSIT ? EXISTENTIAL_DEPOSIT - other : 0n
  return liquid > mustRemain ? liquid - mustRemain : 0n
}

/** The form in which pallets that only take and give money get at it. */
export const currency = {
  freeBalance,
  canWithdraw(ctx: Context, who: Hex, amount: bigint): boolean {
    const { data } = account(ctx, who)
    return amount === 0n || data.free - amount >= frozenOf(data)
  },
  withdraw(ctx: Context, who: Hex, amount: bigint): boolean {
    const { data } = account(ctx, who)
    const free = data.free - amount
    if (amount === 0n) return true
    const dies = free + data.reserved < EXISTENTIAL_DEPOSIT && totalOf(data) >= EXISTENTIAL_DEPOSIT
    if (free < 0n || dies || free < frozenOf(data)) return false
    withdraw(ctx, who, amount, true)
    return true
  },
  deposit,
}
