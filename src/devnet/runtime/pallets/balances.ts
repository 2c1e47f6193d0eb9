/** Balances: transfers and what root may do to them. */
import type { Hex } from '../../../core/records.js'
import { lookupAddress } from '../codec.js'
import { args, events, item, map } from '../define.js'
import { DispatchError, type CallDefinition, type PalletDefinition } from '../types.js'
import { EXISTENTIAL_DEPOSIT, mutateAccount, reducibleBalance, setBalance, transfer } from './balances-currency.js'
import { account, ensureRoot, ensureSigned } from './system.js'

/** Proof size that one account touched adds. */
const ACCOUNT_PROOF = 2_603n

export function lookup(address: unknown): Hex {
  const who = lookupAddress(address)
  if (who === undefined) throw new DispatchError({ type: 'CannotLookup' })
  return who
}

function call(
  index: number,
  name: string,
  argList: string,
  refTime: bigint,
  accounts: bigint,
  dispatch: CallDefinition['dispatch'],
): CallDefinition {
  return {
    index,
    name,
    args: args(argList),
    weight: { refTime, proofSize: ACCOUNT_PROOF * accounts },
    class: 'Normal',
    paysFee: true,
    dispatch,
  }
}

export function balancesPallet(): PalletDefinition {
  return {
    name: 'Balances',
    index: 5,
    types: [
      { name: 'Reasons', path: ['pallet_balances', 'Reasons'], variants: ['Fee', 'Misc', 'All'].map((name, index) => ({ name, index })) },
      { name: 'BalanceLock', path: ['pallet_balances', 'BalanceLock'], fields: args('id: [u8; 8], amount: u64, reasons: Reasons') },
      { name: 'ReserveData', path: ['pallet_balances', 'ReserveData'], fields: args('id: [u8; 8], amount: u64') },
      {
        name: 'BalanceStatus',
        path: ['frame_support', 'traits', 'tokens', 'misc', 'BalanceStatus'],
        variants: ['Free', 'Reserved'].map((name, index) => ({ name, index })),
      },
    ],
    storage: [
      item('TotalIssuance', 'u64', 0n),
      item('InactiveIssuance', 'u64', 0n),
      map('Account', [['Blake2_128Concat', 'AccountId']], 'AccountData', { free: 0n, reserved: 0n, misc_frozen: 0n, fee_frozen: 0n }),
      map('Locks', [['Blake2_128Concat', 'AccountId']], 'WeakBoundedVec<BalanceLock>', []),
      map('Reserves', [['Blake2_128Concat', 'AccountId']], 'BoundedVec<ReserveData>', []),
    ],
    calls: [
      call(0, 'transfer', 'dest: MultiAddress, value: Compact<u64>', 173_314_000n, 1n, (ctx, origin, { dest, value }) => {
        const from = ensureSigned(origin)
        transfer(ctx, from, lookup(dest), value as bigint, false)
        return undefined
      }),
      call(
        1,
        'set_balance',
        'who: MultiAddress, new_free: Compact<u64>, new_reserved: Compact<u64>',
        155_615_000n,
        1n,
        (ctx, origin, values) => {
          ensureRoot(origin)
          setBalance(ctx, lookup(values.who), values.new_free as bigint, values.new_reserved as bigint)
          return undefined
        },
      ),
      call(
        2,
        'force_transfer',
        'source: MultiAddress, dest: MultiAddress, value: Compact<u64>',
        298_496_000n,
        2n,
        (ctx, origin, values) => {
          ensureRoot(origin)
          transfer(ctx, lookup(values.source), lookup(values.dest), values.value as bigint, false)
          return undefined
        },
      ),
      call(3, 'transfer_keep_alive', 'dest: MultiAddress, value: Compact<u64>', 162_432_000n, 1n, (ctx, origin, { dest, value }) => {
        const from = ensureSigned(origin)
        transfer(ctx, from, lookup(dest), value as bigint, true)
        return undefined
      }),
      call(4, 'transfer_all', 'dest: MultiAddress, keep_alive: bool', 167_950_000n, 1n, (ctx, origin, { dest, keep_alive }) => {
        const from = ensureSigned(origin)
        const amount = reducibleBalance(ctx, from, keep_alive as boolean)
        transfer(ctx, from, lookup(dest), amount, keep_alive as boolean)
        return undefined
      }),
      call(5, 'force_unreserve', 'who: MultiAddress, amount: u64', 148_951_000n, 1n, (ctx, origin, values) => {
        ensureRoot(origin)
        const who = lookup(values.who)
        const { reserved } = account(ctx, who).data
        const amount = (values.amount as bigint) < reserved ? (values.amount as bigint) : reserved
        if (values.amount === 0n || (reserved === 0n && account(ctx, who).data.free === 0n)) return undefined
        mutateAccount(ctx, who, (data) => ({ ...data, free: data.free + amount, reserved: data.reserved - amount }))
        ctx.emit('Balances', 'Unreserved', who, amount)
        return undefined
      }),
    ],
    events: events(
      'Endowed(account: AccountId, free_balance: u64)',
      'DustLost(account: AccountId, amount: u64)',
      'Transfer(from: AccountId, to: AccountId, amount: u64)',
      'BalanceSet(who: AccountId, free: u64, reserved: u64)',
      'Reserved(who: AccountId, amount: u64)',
      'Unreserved(who: AccountId, amount: u64)',
      'ReserveRepatriated(from: AccountId, to: AccountId, amount: u64, destination_status: BalanceStatus)',
      'Deposit(who: AccountId, amount: u64)',
      'Withdraw(who: AccountId, amount: u64)',
      'Slashed(who: AccountId, amount: u64)',
    ),
    errors: [
      ...['VestingBalance', 'LiquidityRestrictions', 'InsufficientBalance', 'ExistentialDeposit', 'KeepAlive', 'ExistingVestingSchedule'],
      ...['DeadAccount', 'TooManyReserves'],
    ],
    constants: [
      { name: 'ExistentialDeposit', type: 'u64', value: EXISTENTIAL_DEPOSIT },
      { name: 'MaxLocks', type: 'u32', value: 50 },
      { name: 'MaxReserves', type: 'u32', value: 0 },
    ],
  }
}
