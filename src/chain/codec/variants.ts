import { AppError } from '../../core/errors.js'
import type { Decoders, JsonDecoder, ValueDecoder } from './decoders.js'
import type { TypeLookup } from './lookup.js'

export interface VariantDefinition {
  name: string
  index: number
  fields: { name?: string | undefined; type: number }[]
}

/** The variants of a pallet's calls, events or errors, straight from the metadata's type registry. */
export function variantsOf(lookup: TypeLookup, typeId: number): VariantDefinition[] {
  const def = lookup.metadata.lookup[typeId]?.def
  if (def?.tag !== 'variant') throw new AppError('UPSTREAM_INVALID', `metadata: type ${typeId} is not an enum`)
  return def.value
}

/** Decoders are made on first use: a runtime has a thousand calls and a block uses five. */
export function fieldsOf(
  decoders: Decoders,
  variant: VariantDefinition,
): { name: string | null; json: JsonDecoder; value: ValueDecoder }[] {
  return variant.fields.map(({ name, type }) => ({
    name: name ?? null,
    json: (reader) => decoders.json(type)(reader),
    value: (reader) => decoders.value(type)(reader),
  }))
}
