import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RegistrationFacts } from '../chain/registration/index.js'
import { nextPrice2024, priceMoves2024 } from '../consensus/tokenomics/adjustment.js'
import { forecastPrices } from './forecast.js'

const U64_MAX = 2n ** 64n - 1n
const ONE = 1n << 64n

interface Adjustment {
  registrations: number
  byWork: number
  byBurn: number
  target: number
  alpha: string
  burn: [string, string, string]
  difficulty: [string, string, string]
  after: { burn: string; difficulty: string }
}

const recording = new URL('../consensus/tokenomics/fixtures/real-143.json', import.meta.url)
const { adjustments } = JSON.parse(readFileSync(recording, 'utf8')) as { adjustments: Adjustment[] }

function facts(more: Partial<RegistrationFacts>): RegistrationFacts {
  return {
    block: { number: 99, hash: '0x00' },
    specVersion: 143,
    netuid: 1,
    exists: true,
    powRemoved: false,
    powAllowed: true,
    registrationAllowed: true,
    difficulty: null,
    burn: null,
    adjustmentAlpha: 0n,
    burnDecay: null,
    quota: null,
    slot: 'free',
    neurons: 0,
    maxNeurons: 256,
    hasRegisterLimit: false,
    existentialDeposit: 500n,
    hotkey: null,
    coldkey: null,
    ...more,
  }
}

function quota(more: Partial<NonNullable<RegistrationFacts['quota']>> = {}): NonNullable<RegistrationFacts['quota']> {
  return {
    usedInBlock: 0,
    perBlock: 1,
    usedInInterval: 0,
    byWork: 0,
    byBurn: 0,
    target: 2,
    perInterval: 6,
    intervalBlocks: 100,
    lastAdjustmentBlock: 0,
    intervalEndsAt: 100,
    ...more,
  }
}

const priceOf = ([current, min, max]: [string, string, string]) => ({ current: BigInt(current), min: BigInt(min), max: BigInt(max) })
const exactly = (price: string) => ({ low: BigInt(price), expected: BigInt(price), high: BigInt(price) })

describe('prices that are set at the end of an interval', () => {
  test('are those that the runtime of spec 143 set, when nobody can come any more', () => {
    expect(adjustments.length).toBe(40)
    for (const { registrations, byWork, byBurn, target, alpha, burn, difficulty, after } of adjustments) {
      const [step] = forecastPrices(
        facts({
          adjustmentAlpha: BigInt(alpha),
          burn: priceOf(burn),
          difficulty: priceOf(difficulty),
          quota: quota({ usedInInterval: registrations, byWork, byBurn, target, perInterval: target * 3 }),
        }),
        1,
      )
      expect(step).toEqual({ block: 100, burn: exactly(after.burn), difficulty: exactly(after.difficulty) })
    }
  })

  test('lie between the ends for whatever may still happen, and both ends may happen', () => {
    const counts = fc.record({ byWork: fc.nat(4), byBurn: fc.nat(4), target: fc.integer({ min: 1, max: 4 }), left: fc.nat(8) })
    fc.assert(
      fc.property(counts, fc.bigInt(0n, U64_MAX), ({ byWork, byBurn, target, left }, alpha) => {
        const now = byWork + byBurn
        const perInterval = target * 3
        fc.pre(now <= perInterval)
        const price = { current: 10n ** 9n, min: 10n ** 8n, max: 10n ** 11n }
        const given = facts({
          block: { number: 99 - left, hash: '0x00' },
          adjustmentAlpha: alpha,
          burn: price,
          difficulty: price,
          quota: quota({ usedInInterval: now, byWork, byBurn, target, perInterval }),
        })
        const [step] = forecastPrices(given, 1)
        const room = Math.min(left, perInterval - now)
        for (const which of ['burn', 'difficulty'] as const) {
          const all: bigint[] = []
          for (let more = 0; more <= room; more++) {
            for (let work = 0; work <= more; work++) {
              const interval = { registrations: now + more, byWork: byWork + work, byBurn: byBurn + more - work, target }
              all.push(priceMoves2024(interval)[which] ? nextPrice2024(price, interval, alpha) : price.current)
            }
          }
          const sorted = all.sort((a, b) => (a < b ? -1 : 1))
          expect(step?.[which]?.low).toBe(sorted[0])
          expect(step?.[which]?.high).toBe(sorted.at(-1))
          expect(sorted).toContain(step?.[which]?.expected)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('double at most and halve at least with each interval', () => {
    const steps = forecastPrices(
      facts({ block: { number: 0, hash: '0x00' }, burn: { current: 1000n, min: 1n, max: 10n ** 9n }, quota: quota() }),
    )
    expect(steps.map(({ block }) => block)).toEqual([100, 200, 300])
    expect(steps.map(({ burn }) => [burn?.low, burn?.high])).toEqual([
      [500n, 2000n],
      [250n, 4000n],
      [125n, 8000n],
    ])
  })

  test('are not foretold where the chain would divide by zero, or says nothing', () => {
    const burn = { current: 1000n, min: 1n, max: 10n ** 9n }
    expect(forecastPrices(facts({ burn, quota: quota({ target: 0 }) }))).toEqual([])
    expect(forecastPrices(facts({ burn }))).toEqual([])
  })
})

describe('prices that decay with every block', () => {
  test('are given each half of a half-life', () => {
    const steps = forecastPrices(
      facts({
        specVersion: 401,
        powRemoved: true,
        burn: { current: 10n ** 9n, min: 6n * 10n ** 8n, max: 10n ** 10n },
        burnDecay: { halfLifeBlocks: 360, increaseBits: (126n * ONE) / 100n },
      }),
    )
    expect(steps.map(({ block }) => block)).toEqual([279, 459, 639])
    expect(steps.map(({ difficulty }) => difficulty)).toEqual([null, null, null])
    const [first, second] = steps.map(({ burn }) => burn)
    // 10^9 / sqrt(2), and then the lower bound.
    expect(Number(first?.low)).toBeCloseTo(707_106_781, -3)
    expect(second).toMatchObject({ low: 600_000_000n, expected: 10n ** 9n })
    // One registration in each block soon meets the upper bound; what is paid is the price before one's own.
    expect(Number(second?.high)).toBeCloseTo(1e10 * 0.5 ** (1 / 360), -3)
  })
})
