import type { Strategy } from '../contract.js'
import type { TargetSettings } from './settings.js'

/** What the order of candidates is made from. */
export interface Weighed {
  /** rao. */
  stake: bigint
  /** `stakeFactor` of it, where that is known already. */
  stakeFactor?: number
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

/** What stake does to a weight: `(1 + stake in TAO)^stakeExponent`. */
export function stakeFactor(stake: bigint, { stakeExponent }: OrderSettings): number {
  return (1 + Number(stake) / RAO_PER_TAO) ** stakeExponent
}

/**
 * The weight by which a target is drawn: `(1 + stake in TAO)^stakeExponent · max(0.02, p)² · r / (r + latency) · (0.1 + 0.9 · gating)`, with p the success rate and
 * r `referenceLatencyMs`; a latency that is not known counts as r.
 */
export function weightOf(target: Weighed, settings: OrderSettings): number {
  const { referenceLatencyMs } = settings
  const stake = target.stakeFactor ?? stakeFactor(target.stake, settings)
  const rate = Math.max(LEAST_RATE, target.rate) ** 2
  const latency = referenceLatencyMs / (referenceLatencyMs + (target.latencyMs ?? referenceLatencyMs))
  return stake * rate * latency * (LEAST_GATING + (1 - LEAST_GATING) * target.gating)
}

/**
 * The order in which targets are asked, and no more than the first `most`. `stake`: most stake first, then validator trust, then the lower uid. All others: drawn one
 * after the other without putting back, each with a chance that is its share of the weight left (exponential keys, −ln(u) / weight). One number of `random`, in
 * [0, 1), is taken for each.
 */
export function inOrder<T extends Weighed>(
  targets: readonly T[],
  strategy: Strategy,
  settings: OrderSettings,
  random: () => number,
  most = Infinity,
): T[] {
  if (strategy === 'stake') return targets.toSorted(byStake).slice(0, most)
  // A handful is wanted of hundreds: kept in order as they are drawn, which is cheaper than to sort all.
  const first: T[] = []
  const keys: number[] = []
  for (const target of targets) {
    const key = -Math.log(1 - random()) / weightOf(target, settings)
    if (first.length >= most && !(key < (keys.at(-1) ?? -Infinity))) continue
    let place = first.length
    while (place > 0 && (keys[place - 1] as number) > key) place--
    first.splice(place, 0, target)
    keys.splice(place, 0, key)
    if (first.length > most) {
      first.pop()
      keys.pop()
    }
  }
  return first
}

function byStake(a: Weighed, b: Weighed): number {
  if (a.stake !== b.stake) return a.stake > b.stake ? -1 : 1
  return b.validatorTrust - a.validatorTrust || a.uid - b.uid
}
