import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SUBNET_RULES_2023 } from '../generations/march-2023.js'
import { SUBNET_RULES_2024 } from '../generations/march-2024.js'
import { rowOf, sparseRows } from '../sparse-rows.js'
import type { SubnetEpochInputs, SubnetEpochOutputs } from '../types.js'
import { createSubnetEpoch } from './epoch.js'
import { randomSubnetInputs, type SubnetShape } from './random-inputs.js'
import { referenceSubnetEpoch } from './reference.js'

const GENERATIONS = [
  ['2023-03', SUBNET_RULES_2023],
  ['2024-03', SUBNET_RULES_2024],
] as const

const u16 = fc.oneof(fc.constantFrom(0, 1, 32_767, 65_534, 65_535), fc.integer({ min: 0, max: 65_535 }))
const share = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }))

/** Oddities one at a time, more or less: subnets in which everything is odd come to nothing, and all nothings are equal. */
function mostly<T>(common: fc.Arbitrary<T>, odd: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 12, arbitrary: common }, { weight: 1, arbitrary: odd })
}

function between(min: number, max: number): fc.Arbitrary<number> {
  return fc.double({ min, max, noNaN: true })
}

function shapes(n: fc.Arbitrary<number>): fc.Arbitrary<SubnetShape> {
  return fc.record({
    seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    n,
    permits: mostly(between(0.3, 1), share),
    inactive: mostly(between(0, 0.3), share),
    vacant: mostly(fc.constant(0), share),
    weightRows: mostly(between(0.6, 1), share),
    weightDensity: mostly(between(0.5, 1), share),
    bondRows: mostly(between(0.3, 1), share),
    bondDensity: share,
    stake: mostly<SubnetShape['stake']>(fc.constantFrom('spread', 'equal'), fc.constantFrom('none', 'one', 'dust', 'most')),
    values: mostly<SubnetShape['values']>(fc.constant('any'), fc.constantFrom('extreme', 'equal')),
    kappa: mostly(fc.constantFrom(32_767, 20_000), u16),
    bondsMovingAverage: mostly(
      fc.oneof(fc.constantFrom(0n, 1n, 900_000n, 999_999n, 1_000_000n), fc.bigInt({ min: 0n, max: 1_000_000n })),
      fc.constantFrom(1_000_001n, 2n ** 63n, 2n ** 64n - 1n),
    ),
    activityCutoff: mostly(fc.constant(5000), u16),
    maxAllowedValidators: fc.oneof(fc.integer({ min: 0, max: 50 }), u16),
    emission: mostly(fc.bigInt({ min: 0n, max: 10n ** 12n }), fc.constantFrom(0n, 1n, 2n ** 64n - 1n)),
    duplicates: mostly(fc.constant(false), fc.constant(true)),
  })
}

const PLAIN: SubnetShape = {
  seed: 1,
  n: 12,
  permits: 0.5,
  inactive: 0,
  vacant: 0,
  weightRows: 1,
  weightDensity: 0.9,
  bondRows: 0.5,
  bondDensity: 0.9,
  stake: 'spread',
  values: 'any',
  kappa: 32_767,
  bondsMovingAverage: 900_000n,
  activityCutoff: 65_535,
  maxAllowedValidators: 6,
  emission: 99_000_000_000n,
  duplicates: false,
}

