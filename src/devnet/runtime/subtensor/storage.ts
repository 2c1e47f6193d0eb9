/**
 * The storage of SubtensorModule at spec 143, once as data (for the metadata and the codecs) and once as types: `get(ctx, 'Burn', netuid)` is a
 * bigint because the table says so. Order, hashers and defaults are the chain's.
 */
import type { Hex } from '../../../core/records.js'
import type { Context, Hasher, StorageDefinition } from '../types.js'
import type { AxonInfo, EmissionTuple, PrometheusInfo } from './definition.js'

export const PALLET = 'SubtensorModule'
export const ROOT_NETUID = 0
export const U16_MAX = 65535
export const U64_MAX = 2n ** 64n - 1n

const RAO_PER_TAO = 1_000_000_000n
const NO_ACCOUNT: Hex = `0x${'00'.repeat(32)}`

interface Values {
  bool: boolean
  u16: number
  u64: bigint
  AccountId: Hex
  AxonInfo: AxonInfo
  PrometheusInfo: PrometheusInfo
  'Vec<u8>': Uint8Array
  'Vec<bool>': readonly boolean[]
  'Vec<u16>': readonly number[]
  'Vec<u64>': readonly bigint[]
  'Vec<(u16, u16)>': readonly (readonly [number, number])[]
  'Vec<(AccountId, u64, u64)>': readonly EmissionTuple[]
}
type Type = keyof Values

interface Key<T extends Type> {
  hasher: Hasher
  type: T
}

/** `Keys` are the values that address an entry, `In` is what is stored and `Out` what a read gives. */
interface Item<Keys extends readonly unknown[], In, Out> extends Omit<StorageDefinition, 'name'> {
  readonly phantom?: { keys: Keys; in: In; out: Out }
}

function identity<T extends Type>(type: T): Key<T> {
  return { hasher: 'Identity', type }
}

function blake<T extends Type>(type: T): Key<T> {
  return { hasher: 'Blake2_128Concat', type }
}

function plain<V extends Type>(value: V, fallback: Values[V]): Item<[], Values[V], Values[V]> {
  return { value, modifier: 'Default', fallback }
}

function map<K extends Type, V extends Type>(key: Key<K>, value: V, fallback: Values[V]): Item<[Values[K]], Values[V], Values[V]> {
  return { keys: [key], value, modifier: 'Default', fallback }
}

function doubleMap<A extends Type, B extends Type, V extends Type>(
  first: Key<A>,
  second: Key<B>,
  value: V,
  fallback: Values[V],
): Item<[Values[A], Values[B]], Values[V], Values[V]> {
  return { keys: [first, second], value, modifier: 'Default', fallback }
}

function optionalMap<K extends Type, V extends Type>(key: Key<K>, value: V): Item<[Values[K]], Values[V], Values[V] | undefined> {
  return { keys: [key], value, modifier: 'Optional' }
}

function optionalDoubleMap<A extends Type, B extends Type, V extends Type>(
  first: Key<A>,
  second: Key<B>,
  value: V,
): Item<[Values[A], Values[B]], Values[V], Values[V] | undefined> {
  return { keys: [first, second], value, modifier: 'Optional' }
}

const netuid = identity('u16')
const uid = identity('u16')
const account = identity('AccountId')
const hashedAccount = blake('AccountId')

