import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { payout2023, payout2024 } from './payout.js'
import { BLOCKS_PER_YEAR, delegateReturns, nominatorEarnings, ratesOf } from './returns.js'

const { dailyReturn } = JSON.parse(readFileSync(new URL('fixtures/emission.json', import.meta.url), 'utf8')) as {
  dailyReturn: { emission: string; tempo: number; perDay: string }
}

const TAO = 10n ** 9n
const amount = fc.bigInt(0n, 10n ** 16n)

describe('the returns that the chain gives for a delegate', () => {
  test('are the worked example', () => {
    const seat = { emission: BigInt(dailyReturn.emission), tempo: dailyReturn.tempo }
    expect(delegateReturns([seat], 0n)).toEqual({ totalDailyReturn: BigInt(dailyReturn.perDay), returnPer1000: 0n })
    // 72.7 TAO a day on 1 TAO: 59,636 rao for each 1000. On 100,000 TAO it is less than one, and the chain says 0.
    expect(delegateReturns([seat], TAO).returnPer1000).toBe(59_636n)
    expect(delegateReturns([seat], 100_000n * TAO).returnPer1000).toBe(0n)
  })

  test('are those of all seats together', () => {
    const seats = [99, 360, 7200].map((tempo) => ({ emission: TAO, tempo }))
    expect(delegateReturns(seats, TAO).totalDailyReturn).toBe(72_727_272_727n + 20_000_000_000n + 1_000_000_000n)
  })

  test('are within two units of the exact ones', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ emission: fc.bigInt(0n, 10n ** 13n), tempo: fc.integer({ min: 1, max: 7200 }) })),
        amount,
        (seats, stake) => {
          const common = seats.reduce((product, { tempo }) => product * BigInt(tempo), 1n)
          const day = seats.reduce((sum, { emission, tempo }) => sum + (emission * 7200n * common) / BigInt(tempo), 0n)
          const { totalDailyReturn, returnPer1000 } = delegateReturns(seats, stake)
          expect(totalDailyReturn).toBeLessThanOrEqual(day / common)
          expect(totalDailyReturn).toBeGreaterThanOrEqual(day / common - 1n)
          if (stake < TAO) return
          const exact = (day * 820n) / (common * stake)
          expect(returnPer1000).toBeLessThanOrEqual(exact + 1n)
          expect(returnPer1000).toBeGreaterThanOrEqual(exact - 1n)
        },
      ),
    )
  })

  test('wrap like U64F64 when there is next to no stake', () => {
    // day * 0.82 / 0.001 is 5.9 * 10^21, and what is left of it in 64 bits.
    const seat = { emission: 10n ** 15n, tempo: 1 }
    const exact = (((BigInt(0.82 * 2 ** 53) << 11n) * (10n ** 15n * 7200n)) << 64n) / ((1n << 64n) / 1000n)
    expect(delegateReturns([seat], 1n).returnPer1000).toBe(BigInt.asUintN(64, exact >> 64n))
  })

  test('do not exist in a subnet of tempo 0', () => {
    expect(() => delegateReturns([{ emission: 1n, tempo: 0 }], 1n)).toThrow(RangeError)
  })
})

describe('what nominators were paid', () => {
  const payment = { server: TAO, validator: TAO, take: 11_796, total: 1000n * TAO }

  test('is the validator part less the take in 2024, of the whole in 2023, and nothing without a delegate', () => {
    expect(nominatorEarnings(payout2024, [payment])).toEqual([{ earned: 820_004_578n, stake: 1000n * TAO }])
    expect(nominatorEarnings(payout2023, [{ ...payment, server: 2n * TAO, validator: 0n }])[0]?.earned).toBe(1_640_009_156n)
    expect(nominatorEarnings(payout2024, [{ ...payment, take: null }])[0]?.earned).toBe(0n)
    expect(nominatorEarnings(payout2024, [{ ...payment, total: 0n }])[0]).toEqual({ earned: 0n, stake: 0n })
  })

  test('falls with the take', () => {
    fc.assert(
      fc.property(amount, amount, fc.bigInt(1n, 10n ** 16n), fc.nat(65_535), fc.nat(65_535), (server, validator, total, a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)]
        const earned = (take: number) => nominatorEarnings(payout2024, [{ server, validator, take, total }])[0]?.earned ?? -1n
        expect(earned(high)).toBeLessThanOrEqual(earned(low))
        expect(earned(low)).toBeLessThanOrEqual(validator)
        expect(earned(high)).toBeGreaterThanOrEqual(0n)
      }),
    )
  })
})

describe('rates', () => {
  test('of one payment in a year are its quotient', () => {
    const rates = ratesOf([{ earned: 180n, stake: 1000n }], BLOCKS_PER_YEAR)
    for (const rate of Object.values(rates)) expect(rate).toBeCloseTo(0.18, 14)
  })

  test('of half a year are doubled, or squared', () => {
    const { simple, compound, apr, apy } = ratesOf(Array(2).fill({ earned: 1n, stake: 10n }), BLOCKS_PER_YEAR / 2)
    expect(simple).toBeCloseTo(0.2, 14)
    expect(compound).toBeCloseTo(0.21, 14)
    expect(apr).toBeCloseTo(0.4, 14)
    expect(apy).toBeCloseTo(1.1 ** 4 - 1, 14)
  })

  test('of stake that grows by what it earns are the growth', () => {
    fc.assert(
      fc.property(
        fc.array(fc.bigInt(0n, 10n ** 12n), { minLength: 1, maxLength: 50 }),
        fc.bigInt(10n ** 12n, 10n ** 16n),
        (payments, first) => {
          let stake = first
          const earnings = payments.map((earned) => {
            const earning = { earned, stake }
            stake += earned
            return earning
          })
          const { simple, compound } = ratesOf(earnings, 100)
          const growth = Number(((stake - first) << 64n) / first) / 2 ** 64
          expect(Math.abs(compound - growth)).toBeLessThanOrEqual(1e-12 * (1 + growth))
          expect(simple).toBeLessThanOrEqual(growth * (1 + 1e-12))
          expect(Math.log1p(compound)).toBeLessThanOrEqual(simple * (1 + 1e-12))
        },
      ),
    )
  })

  test('count payments without stake as nothing, and want a stretch of blocks', () => {
    expect(ratesOf([{ earned: 5n, stake: 0n }], 100)).toEqual({ simple: 0, compound: 0, apr: 0, apy: 0 })
    expect(ratesOf([], 100).apy).toBe(0)
    expect(() => ratesOf([], 0)).toThrow(RangeError)
  })
})
