import { AppError } from '../../core/errors.js'
import type { JsonText, Phase } from '../../core/records.js'
import type { Decoders, JsonDecoder, ValueDecoder } from './decoders.js'
import type { TypeLookup } from './lookup.js'
import { Reader } from './reader.js'
import { fieldsOf, variantsOf } from './variants.js'

export interface DecodedEvent {
  index: number
  phase: Phase
  extrinsicIndex: number | null
  pallet: string
  name: string
  /** An array for events with positional fields, an object for named ones. */
  data: JsonText
  /** The fields as values, in order, for the few events that are looked into. */
  values(): unknown[]
}

interface EventVariant {
  pallet: string
  name: string
  named: boolean
  fields: { key: string; json: JsonDecoder; value: ValueDecoder }[]
}

const HASH_BYTES = 32

/** Decodes the value of `System.Events`. */
export function createEventDecoder(lookup: TypeLookup, decoders: Decoders): (bytes: Uint8Array) => DecodedEvent[] {
  const table = buildTable(lookup, decoders)

  function decodeOne(reader: Reader, index: number): DecodedEvent {
    const kind = reader.u8()
    const extrinsicIndex = kind === 0 ? reader.u32() : null
    const phase: Phase = kind === 0 ? 'ApplyExtrinsic' : kind === 1 ? 'Finalization' : 'Initialization'
    if (kind > 2) throw new AppError('UPSTREAM_INVALID', `an event has the unknown phase ${kind}`)
    const palletIndex = reader.u8()
    const eventIndex = reader.u8()
    const variant = table[palletIndex]?.[eventIndex]
    // Without the variant nothing tells where the next event starts: the metadata is of another runtime.
    if (!variant) throw new AppError('UPSTREAM_INVALID', `the runtime has no event ${palletIndex}.${eventIndex}`, { index })
    const start = reader.pos
    const data = eventJson(reader, variant)
    reader.take(reader.compactLength() * HASH_BYTES)
    return {
      index,
      phase,
      extrinsicIndex,
      pallet: variant.pallet,
      name: variant.name,
      data,
      values() {
        const from = new Reader(reader.bytes)
        from.pos = start
        return variant.fields.map((field) => field.value(from))
      },
    }
  }

  return (bytes) => {
    const reader = new Reader(bytes)
    const count = reader.compactLength()
    if (count > reader.left) throw new AppError('UPSTREAM_INVALID', `${count} events do not fit into ${reader.left} bytes`)
    const out: DecodedEvent[] = []
    for (let i = 0; i < count; i++) out.push(decodeOne(reader, i))
    if (reader.left !== 0) throw new AppError('UPSTREAM_INVALID', `${reader.left} bytes left after the last event`)
    return out
  }
}

function eventJson(reader: Reader, variant: EventVariant): JsonText {
  let out = variant.named ? '{' : '['
  for (let i = 0; i < variant.fields.length; i++) {
    const field = variant.fields[i] as EventVariant['fields'][number]
    out += (i === 0 ? '' : ',') + (variant.named ? field.key : '') + field.json(reader)
  }
  return out + (variant.named ? '}' : ']')
}

function buildTable(lookup: TypeLookup, decoders: Decoders): (EventVariant | undefined)[][] {
  const table: (EventVariant | undefined)[][] = []
  for (const pallet of lookup.metadata.pallets) {
    if (!pallet.events) continue
    const events: (EventVariant | undefined)[] = []
    for (const v of variantsOf(lookup, pallet.events.type)) {
      const fields = fieldsOf(decoders, v)
      const named = fields.length > 0 && fields.every((f) => f.name !== null)
      events[v.index] = {
        pallet: pallet.name,
        name: v.name,
        named,
        fields: fields.map((f) => ({ ...f, key: `${JSON.stringify(f.name)}:` })),
      }
    }
    table[pallet.index] = events
  }
  return table
}