const ITEMS = {
  SenateRequiredStakePercentage: plain('u64', 1n),
  TotalStake: plain('u64', 0n),
  DefaultTake: plain('u16', 11_796),
  BlockEmission: plain('u64', RAO_PER_TAO),
  TotalIssuance: plain('u64', 0n),
  TotalHotkeyStake: map(account, 'u64', 0n),
  TotalColdkeyStake: map(account, 'u64', 0n),
  Owner: map(hashedAccount, 'AccountId', NO_ACCOUNT),
  Delegates: map(hashedAccount, 'u16', 11_796),
  Stake: doubleMap(hashedAccount, account, 'u64', 0n),
  UsedWork: map(identity('Vec<u8>'), 'u64', 0n),
  Burn: map(netuid, 'u64', RAO_PER_TAO),
  Difficulty: map(netuid, 'u64', 10_000_000n),
  MinBurn: map(netuid, 'u64', RAO_PER_TAO),
  MaxBurn: map(netuid, 'u64', 100n * RAO_PER_TAO),
  MinDifficulty: map(netuid, 'u64', 10_000_000n),
  MaxDifficulty: map(netuid, 'u64', U64_MAX / 4n),
  LastAdjustmentBlock: map(netuid, 'u64', 0n),
  RegistrationsThisBlock: map(netuid, 'u16', 0),
  MaxRegistrationsPerBlock: map(netuid, 'u16', 1),
  RAORecycledForRegistration: map(netuid, 'u64', 0n),
  SubnetLimit: plain('u16', 12),
  TotalNetworks: plain('u16', 0),
  SubnetworkN: map(netuid, 'u16', 0),
  NetworkModality: map(netuid, 'u16', 0),
  NetworksAdded: map(netuid, 'bool', false),
  IsNetworkMember: doubleMap(hashedAccount, netuid, 'bool', false),
  NetworkRegistrationAllowed: map(netuid, 'bool', false),
  NetworkPowRegistrationAllowed: map(netuid, 'bool', false),
  NetworkRegisteredAt: map(netuid, 'u64', 0n),
  NetworkImmunityPeriod: plain('u64', 50_400n),
  NetworkLastRegistered: plain('u64', 0n),
  NetworkMinAllowedUids: plain('u16', 128),
  NetworkMinLockCost: plain('u64', 1000n * RAO_PER_TAO),
  NetworkLastLockCost: plain('u64', 1000n * RAO_PER_TAO),
  NetworkLockReductionInterval: plain('u64', 100_800n),
  SubnetOwnerCut: plain('u16', 11_796),
  NetworkRateLimit: plain('u64', 7200n),
  Tempo: map(netuid, 'u16', 99),
  EmissionValues: map(netuid, 'u64', 0n),
  PendingEmission: map(netuid, 'u64', 0n),
  BlocksSinceLastStep: map(netuid, 'u64', 0n),
  LastMechansimStepBlock: map(netuid, 'u64', 0n),
  SubnetOwner: map(netuid, 'AccountId', NO_ACCOUNT),
  SubnetLocked: map(netuid, 'u64', 0n),
  TxRateLimit: plain('u64', 1000n),
  LastTxBlock: map(account, 'u64', 0n),
  ServingRateLimit: map(netuid, 'u64', 50n),
  Axons: optionalDoubleMap(netuid, hashedAccount, 'AxonInfo'),
  Prometheus: optionalDoubleMap(netuid, hashedAccount, 'PrometheusInfo'),
  WeightsMinStake: plain('u64', 0n),
  Rho: map(netuid, 'u16', 10),
  Kappa: map(netuid, 'u16', 32_767),
  NeuronsToPruneAtNextEpoch: map(netuid, 'u16', 0),
  RegistrationsThisInterval: map(netuid, 'u16', 0),
  POWRegistrationsThisInterval: map(netuid, 'u16', 0),
  BurnRegistrationsThisInterval: map(netuid, 'u16', 0),
  MaxAllowedUids: map(netuid, 'u16', 4096),
  ImmunityPeriod: map(netuid, 'u16', 4096),
  ActivityCutoff: map(netuid, 'u16', 5000),
  MaxWeightsLimit: map(netuid, 'u16', 1000),
  WeightsVersionKey: map(netuid, 'u64', 0n),
  MinAllowedWeights: map(netuid, 'u16', 1024),
  MaxAllowedValidators: map(netuid, 'u16', 128),
  AdjustmentInterval: map(netuid, 'u16', 100),
  BondsMovingAverage: map(netuid, 'u64', 900_000n),
  WeightsSetRateLimit: map(netuid, 'u64', 100n),
  ValidatorPruneLen: map(netuid, 'u64', 1n),
  ScalingLawPower: map(netuid, 'u16', 50),
  TargetRegistrationsPerInterval: map(netuid, 'u16', 2),
  BlockAtRegistration: doubleMap(netuid, uid, 'u64', 0n),
  AdjustmentAlpha: map(netuid, 'u64', 0n),
  Uids: optionalDoubleMap(netuid, hashedAccount, 'u16'),
  Keys: doubleMap(netuid, uid, 'AccountId', NO_ACCOUNT),
  LoadedEmission: optionalMap(netuid, 'Vec<(AccountId, u64, u64)>'),
  Active: map(netuid, 'Vec<bool>', []),
  Rank: map(netuid, 'Vec<u16>', []),
  Trust: map(netuid, 'Vec<u16>', []),
  Consensus: map(netuid, 'Vec<u16>', []),
  Incentive: map(netuid, 'Vec<u16>', []),
  Dividends: map(netuid, 'Vec<u16>', []),
  Emission: map(netuid, 'Vec<u64>', []),
  LastUpdate: map(netuid, 'Vec<u64>', []),
  ValidatorTrust: map(netuid, 'Vec<u16>', []),
  PruningScores: map(netuid, 'Vec<u16>', []),
  ValidatorPermit: map(netuid, 'Vec<bool>', []),
  Weights: doubleMap(netuid, uid, 'Vec<(u16, u16)>', []),
  Bonds: doubleMap(netuid, uid, 'Vec<(u16, u16)>', []),
}

