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
import { createEpochRunner, ON_INITIALIZE_WEIGHT, senate, senateMembersPallet, subtensorPallet } from './subtensor/index.js'

/** Time between blocks on the chain itself. */
export const CHAIN_SLOT_MS = 12_000

/** `proxies` adds what spec 143 does not have: the metadata is then no longer that of the chain. */
export function createDevnetRuntime(slotMs: number = CHAIN_SLOT_MS, { proxies = false }: { proxies?: boolean } = {}): Runtime {
  return createRuntime([
    systemPallet(),
    randomnessPallet(),
    timestampPallet(slotMs),
    auraPallet(),
    grandpaPallet(),
    balancesPallet(),
    transactionPaymentPallet(),
    { initializeWeight: ON_INITIALIZE_WEIGHT, ...subtensorPallet({ currency, senate, epoch: createEpochRunner(MARCH_2024) }) },
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
