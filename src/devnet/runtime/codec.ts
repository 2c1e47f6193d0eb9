/** Codecs for the types that pallet definitions name, in the value forms of `types.ts`. */
import type { Hex } from '../../core/records.js'
import { BUILTIN_TYPES } from './builtin-types.js'
import {
  arrayCodec,
  bigUintCodec,
  boolCodec,
  bytesCodec,
  compactBigCodec,
  compactNumberCodec,
  decodeWith,
  encodeWith,
  fixedBytesCodec,
  optionCodec,
  ScaleError,
  textCodec,
  tupleCodec,
  uintCodec,
  vecCodec,
  type Codec,
} from './scale.js'
import { isByte, parseTypeName, printTypeNode, resolveAliases, type TypeNode } from './type-names.js'
import {
  DispatchError,
  type CallValue,
  type CompositeDefinition,
  type DispatchErrorKind,
  type DispatchOutcome,
  type FieldDefinition,
  type PalletDefinition,
  type PlainDispatchError,
  type TypeName,
} from './types.js'

/** An event as it is kept and encoded: fields in order, whether they have names or not. */
export interface EventValue {
  pallet: string
  event: string
  fields: unknown[]
}

export interface Codecs {
  of(type: TypeName): Codec
  encode(type: TypeName, value: unknown): Uint8Array
  decode(type: TypeName, bytes: Uint8Array): unknown
}

const PRIMITIVES: Record<string, Codec> = {
  u8: uintCodec(1),
  u16: uintCodec(2),
  u32: uintCodec(4),
  u64: bigUintCodec(8),
  u128: bigUintCodec(16),
  bool: boolCodec,
  str: textCodec,
}

const TOKEN_ERRORS = ['NoFunds', 'WouldDie', 'BelowMinimum', 'CannotCreate', 'UnknownAsset', 'Frozen', 'Unsupported']
const ARITHMETIC_ERRORS = ['Underflow', 'Overflow', 'DivisionByZero']
const TRANSACTIONAL_ERRORS = ['LimitReached', 'NoLayer']
const PLAIN_ERRORS: Record<PlainDispatchError, number> = {
  Other: 0,
  CannotLookup: 1,
  BadOrigin: 2,
  ConsumerRemaining: 4,
  NoProviders: 5,
  TooManyConsumers: 6,
  Exhausted: 10,
  Corruption: 11,
  Unavailable: 12,
}

