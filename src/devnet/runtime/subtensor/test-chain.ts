/**
 * A chain for this pallet's tests: its state is encoded bytes under real storage keys, so that a value of a wrong type fails where it is written,
 * and entries come in the order a node has them in. Money is a small stand-in.
 */
import { hexToU8a, u8aConcat, u8aToHex } from '@polkadot/util'
import { blake2AsU8a, xxhashAsU8a } from '@polkadot/util-crypto'
import type { Hex } from '../../../core/records.js'
import { adminUtilsPallet } from '../admin-utils.js'
import { createCodecs } from '../codec.js'
import { refusedCall } from '../define.js'
import {
  type CallValue,
  type Context,
  DispatchError,
  type Hasher,
  InvalidTransaction,
  type Origin,
  type PalletDefinition,
  type StorageDefinition,
} from '../types.js'
import type { Currency, SubtensorConfig } from './config.js'
import type { GenesisEntry } from './genesis.js'
import { subtensorPallet } from './pallet.js'
import { senate, senateMembersPallet } from './senate-members.js'

interface TestEvent {
  pallet: string
  event: string
  fields: unknown[]
}

export interface TestChain {
  ctx: Context
  /** Encoded values under encoded keys. */
  state: Map<Hex, Hex>
  readonly events: TestEvent[]
  forgetEvents(): void
  /** Hashes of past blocks; a block that is not here has none. */
  hashes: Map<number, Hex>
  /** Goes to a block and runs what comes before its extrinsics. */
  block(number: number): void
  /** Moves the clock alone. */
  at(number: number): void
  /** Runs a call; 'ok', `Pallet.Error`, `BadOrigin` and the like. Undone when it fails. */
  send(origin: Hex | 'root' | 'none', call: string, args?: Record<string, unknown>): string
  run(origin: Origin, call: CallValue): string
  fund(who: Hex, amount: bigint): void
  balance(who: Hex): bigint
  readonly pallets: PalletDefinition[]
  encode(type: string, value: unknown): Hex
  decodeCall(bytes: Hex): CallValue
  encodeEvent(event: TestEvent): Hex
  keyOf(pallet: string, item: string, ...keys: unknown[]): Hex
}

const EXISTENTIAL_DEPOSIT = 500n

/** For a call that others carry as an argument, and a type that AdminUtils borrows from its neighbour Aura. */
const SYSTEM: PalletDefinition = {
  name: 'System',
  index: 0,
  types: [{ name: 'AuraId', path: ['AuraId'], fields: [{ type: '[u8; 32]' }] }],
  storage: [],
  calls: [refusedCall(0, 'remark(remark: Vec<u8>)')],
  events: [],
  errors: [],
  constants: [],
}

/** What the stand-in for money keeps its state in. */
const BALANCES: PalletDefinition = {
  name: 'Balances',
  index: 5,
  storage: [
    { name: 'Free', keys: [{ hasher: 'Identity', type: 'AccountId' }], value: 'u64', modifier: 'Default', fallback: 0n },
    { name: 'Frozen', keys: [{ hasher: 'Identity', type: 'AccountId' }], value: 'u64', modifier: 'Default', fallback: 0n },
  ],
  calls: [],
  events: [],
  errors: [],
  constants: [],
}

const currency: Currency = {
  freeBalance: (ctx, who) => ctx.get<bigint>('Balances', 'Free', who),
  canWithdraw: (ctx, who, amount) => amount === 0n || currency.freeBalance(ctx, who) - amount >= ctx.get<bigint>('Balances', 'Frozen', who),
  withdraw: (ctx, who, amount) => {
    const rest = currency.freeBalance(ctx, who) - amount
    if (amount > 0n && rest < EXISTENTIAL_DEPOSIT) return false
    ctx.set('Balances', 'Free', [who], rest)
    return true
  },
  deposit: (ctx, who, amount) => {
    const free = currency.freeBalance(ctx, who)
    if (free > 0n || amount >= EXISTENTIAL_DEPOSIT) ctx.set('Balances', 'Free', [who], free + amount)
  },
}

