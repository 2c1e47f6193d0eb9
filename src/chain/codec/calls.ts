import { AppError } from '../../core/errors.js'
import type { JsonText } from '../../core/records.js'
import type { Decoders, JsonDecoder, ValueDecoder } from './decoders.js'
import type { TypeLookup } from './lookup.js'
import type { Reader } from './reader.js'
import { fieldsOf, variantsOf } from './variants.js'

/** A call with its arguments as JSON; nested calls follow in `inner`, in the order they stand in the arguments. */
export interface DecodedCall {
  pallet: string
  call: string
  args: JsonText
  inner: DecodedCall[]
  /** Decodes the arguments into values, for the few calls that are looked into. */
  values(): Record<string, unknown>
}

interface CallVariant {
  pallet: string
  call: string
  fields: { name: string; key: string; json: JsonDecoder; value: ValueDecoder }[]
}

/** Decodes calls of one runtime. Calls inside arguments are found by their type, so no list of wrapping pallets is needed. */
export interface CallDecoder {
  decode(reader: Reader): DecodedCall
  /** For use inside other types. */
  typeDecoder: { value: ValueDecoder; json: JsonDecoder }
}

/** Calls may nest this deep; the chain itself stops at 256 levels of decoding, nobody means more than a few. */
const MAX_DEPTH = 64

export function createCallDecoder(lookup: TypeLookup, decoders: () => Decoders): CallDecoder {
  let table: (CallVariant | undefined)[][] | undefined
  // The call being decoded: its arguments' decoders report nested calls here. Decoding is synchronous.
  let collector: DecodedCall[] | undefined
  let depth = 0

  function variant(reader: Reader): CallVariant {
    table ??= buildTable(lookup, decoders())
    const pallet = reader.u8()
    const call = reader.u8()
    const found = table[pallet]?.[call]
    if (!found) throw new AppError('UPSTREAM_INVALID', `the runtime has no call ${pallet}.${call}`, { position: reader.pos })
    return found
  }

  function decode(reader: Reader): DecodedCall {
    const outer = collector
    const inner: DecodedCall[] = []
    collector = inner
    if (++depth > MAX_DEPTH) throw tooDeep(reader)
    try {
      const found = variant(reader)
      const start = reader.pos
      let args = '{'
      for (const field of found.fields) args += (args.length === 1 ? '' : ',') + field.key + field.json(reader)
      args += '}'
      const made: DecodedCall = { pallet: found.pallet, call: found.call, args, inner, values: () => readValues(reader, start, found) }
      outer?.push(made)
      return made
    } finally {
      depth--
      collector = outer
    }
  }

  function decodeValue(reader: Reader): unknown {
    if (++depth > MAX_DEPTH) throw tooDeep(reader)
    try {
      const found = variant(reader)
      const args: Record<string, unknown> = {}
      for (const field of found.fields) args[field.name] = field.value(reader)
      return { pallet: found.pallet, call: found.call, args }
    } finally {
      depth--
    }
  }

  return {
    decode,
    typeDecoder: {
      value: decodeValue,
      json(reader) {
        const made = decode(reader)
        return `{"pallet":"${made.pallet}","call":"${made.call}","args":${made.args}}`
      },
    },
  }
}

function tooDeep(reader: Reader): AppError {
  return new AppError('UPSTREAM_INVALID', `calls nested deeper than ${MAX_DEPTH}`, { position: reader.pos })
}

function readValues(reader: Reader, start: number, found: CallVariant): Record<string, unknown> {
  const before = reader.pos
  reader.pos = start
  const out: Record<string, unknown> = {}
  for (const field of found.fields) out[field.name] = field.value(reader)
  reader.pos = before
  return out
}

function buildTable(lookup: TypeLookup, decoders: Decoders): (CallVariant | undefined)[][] {
  const table: (CallVariant | undefined)[][] = []
  for (const pallet of lookup.metadata.pallets) {
    if (!pallet.calls) continue
    const calls: (CallVariant | undefined)[] = []
    for (const v of variantsOf(lookup, pallet.calls.type)) {
      const fields = fieldsOf(decoders, v).map((f, i) => ({
        ...f,
        name: f.name ?? String(i),
        key: `${JSON.stringify(f.name ?? String(i))}:`,
      }))
      calls[v.index] = { pallet: pallet.name, call: v.name, fields }
    }
    table[pallet.index] = calls
  }
  return table
}
