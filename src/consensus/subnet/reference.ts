/**
 * A subnet's epoch as the chain's formula says it (`epoch` in pallets/subtensor/src/epoch.rs with math.rs), number for number on bigint. It is slow and
 * takes any input: it is what the kernel is tested against, and what runs where a number could leave the range in which the kernel is exact.
 */
import { floorTo, I32F32, I64F64, narrow, proportionToU16, roundTo } from '../fixed.js'
import { rowOf, sparseRows, type SparseRows } from '../sparse-rows.js'
import type { SubnetEpochInputs, SubnetEpochOutputs } from '../types.js'
import type { SubnetRules } from './rules.js'

/** Rows of (uid, I32F32). */
type Matrix = (readonly [uid: number, value: bigint])[][]

const { one, add, sub, mul, div, sum } = I32F32
/** Matrices are square: as many columns as there are rows. */
const zeros = (n: number): bigint[] => new Array<bigint>(n).fill(0n)

/** The epoch of `rules` on `inputs`, which must have the shape that `checkSubnetInputs` asks for. */
export function referenceSubnetEpoch(rules: SubnetRules, inputs: SubnetEpochInputs): SubnetEpochOutputs {
  const { n } = inputs
  const uids = Array.from({ length: n }, (_, uid) => uid)
  const registered = uids.map((uid) => inputs.registered[uid] === 1)
  const permits = uids.map((uid) => inputs.validatorPermit[uid] === 1)
  const active = uids.map((uid) => (inputs.lastUpdate[uid] as number) + inputs.activityCutoff >= inputs.block)

  const rao = uids.map((uid) => (registered[uid] ? I64F64.from(inputs.stake[uid] as bigint) : 0n))
  const allRao = I64F64.sum(rao)
  const stake = rao.map((s) => narrow(allRao === 0n ? s : I64F64.div(s, allRao)))
  const newPermits = isTopK(stake, inputs.maxAllowedValidators)
  const counts = (uid: number) => active[uid] && (rules.activeStake === 'active' || permits[uid])
  const activeStake = normalized(stake.map((s, uid) => (counts(uid) ? s : 0n)))

  const registeredAt = uids.map((uid) => (registered[uid] ? (inputs.registeredBlock[uid] as number) : 0))
  const outdated = (i: number, j: number) => (inputs.lastUpdate[i] as number) <= (registeredAt[j] as number)
  const weights = rowsNormalized(
    matrixOf(inputs.weights, rules).map((row, i) => (permits[i] ? row.filter(([j]) => i !== j && !outdated(i, j)) : [])),
  )
  const preranks = columnProducts(weights, activeStake)
  const kappa = div(I32F32.from(inputs.kappa), I32F32.from(65_535))
  const consensus = weightedMedians(activeStake, weights, kappa)
  const clipped = columnsClipped(weights, consensus)
  const validatorTrust = clipped.map((row) => sum(row.map(([, value]) => value)))
  const rawRanks = columnProducts(clipped, activeStake)
  const trust = rawRanks.map((rank, j) => (preranks[j] === 0n ? 0n : div(rank, preranks[j] as bigint)))
  const incentive = normalized(rawRanks)

  const oldBonds = columnsNormalized(matrixOf(inputs.bonds, rules).map((row, i) => row.filter(([j]) => !outdated(i, j))))
  const newBonds = columnsNormalized(clipped.map((row, i) => row.map(([j, value]) => [j, mul(value, activeStake[i] as bigint)] as const)))
  const kept = narrow(I64F64.div(I64F64.from(inputs.bondsMovingAverage), I64F64.from(1_000_000)))
  const bonds = columnsNormalized(movingAverage(newBonds, oldBonds, sub(one, kept)))
  const dividends = normalized(bonds.map((row) => sum(row.map(([j, value]) => mul(incentive[j] as bigint, value)))))

  const shares = emissionShares(rules, incentive, dividends, stake, activeStake)
  const toRao = (values: bigint[]) => BigUint64Array.from(values, (share) => floorTo(64, share * inputs.emission))
  const paid = (values: bigint[]) => toRao(values.map((share, uid) => (registered[uid] ? share : 0n)))
  const toU16 = (values: bigint[]) => Uint16Array.from(values, proportionToU16)
  return {
    kind: 'subnet',
    active: Uint8Array.from(active, Number),
    rank: toU16(incentive),
    trust: toU16(trust),
    consensus: toU16(consensus),
    incentive: toU16(incentive),
    dividends: toU16(dividends),
    validatorTrust: toU16(validatorTrust),
    pruningScore: rules.pruningScores === 'maximum' ? maxUpscaled(shares.combined) : toU16(shares.combined),
    validatorPermit: Uint8Array.from(newPermits, Number),
    emission: toRao(shares.combined),
    serverEmission: paid(shares.server),
    validatorEmission: shares.validator && paid(shares.validator),
    bonds: storedBonds(rules, inputs, bonds, newPermits),
  }
}