export function createTestChain(genesis: GenesisEntry[] = [], config: Partial<SubtensorConfig> = {}): TestChain {
  const pallets = [subtensorPallet({ currency, senate, ...config }), adminUtilsPallet(), senateMembersPallet(), BALANCES, SYSTEM]
  const codecs = createCodecs(pallets)
  const byName = new Map(pallets.map((pallet) => [pallet.name, pallet]))
  const state = new Map<Hex, Hex>()
  const hashes = new Map<number, Hex>()
  let events: TestEvent[] = []
  let blockNumber = 0

  function itemOf(pallet: string, item: string): StorageDefinition {
    const found = byName.get(pallet)?.storage.find(({ name }) => name === item)
    if (!found) throw new Error(`no item ${pallet}.${item}`)
    return found
  }

  function keyOf(pallet: string, item: string, ...keys: unknown[]): Hex {
    const parts = keys.map((key, i) => {
      const { hasher, type } = itemOf(pallet, item).keys?.[i] ?? { hasher: 'Identity' as const, type: 'u16' }
      return hashKey(hasher, codecs.encode(type, key))
    })
    return hex(u8aConcat(prefixOf(pallet, item), ...parts))
  }

  const prefixes = new Map<string, Uint8Array>()
  function prefixOf(pallet: string, item: string): Uint8Array {
    const name = `${pallet}.${item}`
    const known = prefixes.get(name) ?? hexToU8a(hashedKey(pallet, item))
    prefixes.set(name, known)
    return known
  }

  /** The values of the keys, which the hashers used here leave readable at their ends. */
  function keysOf({ keys = [] }: StorageDefinition, raw: Hex): unknown[] {
    let at = 32
    const bytes = hexToU8a(raw)
    return keys.map(({ hasher, type }) => {
      const start = at + (hasher === 'Blake2_128Concat' ? 16 : 0)
      at = type === 'u16' ? start + 2 : type === 'AccountId' ? start + 32 : bytes.length
      return codecs.decode(type, type === 'Vec<u8>' ? bytes.slice(start) : bytes.slice(start, at))
    })
  }

  const ctx: Context = {
    get blockNumber() {
      return blockNumber
    },
    now: () => blockNumber * 12_000,
    blockHash: (number) => hashes.get(number) ?? null,
    get: <T>(pallet: string, item: string, ...keys: unknown[]) => {
      const definition = itemOf(pallet, item)
      const raw = state.get(keyOf(pallet, item, ...keys))
      return (raw === undefined ? definition.fallback : codecs.decode(definition.value, hexToU8a(raw))) as T
    },
    has: (pallet, item, ...keys) => state.has(keyOf(pallet, item, ...keys)),
    set: (pallet, item, keys, value) => {
      state.set(keyOf(pallet, item, ...keys), hex(codecs.encode(itemOf(pallet, item).value, value)))
    },
    setRaw: () => {
      throw new Error('not wanted here')
    },
    remove: (pallet, item, ...keys) => {
      state.delete(keyOf(pallet, item, ...keys))
    },
    entries: <T>(pallet: string, item: string, ...prefix: unknown[]) => {
      const definition = itemOf(pallet, item)
      const start = keyOf(pallet, item, ...prefix)
      return [...state]
        .filter(([key]) => key.startsWith(start))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, raw]) => ({ keys: keysOf(definition, key), value: codecs.decode(definition.value, hexToU8a(raw)) as T }))
    },
    emit: (pallet, event, ...fields) => {
      events.push({ pallet, event, fields })
    },
    dispatch: () => {
      throw new Error('no call of this pallet dispatches another')
    },
    infoOf: () => {
      throw new Error('not wanted here')
    },
    constant: <T>(pallet: string, name: string) => byName.get(pallet)?.constants.find((constant) => constant.name === name)?.value as T,
  }

  function run(origin: Origin, { pallet, call, args }: CallValue): string {
    const definition = byName.get(pallet)?.calls.find(({ name }) => name === call)
    if (!definition) throw new Error(`no call ${pallet}.${call}`)
    const before = new Map(state)
    const eventsBefore = events.length
    try {
      definition.dispatch(ctx, origin, args)
      return 'ok'
    } catch (error) {
      state.clear()
      for (const [key, value] of before) state.set(key, value)
      events.splice(eventsBefore)
      if (error instanceof InvalidTransaction) return `invalid ${error.message}`
      if (!(error instanceof DispatchError)) throw error
      return error.kind.type === 'Module' ? `${error.kind.pallet}.${error.kind.error}` : error.kind.type
    }
  }

  for (const { pallet, item, keys, value } of genesis) ctx.set(pallet, item, keys, value)
  return {
    ctx,
    state,
    hashes,
    get events() {
      return events
    },
    forgetEvents: () => {
      events = []
    },
    block: (number) => {
      blockNumber = number
      events = []
      for (const pallet of pallets) pallet.onInitialize?.(ctx)
    },
    at: (number) => {
      blockNumber = number
    },
    send: (origin, call, args = {}) => {
      const [name = '', method] = call.split('.')
      const where = method === undefined ? { pallet: 'SubtensorModule', call: name } : { pallet: name, call: method }
      return run(origin === 'root' ? { type: 'Root' } : origin === 'none' ? { type: 'None' } : { type: 'Signed', who: origin }, {
        ...where,
        args,
      })
    },
    run,
    fund: (who, amount) => ctx.set('Balances', 'Free', [who], amount),
    balance: (who) => currency.freeBalance(ctx, who),
    pallets,
    encode: (type, value) => hex(codecs.encode(type, value)),
    decodeCall: (bytes) => codecs.decode('RuntimeCall', hexToU8a(bytes)) as CallValue,
    encodeEvent: (event) => hex(codecs.encode('RuntimeEvent', event)),
    keyOf,
  }
}

function hashKey(hasher: Hasher, bytes: Uint8Array): Uint8Array {
  if (hasher === 'Identity') return bytes
  if (hasher === 'Blake2_128Concat') return u8aConcat(blake2AsU8a(bytes, 128), bytes)
  throw new Error(`no item of this pallet is hashed with ${hasher}`)
}

function hex(bytes: Uint8Array): Hex {
  return u8aToHex(bytes)
}

/** An account whose bytes are all the same. */
export function account(byte: number): Hex {
  return `0x${byte.toString(16).padStart(2, '0').repeat(32)}`
}

/** The prefix of a pallet's keys, or of an item's. */
export function hashedKey(...names: string[]): Hex {
  return hex(u8aConcat(...names.map((name) => xxhashAsU8a(name, 128))))
}
