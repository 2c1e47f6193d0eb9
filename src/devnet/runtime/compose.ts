/** The runtime of the devnet: the pallets of spec 143 at their indices. */
import { MARCH_2024 } from '../../consensus/generations/march-2024.js'
import { adminUtilsPallet } from './admin-utils.js'
import { currency } from './pallets/balances-currency.js'
import { balancesPallet } from './pallets/balances.js'
import {
  commitmentsPallet,
  grandpaPallet,
  multisigPallet,
  preimagePallet,
  randomnessPallet,
  registryPallet,
  schedulerPallet,
  triumviratePallet,
  triumvirateMembersPallet,
} from './pallets/layout-only.js'
import { proxyPallet } from './pallets/proxy.js'
import { sudoPallet } from './pallets/sudo.js'
import { systemPallet } from './pallets/system.js'
import { auraPallet, timestampPallet } from './pallets/timestamp.js'
import { transactionPaymentPallet } from './pallets/transaction-payment.js'
import { utilityPallet } from './pallets/utility.js'
import { createRuntime, type Runtime } from './runtime.js'
import {
  createEpochRunner,
  ON_INITIALIZE_WEIGHT,
  senate,
  senateMembersPallet,
  subtensorPallet,
  type SubtensorConfig,
  withPaidRegistration,
} from './subtensor/index.js'

/** Time between blocks on the chain itself. */
export const CHAIN_SLOT_MS = 12_000

/** What the chain got after spec 143. With any of it the metadata is no longer that of the chain, but for the rest it is the same runtime. */
export interface LaterParts {
  /** The Proxy pallet, of March 2024. */
  proxies?: boolean
  /** Registration by payment alone, of spec 401. */
  paidRegistration?: boolean
}

export function createDevnetRuntime(slotMs: number = CHAIN_SLOT_MS, { proxies, paidRegistration }: LaterParts = {}): Runtime {
  const config: SubtensorConfig = { currency, senate, epoch: createEpochRunner(MARCH_2024) }
  const subtensor = subtensorPallet(config)
  return createRuntime([
    systemPallet(),
    randomnessPallet(),
    timestampPallet(slotMs),
    auraPallet(),
    grandpaPallet(),
    balancesPallet(),
    transactionPaymentPallet(),
    { initializeWeight: ON_INITIALIZE_WEIGHT, ...(paidRegistration ? withPaidRegistration(subtensor, config) : subtensor) },
    triumviratePallet(),
    triumvirateMembersPallet(),
    senateMembersPallet(),
    utilityPallet(),
    sudoPallet(),
    multisigPallet(),
    preimagePallet(),
    schedulerPallet(),
    registryPallet(),
    commitmentsPallet(),
    { declaresEvents: true, ...adminUtilsPallet() },
    ...(proxies ? [proxyPallet()] : []),
  ])
}
