import type { Strategy } from '../contract.js'
import type { TargetSettings } from './settings.js'

/** What the order of candidates is made from. */
export interface Weighed {
  /** rao. */
  stake: bigint
  validatorTrust: number
  uid: number
  /** In [0, 1]. */
  rate: number
  /** Of first pieces; null when none is known. */
  latencyMs: number | null
  /** In [0, 1]. */
  gating: number
}

type OrderSettings = Pick<TargetSettings, 'stakeExponent' | 'referenceLatencyMs'>

/** Parts of a weight that never fall to nothing, so that a target that was bad is tried again now and then. */
const LEAST_RATE = 0.02
const LEAST_GATING = 0.1
const RAO_PER_TAO = 1e9

/**
 * The weight by which a target is drawn: `(1 + stake in TAO)^stakeExponent · max(0.02, p)² · r / (r + latency) · (0.1 + 0.9 · gating)`, with p the success rate and
 * r `referenceLatencyMs`; a latency that is not known counts as r.
 */
export function weightOf(target: Weighed, settings: OrderSettings): number {
  const { stakeExponent, referenceLatencyMs } = settings
  const stake = (1 + Number(target.stake) / RAO_PER_TAO) ** stakeExponent
  const rate = Math.max(LEAST_RATE, target.rate) ** 2
  const latency = referenceLatencyMs / (referenceLatencyMs + (target.latencyMs ?? referenceLatencyMs))
  return stake * rate * latency * (LEAST_GATING + (1 - LEAST_GATING) * target.gating)
}

/**
 * The order in which targets are asked. `stake`: most stake first, then validator trust, then the lower uid. All others: drawn one after the other without
 * putting back, each with a chance that is its share of the weight left (exponential keys, −ln(u) / weight). One number of `random`, in [0, 1), is taken for each.
 */
export function inOrder<T extends Weighed>(targets: readonly T[], strategy: Strategy, settings: OrderSettings, random: () => number): T[] {
  if (strategy === 'stake') return targets.toSorted(byStake)
  return targets
    .map((target) => ({ target, key: -Math.log(1 - random()) / weightOf(target, settings) }))
    .sort((a, b) => a.key - b.key)
    .map(({ target }) => target)
}

function byStake(a: Weighed, b: Weighed): number {
  if (a.stake !== b.stake) return a.stake > b.stake ? -1 : 1
  return b.validatorTrust - a.validatorTrust || a.uid - b.uid
}
