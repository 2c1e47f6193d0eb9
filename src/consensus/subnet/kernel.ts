/** A subnet's epoch on typed arrays, the same to the last bit as the reference within the range that `epoch.ts` lets in. */
import type { SubnetEpochInputs, SubnetEpochOutputs } from '../types.js'
import { divide, multiply, ONE } from './arithmetic.js'
import { weightedMedian } from './median.js'
import type { SubnetRules } from './rules.js'
import { createShareRows, fillRows, makeRoom, type ShareRows } from './share-rows.js'
import { storedBonds } from './stored-bonds.js'
import { alphaOf, maxUpscaled, normalize, stakeShares, sumOf, topK, toRao, toU16 } from './vectors.js'

export type SubnetKernel = (inputs: SubnetEpochInputs, totalStake: bigint) => SubnetEpochOutputs

/** Keeps its working space between epochs, so it must not be entered twice at once; it has nothing to wait for. */
export function createSubnetKernel(rules: SubnetRules): SubnetKernel {
  const weights = createShareRows()
  const columns = createShareRows()
  const oldBonds = createShareRows()
  const bonds = createShareRows()

  return function subnetKernel(inputs, totalStake) {
    const { n, registered, validatorPermit, emission } = inputs
    const active = Uint8Array.from(inputs.lastUpdate, (updated) => Number(updated + inputs.activityCutoff >= inputs.block))
    const stake = stakeShares(inputs.stake, registered, totalStake)
    const newPermits = topK(stake, inputs.maxAllowedValidators)
    const activeStake = stake.map((share, uid) => {
      const counts = active[uid] === 1 && (rules.activeStake === 'active' || validatorPermit[uid] === 1)
      return counts ? share : 0
    })
    normalize(activeStake)

    fillRows(weights, inputs.weights, inputs, rules.entries, true)
    normalizeRows(weights, n)
    const preranks = products(weights, activeStake)
    const consensus = medians(weights, columns, activeStake, divide(inputs.kappa, 65_535))
    const validatorTrust = clip(weights, consensus)
    const ranks = products(weights, activeStake)
    const trust = ranks.map((rank, j) => (rank === 0 ? 0 : divide(rank, preranks[j] as number)))
    const incentive = ranks.slice()
    normalize(incentive)

    fillRows(oldBonds, inputs.bonds, inputs, rules.entries, false)
    averageBonds(bonds, weights, activeStake, ranks, oldBonds, alphaOf(inputs.bondsMovingAverage))
    const dividends = dividendsOf(bonds, incentive)
    normalize(dividends)

    const shares = emissionShares(rules, incentive, dividends, stake, activeStake)
    return {
      kind: 'subnet',
      active,
      rank: toU16(incentive),
      trust: toU16(trust),
      consensus: toU16(consensus),
      incentive: toU16(incentive),
      dividends: toU16(dividends),
      validatorTrust: toU16(validatorTrust),
      pruningScore: rules.pruningScores === 'maximum' ? maxUpscaled(shares.combined) : toU16(shares.combined),
      validatorPermit: newPermits,
      emission: toRao(shares.combined, emission),
      serverEmission: toRao(shares.server, emission, registered),
      validatorEmission: shares.validator && toRao(shares.validator, emission, registered),
      bonds: storedBonds(rules, bonds, inputs, newPermits),
    }
  }
}

function normalizeRows({ starts, values }: ShareRows, n: number): void {
  for (let i = 0; i < n; i++) {
    const end = starts[i + 1] as number
    let total = 0
    for (let at = starts[i] as number; at < end; at++) total += values[at] as number
    for (let at = starts[i] as number; at < end; at++) values[at] = divide(values[at] as number, total)
  }
}

/** `r_j = sum(i) stake_i * weight_ij` */
function products({ starts, uids, values }: ShareRows, stake: Float64Array): Float64Array {
  const result = new Float64Array(stake.length)
  for (let i = 0; i < stake.length; i++) {
    const share = stake[i] as number
    if (share === 0) continue
    const end = starts[i + 1] as number
    for (let at = starts[i] as number; at < end; at++) {
      const j = uids[at] as number
      result[j] = (result[j] as number) + multiply(values[at] as number, share)
    }
  }
  return result
}

