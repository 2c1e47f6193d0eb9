/** Subnets to try the epoch on, for tests and for the bench. The same seed gives the same subnet, which the recordings in ../fixtures rely on. */
import { sparseRows } from '../sparse-rows.js'
import type { SubnetEpochInputs } from '../types.js'

export interface SubnetShape {
  readonly seed: number
  readonly n: number
  /** Shares of uids, 0..1. */
  readonly permits: number
  readonly inactive: number
  readonly vacant: number
  /** Of rows that have weights (bonds) at all, and of the uids that such a row is on. */
  readonly weightRows: number
  readonly weightDensity: number
  readonly bondRows: number
  readonly bondDensity: number
  readonly stake: 'none' | 'one' | 'equal' | 'spread' | 'dust' | 'most'
  /** Values of weights and bonds: any u16, mostly 0 and 65,535, or all the same. */
  readonly values: 'any' | 'extreme' | 'equal'
  readonly kappa: number
  readonly bondsMovingAverage: bigint
  readonly activityCutoff: number
  readonly maxAllowedValidators: number
  readonly emission: bigint
  /** Whether a row may have two entries on one uid, which the chain refuses in weights. */
  readonly duplicates: boolean
}

export function randomSubnetInputs(shape: SubnetShape): SubnetEpochInputs {
  const { n } = shape
  const random = generator(shape.seed)
  const below = (limit: number) => Math.floor(random() * limit)
  const chance = (share: number) => random() < share
  const flags = (share: number) => Uint8Array.from({ length: n }, () => Number(chance(share)))

  const block = 100_000 + below(1000)
  const oldest = block - shape.activityCutoff
  const registeredBlock = Float64Array.from({ length: n }, () => below(chance(0.8) ? 30_000 : block))
  // Around the edges: active for the last time, and updated in the very block of a registration.
  const lastUpdate = registeredBlock.map((at) => {
    if (chance(shape.inactive)) return Math.max(0, oldest - below(3))
    return chance(0.2) ? (registeredBlock[below(n)] ?? at) : Math.min(block - 1, Math.max(0, oldest, at) + below(3))
  })
  const value = { any: () => below(65_536), extreme: () => [0, 1, 65_534, 65_535][below(4)] as number, equal: () => 65_535 }[shape.values]
  const matrix = (rows: number, density: number) =>
    sparseRows(
      Array.from({ length: n }, () => {
        if (!chance(rows)) return null
        const row = Array.from({ length: n }, (_, j) => j)
          .filter(() => chance(density))
          .map((j): [number, number] => [j, value()])
        if (shape.duplicates && row.length > 0) row.push([...(row[below(row.length)] as [number, number])])
        if (chance(0.3)) row.reverse()
        return row
      }),
    )
  return {
    kind: 'subnet',
    netuid: 1,
    block,
    tempo: 99,
    n,
    kappa: shape.kappa,
    bondsMovingAverage: shape.bondsMovingAverage,
    activityCutoff: shape.activityCutoff,
    maxAllowedValidators: shape.maxAllowedValidators,
    emission: shape.emission,
    registered: flags(1 - shape.vacant),
    stake: stakes(shape, random),
    lastUpdate,
    registeredBlock,
    validatorPermit: flags(shape.permits),
    weights: matrix(shape.weightRows, shape.weightDensity),
    bonds: matrix(shape.bondRows, shape.bondDensity),
  }
}

function stakes({ n, stake }: SubnetShape, random: () => number): BigUint64Array {
  const one = Math.floor(random() * n)
  const amount = {
    none: () => 0n,
    one: (uid: number) => (uid === one ? 1_000_000_000n : 0n),
    equal: () => 1_000_000_000n,
    spread: () => BigInt(Math.floor(10 ** (random() * 15))),
    dust: () => BigInt(Math.floor(random() * 3)),
    // Sums to more than 2^63.
    most: () => BigInt(Math.floor(random() * 2 ** 62)) * 4n,
  }[stake]
  return BigUint64Array.from({ length: n }, (_, uid) => amount(uid))
}

/** mulberry32: numbers in [0, 1). */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
