/** How much weight and how many bytes a block has taken, by class. */
import { InvalidTransaction, type DispatchClass, type DispatchInfo, type DispatchOk, type Weight } from '../runtime/types.js'
import {
  actualWeight,
  addWeights,
  anyAbove,
  BASE_EXTRINSIC,
  MAX_BLOCK,
  MAX_EXTRINSIC,
  MAX_LENGTH,
  MAX_TOTAL,
  RESERVED,
  ZERO_WEIGHT,
} from '../runtime/weights.js'

export interface BlockLimits {
  /** Takes room for an extrinsic, or throws `InvalidTransaction`. Returns what gives it back. */
  reserve(info: DispatchInfo, length: number): () => void
  /** Gives back what the extrinsic did not use of its weight. */
  settle(info: DispatchInfo, post: DispatchOk | undefined): void
  /** Weight outside of extrinsics. */
  charge(weight: Weight): void
  consumed(): Record<DispatchClass, Weight>
}

export function createBlockLimits(): BlockLimits {
  let weights: Record<DispatchClass, Weight> = { Normal: ZERO_WEIGHT, Operational: ZERO_WEIGHT, Mandatory: ZERO_WEIGHT }
  let bytes = 0

  function fits(after: Record<DispatchClass, Weight>, info: DispatchInfo, length: number): boolean {
    const largest = MAX_EXTRINSIC[info.class]
    if (largest !== null && anyAbove(info.weight, largest)) return false
    if (length > MAX_LENGTH[info.class]) return false
    const ofClass = MAX_TOTAL[info.class]
    if (ofClass !== null && anyAbove(after[info.class], ofClass)) return false
    const full = anyAbove(addWeights(after.Normal, after.Operational, after.Mandatory), MAX_BLOCK)
    const reserved = RESERVED[info.class]
    return !full || reserved === null || !anyAbove(after[info.class], reserved)
  }

  return {
    reserve: (info, length) => {
      const before = { weights, bytes }
      const after = { ...weights, [info.class]: addWeights(weights[info.class], info.weight, BASE_EXTRINSIC) }
      if (!fits(after, info, bytes + length)) throw new InvalidTransaction('ExhaustsResources')
      weights = after
      bytes += length
      return () => ({ weights, bytes } = before)
    },
    settle: (info, post) => {
      const actual = actualWeight(info, post)
      const now = weights[info.class]
      weights = {
        ...weights,
        [info.class]: {
          refTime: now.refTime - (info.weight.refTime - actual.refTime),
          proofSize: now.proofSize - (info.weight.proofSize - actual.proofSize),
        },
      }
    },
    charge: (weight) => (weights = { ...weights, Mandatory: addWeights(weights.Mandatory, weight) }),
    consumed: () => weights,
  }
}
