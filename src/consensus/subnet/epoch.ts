import type { SubnetEpochInputs, SubnetEpochOutputs } from '../types.js'
import { checkSubnetInputs } from './check.js'
import { createSubnetKernel } from './kernel.js'
import { referenceSubnetEpoch } from './reference.js'
import type { SubnetRules } from './rules.js'
import { hasDuplicates } from './share-rows.js'

/**
 * A subnet's epoch under `rules`, as a function. It computes what the chain's `epoch` writes (pallets/subtensor/src/epoch.rs), exactly, for every input:
 * fast where every number stays in 0..1, which is wherever the chain's own parameters are sane, and by the plain formula elsewhere. Throws a RangeError
 * for lists of the wrong length, bonds on a uid that is not there, and such weights of a validator.
 */
export function createSubnetEpoch(rules: SubnetRules): (inputs: SubnetEpochInputs) => SubnetEpochOutputs {
  const kernel = createSubnetKernel(rules)
  return function subnetEpoch(inputs) {
    checkSubnetInputs(inputs)
    let totalStake = 0n
    for (let uid = 0; uid < inputs.n; uid++) if (inputs.registered[uid] === 1) totalStake += inputs.stake[uid] as bigint
    // A share of old bonds above 1 makes new ones negative, stake above 2^63 rao is negative to the chain, and of two weights on one uid it takes the sum
    // here and the last one there.
    const isPlain =
      inputs.bondsMovingAverage <= 1_000_000n &&
      totalStake < 2n ** 63n &&
      !hasDuplicates(inputs.weights, inputs.n) &&
      !hasDuplicates(inputs.bonds, inputs.n)
    return isPlain ? kernel(inputs, totalStake) : referenceSubnetEpoch(rules, inputs)
  }
}
