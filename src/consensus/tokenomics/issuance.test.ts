import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BLOCK_EMISSION, blockEmission, halvingForecast, HALVINGS, log2, TOTAL_SUPPLY } from './issuance.js'

const TAO = 10n ** 9n
const issuance = fc.bigInt(0n, TOTAL_SUPPLY - 1n)

describe('block emission', () => {
  // What the chain's own tests of its schedule expect (pallets/subtensor, `test_halving`), in TAO and rao.
  test.each([
    [0n, 1_000_000_000n],
    [1_776n, 1_000_000_000n],
    [10_500_000n, 500_000_000n],
    [15_749_999n, 500_000_000n],
    [15_800_000n, 250_000_000n],
    [17_624_999n, 250_000_000n],
    [18_400_000n, 125_000_000n],
    [19_312_500n, 125_000_000n],
    [19_700_000n, 62_500_000n],
    [19_906_249n, 62_500_000n],
    [20_917_970n, 3_906_250n],
    [20_979_493n, 976_562n],
    [20_999_680n, 15_258n],
    [20_999_990n, 476n],
    [20_999_999n, 59n],
    [21_000_000n, 0n],
    [21_100_000n, 0n],
  ])('at %i TAO is %i rao', (tao, rao) => {
    expect(blockEmission(tao * TAO)).toBe(rao)
  })

  test('of any issuance that storage can hold is known', () => {
    expect(blockEmission(2n ** 64n - 1n)).toBe(0n)
    expect(blockEmission(TOTAL_SUPPLY - 1n)).toBe(0n)
  })

  test('halves at the thresholds, to the rao', () => {
    let before = BLOCK_EMISSION
    for (const { issuance: threshold, blockEmission: rao } of HALVINGS) {
      expect(blockEmission(threshold - 1n)).toBe(before)
      expect(blockEmission(threshold)).toBe(rao)
      before = rao
    }
    expect(before).toBe(0n)
    expect(HALVINGS).toHaveLength(30)
  })

  test('never rises with the issuance, and is 2^-k of 1 TAO', () => {
    fc.assert(
      fc.property(issuance, issuance, (a, b) => {
        const [less, more] = a < b ? [a, b] : [b, a]
        expect(blockEmission(more)).toBeLessThanOrEqual(blockEmission(less))
        const passed = HALVINGS.filter((halving) => halving.issuance <= less).length
        expect(blockEmission(less)).toBe(BLOCK_EMISSION >> BigInt(passed))
      }),
    )
  })

  test('comes to 20,999,999.9895 TAO over a hundred halvings of 10,500,000 blocks', () => {
    let sum = 0n
    for (let i = 0; i < 100; i++) sum += blockEmission(sum) * 10_500_000n
    expect(sum).toBe(20_999_999_989_500_000n)
  })
})

describe('the logarithm', () => {
  test('is that to base 2 within 2^-28, and its whole part within what halving rounds', () => {
    fc.assert(
      fc.property(fc.bigInt(1n << 32n, 1n << 90n), (operand) => {
        expect(Math.abs(Number(log2(operand)) / 2 ** 32 - Math.log2(Number(operand) / 2 ** 32))).toBeLessThan(2 ** -28)
      }),
    )
  })

  test('of powers of two is exact', () => {
    for (let k = 0n; k < 60n; k++) expect(log2(1n << (32n + k))).toBe(k << 32n)
    expect(() => log2((1n << 32n) - 1n)).toThrow(RangeError)
  })

  test('of the last number below four is two: halving rounds it up', () => {
    expect(log2((1n << 34n) - 1n)).toBe(2n << 32n)
  })
})

describe('the forecast of halvings', () => {
  test('of the whole schedule starts with 10,500,000 blocks', () => {
    const forecast = halvingForecast(0n)
    expect(forecast[0]).toEqual({ halving: 1, issuance: 10_500_000n * TAO, blockEmission: 500_000_000n, blocks: 10_500_000n })
    expect(forecast[1]?.blocks).toBe(21_000_000n)
    expect(forecast).toHaveLength(30)
  })

  test('is where making block after block gets to', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...HALVINGS.slice(0, -1)),
        fc.bigInt(1n, 300n),
        fc.bigInt(0n, 10n ** 9n),
        ({ issuance: next }, away, more) => {
          const start = next - away * blockEmission(next - 1n) - (more % blockEmission(next - 1n))
          const [first] = halvingForecast(start)
          let reached = start
          let blocks = 0n
          for (; blockEmission(reached) === blockEmission(start); blocks++) reached += blockEmission(reached)
          expect(first?.blocks).toBe(blocks)
          expect(first?.blockEmission).toBe(blockEmission(reached))
        },
      ),
    )
  })

  test('counts blocks up, and is empty when nothing is made any more', () => {
    fc.assert(
      fc.property(issuance, (now) => {
        const forecast = halvingForecast(now)
        forecast.slice(1).forEach(({ blocks, halving }, i) => {
          expect(blocks).toBeGreaterThan(forecast[i]?.blocks ?? 0n)
          expect(halving).toBe((forecast[i]?.halving ?? 0) + 1)
        })
      }),
    )
    expect(halvingForecast(TOTAL_SUPPLY - 1n)).toEqual([])
    expect(halvingForecast(TOTAL_SUPPLY + 1n)).toEqual([])
  })
})
