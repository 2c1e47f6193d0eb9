/** A runtime: pallets in order, and everything that follows from their definitions. */
import { createCodecs, type Codecs } from './codec.js'
import { encodeMetadata } from './metadata.js'
import { createStorageItems, type StorageItems } from './storage-keys.js'
import type { CallDefinition, CallValue, DispatchInfo, PalletDefinition } from './types.js'
import { weightOf } from './weights.js'

export interface Runtime {
  readonly pallets: PalletDefinition[]
  readonly codecs: Codecs
  readonly storage: StorageItems
  readonly metadata: Uint8Array
  call(value: CallValue): CallDefinition
  infoOf(value: CallValue): DispatchInfo
  constant(pallet: string, name: string): unknown
}

export function createRuntime(list: PalletDefinition[]): Runtime {
  const pallets = [...list].sort((a, b) => a.index - b.index)
  const codecs = createCodecs(pallets)
  const calls = new Map<string, CallDefinition>()
  const constants = new Map<string, unknown>()
  for (const pallet of pallets) {
    for (const call of pallet.calls) calls.set(`${pallet.name}.${call.name}`, call)
    for (const constant of pallet.constants) constants.set(`${pallet.name}.${constant.name}`, constant.value)
  }
  const call = (value: CallValue): CallDefinition => {
    const definition = calls.get(`${value.pallet}.${value.call}`)
    if (definition === undefined) throw new Error(`no call ${value.pallet}.${value.call}`)
    return definition
  }
  const infoOf = (value: CallValue): DispatchInfo => {
    const definition = call(value)
    if (definition.info !== undefined) return definition.info(value.args, infoOf)
    return { weight: weightOf(definition.weight, definition.proofSize), class: definition.class, paysFee: definition.paysFee }
  }
  return {
    pallets,
    codecs,
    storage: createStorageItems(pallets, codecs),
    metadata: encodeMetadata(pallets, codecs),
    call,
    infoOf,
    constant: (pallet, name) => {
      const key = `${pallet}.${name}`
      if (!constants.has(key)) throw new Error(`no constant ${key}`)
      return constants.get(key)
    },
  }
}
