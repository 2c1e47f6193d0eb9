import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sparseRows } from '../sparse-rows.js'
import type { RootEpochInputs } from '../types.js'
import { rootEpoch2023 } from './root-epoch.js'

const TAO = 1_000_000_000n

/** Two subnets beside the root network; in the chain's order of keys. */
const INPUTS: RootEpochInputs = {
  kind: 'root',
  block: 100,
  tempo: 99,
  n: 3,
  netuids: [2, 0, 1],
  totalNetworks: 3,
  blockEmission: TAO,
  rho: 30,
  kappa: 32_767,
  stake: BigUint64Array.of(60n * TAO, 30n * TAO, 10n * TAO),
  weights: sparseRows([
    [
      [1, 65_535],
      [2, 32_768],
    ],
    [[2, 65_535]],
    [
      [1, 1],
      [7, 65_535],
    ],
  ]),
}

function values(inputs: Partial<RootEpochInputs>): bigint[] {
  const outputs = rootEpoch2023({ ...INPUTS, ...inputs })
  if (!outputs.ok) throw new Error(outputs.failure)
  return [...outputs.emissionValues]
}

function failure(inputs: Partial<RootEpochInputs>): string {
  const outputs = rootEpoch2023({ ...INPUTS, ...inputs })
  return outputs.ok ? 'none' : outputs.failure
}

/** The formula in floating point. */
function estimate({ stake, weights, netuids, rho, kappa, blockEmission, n }: RootEpochInputs): number[] {
  const total = Number([...stake].reduce((a, b) => a + b, 0n))
  const weighted = netuids.map((netuid) => {
    let rank = 0
    let trust = 0
    for (let i = 0; i < n; i++) {
      for (let at = weights.starts[i] as number; at < (weights.starts[i + 1] as number); at++) {
        if (weights.uids[at] !== netuid || weights.values[at] === 0) continue
        rank += (Number(stake[i]) / total) * (weights.values[at] as number)
        trust += Number(stake[i]) / total
      }
    }
    return rank / (1 + Math.exp(-rho * (trust - kappa / 65_535)))
  })
  const sum = weighted.reduce((a, b) => a + b, 0)
  return weighted.map((value) => (sum === 0 ? 0 : (value / sum) * Number(blockEmission)))
}

describe('the root epoch', () => {
  test('shares the block’s emission by weights, stake and consensus', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.bigInt({ min: 1n, max: 10n ** 15n }), fc.uint8Array({ minLength: 3, maxLength: 3 })), {
          minLength: 1,
          maxLength: 12,
        }),
        fc.integer({ min: 0, max: 30 }),
        fc.integer({ min: 0, max: 65_535 }),
        (validators, rho, kappa) => {
          const inputs: RootEpochInputs = {
            ...INPUTS,
            n: validators.length,
            rho,
            kappa,
            stake: BigUint64Array.from(validators, ([stake]) => stake),
            weights: sparseRows(validators.map(([, given]) => Array.from(given, (weight, netuid) => [netuid, weight * 257] as const))),
          }
          const expected = estimate(inputs)
          values(inputs).forEach((value, k) => expect(Math.abs(Number(value) - (expected[k] as number))).toBeLessThan(2))
        },
      ),
      { numRuns: 300 },
    )
  })

  test('in the order of the netuids; a subnet without weights gets nothing', () => {
    const [two, root, one] = values({}) as [bigint, bigint, bigint]
    expect(root).toBe(0n)
    expect(two + one <= TAO && two + one > TAO - 3n).toBe(true)
    expect(values({ netuids: [1, 0, 2] })).toEqual([one, root, two])
  })

  test('of two weights on one subnet the later one counts', () => {
    const twice = sparseRows([
      [
        [1, 9],
        [1, 65_535],
        [2, 32_768],
      ],
      [[2, 65_535]],
      [[1, 1]],
    ])
    expect(values({ weights: twice })).toEqual(values({}))
  })

  test('weights on subnets that are gone count for nothing', () => {
    expect(values({ weights: sparseRows([[[9, 1]], null, null]) })).toEqual([0n, 0n, 0n])
  })

  test.each([
    ['NO_VALIDATORS', { n: 0, stake: new BigUint64Array(0), weights: sparseRows([]) }],
    ['NO_SUBNETS', { netuids: [] }],
    ['NO_STAKE', { stake: new BigUint64Array(3) }],
    ['INVALID_NETUIDS', { totalNetworks: 4 }],
    ['INVALID_NETUIDS', { totalNetworks: 0, weights: sparseRows([null, null, null]) }],
    // Its matrix has columns for the first two subnets, and there are weights on the third.
    ['HALTS', { totalNetworks: 2 }],
    // exp(65535 * 0.5) fits no number of the chain.
    ['HALTS', { rho: 65_535 }],
  ] as const)('%s', (reason, wrong) => {
    expect(failure(wrong)).toBe(reason)
  })

  test.each([
    ['stake has 2 entries; n is 3', { stake: new BigUint64Array(2) }],
    ['weights has 1 rows; n is 3', { weights: sparseRows([null]) }],
    ['netuids have duplicates', { netuids: [0, 1, 1] }],
    ['totalNetworks is -1', { totalNetworks: -1 }],
  ])('refuses what no chain holds: %s', (message, wrong) => {
    expect(() => rootEpoch2023({ ...INPUTS, ...wrong })).toThrow(new RegExp(message))
    expect(() => rootEpoch2023({ ...INPUTS, ...wrong })).toThrow(RangeError)
  })
})
