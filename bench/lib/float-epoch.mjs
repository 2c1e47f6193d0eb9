// The same epoch in floating point, as one would write it without care for exactness or speed: whole matrices, one pass for each line of the formula. What
// `bench/consensus.mjs` compares with. Its results are near the chain's and never equal to them.

export function floatEpoch(inputs) {
  const { n, emission, kappa, bondsMovingAverage } = inputs
  const uids = Array.from({ length: n }, (_, uid) => uid)
  const active = uids.map((uid) => inputs.lastUpdate[uid] + inputs.activityCutoff >= inputs.block)
  const stake = normalized(uids.map((uid) => Number(inputs.stake[uid])))
  const permits = topK(stake, inputs.maxAllowedValidators)
  const activeStake = normalized(stake.map((share, uid) => (active[uid] && inputs.validatorPermit[uid] === 1 ? share : 0)))
  const outdated = (i, j) => inputs.lastUpdate[i] <= inputs.registeredBlock[j]

  let weights = dense(inputs.weights, n)
  weights = weights.map((row, i) => row.map((w, j) => (i === j || inputs.validatorPermit[i] !== 1 || outdated(i, j) ? 0 : w)))
  weights = weights.map(normalized)
  const preranks = product(weights, activeStake)
  const consensus = uids.map((j) =>
    weightedMedian(
      activeStake,
      weights.map((row) => row[j]),
      kappa / 65_535,
    ),
  )
  weights = weights.map((row) => row.map((w, j) => Math.min(w, consensus[j])))
  const validatorTrust = weights.map(sum)
  const ranks = product(weights, activeStake)
  const trust = ranks.map((rank, j) => (preranks[j] > 0 ? rank / preranks[j] : 0))
  const incentive = normalized(ranks)

  const old = columnsNormalized(dense(inputs.bonds, n).map((row, i) => row.map((b, j) => (outdated(i, j) ? 0 : b))))
  const fresh = columnsNormalized(weights.map((row, i) => row.map((w) => w * activeStake[i])))
  const kept = Number(bondsMovingAverage) / 1_000_000
  const bonds = columnsNormalized(fresh.map((row, i) => row.map((b, j) => (1 - kept) * b + kept * old[i][j])))
  const dividends = normalized(bonds.map((row) => sum(row.map((b, j) => b * incentive[j]))))

  const total = sum(incentive) + sum(dividends)
  const paid = (shares) => shares.map((share) => Math.floor((share / total) * Number(emission)))
  const largest = uids.map((j) => Math.max(...bonds.map((row) => row[j])))
  return {
    active,
    permits,
    consensus: toU16(consensus),
    trust: toU16(trust),
    validatorTrust: toU16(validatorTrust),
    incentive: toU16(incentive),
    dividends: toU16(dividends),
    server: paid(incentive),
    validator: paid(dividends),
    bonds: bonds.map((row) => toU16(row.map((b, j) => (largest[j] > 0 ? b / largest[j] : 0)))),
  }
}

function dense({ starts, uids, values }, n) {
  return Array.from({ length: n }, (_, i) => {
    const row = new Array(n).fill(0)
    for (let at = starts[i]; at < starts[i + 1]; at++) row[uids[at]] = values[at]
    return row
  })
}

const sum = (values) => values.reduce((total, value) => total + value, 0)
const toU16 = (shares) => shares.map((share) => Math.floor(share * 65_535))

function normalized(values) {
  const total = sum(values)
  return total > 0 ? values.map((value) => value / total) : values
}

function columnsNormalized(matrix) {
  const totals = product(matrix, new Array(matrix.length).fill(1))
  return matrix.map((row) => row.map((value, j) => (totals[j] > 0 ? value / totals[j] : 0)))
}

function product(matrix, vector) {
  const result = new Array(matrix.length).fill(0)
  matrix.forEach((row, i) => row.forEach((value, j) => (result[j] += vector[i] * value)))
  return result
}

function topK(values, k) {
  const order = values.map((_, uid) => uid).sort((a, b) => values[a] - values[b])
  const top = values.map(() => true)
  for (const uid of order.slice(0, Math.max(0, values.length - k))) top[uid] = false
  return top
}

function weightedMedian(stake, scores, majority) {
  const order = scores.map((_, i) => i).filter((i) => stake[i] > 0)
  order.sort((a, b) => scores[a] - scores[b])
  const total = sum(order.map((i) => stake[i]))
  let below = 0
  for (const i of order) {
    below += stake[i]
    if (below > total - majority) return scores[i]
  }
  return 0
}
