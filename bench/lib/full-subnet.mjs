// A subnet in which everybody with a permit has weights and bonds, as `bench/consensus.mjs` and `bench/audit.mjs` use it.
import { randomSubnetInputs } from '../../dist/consensus/subnet/random-inputs.js'

const SHAPE = {
  seed: 1,
  permits: 1,
  inactive: 0,
  vacant: 0,
  weightRows: 1,
  bondRows: 1,
  stake: 'spread',
  values: 'any',
  kappa: 32_767,
  bondsMovingAverage: 900_000n,
  activityCutoff: 5000,
  emission: 99_000_000_000n,
  duplicates: false,
}

/** Inputs of its epoch. The first `validators` uids have weights and bonds on `density` of the others; the rest has neither permit nor rows. */
export function fullSubnet(n, validators, density = 1) {
  const drawn = randomSubnetInputs({ ...SHAPE, n, weightDensity: density, bondDensity: density, maxAllowedValidators: validators })
  const cut = ({ starts, uids, values }) => {
    const end = starts[validators]
    return { starts: starts.map((start) => Math.min(start, end)), uids: uids.slice(0, end), values: values.slice(0, end) }
  }
  return {
    ...drawn,
    // All registered long ago and active: nothing is left out of the computation.
    registeredBlock: new Float64Array(n),
    lastUpdate: new Float64Array(n).fill(drawn.block - 1),
    stake: drawn.stake.map((stake, uid) => (uid < validators ? stake + 10n ** 15n : 0n)),
    validatorPermit: drawn.validatorPermit.map((_, uid) => Number(uid < validators)),
    weights: cut(drawn.weights),
    bonds: cut(drawn.bonds),
  }
}
