import type { LookupEntry } from '@polkadot-api/metadata-builders'
import { AppError } from '../../core/errors.js'
import { encodeSs58 } from '../../core/units/ss58.js'
import type { TypeLookup } from './lookup.js'
import type { Reader } from './reader.js'

/**
 * Two decoders for each type of a runtime, made once and kept: `value` gives JavaScript values, `json` gives JSON text without an object in
 * between, because most of what is indexed goes straight to a JSON column.
 *
 * Values: u8..u32 numbers, wider integers bigint, accounts and bytes `Hex`, options null for none, tuples arrays, structs objects under the
 * metadata's field names, enums `{ type, value }` (value null for none).
 * JSON: u8..u32 numbers, wider integers decimal strings, accounts ss58, bytes hex, enums `"Name"` or `{"Name": value}`, runtime calls
 * `{"pallet", "call", "args"}`.
 */
export interface Decoders {
  value(id: number): ValueDecoder
  json(id: number): JsonDecoder
}
export type ValueDecoder = (reader: Reader) => unknown
export type JsonDecoder = (reader: Reader) => string
export interface EnumValue {
  type: string
  value: unknown
}

/** Decodes the runtime's call type: given by `call-decoder.ts`, which also collects nested calls. */
export interface CallTypeDecoder {
  value: ValueDecoder
  json: JsonDecoder
}

type Variant = Extract<LookupEntry, { type: 'enum' }>['value'][string]
/** What a variant or a composite holds: an entry of the lookup, or an entry without an id of its own. */
type Shape = LookupEntry | Variant

export function createDecoders(lookup: TypeLookup, callType: CallTypeDecoder): Decoders {
  const values = new Map<number, ValueDecoder>()
  const jsons = new Map<number, JsonDecoder>()

  function value(id: number): ValueDecoder {
    const known = values.get(id)
    if (known) return known
    // Types may refer to themselves: a stand-in that looks up the finished decoder breaks the circle.
    values.set(id, (r) => (values.get(id) as ValueDecoder)(r))
    const made = id === lookup.extrinsic.call ? callType.value : valueOf(lookup.entry(id))
    values.set(id, made)
    return made
  }

  function json(id: number): JsonDecoder {
    const known = jsons.get(id)
    if (known) return known
    jsons.set(id, (r) => (jsons.get(id) as JsonDecoder)(r))
    const made = id === lookup.extrinsic.call ? callType.json : jsonOf(lookup.entry(id))
    jsons.set(id, made)
    return made
  }

  /** The lookup gives `(u8, u8)` and `[u8; 2]` the same shape; only the second is bytes. */
  function isByteArray(entry: Extract<Shape, { type: 'array' }>): boolean {
    return isByte(entry.value) && 'id' in entry && lookup.metadata.lookup[entry.id]?.def.tag === 'array'
  }

  function inner(entry: LookupEntry): ValueDecoder {
    return value(entry.id)
  }
  function innerJson(entry: LookupEntry): JsonDecoder {
    return json(entry.id)
  }

  function valueOf(entry: Shape): ValueDecoder {
    switch (entry.type) {
      case 'primitive':
        return primitiveValue(entry.value)
      case 'void':
        return () => null
      case 'compact':
        return entry.isBig ? (r) => r.compact() : (r) => Number(r.compact())
      case 'AccountId32':
        return (r) => r.hex(32)
      case 'AccountId20':
        return (r) => r.hex(20)
      case 'bitSequence':
        return readBits
      case 'tuple': {
        const parts = entry.value.map(inner)
        return (r) => parts.map((part) => part(r))
      }
      case 'struct': {
        const fields = Object.entries(entry.value).map(([name, field]) => [name, inner(field)] as const)
        return (r) => {
          const out: Record<string, unknown> = {}
          for (const [name, field] of fields) out[name] = field(r)
          return out
        }
      }
      case 'enum': {
        const variants = variantTable(entry.value, (name, shape) => {
          const decode = shape.type === 'lookupEntry' ? inner(shape.value) : valueOf(shape)
          return (r: Reader): EnumValue => ({ type: name, value: decode(r) })
        })
        return (r) => pick(variants, r)(r)
      }
      case 'option': {
        const some = inner(entry.value)
        return (r) => (r.u8() === 0 ? null : some(r))
      }
      case 'result': {
        const ok = inner(entry.value.ok)
        const ko = inner(entry.value.ko)
        return (r) => (r.u8() === 0 ? { type: 'Ok', value: ok(r) } : { type: 'Err', value: ko(r) })
      }
      case 'sequence': {
        if (isByte(entry.value)) return (r) => r.hex(r.compactLength())
        const item = inner(entry.value)
        return (r) => readMany(r, r.compactLength(), item)
      }
      case 'array': {
        const { len } = entry
        if (isByteArray(entry)) return (r) => r.hex(len)
        const item = inner(entry.value)
        return (r) => readMany(r, len, item)
      }
      case 'lookupEntry':
        return inner(entry.value)
    }
  }

  function jsonOf(entry: Shape): JsonDecoder {
    switch (entry.type) {
      case 'primitive':
        return primitiveJson(entry.value)
      case 'void':
        return () => 'null'
      case 'compact':
        return entry.isBig ? (r) => `"${r.compact()}"` : (r) => r.compact().toString()
      case 'AccountId32':
        return (r) => `"${encodeSs58(r.hex(32))}"`
      case 'AccountId20':
        return (r) => `"${r.hex(20)}"`
      case 'bitSequence':
        return (r) => JSON.stringify(readBits(r))
      case 'tuple': {
        const parts = entry.value.map(innerJson)
        return (r) => {
          let out = '['
          for (let i = 0; i < parts.length; i++) out += (i === 0 ? '' : ',') + (parts[i] as JsonDecoder)(r)
          return out + ']'
        }
      }
      case 'struct': {
        const fields = Object.entries(entry.value).map(([name, field]) => [`${JSON.stringify(name)}:`, innerJson(field)] as const)
        return (r) => {
          let out = '{'
          for (const [key, field] of fields) out += (out.length === 1 ? '' : ',') + key + field(r)
          return out + '}'
        }
      }
      case 'enum': {
        const variants = variantTable(entry.value, (name, shape): JsonDecoder => {
          const key = JSON.stringify(name)
          if (shape.type === 'void') return () => key
          const decode = shape.type === 'lookupEntry' ? innerJson(shape.value) : jsonOf(shape)
          return (r) => `{${key}:${decode(r)}}`
        })
        return (r) => pick(variants, r)(r)
      }
      case 'option': {
        const some = innerJson(entry.value)
        return (r) => (r.u8() === 0 ? 'null' : some(r))
      }
      case 'result': {
        const ok = innerJson(entry.value.ok)
        const ko = innerJson(entry.value.ko)
        return (r) => (r.u8() === 0 ? `{"Ok":${ok(r)}}` : `{"Err":${ko(r)}}`)
      }
      case 'sequence': {
        if (isByte(entry.value)) return (r) => `"${r.hex(r.compactLength())}"`
        const item = innerJson(entry.value)
        return (r) => joinMany(r, r.compactLength(), item)
      }
      case 'array': {
        const { len } = entry
        if (isByteArray(entry)) return (r) => `"${r.hex(len)}"`
        const item = innerJson(entry.value)
        return (r) => joinMany(r, len, item)
      }
      case 'lookupEntry':
        return innerJson(entry.value)
    }
  }

  return { value, json }
}