export type ItemName = keyof typeof ITEMS
type Phantom<N extends ItemName> = NonNullable<(typeof ITEMS)[N]['phantom']>
export type KeysOf<N extends ItemName> = Phantom<N>['keys']
export type Stored<N extends ItemName> = Phantom<N>['in']
type Read<N extends ItemName> = Phantom<N>['out']

/** Names of the items whose keys and value have these types. */
type ItemsOf<Keys, V> = {
  [N in ItemName]: KeysOf<N> extends Keys ? (Keys extends KeysOf<N> ? (V extends Stored<N> ? N : never) : never) : never
}[ItemName]
/** Items that hold one value per subnet. */
export type PerSubnet<V> = ItemsOf<[number], V>

export const subtensorStorage: StorageDefinition[] = Object.entries(ITEMS).map(([name, item]) => ({ name, ...item }))

export function get<N extends ItemName>(ctx: Context, item: N, ...keys: KeysOf<N>): Read<N> {
  return ctx.get<Read<N>>(PALLET, item, ...keys)
}

export function has<N extends ItemName>(ctx: Context, item: N, ...keys: KeysOf<N>): boolean {
  return ctx.has(PALLET, item, ...keys)
}

/** The last argument is the value, those before it are the keys. */
export function put<N extends ItemName>(ctx: Context, item: N, ...keysAndValue: [...KeysOf<N>, Stored<N>]): void {
  ctx.set(PALLET, item, keysAndValue.slice(0, -1), keysAndValue[keysAndValue.length - 1])
}

export function remove<N extends ItemName>(ctx: Context, item: N, ...keys: KeysOf<N>): void {
  ctx.remove(PALLET, item, ...keys)
}

/** Everything under a prefix of the keys, in the order of the raw storage keys. */
export function entries<N extends ItemName>(ctx: Context, item: N, ...prefix: Partial<KeysOf<N>>): { keys: KeysOf<N>; value: Stored<N> }[] {
  return ctx.entries<Stored<N>>(PALLET, item, ...prefix) as { keys: KeysOf<N>; value: Stored<N> }[]
}

export function clearPrefix<N extends ItemName>(ctx: Context, item: N, ...prefix: Partial<KeysOf<N>>): void {
  for (const { keys } of entries(ctx, item, ...prefix)) ctx.remove(PALLET, item, ...keys)
}

export function emit(ctx: Context, event: string, ...fields: unknown[]): void {
  ctx.emit(PALLET, event, ...fields)
}

export function now(ctx: Context): bigint {
  return BigInt(ctx.blockNumber)
}