describe.each(GENERATIONS)('an epoch of %s', (_, rules) => {
  const epoch = createSubnetEpoch(rules)

  test('is what the formula gives', () => {
    const seen = { epochs: 0, incentive: 0, clipped: 0, dividends: 0 }
    fc.assert(
      fc.property(shapes(fc.integer({ min: 0, max: 40 })), (shape) => {
        const inputs = randomSubnetInputs(shape)
        const outputs = epoch(inputs)
        expectSame(outputs, referenceSubnetEpoch(rules, inputs))
        seen.epochs++
        seen.incentive += Number(outputs.incentive.some((value) => value > 0))
        seen.clipped += Number(outputs.trust.some((value) => value > 0 && value < 65_535))
        seen.dividends += Number(outputs.dividends.some((value) => value > 0))
      }),
      { numRuns: 1500 },
    )
    // An epoch that comes to nothing shows little.
    expect(Math.min(seen.incentive, seen.clipped, seen.dividends)).toBeGreaterThan(seen.epochs / 5)
  })

  test('is what the formula gives for subnets of common size', () => {
    fc.assert(
      fc.property(shapes(fc.constant(256)), (shape) => {
        const inputs = randomSubnetInputs({ ...shape, permits: 0.25, weightRows: 0.95 })
        expectSame(epoch(inputs), referenceSubnetEpoch(rules, inputs))
      }),
      { numRuns: 15 },
    )
  })

  test('leaves its inputs alone', () => {
    const inputs = randomSubnetInputs(PLAIN)
    epoch(inputs)
    expect(inputs).toEqual(randomSubnetInputs(PLAIN))
  })

  test('takes no notice of what a removed subnet left under uids without a permit', () => {
    const inputs = { ...randomSubnetInputs(PLAIN), validatorPermit: Uint8Array.from({ length: 12 }, (_, uid) => Number(uid < 6)) }
    const rows = Array.from({ length: 12 }, (_, uid) => rowOf(inputs.weights, uid))
    const withRest = { ...inputs, weights: sparseRows([...rows.slice(0, 11), [[40, 1]] as const]) }
    expect(epoch(withRest)).toEqual(epoch(inputs))
    expect(referenceSubnetEpoch(rules, withRest)).toEqual(epoch(inputs))
  })

  test('does not care which uid is whose', () => {
    fc.assert(
      fc.property(shapes(fc.integer({ min: 1, max: 30 })), fc.integer(), (shape, seed) => {
        const drawn = randomSubnetInputs({ ...shape, duplicates: false })
        // Of equal stake the permit goes by uid.
        const inputs = { ...drawn, stake: drawn.stake.map((stake, uid) => (stake / 64n) * 64n + BigInt(uid)) }
        const distinct = sharesOf(inputs)
        fc.pre(new Set(distinct).size === distinct.length || shape.maxAllowedValidators > inputs.n)
        const order = permutation(inputs.n, seed)
        expect(sorted(epoch(permuted(inputs, order)))).toEqual(sorted(permutedOutputs(epoch(inputs), order)))
      }),
      { numRuns: 300 },
    )
  })

  test('pays out no more than there is', () => {
    fc.assert(
      fc.property(shapes(fc.integer({ min: 0, max: 30 })), (shape) => {
        const inputs = randomSubnetInputs({ ...shape, bondsMovingAverage: 900_000n, stake: 'spread' })
        const { serverEmission, validatorEmission } = epoch(inputs)
        const paid = [...serverEmission, ...(validatorEmission ?? [])].reduce((a, b) => a + b, 0n)
        expect(paid <= inputs.emission).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('takes the largest subnet', () => {
    const inputs = randomSubnetInputs({ ...PLAIN, n: 4096, permits: 1, weightRows: 0.02, bondRows: 0.02, kappa: 0 })
    const { incentive, validatorPermit } = epoch(inputs)
    expect(incentive.some((value) => value > 0)).toBe(true)
    expect(validatorPermit.reduce((a, b) => a + b, 0)).toBe(6)
  })

  test.each([
    ['n is -1', { n: -1 }],
    ['stake has 3 entries; n is 12', { stake: new BigUint64Array(3) }],
    ['lastUpdate has 13 entries; n is 12', { lastUpdate: new Float64Array(13) }],
    ['weights has 1 rows; n is 12', { weights: sparseRows([null]) }],
    [
      'weights of uid 1 are on uid 12, but n is 12',
      { weights: sparseRows([null, [[12, 1]], ...new Array<null>(10).fill(null)]), validatorPermit: new Uint8Array(12).fill(1) },
    ],
    ['bonds of uid 0 are on uid 65535, but n is 12', { bonds: sparseRows([[[65_535, 1]], ...new Array<null>(11).fill(null)]) }],
    [
      'bonds has 1 uids and 0 values for rows that go from 0 to 1',
      { bonds: { starts: Uint32Array.from({ length: 13 }, () => 1).fill(0, 0, 1), uids: new Uint16Array(1), values: new Uint16Array(0) } },
    ],
  ])('refuses what no chain holds: %s', (message, wrong) => {
    expect(() => epoch({ ...randomSubnetInputs(PLAIN), ...wrong })).toThrow(new RegExp(`^${message}`))
    expect(() => epoch({ ...randomSubnetInputs(PLAIN), ...wrong })).toThrow(RangeError)
  })
})

/** `toStrictEqual` takes longer than the epochs. */
function expectSame(got: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(got, wanted)) expect(got).toStrictEqual(wanted)
}

function sharesOf({ stake, registered }: SubnetEpochInputs): bigint[] {
  const counted = [...stake].map((s, uid) => (registered[uid] === 1 ? s : 0n))
  const total = counted.reduce((a, b) => a + b, 0n)
  return counted.map((s) => (total === 0n ? s : (s << 32n) / total))
}

/** order[new uid] = old uid */
function permutation(n: number, seed: number): number[] {
  const weight = (uid: number) => Math.imul(uid + 1, seed | 1) >>> 0
  return Array.from({ length: n }, (_, uid) => uid).sort((a, b) => weight(a) - weight(b))
}

function permutedRows(rows: SubnetEpochInputs['weights'], order: number[]) {
  const newUid = new Map(order.map((old, uid) => [old, uid]))
  return sparseRows(order.map((old) => rowOf(rows, old).map(([j, value]) => [newUid.get(j) as number, value] as const)))
}

function permuted(inputs: SubnetEpochInputs, order: number[]): SubnetEpochInputs {
  return {
    ...inputs,
    registered: inputs.registered.map((_, uid) => inputs.registered[order[uid] as number] as number),
    stake: inputs.stake.map((_, uid) => inputs.stake[order[uid] as number] as bigint),
    lastUpdate: inputs.lastUpdate.map((_, uid) => inputs.lastUpdate[order[uid] as number] as number),
    registeredBlock: inputs.registeredBlock.map((_, uid) => inputs.registeredBlock[order[uid] as number] as number),
    validatorPermit: inputs.validatorPermit.map((_, uid) => inputs.validatorPermit[order[uid] as number] as number),
    weights: permutedRows(inputs.weights, order),
    bonds: permutedRows(inputs.bonds, order),
  }
}

function permutedOutputs(outputs: SubnetEpochOutputs, order: number[]): SubnetEpochOutputs {
  const entries = Object.entries(outputs).map(([name, list]: [string, unknown]) => [
    name,
    ArrayBuffer.isView(list) ? (list as Uint8Array).map((_, uid) => (list as Uint8Array)[order[uid] as number] as number) : list,
  ])
  return { ...(Object.fromEntries(entries) as SubnetEpochOutputs), bonds: permutedRows(outputs.bonds, order) }
}

/** Bonds that were left alone are in the order they came in. */
function sorted(outputs: SubnetEpochOutputs): unknown {
  return { ...outputs, bonds: Array.from(outputs.active, (_, uid) => rowOf(outputs.bonds, uid).sort(([a], [b]) => a - b)) }
}
