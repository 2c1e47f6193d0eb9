/**
 * What a pallet of the devnet's runtime is made of. A pallet is data (its metadata) plus plain functions (its behaviour); the metadata,
 * the codecs of calls, events and storage, and the dispatch table are all derived from it.
 *
 * Values inside the runtime have one form: u8..u32 are numbers, u64 and u128 bigints, bool booleans, accounts and fixed byte arrays lower-case
 * 0x-hex (`Hex`), byte vectors Uint8Array, options `undefined` for none, tuples arrays, structs objects with the Rust field names (snake_case), enums
 * `{ type, value }`. Composites with one unnamed field are that field; with several, arrays. A `RuntimeCall` is a `CallValue`, a `DispatchError` the
 * class below, a `DispatchResult` (`Result<(), DispatchError>`) a `DispatchOutcome`.
 */
import type { Hex } from '../../core/records.js'

/**
 * A type by its Rust spelling, as in `u16`, `AccountId`, `Vec<(u16, u16)>`, `Option<u16>`, `Compact<u128>`, `[u8; 32]`, `RuntimeCall`, `MultiAddress`,
 * or the name of a composite declared in `PalletDefinition.types`.
 */
export type TypeName = string

export type Hasher = 'Blake2_128Concat' | 'Identity' | 'Twox64Concat' | 'Twox128'

export interface StorageDefinition {
  name: string
  /** Absent for a plain value. */
  keys?: { hasher: Hasher; type: TypeName }[]
  value: TypeName
  /** `Default` reads as `fallback` when unset, `Optional` as undefined. */
  modifier: 'Default' | 'Optional'
  /** A function, because defaults come from constants. Required with modifier `Default`. */
  fallback?: unknown
  docs?: string
}

export interface FieldDefinition {
  /** Absent in tuple-like events. */
  name?: string
  type: TypeName
}

export interface CallDefinition {
  index: number
  name: string
  args: { name: string; type: TypeName }[]
  /** What the chain charges for, without the base weight of an extrinsic. A bigint is ref time (picoseconds) with no proof size. */
  weight: bigint | Weight
  /** Beside a bigint `weight`; 0 when absent. */
  proofSize?: bigint
  class: DispatchClass
  paysFee: boolean
  /** For calls whose weight or class depends on their arguments; takes the place of the three above. */
  info?: (args: Record<string, unknown>, infoOf: (call: CallValue) => DispatchInfo) => DispatchInfo
  docs?: string
  dispatch: (ctx: Context, origin: Origin, args: Record<string, unknown>) => DispatchOk | undefined
}

export interface Weight {
  refTime: bigint
  proofSize: bigint
}

export type DispatchClass = 'Normal' | 'Operational' | 'Mandatory'

export interface DispatchInfo {
  weight: Weight
  class: DispatchClass
  paysFee: boolean
}

export interface DispatchOk {
  actualWeight?: bigint | Weight
  paysFee?: boolean
}

export interface EventDefinition {
  index: number
  name: string
  fields: FieldDefinition[]
}

export interface CompositeDefinition {
  name: string
  /** Path in the metadata registry, as in ['pallet_subtensor', 'pallet', 'AxonInfo']. */
  path: string[]
  /** Type parameters by name. Clients look some up: the event in an event record, what an address may be. */
  params?: { name: string; type: TypeName }[]
  /** A struct, or an enum with variants. */
  fields?: FieldDefinition[]
  variants?: { name: string; index: number; fields?: FieldDefinition[] }[]
}

export interface PalletDefinition {
  name: string
  index: number
  /** Name of the Rust crate, which starts the paths of its calls, events and errors in the metadata. `pallet_` and the name in snake case when absent. */
  crate?: string
  /** Storage prefix; the name when absent. */
  prefix?: string
  types?: CompositeDefinition[]
  storage: StorageDefinition[]
  calls: CallDefinition[]
  events: EventDefinition[]
  /** A pallet may declare an event type with nothing in it; it is then a part of `RuntimeEvent` all the same. */
  declaresEvents?: boolean
  /** In the order of their indices. */
  errors: string[]
  constants: { name: string; type: TypeName; value: unknown }[]
  /** Ref time that the block is charged for `onInitialize`. */
  initializeWeight?: bigint
  /** Runs before the block's extrinsics, in pallet order. */
  onInitialize?: (ctx: Context) => void
  onFinalize?: (ctx: Context) => void
  /** The pallet's signed extension: throws `InvalidTransaction` for a call that may not enter the pool or a block. */
  validate?: (ctx: Context, who: Hex, call: CallValue) => void
}

