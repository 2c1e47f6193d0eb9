import type { Hex } from '../../core/records.js'

/** Spec versions at which the rules of registration changed without a trace in the metadata. */
const HOTKEY_SIGNS_SINCE = 120
const POW_COSTS_SINCE = 302
const POW_REMOVED_SINCE = 401

/** Everything that decides whether a hotkey can be registered on a subnet, at one block. Amounts in rao; null is what the runtime does not have. */
export interface RegistrationFacts {
  readonly block: { readonly number: number; readonly hash: Hex }
  readonly specVersion: number
  readonly netuid: number
  readonly exists: boolean
  /** The runtime takes no proof of work: its call `register` is a purchase. */
  readonly powRemoved: boolean
  readonly powAllowed: boolean
  /** Whether a place can be bought. */
  readonly registrationAllowed: boolean
  readonly difficulty: PriceFacts | null
  readonly burn: PriceFacts | null
  /** Share of the old price in the new one, of 2^64 - 1. */
  readonly adjustmentAlpha: bigint | null
  /** How the price of a place decays from block to block; null in runtimes that set it at the end of an interval. */
  readonly burnDecay: BurnDecay | null
  /** Counters of the block and of the interval; null in runtimes that do not limit registrations by them. */
  readonly quota: QuotaFacts | null
  /** `free` when the subnet is not full, `prunable` when someone makes room, `none` when nobody can be pruned. */
  readonly slot: 'free' | 'prunable' | 'none'
  readonly neurons: number
  readonly maxNeurons: number
  /** The runtime has `register_limit`, which refuses a price above the caller's limit. */
  readonly hasRegisterLimit: boolean
  readonly existentialDeposit: bigint
  /** Of the hotkey that was asked about. */
  readonly hotkey: HotkeyFacts | null
  readonly coldkey: { readonly id: Hex; readonly free: bigint } | null
}

export interface PriceFacts {
  readonly current: bigint
  readonly min: bigint
  readonly max: bigint
}

export interface BurnDecay {
  /** Blocks in which the price halves; 0 is no decay. */
  readonly halfLifeBlocks: number
  /** What a registration multiplies the price with, as U64F64 bits. */
  readonly increaseBits: bigint
}

export interface QuotaFacts {
  /** The counter as the block left it; the next block starts with 0. */
  readonly usedInBlock: number
  readonly perBlock: number
  readonly usedInInterval: number
  readonly byWork: number
  readonly byBurn: number
  readonly target: number
  /** Three times the target. */
  readonly perInterval: number
  readonly intervalBlocks: number
  readonly lastAdjustmentBlock: number
  /** In this block, before its extrinsics, prices are set anew and the interval's counters cleared. Never before the next block. */
  readonly intervalEndsAt: number
}

export interface HotkeyFacts {
  readonly id: Hex
  /** Its place on the subnet. */
  readonly uid: number | null
  readonly owner: Hex | null
  /** Whether the account is alive on the chain: without that, newer pools take nothing that it signed. */
  readonly alive: boolean
  readonly free: bigint
  /** Who may act for it; null in runtimes without proxies. */
  readonly proxies: readonly ProxyFacts[] | null
}

export interface ProxyFacts {
  readonly delegate: Hex
  readonly type: string
  readonly delayBlocks: number
}

/** Whether work belongs to whoever signs for the hotkey. Before, anybody who sees work can use it. */
export function isWorkBound(specVersion: number): boolean {
  return specVersion >= HOTKEY_SIGNS_SINCE
}

/** Whether the signer of `register` pays a fee. Extrinsics carry no such thing in the metadata. */
export function powCostsFee(specVersion: number): boolean {
  return specVersion >= POW_COSTS_SINCE
}

/** Spec 401 removed proof of work. Development chains on the way to it are known by what came with it. */
export function isPowRemoved(specVersion: number, hasRegisterLimit: boolean): boolean {
  return specVersion >= POW_REMOVED_SINCE || hasRegisterLimit
}
