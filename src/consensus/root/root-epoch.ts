import { exp, I32F32, I64F64, widen } from '../fixed.js'
import { checkRows } from '../subnet/check.js'
import type { RootEpochInputs, RootEpochOutputs, RootFailure } from '../types.js'

const { one, from, add, sub, mul, div, sum } = I64F64
/** Root weights are on netuids, of which there are as many as a u16 counts. */
const NETUIDS = 2 ** 16

/**
 * The root network's epoch, which shares the block's emission among the subnets (`root_epoch` in pallets/subtensor/src/root.rs of spec 143). For subnet j:
 *
 *     rank_j      = sum(i) stake_i * weight_ij             stake as shares of all root stake, weights as they are, u16
 *     trust_j     = sum(i) stake_i  where weight_ij > 0
 *     consensus_j = 1 / (1 + exp(-rho * (trust_j - kappa)))
 *     emission_j  = rank_j * consensus_j as a share of their sum, times the block's emission in rao, rounded down
 *
 * in 64.64 bit fixed point, each step cut off. The chain's matrix has TotalNetworks columns, and column k is the k-th subnet of NetworksAdded; where the two
 * do not agree it refuses the result, or fails in the middle of the block (`HALTS`). Throws a RangeError for lists of the wrong length.
 */
export function rootEpoch2023(inputs: RootEpochInputs): RootEpochOutputs {
  const { n, netuids, totalNetworks } = inputs
  checkRootInputs(inputs)
  if (n === 0) return failed('NO_VALIDATORS')
  if (netuids.length === 0) return failed('NO_SUBNETS')

  const rao = Array.from(inputs.stake, from)
  const allRao = sum(rao)
  const stake = allRao === 0n ? rao : rao.map((s) => div(s, allRao))
  const weights = matrixOf(inputs)
  if (weights === null) return failed('HALTS')
  const totalStake = sum(stake)
  if (totalStake === 0n) return failed('NO_STAKE')

  const kappa = widen(I32F32.div(I32F32.from(inputs.kappa), I32F32.from(65_535)))
  const weighted: bigint[] = []
  for (let k = 0; k < totalNetworks; k++) {
    const column = weights.map((row) => row.get(k) ?? 0)
    const rank = sum(column.map((weight, i) => mul(stake[i] as bigint, from(weight))))
    const trust = div(sum(column.map((weight, i) => (weight > 0 ? (stake[i] as bigint) : 0n))), totalStake)
    const power = exp(sub(0n, mul(sub(trust, kappa), from(inputs.rho))))
    if (power === null) return failed('HALTS')
    weighted.push(mul(div(one, add(one, power)), rank))
  }
  if (netuids.length !== totalNetworks) return failed('INVALID_NETUIDS')
  const total = sum(weighted)
  const emission = from(inputs.blockEmission)
  const emissionValues = weighted.map((value) => mul(total === 0n ? value : div(value, total), emission) >> 64n)
  return { kind: 'root', ok: true, emissionValues: BigUint64Array.from(emissionValues) }
}

/** Weight by column for each validator; of two on one subnet the later one. null when one is on a column that the chain's matrix does not have. */
function matrixOf({ n, netuids, totalNetworks, weights }: RootEpochInputs): Map<number, number>[] | null {
  const columnOf = new Map(netuids.map((netuid, k) => [netuid, k]))
  const rows = Array.from({ length: n }, () => new Map<number, number>())
  for (let i = 0; i < n; i++) {
    for (let at = weights.starts[i] as number; at < (weights.starts[i + 1] as number); at++) {
      const column = columnOf.get(weights.uids[at] as number)
      if (column === undefined) continue
      if (column >= totalNetworks) return null
      rows[i]?.set(column, weights.values[at] as number)
    }
  }
  return rows
}

function checkRootInputs({ n, netuids, totalNetworks, stake, weights }: RootEpochInputs): void {
  if (stake.length !== n) throw new RangeError(`stake has ${stake.length} entries; n is ${n}`)
  if (new Set(netuids).size !== netuids.length) throw new RangeError(`netuids have duplicates: ${netuids.join(', ')}`)
  if (!Number.isInteger(totalNetworks) || totalNetworks < 0) throw new RangeError(`totalNetworks is ${totalNetworks}`)
  checkRows('weights', weights, n, NETUIDS)
}

function failed(failure: RootFailure): RootEpochOutputs {
  return { kind: 'root', ok: false, failure }
}