/** The weighted median of each column, over all who have stake. `columns` is working space: the weights by column, with the stake behind them. */
function medians(weights: ShareRows, columns: ShareRows, stake: Float64Array, majority: number): Float64Array {
  const n = stake.length
  const shares = stake.slice()
  normalize(shares)
  const total = sumOf(shares)
  const size = weights.starts[n] as number
  // One array for both: the scores of all columns, and behind them the stakes.
  makeRoom(columns, n + 1, 2 * size)
  const { starts, values } = columns
  starts.fill(0)
  for (let i = 0; i < n; i++) {
    if (shares[i] === 0) continue
    const end = weights.starts[i + 1] as number
    for (let at = weights.starts[i] as number; at < end; at++) {
      const next = (weights.uids[at] as number) + 1
      if ((weights.values[at] as number) > 0) starts[next] = (starts[next] as number) + 1
    }
  }
  for (let j = 0; j < n; j++) starts[j + 1] = (starts[j + 1] as number) + (starts[j] as number)
  const filled = new Uint32Array(n)
  for (let i = 0; i < n; i++) {
    const share = shares[i] as number
    if (share === 0) continue
    const end = weights.starts[i + 1] as number
    for (let at = weights.starts[i] as number; at < end; at++) {
      const score = weights.values[at] as number
      if (score === 0) continue
      const j = weights.uids[at] as number
      const place = (starts[j] as number) + (filled[j] as number)
      filled[j] = (filled[j] as number) + 1
      values[place] = score
      values[size + place] = share
    }
  }
  const result = new Float64Array(n)
  for (let j = 0; j < n; j++) {
    const start = starts[j] as number
    const count = filled[j] as number
    if (count === 0) continue
    const scores = values.subarray(start, start + count)
    result[j] = weightedMedian(scores, values.subarray(size + start, size + start + count), count, total, majority)
  }
  return result
}

/** Lowers what exceeds its column's limit to it, in place, and returns the sum of each row. */
function clip({ starts, uids, values }: ShareRows, limits: Float64Array): Float64Array {
  const sums = new Float64Array(limits.length)
  for (let i = 0; i < limits.length; i++) {
    const end = starts[i + 1] as number
    let total = 0
    for (let at = starts[i] as number; at < end; at++) {
      const clipped = Math.min(values[at] as number, limits[uids[at] as number] as number)
      values[at] = clipped
      total += clipped
    }
    sums[i] = total
  }
  return sums
}

/**
 * `alpha * new bonds + (1 - alpha) * old bonds`, as shares of each column. The new bond of i on j is `weight_ij * stake_i` as a share of the column, whose
 * sum is the rank of j.
 */
function averageBonds(into: ShareRows, weights: ShareRows, stake: Float64Array, ranks: Float64Array, old: ShareRows, alpha: number): void {
  const n = stake.length
  makeRoom(into, n, (weights.starts[n] as number) + (old.starts[n] as number))
  const oldTotals = columnSums(old, n)
  const row = new Float64Array(n)
  const totals = new Float64Array(n)
  let size = 0
  for (let i = 0; i < n; i++) {
    into.starts[i] = size
    const weightsEnd = weights.starts[i + 1] as number
    const oldEnd = old.starts[i + 1] as number
    const share = stake[i] as number
    let any = false
    if (share > 0 && alpha > 0) {
      for (let at = weights.starts[i] as number; at < weightsEnd; at++) {
        const bond = multiply(weights.values[at] as number, share)
        if (bond === 0) continue
        const j = weights.uids[at] as number
        row[j] = multiply(divide(bond, ranks[j] as number), alpha)
        any = true
      }
    }
    for (let at = old.starts[i] as number; at < oldEnd; at++) {
      const j = old.uids[at] as number
      row[j] = (row[j] as number) + multiply(divide(old.values[at] as number, oldTotals[j] as number), ONE - alpha)
      any = true
    }
    if (!any) continue
    for (let j = 0; j < n; j++) {
      const value = row[j] as number
      if (value === 0) continue
      into.uids[size] = j
      into.values[size++] = value
      totals[j] = (totals[j] as number) + value
      row[j] = 0
    }
  }
  into.starts[n] = size
  for (let at = 0; at < size; at++) into.values[at] = divide(into.values[at] as number, totals[into.uids[at] as number] as number)
}

function columnSums({ starts, uids, values }: ShareRows, n: number): Float64Array {
  const sums = new Float64Array(n)
  const size = starts[n] as number
  for (let at = 0; at < size; at++) {
    const j = uids[at] as number
    sums[j] = (sums[j] as number) + (values[at] as number)
  }
  return sums
}

/** `d_i = sum(j) bond_ij * incentive_j` */
function dividendsOf({ starts, uids, values }: ShareRows, incentive: Float64Array): Float64Array {
  const result = new Float64Array(incentive.length)
  for (let i = 0; i < result.length; i++) {
    const end = starts[i + 1] as number
    let total = 0
    for (let at = starts[i] as number; at < end; at++) total += multiply(values[at] as number, incentive[uids[at] as number] as number)
    result[i] = total
  }
  return result
}

/** Shares of the emission: what is shown and pruned by, and what is paid for serving and for validating. */
function emissionShares(
  rules: SubnetRules,
  incentive: Float64Array,
  dividends: Float64Array,
  stake: Float64Array,
  activeStake: Float64Array,
) {
  const earned = incentive.map((share, uid) => share + (dividends[uid] as number))
  const total = sumOf(earned)
  const of = (values: Float64Array) => values.map((value) => divide(value, total))
  const combined = total > 0 ? of(earned) : sumOf(activeStake) > 0 ? activeStake : stake
  if (rules.emission === 'one-sum') return { combined, server: combined, validator: null }
  if (total === 0) return { combined, server: incentive, validator: combined }
  return { combined, server: of(incentive), validator: of(dividends) }
}
