import { rootEpoch2023 } from '../root/root-epoch.js'
import { createSubnetEpoch } from '../subnet/epoch.js'
import type { SubnetRules } from '../subnet/rules.js'
import { queueEmission2024 } from '../tokenomics/emission-queue.js'
import { payout2024 } from '../tokenomics/payout.js'
import type { Generation } from '../types.js'

/** `epoch` of spec 143, pallets/subtensor/src/epoch.rs of March 2024. */
export const SUBNET_RULES_2024: SubnetRules = {
  entries: 'integers',
  activeStake: 'active-validators',
  storedBonds: 'column-maximum',
  pruningScores: 'maximum',
  emission: 'server-and-validator',
}

export const subnetEpoch2024 = createSubnetEpoch(SUBNET_RULES_2024)

/** Finney with a root network that says what each subnet gets, and owners that get a cut. */
export const MARCH_2024: Generation = {
  id: '2024-03',
  subnetEpoch: subnetEpoch2024,
  rootEpoch: rootEpoch2023,
  queueEmission: queueEmission2024,
  payout: payout2024,
  payoutKeepsAll: true,
}