/** Shares of the emission: what is shown and pruned by, and what is paid for serving and for validating. */
function emissionShares(rules: SubnetRules, incentive: bigint[], dividends: bigint[], stake: bigint[], activeStake: bigint[]) {
  const earned = incentive.map((i, uid) => add(i, dividends[uid] as bigint))
  const total = sum(earned)
  const combined = normalized(earned)
  // Nobody earned anything: no weights, only outdated ones, or only on oneself. Then stake is paid, active stake if there is any.
  const fallback = sum(activeStake) === 0n ? stake : activeStake
  if (rules.emission === 'one-sum') {
    const shares = sum(combined) === 0n ? fallback : combined
    return { combined: shares, server: shares, validator: null }
  }
  if (total === 0n) return { combined: fallback, server: incentive, validator: fallback }
  return { combined, server: incentive.map((i) => div(i, total)), validator: dividends.map((d) => div(d, total)) }
}

/** Rows of those with a new permit are written, of those who lost theirs emptied, others left alone. */
function storedBonds(rules: SubnetRules, inputs: SubnetEpochInputs, bonds: Matrix, newPermits: boolean[]): SparseRows {
  const largest = zeros(inputs.n)
  if (rules.storedBonds === 'column-maximum') {
    for (const [j, value] of bonds.flat()) if (value > (largest[j] as bigint)) largest[j] = value
  }
  const scaled = (j: number, value: bigint) => (largest[j] === 0n ? value : div(value, largest[j] as bigint))
  return sparseRows(
    bonds.map((row, i) => {
      if (newPermits[i]) return row.map(([j, value]) => [j, proportionToU16(scaled(j, value))] as const)
      return inputs.validatorPermit[i] === 1 ? [] : rowOf(inputs.bonds, i)
    }),
  )
}

function matrixOf(rows: SparseRows, rules: SubnetRules): Matrix {
  const read = (value: number) => (rules.entries === 'integers' ? I32F32.from(value) : div(I32F32.from(value), I32F32.from(65_535)))
  return Array.from({ length: rows.starts.length - 1 }, (_, i) => rowOf(rows, i).map(([j, value]) => [j, read(value)] as const))
}

function normalized(values: bigint[]): bigint[] {
  const total = sum(values)
  return total === 0n ? values : values.map((value) => div(value, total))
}

/** The k largest. Of equals the one with the higher uid wins: the chain sorts upwards, in the order of uids, and drops the first. */
function isTopK(values: bigint[], k: number): boolean[] {
  const order = values
    .map((_, uid) => uid)
    .sort((a, b) => Number((values[a] as bigint) > (values[b] as bigint)) - Number((values[a] as bigint) < (values[b] as bigint)))
  const top = values.map(() => true)
  for (const uid of order.slice(0, Math.max(0, values.length - k))) top[uid] = false
  return top
}

function rowsNormalized(matrix: Matrix): Matrix {
  return matrix.map((row) => {
    const total = sum(row.map(([, value]) => value))
    return total > 0n ? row.map(([j, value]) => [j, div(value, total)] as const) : row
  })
}

