/** The formulas against the real runtimes: recordings of what they did with random stakes, counters and emissions (fixtures/README.md). */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Hex } from '../../core/records.js'
import type { Generation, Payout } from '../types.js'
import { nextPrice2023, nextPrice2024, priceMoves2023, priceMoves2024, type Price, type RegistrationInterval } from './adjustment.js'
import { drainStake } from './drain.js'
import { queueEmission2023, queueEmission2024 } from './emission-queue.js'
import { payout2023, payout2024 } from './payout.js'
import { delegateReturns } from './returns.js'

type Amount = string

interface PaidHotkey {
  take: number | null
  total: Amount
  /** Of its coldkeys in order, the owner first; it need not have any. */
  stakes: Amount[]
  after: { total: Amount; stakes: Amount[] }
}

interface Recording {
  /** The second of them has stakes that no chain has: beyond the supply, and with other sums than the total. */
  drains: { loaded: [hotkey: number, server: Amount, validator: Amount][]; hotkeys: PaidHotkey[] }[]
  adjustments: (RegistrationInterval & {
    alpha: Amount
    burn: [current: Amount, min: Amount, max: Amount]
    difficulty: [current: Amount, min: Amount, max: Amount]
    after: { burn: Amount; difficulty: Amount }
  })[]
  queues: { value: Amount; cut: number | null; queued: Amount; owner: Amount }[]
  delegates: { total: Amount; seats: [emission: Amount, tempo: number][]; perThousand: Amount; perDay: Amount }[]
}

interface Rules {
  payout: Payout
  moves: typeof priceMoves2023
  next: (price: Price, interval: RegistrationInterval, alpha: bigint) => bigint
  queue: Generation['queueEmission']
}

const RULES: Record<number, Rules> = {
  103: { payout: payout2023, moves: priceMoves2023, next: nextPrice2023, queue: queueEmission2023 },
  143: { payout: payout2024, moves: priceMoves2024, next: nextPrice2024, queue: queueEmission2024 },
}

const key = (kind: 'a' | 'c', i: number): Hex => `0x${kind}${i.toString(16).padStart(63, '0')}`
const OWNER = key('c', 0)

describe.each([103, 143])('what the runtime of spec %i did', (spec) => {
  const { drains, adjustments, queues } = recordingOf(spec)
  const { payout, moves, next, queue } = RULES[spec] as Rules

  test('paying hotkeys, some several times', () => {
    for (const { loaded, hotkeys } of drains) {
      const ledger = new Map(
        hotkeys.map(({ take, total, stakes }, i) => [
          key('a', i),
          {
            take,
            total: BigInt(total),
            owner: OWNER,
            stakes: stakes.map((amount, j) => ({ coldkey: key('c', j), amount: BigInt(amount) })),
          },
        ]),
      )
      const paid = loaded.map(([i, server, validator]) => ({ hotkey: key('a', i), server: BigInt(server), validator: BigInt(validator) }))
      expect([...drainStake(payout, paid, ledger).values()].map(String)).toEqual(hotkeys.map(({ after }) => after.total))
    }
  })

  test('sharing a payment between coldkeys', () => {
    let compared = 0
    for (const { loaded, hotkeys } of drains) {
      for (const [i, { take, total, stakes, after }] of hotkeys.entries()) {
        const [first, ...more] = loaded.filter(([hotkey]) => hotkey === i)
        if (!first || more.length > 0) continue
        const before = stakes.map(BigInt)
        const { shares, owner } = payout({
          server: BigInt(first[1]),
          validator: BigInt(first[2]),
          take,
          total: BigInt(total),
          stakes: before,
        })
        const expected = Array.from(after.stakes, (_, j) => (before[j] ?? 0n) + (shares[j] ?? 0n) + (j === 0 ? owner : 0n))
        expect(expected.map((amount) => (amount < 2n ** 64n ? amount : 2n ** 64n - 1n)).map(String)).toEqual(after.stakes)
        compared++
      }
    }
    expect(compared).toBeGreaterThan(20)
  })

  test('setting burn and difficulty', () => {
    for (const entry of adjustments) {
      const moved = moves(entry)
      for (const name of ['burn', 'difficulty'] as const) {
        const [current, min, max] = entry[name].map(BigInt) as [bigint, bigint, bigint]
        const value = moved[name] ? next({ current, min, max }, entry, BigInt(entry.alpha)) : current
        expect({ ...entry, after: { ...entry.after, [name]: String(value) } }).toEqual(entry)
      }
    }
  })

  test('putting emission aside', () => {
    for (const { value, cut, queued, owner } of queues)
      expect(queue(BigInt(value), cut)).toEqual({ queued: BigInt(queued), owner: BigInt(owner) })
    expect(queues.some(({ owner }) => owner !== '0')).toBe(spec === 143)
  })
})

// The runtime of spec 143 does not answer for delegates.
test('what the runtime of spec 103 said that delegates return', () => {
  const { delegates } = recordingOf(103)
  for (const { total, seats, perThousand, perDay } of delegates) {
    const list = seats.map(([emission, tempo]) => ({ emission: BigInt(emission), tempo }))
    expect(delegateReturns(list, BigInt(total))).toEqual({ totalDailyReturn: BigInt(perDay), returnPer1000: BigInt(perThousand) })
  }
  expect(delegates.length).toBeGreaterThan(20)
})

function recordingOf(spec: number): Recording {
  return JSON.parse(readFileSync(new URL(`fixtures/real-${spec}.json`, import.meta.url), 'utf8')) as Recording
}
