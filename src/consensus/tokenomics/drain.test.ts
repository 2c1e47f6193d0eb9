import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Hex } from '../../core/records.js'
import { drainStake, type HotkeyStake, type LoadedShare } from './drain.js'
import { payout2023, payout2024 } from './payout.js'

const key = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`
const OWNER = key(100)

/** Five hotkeys with stake of their owner and of coldkeys that nominate; the last one's owner has none yet. */
const ledger: fc.Arbitrary<Map<Hex, HotkeyStake>> = fc
  .array(
    fc.record({
      take: fc.option(fc.integer({ min: 0, max: 65_535 })),
      amounts: fc.array(fc.oneof(fc.bigInt(0n, 10n ** 16n), fc.bigInt(0n, 5n)), { maxLength: 5 }),
    }),
    { minLength: 5, maxLength: 5 },
  )
  .map((hotkeys) => new Map(hotkeys.map(({ take, amounts }, i) => [key(i), entry(take, amounts, i === 4 ? 101 : 100)])))

function entry(take: number | null, amounts: readonly bigint[], first: number): HotkeyStake {
  const stakes = amounts.map((amount, i) => ({ coldkey: key(first + i), amount }))
  return { take, total: amounts.reduce((sum, amount) => sum + amount, 0n), owner: OWNER, stakes }
}

const loaded: fc.Arbitrary<LoadedShare[]> = fc.array(
  fc.record({
    hotkey: fc.integer({ min: 0, max: 6 }).map(key),
    server: fc.oneof(fc.bigInt(0n, 10n ** 12n), fc.bigInt(0n, 9n)),
    validator: fc.oneof(fc.bigInt(0n, 10n ** 12n), fc.bigInt(0n, 9n)),
  }),
  { maxLength: 30 },
)

const paidTo = (list: readonly LoadedShare[], hotkey: Hex) =>
  list.filter((share) => share.hotkey === hotkey).reduce((sum, { server, validator }) => sum + server + validator, 0n)

describe('the stake after a drain', () => {
  test('is, in 2024, what it was and all that was paid', () => {
    fc.assert(
      fc.property(ledger, loaded, (before, list) => {
        const after = drainStake(payout2024, list, before)
        expect([...after.keys()]).toEqual([...before.keys()])
        for (const [hotkey, { total }] of before) expect(after.get(hotkey)).toBe(total + paidTo(list, hotkey))
      }),
    )
  })

  test('is, in 2023, short of that by what each payment lost, less than two rao a nominator', () => {
    fc.assert(
      fc.property(ledger, loaded, (before, both) => {
        const list = both.map((share) => ({ ...share, server: share.server + share.validator, validator: 0n }))
        const after = drainStake(payout2023, list, before)
        for (const [hotkey, { total, take, stakes }] of before) {
          const lost = total + paidTo(list, hotkey) - (after.get(hotkey) ?? 0n)
          const payments = list.filter((share) => share.hotkey === hotkey).length
          expect(lost).toBeGreaterThanOrEqual(0n)
          if (take === null) expect(lost).toBe(0n)
          else if (total > 0n) expect(lost).toBeLessThanOrEqual(2n * BigInt(payments * (stakes.length + 1)))
        }
      }),
    )
  })

  test('does not depend on what other hotkeys are paid', () => {
    fc.assert(
      fc.property(ledger, loaded, (before, list) => {
        const after = drainStake(payout2023, list, before)
        for (const [hotkey, entry] of before) {
          expect(drainStake(payout2023, list, new Map([[hotkey, entry]])).get(hotkey)).toBe(after.get(hotkey))
        }
      }),
    )
  })

  test('is paid by the stakes that the payment before left', () => {
    // No stake at first: the first payment leaves the owner the take alone, the second finds it and shares with it.
    const before = new Map([[key(0), { take: 32_768, total: 0n, owner: OWNER, stakes: [{ coldkey: key(101), amount: 0n }] }]])
    const pay = { hotkey: key(0), server: 1000n, validator: 0n }
    expect(drainStake(payout2023, [pay], before).get(key(0))).toBe(500n)
    expect(drainStake(payout2023, [pay, pay], before).get(key(0))).toBe(1500n)
  })

  test('of a hotkey twice paid with an odd sum counts what its nominators got the first time', () => {
    // 10 for three equal stakes are 3 each, and one that nobody gets.
    const stakes = [1n, 1n, 1n].map((amount, i) => ({ coldkey: key(100 + i), amount }))
    const before = new Map([[key(0), { take: 0, total: 3n, owner: OWNER, stakes }]])
    const pay = (amount: bigint) => ({ hotkey: key(0), server: amount, validator: 0n })
    expect(drainStake(payout2023, [pay(10n)], before).get(key(0))).toBe(12n)
    // (1, 1, 1) + 3 each = (4, 4, 4) of 12; 10 more are 3 each again.
    expect(drainStake(payout2023, [pay(10n), pay(10n)], before).get(key(0))).toBe(21n)
  })

  test('ends at 2^64 - 1', () => {
    const top = 2n ** 64n - 1n
    const stakes = [{ coldkey: OWNER, amount: 5n }]
    const near = new Map([[key(0), { take: null, total: top - 3n, owner: OWNER, stakes }]])
    expect(drainStake(payout2024, [{ hotkey: key(0), server: 2n, validator: 2n }], near).get(key(0))).toBe(top)
    // Stakes that sum to more than the total: what is left wraps below zero.
    const excess = new Map([[key(0), { take: 0, total: 1n, owner: OWNER, stakes }]])
    expect(drainStake(payout2024, [{ hotkey: key(0), server: 0n, validator: 2n }], excess).get(key(0))).toBe(top)
  })
})
