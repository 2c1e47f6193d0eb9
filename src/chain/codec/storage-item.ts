import type { LookupEntry } from '@polkadot-api/metadata-builders'
import { Identity, Twox128, Twox256, Twox64Concat } from '@polkadot-api/substrate-bindings'
import { AppError } from '../../core/errors.js'
import type { Hex, JsonText } from '../../core/records.js'
import { fromHex, toHex } from '../../core/units/bytes.js'
import type { Decoders } from './decoders.js'
import { blake2b128, blake2b128Concat, blake2b256 } from './hashing.js'
import type { TypeLookup } from './lookup.js'
import { Reader } from './reader.js'

/** One storage item of a runtime: makes its keys and decodes its values. */
export interface StorageItem {
  readonly pallet: string
  readonly name: string
  /** Number of keys; 0 for a plain value. */
  readonly arity: number
  /** Names of the key types as far as views need them, as in `['u16', 'AccountId32']`. */
  readonly keyTypes: readonly string[]
  /** The full key, or with fewer arguments the prefix of all keys under them. */
  key(...args: readonly KeyArg[]): Hex
  /** The key's arguments, where the hashers keep them (Identity and the Concat ones). */
  args(key: Hex): unknown[]
  /** The value; for null the item's default, or null when it is optional. */
  value(data: Hex | null): unknown
  /** The same as JSON text. */
  json(data: Hex | null): JsonText
  readonly optional: boolean
  /** Shape of the value: a vector's is `Vec<item>`, a number's its name, anything else its kind. */
  readonly valueType: string
}
export type KeyArg = number | bigint | Hex

interface KeyPart {
  /** An argument as it stands in the key: hex digits without 0x. */
  text: (arg: KeyArg) => string
  /** Length of the hash before the key itself; null when the key is not kept. */
  skip: number | null
  entry: LookupEntry
}

const HASHERS: Record<string, { hash: (data: Uint8Array) => Uint8Array; skip: number | null }> = {
  Blake2128: { hash: blake2b128, skip: null },
  Blake2256: { hash: blake2b256, skip: null },
  Blake2128Concat: { hash: blake2b128Concat, skip: 16 },
  Twox128: { hash: Twox128, skip: null },
  Twox256: { hash: Twox256, skip: null },
  Twox64Concat: { hash: Twox64Concat, skip: 8 },
  Identity: { hash: Identity, skip: 0 },
}

type Pallet = TypeLookup['metadata']['pallets'][number]
type Item = NonNullable<Pallet['storage']>['items'][number]

export function createStorageItem(lookup: TypeLookup, decoders: Decoders, pallet: Pallet, item: Item): StorageItem {
  const prefix = itemPrefix(pallet.storage?.prefix ?? pallet.name, item.name)
  const parts = item.type.tag === 'map' ? keyParts(lookup, item.type.value) : []
  const valueType = item.type.tag === 'map' ? item.type.value.value : item.type.value
  const decode = decoders.value(valueType)
  const decodeJson = decoders.json(valueType)
  const optional = item.modifier === 0
  const fallback = optional ? null : decode(Reader.ofHex(item.fallback as Hex))

  return {
    pallet: pallet.name,
    name: item.name,
    arity: parts.length,
    keyTypes: parts.map((part) => typeName(part.entry)),
    optional,
    valueType: typeName(lookup.entry(valueType)),
    key(...args) {
      let key: Hex = prefix
      args.forEach((arg, i) => {
        const part = parts[i]
        if (!part) throw new AppError('INTERNAL', `${pallet.name}.${item.name} has ${parts.length} keys, ${args.length} were given`)
        key = `${key}${part.text(arg)}`
      })
      return key
    },
    args(key) {
      const reader = Reader.ofHex(key)
      reader.take(32)
      return parts.map((part) => {
        if (part.skip === null) throw new AppError('INTERNAL', `${pallet.name}.${item.name} does not keep its keys`)
        reader.take(part.skip)
        return decoders.value(part.entry.id)(reader)
      })
    },
    value: (data) => (data === null ? fallback : decode(Reader.ofHex(data))),
    json: (data) => (data === null && optional ? 'null' : decodeJson(Reader.ofHex(data ?? (item.fallback as Hex)))),
  }
}

/** First 32 bytes of every key of an item: twox128 of the pallet's prefix and of the item's name. */
export function itemPrefix(pallet: string, item: string): Hex {
  const text = new TextEncoder()
  return `${toHex(Twox128(text.encode(pallet)))}${toHex(Twox128(text.encode(item))).slice(2)}`
}

function typeName(entry: LookupEntry): string {
  if (entry.type === 'primitive') return entry.value
  return entry.type === 'sequence' ? `Vec<${typeName(entry.value)}>` : entry.type
}

function keyParts(lookup: TypeLookup, map: { hashers: { tag: string }[]; key: number }): KeyPart[] {
  const whole = lookup.entry(map.key)
  const entries = map.hashers.length === 1 ? [whole] : tupleEntries(whole)
  return map.hashers.map((hasher, i) => {
    const known = HASHERS[hasher.tag]
    const entry = entries[i]
    if (!known || !entry) throw new AppError('UPSTREAM_INVALID', `a storage map has an unknown key shape: ${hasher.tag}`)
    const make = (arg: KeyArg): string => toHex(known.hash(encodeKeyArg(entry, arg))).slice(2)
    return { text: memo(`${hasher.tag} ${typeName(entry)}`, make), skip: known.skip, entry }
  })
}

/** The lookup gives a tuple of equal types as an array. */
function tupleEntries(entry: LookupEntry): LookupEntry[] {
  if (entry.type === 'tuple') return entry.value
  if (entry.type === 'array') return Array.from({ length: entry.len }, () => entry.value)
  return [entry]
}

/** SCALE of a storage key's argument: numbers, accounts and byte strings, which is all that maps of the chain are keyed by. */
function encodeKeyArg(entry: LookupEntry, arg: KeyArg): Uint8Array {
  if (entry.type === 'AccountId32' || entry.type === 'AccountId20' || entry.type === 'array') return fromHex(arg as Hex)
  if (entry.type === 'sequence') {
    const bytes = fromHex(arg as Hex)
    return Uint8Array.from([...compactLength(bytes.length), ...bytes])
  }
  if (entry.type === 'primitive' && /^u\d+$/.test(entry.value)) {
    const size = Number(entry.value.slice(1)) / 8
    const out = new Uint8Array(size)
    let rest = BigInt(arg)
    for (let i = 0; i < size; i++, rest >>= 8n) out[i] = Number(rest & 255n)
    return out
  }
  throw new AppError('INTERNAL', `keys of type ${entry.type} are not made here`)
}

function compactLength(n: number): number[] {
  return n < 64 ? [n << 2] : [((n << 2) | 1) & 255, (n >> 6) & 255]
}

const memos = new Map<string, Map<KeyArg, string>>()
const MEMO_LIMIT = 50_000

/** Keys are made of the same few thousand hotkeys, netuids and uids over and over. One memory for each hasher and type, shared by all items. */
function memo(id: string, make: (arg: KeyArg) => string): (arg: KeyArg) => string {
  let found = memos.get(id)
  if (!found) memos.set(id, (found = new Map<KeyArg, string>()))
  const known = found
  return (arg) => {
    let text = known.get(arg)
    if (text === undefined) {
      if (known.size >= MEMO_LIMIT) known.clear()
      known.set(arg, (text = make(arg)))
    }
    return text
  }
}
