import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Payout, PayoutInputs } from '../types.js'
import { payout2023, payout2024 } from './payout.js'

interface Example {
  server: string
  validator: string
  take: number
  stakes: string[]
  ownerAt: number | null
  delegateTake: string
  shares: string[]
  remainder: string
  ownerTotal: string
}

const examples = (JSON.parse(readFileSync(new URL('fixtures/emission.json', import.meta.url), 'utf8')) as { payouts: Example[] }).payouts

function inputsOf(example: Example): PayoutInputs {
  const stakes = example.stakes.map(BigInt)
  const total = stakes.reduce((sum, stake) => sum + stake, 0n)
  return { server: BigInt(example.server), validator: BigInt(example.validator), take: example.take, total, stakes }
}

const sum = (list: readonly bigint[]) => list.reduce((total, value) => total + value, 0n)

describe('worked examples', () => {
  test.each(examples)('of 2024: server $server, validator $validator, take $take, stakes $stakes', (example) => {
    const { take, shares, owner, lost } = payout2024(inputsOf(example))
    expect(take).toBe(BigInt(example.delegateTake))
    expect(shares).toEqual(example.shares.map(BigInt))
    expect(owner).toBe(take + BigInt(example.remainder) + BigInt(example.server))
    expect(owner + (example.ownerAt === null ? 0n : (shares[example.ownerAt] ?? 0n))).toBe(BigInt(example.ownerTotal))
    expect(lost).toBe(0n)
  })

  test.each(examples)('of 2023, which drops the remainder: emission $validator, take $take, stakes $stakes', (example) => {
    const inputs = inputsOf(example)
    expect(payout2023({ ...inputs, server: inputs.validator, validator: 0n })).toEqual({
      take: BigInt(example.delegateTake),
      shares: example.shares.map(BigInt),
      owner: BigInt(example.delegateTake),
      lost: BigInt(example.remainder),
    })
  })
})

// More than all TAO there can be.
const amount = fc.bigInt(0n, 10n ** 17n)
const inputs: fc.Arbitrary<PayoutInputs> = fc
  .record({
    server: amount,
    validator: amount,
    take: fc.option(fc.integer({ min: 0, max: 65_535 })),
    stakes: fc.array(fc.oneof(amount, fc.bigInt(0n, 9n)), { maxLength: 12 }),
  })
  .map((record) => ({ ...record, total: sum(record.stakes) }))

describe.each<[string, Payout]>([
  ['2023', payout2023],
  ['2024', payout2024],
])('paying out in %s', (year, payout) => {
  test('neither makes nor loses a rao that is not accounted for', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { shares, owner, lost } = payout(input)
        expect(sum(shares) + owner + lost).toBe(input.server + input.validator)
      }),
    )
  })

  test('gives the take and each share within one rao and 2^-64 of the sum below its exact value', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        fc.pre(input.take !== null)
        const shareable = year === '2023' ? input.server + input.validator : input.validator
        const { take, shares } = payout(input)
        expectCut(take, shareable * BigInt(input.take ?? 0), 65_535n)
        shares.forEach((share, i) => {
          if (input.total === 0n) expect(share).toBe(0n)
          else expectCut(share, (shareable - take) * (input.stakes[i] ?? 0n), input.total)
        })
      }),
    )
  })

  test('leaves less than two rao a stake to rounding', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        fc.pre(input.total > 0n && input.take !== null)
        const { take, owner, lost } = payout(input)
        const rest = year === '2023' ? lost : owner - take - input.server
        expect(rest).toBeGreaterThanOrEqual(0n)
        expect(rest).toBeLessThanOrEqual(2n * BigInt(input.stakes.length))
      }),
    )
  })

  test('gives a nominator with more stake no less, and no nominator more when the take rises', () => {
    fc.assert(
      fc.property(inputs, fc.integer({ min: 0, max: 65_535 }), (input, other) => {
        fc.pre(input.take !== null)
        const { shares } = payout(input)
        const byStake = input.stakes.map((stake, i) => ({ stake, share: shares[i] ?? 0n })).sort((a, b) => (a.stake < b.stake ? -1 : 1))
        byStake.slice(1).forEach(({ share }, i) => expect(share).toBeGreaterThanOrEqual(byStake[i]?.share ?? 0n))
        const dearer = payout({ ...input, take: Math.max(input.take ?? 0, other) })
        dearer.shares.forEach((share, i) => expect(share).toBeLessThanOrEqual(shares[i] ?? 0n))
      }),
    )
  })

  test('gives all of it to the owner when the hotkey is no delegate', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const all = input.server + input.validator
        expect(payout({ ...input, take: null })).toEqual({ take: 0n, shares: input.stakes.map(() => 0n), owner: all, lost: 0n })
      }),
    )
  })

  test('gives too much where stakes sum to more than the total', () => {
    const input = { server: 0n, validator: 1000n, take: 0, total: 10n, stakes: [10n, 10n] }
    const { shares, owner, lost } = payout(input)
    expect(shares).toEqual([1000n, 1000n])
    expect([owner, lost]).toEqual(year === '2023' ? [0n, -1000n] : [2n ** 64n - 1000n, 0n])
  })
})

/** `value` is `numerator / denominator` rounded down, less at most what a quotient of 64 fraction bits loses. */
function expectCut(value: bigint, numerator: bigint, denominator: bigint): void {
  expect(value).toBeLessThanOrEqual(numerator / denominator)
  expect(value).toBeGreaterThanOrEqual(numerator / denominator - 1n)
}