function columnsNormalized(matrix: Matrix): Matrix {
  const totals = zeros(matrix.length)
  for (const [j, value] of matrix.flat()) totals[j] = add(totals[j] as bigint, value)
  return matrix.map((row) => row.map(([j, value]) => [j, totals[j] === 0n ? value : div(value, totals[j] as bigint)] as const))
}

/** `r_j = sum(i) vector_i * matrix_ij` */
function columnProducts(matrix: Matrix, vector: bigint[]): bigint[] {
  const products = zeros(matrix.length)
  matrix.forEach((row, i) => {
    for (const [j, value] of row) products[j] = add(products[j] as bigint, mul(vector[i] as bigint, value))
  })
  return products
}

function columnsClipped(matrix: Matrix, limits: bigint[]): Matrix {
  return matrix.map((row) =>
    row.flatMap(([j, value]) => {
      const limit = limits[j] as bigint
      if (limit >= value) return [[j, value] as const]
      return limit > 0n ? [[j, limit] as const] : []
    }),
  )
}

/** `alpha * new_ij + (1 - alpha) * old_ij`, where that is above 0, in the order of uids. */
function movingAverage(fresh: Matrix, old: Matrix, alpha: bigint): Matrix {
  return fresh.map((row, i) => {
    const values = zeros(fresh.length)
    for (const [j, value] of row) values[j] = add(values[j] as bigint, mul(alpha, value))
    for (const [j, value] of old[i] ?? []) values[j] = add(values[j] as bigint, mul(sub(one, alpha), value))
    return values.flatMap((value, j) => (value > 0n ? [[j, value] as const] : []))
  })
}

/** For each column the weight that a `majority` of the stake is at or above, of all who have stake: who gave no weight gave 0. */
function weightedMedians(stake: bigint[], weights: Matrix, majority: bigint): bigint[] {
  const stakers = stake.map((_, uid) => uid).filter((uid) => (stake[uid] as bigint) > 0n)
  const shares = normalized(stakers.map((uid) => stake[uid] as bigint))
  const scores = stake.map(() => zeros(stakers.length))
  stakers.forEach((uid, k) => {
    for (const [j, value] of weights[uid] ?? []) (scores[j] as bigint[])[k] = value
  })
  const total = sum(shares)
  const everyone = stakers.map((_, k) => k)
  return scores.map((column) => median(shares, column, everyone, sub(total, majority), 0n, total))
}

/** Finds the score in whose part of the stake, laid out by score from 0, `minority` lies. `part` covers the stake from `low` to `high`. */
function median(stake: bigint[], score: bigint[], part: number[], minority: bigint, low: bigint, high: bigint): bigint {
  if (part.length === 0) return 0n
  const pivot = score[part[part.length >> 1] as number] as bigint
  if (part.length === 1) return pivot
  const below = part.filter((k) => (score[k] as bigint) < pivot)
  const above = part.filter((k) => (score[k] as bigint) > pivot)
  const from = add(low, sum(below.map((k) => stake[k] as bigint)))
  const to = sub(high, sum(above.map((k) => stake[k] as bigint)))
  if (from <= minority && minority < to) return pivot
  if (minority < from && below.length > 0) return median(stake, score, below, minority, low, from)
  if (to <= minority && above.length > 0) return median(stake, score, above, minority, to, high)
  return pivot
}

/** `vec_max_upscale_to_u16`: the largest becomes 65,535. */
function maxUpscaled(values: bigint[]): Uint16Array {
  const scale = I32F32.from(65_535)
  const largest = values.reduce((a, b) => (a > b ? a : b), values[0] ?? 0n)
  return Uint16Array.from(values, (value) => {
    if (largest === 0n) return Number(floorTo(16, mul(value, scale)))
    if (largest > I32F32.from(32_768)) return Number(roundTo(16, mul(value, div(scale, largest))))
    return Number(roundTo(16, div(mul(value, scale), largest)))
  })
}
