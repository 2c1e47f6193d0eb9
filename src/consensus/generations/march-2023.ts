import { createSubnetEpoch } from '../subnet/epoch.js'
import type { SubnetRules } from '../subnet/rules.js'
import { queueEmission2023 } from '../tokenomics/emission-queue.js'
import { payout2023 } from '../tokenomics/payout.js'
import type { Generation } from '../types.js'

/** `epoch` of spec 103, pallets/subtensor/src/epoch.rs of March 2023. */
export const SUBNET_RULES_2023: SubnetRules = {
  entries: 'proportions',
  activeStake: 'active',
  storedBonds: 'shares',
  pruningScores: 'shares',
  emission: 'one-sum',
}

/** The first Finney: no root network, emission values set by hand, and one sum per neuron. */
export const MARCH_2023: Generation = {
  id: '2023-03',
  subnetEpoch: createSubnetEpoch(SUBNET_RULES_2023),
  rootEpoch: null,
  queueEmission: queueEmission2023,
  payout: payout2023,
  payoutKeepsAll: false,
}
