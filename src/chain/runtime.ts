import type { Hex } from '../core/records.js'
import { fromHex, toHex } from '../core/units/bytes.js'
import { createCallDecoder } from './codec/calls.js'
import { createDecoders, type Decoders, type EnumValue } from './codec/decoders.js'
import { createEventDecoder, type DecodedEvent } from './codec/events.js'
import { createExtrinsicDecoder, type DecodedExtrinsic } from './codec/extrinsics.js'
import { blake2b256 } from './codec/hashing.js'
import { readMetadata } from './codec/lookup.js'
import { Reader } from './codec/reader.js'
import { createStorageItem, type StorageItem } from './codec/storage-item.js'
import { variantsOf } from './codec/variants.js'

/** Name of a failed dispatch: `SubtensorModule.NotRegistered`, or without a pallet `BadOrigin`, `Token.FundsUnavailable`. */
export interface ErrorName {
  pallet: string | null
  name: string
}

/** Everything that decodes blocks and storage of one spec version. Made from its metadata alone. */
export interface Runtime {
  readonly specName: string
  readonly specVersion: number
  readonly transactionVersion: number | null
  readonly metadataVersion: number
  readonly metadataHash: Hex
  readonly metadata: Uint8Array
  decodeEvents(bytes: Uint8Array): DecodedEvent[]
  decodeExtrinsic(bytes: Uint8Array): DecodedExtrinsic
  /** The storage item, or null when this runtime has none of that name. */
  item(pallet: string, name: string): StorageItem | null
  /** Names of a pallet's storage items; empty when there is no such pallet. */
  itemNames(pallet: string): string[]
  hasCall(pallet: string, call: string): boolean
  constant(pallet: string, name: string): unknown
  /** blake2b-256, which extrinsics are named by. */
  hash(bytes: Uint8Array): Hex
  /** Name of a decoded DispatchError value. */
  errorName(error: unknown): ErrorName
}

export interface RuntimeSource {
  specName: string
  specVersion: number
  transactionVersion: number | null
  metadata: Uint8Array
}

/** Builds a runtime from SCALE metadata of version 14, 15 or 16. Throws `UPSTREAM_INVALID` for anything else. */
export function createRuntime(source: RuntimeSource): Runtime {
  const lookup = readMetadata(source.metadata)
  const late: { decoders?: Decoders } = {}
  const calls = createCallDecoder(lookup, () => late.decoders as Decoders)
  const decoders = (late.decoders = createDecoders(lookup, calls.typeDecoder))
  const pallets = new Map(lookup.metadata.pallets.map((pallet) => [pallet.name, pallet]))
  const items = new Map<string, StorageItem | null>()
  const errorTables = new Map<number, { pallet: string; names: string[] }>()

  function makeItem(palletName: string, name: string): StorageItem | null {
    const pallet = pallets.get(palletName)
    const found = pallet?.storage?.items.find((item) => item.name === name)
    return pallet && found ? createStorageItem(lookup, decoders, pallet, found) : null
  }

  function moduleError(index: number, error: number): ErrorName {
    let table = errorTables.get(index)
    if (!table) {
      const pallet = lookup.metadata.pallets.find((p) => p.index === index)
      const names: string[] = []
      if (pallet?.errors) for (const v of variantsOf(lookup, pallet.errors.type)) names[v.index] = v.name
      table = { pallet: pallet?.name ?? `pallet ${index}`, names }
      errorTables.set(index, table)
    }
    return { pallet: table.pallet, name: table.names[error] ?? `error ${error}` }
  }

  return {
    specName: source.specName,
    specVersion: source.specVersion,
    transactionVersion: source.transactionVersion,
    metadataVersion: lookup.metadata.version,
    metadataHash: toHex(blake2b256(source.metadata)),
    metadata: source.metadata,
    decodeEvents: createEventDecoder(lookup, decoders),
    decodeExtrinsic: createExtrinsicDecoder(lookup, decoders, calls),
    item(pallet, name) {
      const id = `${pallet}.${name}`
      let item = items.get(id)
      if (item === undefined) items.set(id, (item = makeItem(pallet, name)))
      return item
    },
    itemNames: (pallet) => pallets.get(pallet)?.storage?.items.map((item) => item.name) ?? [],
    hasCall(palletName, call) {
      const pallet = pallets.get(palletName)
      return pallet?.calls ? variantsOf(lookup, pallet.calls.type).some((v) => v.name === call) : false
    },
    constant(palletName, name) {
      const found = pallets.get(palletName)?.constants.find((c) => c.name === name)
      return found ? decoders.value(found.type)(new Reader(fromHex(found.value))) : null
    },
    hash: (bytes) => toHex(blake2b256(bytes)),
    errorName(error) {
      const { type, value } = error as EnumValue
      // The error is [u8; 4] since 2022 and was a plain u8 before.
      const module = value as { index: number; error: Hex | number } | null
      if (type === 'Module' && module) {
        return moduleError(module.index, typeof module.error === 'number' ? module.error : Number.parseInt(module.error.slice(2, 4), 16))
      }
      const detail = (value as EnumValue | null)?.type
      return { pallet: null, name: detail ? `${type}.${detail}` : type }
    },
  }
}
