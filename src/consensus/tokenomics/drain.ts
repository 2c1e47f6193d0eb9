/** Paying out what epochs have loaded, as far as it changes the stake that the next epochs see. */
import type { Hex } from '../../core/records.js'
import type { Payout } from '../types.js'

const U64_MAX = 2n ** 64n - 1n

/** One entry of LoadedEmission, in rao. In generations with one sum it is `server`, and `validator` is 0. */
export interface LoadedShare {
  readonly hotkey: Hex
  readonly server: bigint
  readonly validator: bigint
}

/** What stands on a hotkey before the payments. */
export interface HotkeyStake {
  /** The delegate's take, of 65,535; null when the hotkey is no delegate. */
  readonly take: number | null
  /** rao (TotalHotkeyStake). */
  readonly total: bigint
  /** The coldkey that owns the hotkey. */
  readonly owner: Hex
  /** rao of each coldkey on the hotkey (Stake). */
  readonly stakes: readonly { readonly coldkey: Hex; readonly amount: bigint }[]
}

/**
 * TotalHotkeyStake of the hotkeys of `ledger`, in rao, after `loaded` was paid in its order: the subnets as the chain goes through Tempo, the entries
 * of each as they are in LoadedEmission. A hotkey that is paid again is paid by the stakes that the payment before left. Payments to hotkeys that
 * are not in the ledger are passed over: what one hotkey is paid does not depend on others. Sums saturate at 2^64 - 1.
 *
 * pallets/subtensor/src/block_step.rs, `drain_emission`, and `increase_stake_on_coldkey_hotkey_account` in staking.rs, spec 103 (March 2023) to
 * spec 143 (March 2024).
 */
export function drainStake(
  payout: Payout,
  loaded: readonly LoadedShare[],
  ledger: ReadonlyMap<Hex, HotkeyStake>,
): ReadonlyMap<Hex, bigint> {
  const books = new Map<Hex, Book>()
  for (const { hotkey, server, validator } of loaded) {
    const before = ledger.get(hotkey)
    if (!before) continue
    const book = books.get(hotkey) ?? open(before)
    books.set(hotkey, book)
    pay(payout, book, before.take, before.owner, server, validator)
  }
  return new Map([...ledger].map(([hotkey, { total }]) => [hotkey, books.get(hotkey)?.total ?? total]))
}

interface Book {
  total: bigint
  readonly stakes: Map<Hex, bigint>
}

function open(before: HotkeyStake): Book {
  return { total: before.total, stakes: new Map(before.stakes.map(({ coldkey, amount }) => [coldkey, amount])) }
}

function pay(payout: Payout, book: Book, take: number | null, ownerKey: Hex, server: bigint, validator: bigint): void {
  const coldkeys = [...book.stakes.keys()]
  const { shares, owner } = payout({ server, validator, take, total: book.total, stakes: [...book.stakes.values()] })
  coldkeys.forEach((coldkey, i) => credit(book, coldkey, shares[i] ?? 0n))
  credit(book, ownerKey, owner)
}

function credit(book: Book, coldkey: Hex, amount: bigint): void {
  book.stakes.set(coldkey, saturatingAdd(book.stakes.get(coldkey) ?? 0n, amount))
  book.total = saturatingAdd(book.total, amount)
}

function saturatingAdd(a: bigint, b: bigint): bigint {
  const sum = a + b
  return sum > U64_MAX ? U64_MAX : sum
}
