import type { Hex } from '../../core/records.js'
import type { ChainState } from '../state.js'
import { SUBTENSOR } from '../views/subnet-view.js'
import {
  isPowRemoved,
  type BurnDecay,
  type HotkeyFacts,
  type PriceFacts,
  type ProxyFacts,
  type QuotaFacts,
  type RegistrationFacts,
} from './facts.js'
import { readSlots } from './slots.js'

export interface RegistrationQuestion {
  netuid: number
  hotkey?: Hex
  coldkey?: Hex
}

/** What is kept for a subnet, all of it small. */
const ITEMS = [
  'NetworksAdded',
  'NetworkPowRegistrationAllowed',
  'NetworkRegistrationAllowed',
  'Difficulty',
  'MinDifficulty',
  'MaxDifficulty',
  'Burn',
  'MinBurn',
  'MaxBurn',
  'AdjustmentAlpha',
  'BurnHalfLife',
  'BurnIncreaseMult',
  'RegistrationsThisBlock',
  'MaxRegistrationsPerBlock',
  'RegistrationsThisInterval',
  'POWRegistrationsThisInterval',
  'BurnRegistrationsThisInterval',
  'TargetRegistrationsPerInterval',
  'AdjustmentInterval',
  'LastAdjustmentBlock',
  'SubnetworkN',
  'MaxAllowedUids',
] as const
type ItemName = (typeof ITEMS)[number]
type Values = Record<ItemName, unknown>

const U16_MAX = 0xff_ff
const ZERO_ACCOUNT: Hex = `0x${'00'.repeat(32)}`

export async function readRegistration(state: ChainState, question: RegistrationQuestion): Promise<RegistrationFacts> {
  return (await readRegistrations(state, [question]))[0] as RegistrationFacts
}

/** The facts of many registrations in one round trip; one more for full subnets whose runtime protects neurons, and one for those with an owner. */
export async function readRegistrations(state: ChainState, questions: readonly RegistrationQuestion[]): Promise<RegistrationFacts[]> {
  const netuids = [...new Set(questions.map(({ netuid }) => netuid))]
  const [subnets, hotkeys, coldkeys] = await Promise.all([
    readSubnets(state, netuids),
    readHotkeys(state, questions),
    readBalances(
      state,
      questions.map(({ coldkey }) => coldkey),
    ),
  ])
  return questions.map(({ netuid, coldkey }, i) => ({
    ...(subnets.get(netuid) as SubnetFacts),
    hotkey: hotkeys[i] ?? null,
    coldkey: coldkey === undefined ? null : { id: coldkey, free: coldkeys[i]?.free ?? 0n },
  }))
}

type SubnetFacts = Omit<RegistrationFacts, 'hotkey' | 'coldkey'>

async function readSubnets(state: ChainState, netuids: readonly number[]): Promise<Map<number, SubnetFacts>> {
  const keys = netuids.map((netuid) => [netuid])
  const columns = await Promise.all(ITEMS.map((name) => state.many(SUBTENSOR, name, keys)))
  const rows = netuids.map((netuid, i) => ({
    netuid,
    values: Object.fromEntries(ITEMS.map((name, k) => [name, columns[k]?.[i] ?? null])) as Values,
  }))
  const slots = await readSlots(
    state,
    rows.map(({ netuid, values }) => ({
      netuid,
      neurons: Number(values.SubnetworkN ?? 0),
      maxNeurons: Number(values.MaxAllowedUids ?? 0),
    })),
  )
  return new Map(rows.map(({ netuid, values }, i) => [netuid, subnetFacts(state, netuid, values, slots[i] ?? 'none')]))
}

function subnetFacts(state: ChainState, netuid: number, values: Values, slot: SubnetFacts['slot']): SubnetFacts {
  const { runtime } = state
  const hasRegisterLimit = runtime.hasCall(SUBTENSOR, 'register_limit')
  const registrationAllowed = values.NetworkRegistrationAllowed === true
  const burnDecay = decayOf(values)
  return {
    block: { number: state.height, hash: state.hash },
    specVersion: runtime.specVersion,
    netuid,
    exists: values.NetworksAdded === true,
    powRemoved: isPowRemoved(runtime.specVersion, hasRegisterLimit),
    // One flag served both ways in before spec 136.
    powAllowed: state.has(SUBTENSOR, 'NetworkPowRegistrationAllowed') ? values.NetworkPowRegistrationAllowed === true : registrationAllowed,
    registrationAllowed,
    difficulty: priceOf(values.Difficulty, values.MinDifficulty, values.MaxDifficulty),
    burn: priceOf(values.Burn, values.MinBurn, values.MaxBurn),
    adjustmentAlpha: values.AdjustmentAlpha === null ? null : (values.AdjustmentAlpha as bigint),
    burnDecay,
    quota: burnDecay === null ? quotaOf(values, state.height) : null,
    slot,
    neurons: Number(values.SubnetworkN ?? 0),
    maxNeurons: Number(values.MaxAllowedUids ?? 0),
    hasRegisterLimit,
    existentialDeposit: BigInt((runtime.constant('Balances', 'ExistentialDeposit') as bigint | null) ?? 0n),
  }
}

