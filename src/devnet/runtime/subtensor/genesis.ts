/**
 * State that a devnet's SubtensorModule begins with: the root network and some open subnets, all empty. Neurons come by extrinsics. Parameters are
 * those of a new network at spec 143, except that a place costs little, opens soon, and is worth taking.
 */
import type { Hex } from '../../../core/records.js'
import { type ItemName, type KeysOf, PALLET, ROOT_NETUID, type Stored, U16_MAX, U64_MAX } from './storage.js'

const RAO_PER_TAO = 1_000_000_000n
const ROOT_SEATS = 64

export interface GenesisEntry {
  pallet: string
  item: string
  keys: unknown[]
  value: unknown
}

export interface SubtensorGenesisOptions {
  /** Besides root; they get netuids 1, 2, and so on. */
  subnets: number
  /** Sum of all balances, which the pallet keeps an account of. */
  issuanceRao: bigint
  /** Places per subnet. */
  maxUids?: number
  /** Of these, how many can have a permit. */
  maxValidators?: number
  /** Expected tries for a registration by work. */
  difficulty?: bigint
  /** Of each subnet in turn; the last one holds for those after it. */
  tempos?: readonly number[]
  /** Tempo of the root network. */
  rootTempo?: number
  /** Owners of the subnets from 1 on; a subnet without one pays no owner's cut. */
  owners?: readonly Hex[]
  /** Blocks that must lie between two staking calls of one coldkey. 0 is no limit; a public chain has 1000. */
  txRateLimit?: bigint
  /** Blocks that must lie between two times that a hotkey serves an axon on a subnet. 0 is no limit; a public chain has 50. */
  servingRateLimit?: bigint
}

export function subtensorGenesis(options: SubtensorGenesisOptions): GenesisEntry[] {
  const netuids = Array.from({ length: options.subnets }, (_, i) => i + 1)
  return [
    entry('TotalIssuance', options.issuanceRao),
    entry('TotalNetworks', options.subnets + 1),
    entry('SubnetLimit', Math.max(12, options.subnets)),
    entry('TxRateLimit', options.txRateLimit ?? 0n),
    ...rootNetwork(options),
    ...netuids.flatMap((netuid) => subnet(netuid, options)),
  ]
}

function entry<N extends ItemName>(item: N, ...keysAndValue: [...KeysOf<N>, Stored<N>]): GenesisEntry {
  return { pallet: PALLET, item, keys: keysAndValue.slice(0, -1), value: keysAndValue[keysAndValue.length - 1] }
}

function rootNetwork({ rootTempo = 100 }: SubtensorGenesisOptions): GenesisEntry[] {
  return [
    entry('NetworksAdded', ROOT_NETUID, true),
    entry('SubnetworkN', ROOT_NETUID, 0),
    entry('MaxAllowedUids', ROOT_NETUID, ROOT_SEATS),
    entry('MaxAllowedValidators', ROOT_NETUID, ROOT_SEATS),
    entry('MinAllowedWeights', ROOT_NETUID, 0),
    entry('MaxWeightsLimit', ROOT_NETUID, U16_MAX),
    entry('Tempo', ROOT_NETUID, rootTempo),
    entry('NetworkRegistrationAllowed', ROOT_NETUID, true),
    entry('WeightsSetRateLimit', ROOT_NETUID, 10n),
    entry('TargetRegistrationsPerInterval', ROOT_NETUID, 8),
    entry('MaxRegistrationsPerBlock', ROOT_NETUID, 4),
  ]
}

function subnet(netuid: number, options: SubtensorGenesisOptions): GenesisEntry[] {
  const { maxUids = 256, maxValidators = Math.min(64, maxUids), difficulty = 10_000n, tempos = [99, 360], owners = [] } = options
  const owner = owners[netuid - 1]
  return [
    entry('NetworksAdded', netuid, true),
    entry('NetworkModality', netuid, 0),
    entry('NetworkRegisteredAt', netuid, 0n),
    entry('SubnetworkN', netuid, 0),
    entry('Tempo', netuid, tempos[Math.min(netuid, tempos.length) - 1] ?? 99),
    entry('EmissionValues', netuid, emissionShare(netuid, options.subnets)),
    entry('NetworkRegistrationAllowed', netuid, true),
    entry('NetworkPowRegistrationAllowed', netuid, true),
    entry('MaxAllowedUids', netuid, maxUids),
    entry('MaxAllowedValidators', netuid, maxValidators),
    entry('MinAllowedWeights', netuid, 1),
    entry('MaxWeightsLimit', netuid, U16_MAX),
    entry('WeightsSetRateLimit', netuid, 10n),
    entry('ServingRateLimit', netuid, options.servingRateLimit ?? 10n),
    entry('ImmunityPeriod', netuid, 100),
    entry('ActivityCutoff', netuid, 5000),
    entry('Rho', netuid, 10),
    entry('Kappa', netuid, 32_767),
    entry('BondsMovingAverage', netuid, 900_000n),
    entry('Difficulty', netuid, difficulty),
    entry('MinDifficulty', netuid, difficulty / 10n + 1n),
    entry('MaxDifficulty', netuid, U64_MAX / 4n),
    entry('Burn', netuid, RAO_PER_TAO),
    entry('MinBurn', netuid, RAO_PER_TAO / 10n),
    entry('MaxBurn', netuid, 100n * RAO_PER_TAO),
    entry('AdjustmentInterval', netuid, 100),
    entry('TargetRegistrationsPerInterval', netuid, Math.min(64, maxUids)),
    entry('MaxRegistrationsPerBlock', netuid, 8),
    ...(['RegistrationsThisInterval', 'POWRegistrationsThisInterval', 'BurnRegistrationsThisInterval'] as const).map((item) =>
      entry(item, netuid, 0),
    ),
    ...(owner === undefined ? [] : [entry('SubnetOwner', netuid, owner)]),
  ]
}

/** One TAO a block over all subnets; the first takes what the division leaves. */
function emissionShare(netuid: number, subnets: number): bigint {
  const share = RAO_PER_TAO / BigInt(subnets)
  return netuid === 1 ? RAO_PER_TAO - share * BigInt(subnets - 1) : share
}