function variantTable<T>(
  variants: Extract<LookupEntry, { type: 'enum' }>['value'],
  make: (name: string, shape: Variant) => T,
): (T | undefined)[] {
  const table: (T | undefined)[] = []
  for (const [name, shape] of Object.entries(variants)) table[shape.idx] = make(name, shape)
  return table
}

function pick<T>(table: (T | undefined)[], r: Reader): T {
  const index = r.u8()
  const found = table[index]
  if (found === undefined) throw new AppError('UPSTREAM_INVALID', `an enum has no variant ${index}`, { position: r.pos })
  return found
}

/** A hostile length costs nothing: an item takes a byte at least. */
function checkCount(r: Reader, count: number): void {
  if (count > r.left) throw new AppError('UPSTREAM_INVALID', `${count} items do not fit into ${r.left} bytes`, { position: r.pos })
}

function readMany(r: Reader, count: number, item: ValueDecoder): unknown[] {
  checkCount(r, count)
  const out: unknown[] = []
  for (let i = 0; i < count; i++) out.push(item(r))
  return out
}

function joinMany(r: Reader, count: number, item: JsonDecoder): string {
  checkCount(r, count)
  let out = '['
  for (let i = 0; i < count; i++) out += (i === 0 ? '' : ',') + item(r)
  return out + ']'
}

function isByte(entry: LookupEntry): boolean {
  return entry.type === 'primitive' && entry.value === 'u8'
}

function primitiveValue(name: string): ValueDecoder {
  switch (name) {
    case 'bool':
      return (r) => r.u8() !== 0
    case 'char':
      return (r) => String.fromCodePoint(r.u32())
    case 'str':
      return (r) => r.text(r.compactLength())
    case 'u8':
      return (r) => r.u8()
    case 'u16':
      return (r) => r.u16()
    case 'u32':
      return (r) => r.u32()
    case 'u64':
      return (r) => r.u64()
    case 'u128':
      return (r) => r.u128()
    case 'u256':
      return (r) => r.u256()
    case 'i8':
      return (r) => r.buffer.readInt8(r.take(1))
    case 'i16':
      return (r) => r.buffer.readInt16LE(r.take(2))
    case 'i32':
      return (r) => r.buffer.readInt32LE(r.take(4))
    case 'i64':
      return (r) => BigInt.asIntN(64, r.u64())
    case 'i128':
      return (r) => BigInt.asIntN(128, r.u128())
    default:
      return (r) => BigInt.asIntN(256, r.u256())
  }
}

function primitiveJson(name: string): JsonDecoder {
  const decode = primitiveValue(name)
  switch (name) {
    case 'bool':
      return (r) => (r.u8() === 0 ? 'false' : 'true')
    case 'char':
    case 'str':
      return (r) => JSON.stringify(decode(r))
    case 'u8':
    case 'u16':
    case 'u32':
    case 'i8':
    case 'i16':
    case 'i32':
      return (r) => String(decode(r))
    default:
      return (r) => `"${String(decode(r))}"`
  }
}

/** A bit sequence as text of 0 and 1, first bit first. */
function readBits(r: Reader): string {
  const count = r.compactLength()
  const bytes = r.slice(Math.ceil(count / 8))
  let out = ''
  for (let i = 0; i < count; i++) out += ((bytes[i >> 3] as number) >> (i & 7)) & 1
  return out
}