function priceOf(current: unknown, min: unknown, max: unknown): PriceFacts | null {
  return current === null
    ? null
    : { current: BigInt(current as bigint), min: BigInt((min ?? 0n) as bigint), max: BigInt((max ?? current) as bigint) }
}

function decayOf(values: Values): BurnDecay | null {
  if (values.BurnHalfLife === null || values.BurnIncreaseMult === null) return null
  return { halfLifeBlocks: Number(values.BurnHalfLife), increaseBits: bitsOf(values.BurnIncreaseMult) }
}

/** A fixed-point number is a struct around its bits. */
function bitsOf(value: unknown): bigint {
  return typeof value === 'bigint' ? value : BigInt((value as { bits: bigint }).bits)
}

function quotaOf(values: Values, height: number): QuotaFacts | null {
  if (values.TargetRegistrationsPerInterval === null || values.RegistrationsThisInterval === null) return null
  const target = Number(values.TargetRegistrationsPerInterval)
  const intervalBlocks = Number(values.AdjustmentInterval ?? 0)
  const lastAdjustmentBlock = Number(values.LastAdjustmentBlock ?? 0)
  return {
    usedInBlock: Number(values.RegistrationsThisBlock ?? 0),
    perBlock: Number(values.MaxRegistrationsPerBlock ?? 0),
    usedInInterval: Number(values.RegistrationsThisInterval),
    byWork: Number(values.POWRegistrationsThisInterval ?? 0),
    byBurn: Number(values.BurnRegistrationsThisInterval ?? 0),
    target,
    perInterval: Math.min(target * 3, U16_MAX),
    intervalBlocks,
    lastAdjustmentBlock,
    intervalEndsAt: Math.max(lastAdjustmentBlock + intervalBlocks, height + 1),
  }
}

async function readHotkeys(state: ChainState, questions: readonly RegistrationQuestion[]): Promise<(HotkeyFacts | null)[]> {
  const asked = questions.map(({ hotkey }) => hotkey ?? ZERO_ACCOUNT)
  const keys = asked.map((hotkey) => [hotkey])
  const [uids, owners, balances, proxies] = await Promise.all([
    state.stored(
      SUBTENSOR,
      'Uids',
      questions.map(({ netuid, hotkey }) => [netuid, hotkey ?? ZERO_ACCOUNT] as const),
    ) as Promise<(number | null)[]>,
    state.stored(SUBTENSOR, 'Owner', keys) as Promise<(Hex | null)[]>,
    readBalances(state, asked),
    state.stored('Proxy', 'Proxies', keys) as Promise<([StoredProxy[], bigint] | null)[]>,
  ])
  const hasProxies = state.has('Proxy', 'Proxies')
  return questions.map(({ hotkey }, i) =>
    hotkey === undefined
      ? null
      : {
          id: hotkey,
          uid: uids[i] ?? null,
          owner: owners[i] ?? null,
          alive: balances[i]?.alive ?? false,
          free: balances[i]?.free ?? 0n,
          proxies: hasProxies ? (proxies[i]?.[0] ?? []).map(proxyFacts) : null,
        },
  )
}

interface StoredProxy {
  delegate: Hex
  proxy_type: { type: string }
  delay: number
}

function proxyFacts({ delegate, proxy_type, delay }: StoredProxy): ProxyFacts {
  return { delegate, type: proxy_type.type, delayBlocks: delay }
}

interface StoredAccount {
  providers?: number
  sufficients?: number
  data: { free: bigint }
}

async function readBalances(state: ChainState, accounts: readonly (Hex | undefined)[]): Promise<{ alive: boolean; free: bigint }[]> {
  const stored = (await state.stored(
    'System',
    'Account',
    accounts.map((account) => [account ?? ZERO_ACCOUNT]),
  )) as (StoredAccount | null)[]
  return stored.map((account) => ({
    alive: (account?.providers ?? 0) + (account?.sufficients ?? 0) > 0,
    free: BigInt(account?.data.free ?? 0n),
  }))
}