export function createCodecs(pallets: PalletDefinition[]): Codecs {
  const composites = new Map<string, CompositeDefinition>()
  for (const definition of [...BUILTIN_TYPES, ...pallets.flatMap((pallet) => pallet.types ?? [])]) {
    if (composites.has(definition.name)) throw new Error(`type ${definition.name} is declared twice`)
    composites.set(definition.name, definition)
  }
  const bySpelling = new Map<TypeName, Codec>()
  const byNode = new Map<string, Codec>()

  function of(type: TypeName): Codec {
    let codec = bySpelling.get(type)
    if (codec === undefined) bySpelling.set(type, (codec = ofNode(resolveAliases(parseTypeName(type)))))
    return codec
  }

  /** Types may contain themselves through `RuntimeCall`, so a codec is entered in the table before it is built. */
  function ofNode(node: TypeNode): Codec {
    const key = printTypeNode(node)
    const known = byNode.get(key)
    if (known !== undefined) return known
    byNode.set(key, {
      write: (out, value) => built.write(out, value),
      read: (input) => built.read(input),
    })
    const built: Codec = build(node)
    byNode.set(key, built)
    return built
  }

  function build(node: TypeNode): Codec {
    if (node.kind === 'tuple') return node.items.length === 0 ? voidCodec : tupleCodec(node.items.map(ofNode))
    if (node.kind === 'array') return isByte(node.item) ? fixedBytesCodec(node.count) : arrayCodec(ofNode(node.item), node.count)
    const primitive = PRIMITIVES[node.name]
    if (primitive !== undefined) return primitive
    const [first, second] = node.args
    if (first !== undefined) {
      switch (node.name) {
        case 'Vec':
        case 'BoundedVec':
        case 'WeakBoundedVec':
          return isByte(first) ? bytesCodec : vecCodec(ofNode(first))
        case 'Option':
          return optionCodec<unknown>(ofNode(first))
        case 'Compact':
          return compactOf(first)
        case 'Result':
          if (second !== undefined && printTypeNode(node) === 'Result<(), DispatchError>') return outcomeCodec
      }
    }
    if (node.args.length === 0) {
      if (node.name === 'RuntimeCall') return callCodec
      if (node.name === 'RuntimeEvent') return eventCodec
      if (node.name === 'DispatchError') return errorCodec
      const composite = composites.get(node.name)
      if (composite !== undefined) return compositeCodec(composite)
    }
    throw new Error(`unknown type ${printTypeNode(node)}`)
  }

  function compactOf(node: TypeNode): Codec {
    const name = printTypeNode(node)
    if (name === '()') return voidCodec
    return ['u8', 'u16', 'u32'].includes(name) ? compactNumberCodec() : compactBigCodec
  }

  function fieldsCodec(fields: FieldDefinition[]): Codec {
    if (fields.length === 0) return voidCodec
    const inner = fields.map((field) => of(field.type))
    const names = fields.map((field) => field.name)
    if (names.every((name) => name !== undefined)) return structCodec(names, inner)
    return inner.length === 1 ? (inner[0] as Codec) : tupleCodec(inner)
  }

  function compositeCodec({ name, fields, variants }: CompositeDefinition): Codec {
    if (variants === undefined) return fieldsCodec(fields ?? [])
    const inner = variants.map((variant) => ({ ...variant, codec: fieldsCodec(variant.fields ?? []) }))
    const byName = new Map(inner.map((variant) => [variant.name, variant]))
    const byIndex = new Map(inner.map((variant) => [variant.index, variant]))
    return {
      write: (out, value) => {
        const tagged = value as { type: string; value?: unknown }
        const variant = byName.get(tagged.type)
        if (variant === undefined) throw new ScaleError(`${name} has no variant ${tagged.type}`)
        out.byte(variant.index)
        variant.codec.write(out, tagged.value)
      },
      read: (input) => {
        const index = input.byte()
        const variant = byIndex.get(index)
        if (variant === undefined) throw new ScaleError(`${name} has no variant ${index}`)
        return { type: variant.name, value: variant.codec.read(input) }
      },
    }
  }

  const palletByName = new Map(pallets.map((pallet) => [pallet.name, pallet]))
  const palletByIndex = new Map(pallets.map((pallet) => [pallet.index, pallet]))
  const callsOf = new Map(
    pallets.map((pallet) => [
      pallet.name,
      { byName: new Map(pallet.calls.map((call) => [call.name, call])), byIndex: new Map(pallet.calls.map((call) => [call.index, call])) },
    ]),
  )
  const eventsOf = new Map(
    pallets.map((pallet) => [
      pallet.name,
      {
        byName: new Map(pallet.events.map((event) => [event.name, event])),
        byIndex: new Map(pallet.events.map((event) => [event.index, event])),
      },
    ]),
  )

  const callCodec: Codec<CallValue> = {
    write: (out, { pallet, call, args }) => {
      const definition = callsOf.get(pallet)?.byName.get(call)
      if (definition === undefined) throw new ScaleError(`no call ${pallet}.${call}`)
      out.byte((palletByName.get(pallet) as PalletDefinition).index)
      out.byte(definition.index)
      for (const arg of definition.args) {
        try {
          of(arg.type).write(out, args[arg.name])
        } catch (error) {
          throw new ScaleError(`${pallet}.${call}, argument ${arg.name}: ${error instanceof Error ? error.message : String(error)}`, {
            cause: error,
          })
        }
      }
    },
    read: (input) => {
      const index = input.byte()
      const pallet = palletByIndex.get(index)
      if (pallet === undefined) throw new ScaleError(`no pallet has index ${index}`)
      const callIndex = input.byte()
      const definition = callsOf.get(pallet.name)?.byIndex.get(callIndex)
      if (definition === undefined) throw new ScaleError(`${pallet.name} has no call ${callIndex}`)
      const args: Record<string, unknown> = {}
      for (const arg of definition.args) args[arg.name] = of(arg.type).read(input)
      return { pallet: pallet.name, call: definition.name, args }
    },
  }

  const eventCodec: Codec<EventValue> = {
    write: (out, { pallet, event, fields }) => {
      const definition = eventsOf.get(pallet)?.byName.get(event)
      if (definition === undefined) throw new ScaleError(`no event ${pallet}.${event}`)
      if (fields.length !== definition.fields.length)
        throw new ScaleError(`${pallet}.${event} has ${definition.fields.length} fields; ${fields.length} came`)
      out.byte((palletByName.get(pallet) as PalletDefinition).index)
      out.byte(definition.index)
      definition.fields.forEach((field, i) => {
        try {
          of(field.type).write(out, fields[i])
        } catch (error) {
          throw new ScaleError(`${pallet}.${event}, field ${i}: ${error instanceof Error ? error.message : String(error)}`, {
            cause: error,
          })
        }
      })
    },
    read: (input) => {
      const index = input.byte()
      const pallet = palletByIndex.get(index)
      const definition = pallet === undefined ? undefined : eventsOf.get(pallet.name)?.byIndex.get(input.byte())
      if (pallet === undefined || definition === undefined) throw new ScaleError(`no such event in pallet ${index}`)
      return { pallet: pallet.name, event: definition.name, fields: definition.fields.map((field) => of(field.type).read(input)) }
    },
  }

  const errorCodec: Codec<DispatchError> = {
    write: (out, { kind }) => {
      switch (kind.type) {
        case 'Module': {
          const pallet = palletByName.get(kind.pallet)
          const index = pallet?.errors.indexOf(kind.error) ?? -1
          if (pallet === undefined || index < 0) throw new ScaleError(`no error ${kind.pallet}.${kind.error}`)
          out.raw(Uint8Array.of(3, pallet.index, index, 0, 0, 0))
          return
        }
        case 'Token':
          out.raw(Uint8Array.of(7, variantIndex(TOKEN_ERRORS, kind.value)))
          return
        case 'Arithmetic':
          out.raw(Uint8Array.of(8, variantIndex(ARITHMETIC_ERRORS, kind.value)))
          return
        case 'Transactional':
          out.raw(Uint8Array.of(9, variantIndex(TRANSACTIONAL_ERRORS, kind.value)))
          return
        default:
          out.byte(PLAIN_ERRORS[kind.type])
      }
    },
    read: (input) => new DispatchError(readErrorKind(input.byte(), (count) => input.raw(count))),
  }

  function readErrorKind(tag: number, raw: (count: number) => Uint8Array): DispatchErrorKind {
    if (tag === 3) {
      const [index = 0, error = 0] = raw(5)
      const pallet = palletByIndex.get(index)
      return { type: 'Module', pallet: pallet?.name ?? String(index), error: pallet?.errors[error] ?? String(error) }
    }
    const inner = { 7: ['Token', TOKEN_ERRORS], 8: ['Arithmetic', ARITHMETIC_ERRORS], 9: ['Transactional', TRANSACTIONAL_ERRORS] } as const
    if (tag === 7 || tag === 8 || tag === 9) {
      const [type, names] = inner[tag]
      return { type, value: names[raw(1)[0] as number] ?? '' }
    }
    const plain = (Object.keys(PLAIN_ERRORS) as PlainDispatchError[]).find((name) => PLAIN_ERRORS[name] === tag)
    if (plain === undefined) throw new ScaleError(`${tag} is no dispatch error`)
    return { type: plain }
  }

  const outcomeCodec: Codec<DispatchOutcome> = {
    write: (out, outcome) => {
      out.byte(outcome.ok ? 0 : 1)
      if (!outcome.ok) errorCodec.write(out, outcome.error)
    },
    read: (input) => (input.byte() === 0 ? { ok: true } : { ok: false, error: errorCodec.read(input) }),
  }

  return { of, encode: (type, value) => encodeWith(of(type), value), decode: (type, bytes) => decodeWith(of(type), bytes) }
}

const voidCodec: Codec = { write: () => {}, read: () => undefined }

function structCodec(names: string[], inner: Codec[]): Codec<Record<string, unknown>> {
  return {
    write: (out, value) => names.forEach((name, i) => (inner[i] as Codec).write(out, value[name])),
    read: (input) => {
      const value: Record<string, unknown> = {}
      names.forEach((name, i) => (value[name] = (inner[i] as Codec).read(input)))
      return value
    },
  }
}

function variantIndex(names: string[], name: string): number {
  const index = names.indexOf(name)
  if (index < 0) throw new ScaleError(`${name} is none of ${names.join(', ')}`)
  return index
}

/** A lookup address as an account, or undefined where the chain's lookup (accounts only) fails. */
export function lookupAddress(address: unknown): Hex | undefined {
  const { type, value } = address as { type: string; value: unknown }
  return type === 'Id' ? (value as Hex) : undefined
}