export type Origin = { type: 'Signed'; who: Hex } | { type: 'Root' } | { type: 'None' }

/** State of the block being built. Writes made by a dispatch that throws are rolled back by the caller, events too. */
export interface Context {
  readonly blockNumber: number
  /** Unix milliseconds, from `timestamp.set`. */
  readonly now: () => number
  /** Hash of an ancestor, or null when it is out of the last 2400 (System.BlockHash keeps no more). */
  readonly blockHash: (number: number) => Hex | null
  /** Value at the keys, or the fallback of the definition (undefined for `Optional`). */
  get<T>(pallet: string, item: string, ...keys: unknown[]): T
  has(pallet: string, item: string, ...keys: unknown[]): boolean
  set(pallet: string, item: string, keys: unknown[], value: unknown): void
  remove(pallet: string, item: string, ...keys: unknown[]): void
  /** Entries under a prefix of the keys, in storage-key order (which is the order a chain iterates in). */
  entries<T>(pallet: string, item: string, ...prefix: unknown[]): { keys: unknown[]; value: T }[]
  /** A write past the definitions, for `System.set_storage`; null removes. */
  setRaw(key: Uint8Array, value: Uint8Array | null): void
  emit(pallet: string, event: string, ...fields: unknown[]): void
  /** Runs a nested call under an origin inside a storage transaction; its failure is returned, not thrown. */
  dispatch(origin: Origin, call: CallValue): DispatchOutcome
  /** Weight, class and fee of a call before it runs. */
  infoOf(call: CallValue): DispatchInfo
  /** Value of a constant in a pallet's definition. */
  constant<T>(pallet: string, name: string): T
}

export interface CallValue {
  pallet: string
  call: string
  args: Record<string, unknown>
}

export type DispatchOutcome = { ok: true; post?: DispatchOk } | { ok: false; error: DispatchError }

export type DispatchErrorKind =
  | { type: 'Module'; pallet: string; error: string }
  | { type: 'Token' | 'Arithmetic' | 'Transactional'; value: string }
  | { type: PlainDispatchError }

export type PlainDispatchError =
  | 'Other'
  | 'CannotLookup'
  | 'BadOrigin'
  | 'ConsumerRemaining'
  | 'NoProviders'
  | 'TooManyConsumers'
  | 'Exhausted'
  | 'Corruption'
  | 'Unavailable'

/** What a dispatch throws to be refused: `Pallet.Name` for a module error, or one of the chain's own (`BadOrigin`, `Token.NoFunds`...). */
export class DispatchError extends Error {
  override readonly name = 'DispatchError'
  constructor(
    readonly kind: DispatchErrorKind,
    /** What the call cost in spite of failing, where that differs from its `DispatchInfo`. */
    readonly post?: DispatchOk,
  ) {
    super(JSON.stringify(kind))
  }
}

/** Shorthand for the commonest refusal. */
export function moduleError(pallet: string, error: string): DispatchError {
  return new DispatchError({ type: 'Module', pallet, error })
}

export type InvalidTransactionKind =
  | 'Call'
  | 'Payment'
  | 'Future'
  | 'Stale'
  | 'BadProof'
  | 'AncientBirthBlock'
  | 'ExhaustsResources'
  | 'BadMandatory'
  | 'MandatoryValidation'
  | 'BadSigner'
  | { custom: number }

/** An extrinsic that may not be in a block at all, unlike one whose dispatch fails there. */
export class InvalidTransaction extends Error {
  override readonly name = 'InvalidTransaction'
  constructor(readonly kind: InvalidTransactionKind) {
    super(typeof kind === 'string' ? kind : `Custom ${kind.custom}`)
  }
}
