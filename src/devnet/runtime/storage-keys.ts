/** Storage items: the keys under which their values lie, and back. */
import { blake2AsU8a, xxhashAsHex, xxhashAsU8a } from '@polkadot/util-crypto'
import type { Hex } from '../../core/records.js'
import { toHex } from '../../core/units/bytes.js'
import type { Codecs } from './codec.js'
import { encodeWith, hexBytes, Reader, type Codec } from './scale.js'
import type { Hasher, PalletDefinition, StorageDefinition } from './types.js'

export interface StorageItem {
  readonly definition: StorageDefinition
  readonly value: Codec
  /** Key of a value, or the prefix of those that start with fewer keys than the item has. */
  key(keys: unknown[]): Hex
  /** The keys in a full storage key of this item. */
  keysOf(key: Hex): unknown[]
}

export interface StorageItems {
  item(pallet: string, name: string): StorageItem
  /** The item that a raw key belongs to. */
  find(key: Hex): { pallet: string; item: StorageItem } | undefined
}

/** Bytes of the hash in front of the key itself; a plain Twox128 hides the key. */
const HASH_BYTES: Record<Hasher, number> = { Blake2_128Concat: 16, Twox64Concat: 8, Identity: 0, Twox128: 16 }
const PREFIX_DIGITS = 2 + 64
/** Hashing a key costs more than all else a read does; chains ask for the same few thousand keys again and again. */
const MEMO_LIMIT = 20_000

function hashKey(hasher: Hasher, bytes: Uint8Array): Uint8Array {
  switch (hasher) {
    case 'Identity':
      return bytes
    case 'Twox128':
      return xxhashAsU8a(bytes, 128)
    case 'Blake2_128Concat':
      return Buffer.concat([blake2AsU8a(bytes, 128), bytes])
    case 'Twox64Concat':
      return Buffer.concat([xxhashAsU8a(bytes, 64), bytes])
  }
}

function createItem(prefix: Hex, definition: StorageDefinition, codecs: Codecs): StorageItem {
  const keyParts = (definition.keys ?? []).map(({ hasher, type }) => ({ hasher, codec: codecs.of(type) }))
  const memo = new Map<string, Hex>()
  const build = (keys: unknown[]): Hex => {
    if (keys.length > keyParts.length) throw new Error(`${definition.name} has ${keyParts.length} keys; ${keys.length} came`)
    const hashed = keys.map((key, i) => {
      const { hasher, codec } = keyParts[i] as (typeof keyParts)[number]
      return hashKey(hasher, encodeWith(codec, key))
    })
    return (prefix + Buffer.concat(hashed).toString('hex')) as Hex
  }
  return {
    definition,
    value: codecs.of(definition.value),
    key: (keys) => {
      if (keys.length === 0) return prefix
      const name = keys.join('|')
      let key = memo.get(name)
      if (key === undefined) {
        if (memo.size >= MEMO_LIMIT) memo.clear()
        memo.set(name, (key = build(keys)))
      }
      return key
    },
    keysOf: (key) => {
      const input = new Reader(hexBytes(`0x${key.slice(PREFIX_DIGITS)}`))
      const keys = keyParts.map(({ hasher, codec }) => {
        const hash = input.raw(HASH_BYTES[hasher])
        return hasher === 'Twox128' ? toHex(hash) : codec.read(input)
      })
      input.end()
      return keys
    },
  }
}

export function createStorageItems(pallets: PalletDefinition[], codecs: Codecs): StorageItems {
  const byName = new Map<string, StorageItem>()
  const byPrefix = new Map<string, { pallet: string; item: StorageItem }>()
  for (const pallet of pallets) {
    for (const definition of pallet.storage) {
      const prefix = (xxhashAsHex(pallet.prefix ?? pallet.name, 128) + xxhashAsHex(definition.name, 128).slice(2)) as Hex
      const item = createItem(prefix, definition, codecs)
      byName.set(`${pallet.name}.${definition.name}`, item)
      byPrefix.set(prefix, { pallet: pallet.name, item })
    }
  }
  return {
    item: (pallet, name) => {
      const item = byName.get(`${pallet}.${name}`)
      if (item === undefined) throw new Error(`no storage item ${pallet}.${name}`)
      return item
    },
    find: (key) => byPrefix.get(key.slice(0, PREFIX_DIGITS)),
  }
}
