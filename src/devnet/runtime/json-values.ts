/** Values as JSON-RPC clients write them, into the runtime's form: any case of names, ss58 or hex, text for big numbers, fields left out. */
import { decodeSs58 } from '../../core/units/ss58.js'
import { fromHex, toHex } from '../../core/units/bytes.js'
import { BUILTIN_TYPES } from './builtin-types.js'
import { isByte, parseTypeName, printTypeNode, resolveAliases, type TypeNode } from './type-names.js'
import type { CompositeDefinition, FieldDefinition, PalletDefinition, TypeName } from './types.js'

/** `undefined` in place of a value gives the zero value of its type. */
export type FromJson = (type: TypeName, json: unknown) => unknown

const SMALL = ['u8', 'u16', 'u32']
const BIG = ['u64', 'u128']

export function createFromJson(pallets: PalletDefinition[]): FromJson {
  const composites = new Map<string, CompositeDefinition>()
  for (const definition of [...BUILTIN_TYPES, ...pallets.flatMap((pallet) => pallet.types ?? [])])
    composites.set(definition.name, definition)

  const fromJson: FromJson = (type, json) => convert(resolveAliases(parseTypeName(type)), json)

  function convert(node: TypeNode, json: unknown): unknown {
    if (node.kind === 'tuple') {
      const list = (json ?? []) as unknown[]
      return node.items.length === 0 ? undefined : node.items.map((item, i) => convert(item, list[i]))
    }
    if (node.kind === 'array') {
      if (isByte(node.item)) return fixedBytes(json, node.count)
      const list = (json ?? []) as unknown[]
      return Array.from({ length: node.count }, (_, i) => convert(node.item, list[i]))
    }
    const [first] = node.args
    if (first !== undefined) return generic(node.name, first, json)
    if (SMALL.includes(node.name)) return Number(json ?? 0)
    if (BIG.includes(node.name)) return BigInt((json ?? 0) as string)
    if (node.name === 'bool') return json === true
    if (node.name === 'str') return typeof json === 'string' ? json : ''
    if (node.name === 'AccountId32' && typeof json === 'string' && !json.startsWith('0x')) return decodeSs58(json)
    const composite = composites.get(node.name)
    if (composite === undefined) throw new Error(`values of type ${printTypeNode(node)} cannot be given as JSON`)
    return composite.variants === undefined ? fields(composite.fields ?? [], json) : variant(composite, json)
  }

  function generic(name: string, inner: TypeNode, json: unknown): unknown {
    if (name === 'Option') return json === undefined || json === null ? undefined : convert(inner, json)
    if (name === 'Compact') return convert(inner, json)
    if (isByte(inner))
      return json === undefined ? new Uint8Array() : typeof json === 'string' ? bytesOf(json) : Uint8Array.from(json as number[])
    return ((json ?? []) as unknown[]).map((item) => convert(inner, item))
  }

  function fields(list: FieldDefinition[], json: unknown): unknown {
    const [only] = list
    if (list.length === 1 && only !== undefined && only.name === undefined) return fromJson(only.type, json)
    if (list.every((field) => field.name === undefined)) return list.map((field, i) => fromJson(field.type, ((json ?? []) as unknown[])[i]))
    const given = new Map(Object.entries((json ?? {}) as Record<string, unknown>).map(([name, value]) => [plainName(name), value]))
    const result: Record<string, unknown> = {}
    for (const { name = '', type } of list) result[name] = fromJson(type, given.get(plainName(name)))
    return result
  }

  function variant(composite: CompositeDefinition, json: unknown): unknown {
    const variants = composite.variants ?? []
    const [name, inner]: [string?, unknown?] = typeof json === 'string' ? [json] : (Object.entries(json ?? {})[0] ?? [])
    const found = name === undefined ? variants[0] : variants.find((candidate) => plainName(candidate.name) === plainName(name))
    if (found === undefined) throw new Error(`${composite.name} has no variant ${name}`)
    return { type: found.name, value: found.fields === undefined ? undefined : fields(found.fields, inner) }
  }

  return fromJson
}

function plainName(name: string): string {
  return name.replaceAll('_', '').toLowerCase()
}

function bytesOf(text: string): Uint8Array {
  return text.startsWith('0x') ? fromHex(text) : Buffer.from(text)
}

function fixedBytes(json: unknown, count: number): string {
  if (json === undefined) return `0x${'00'.repeat(count)}`
  const bytes = typeof json === 'string' ? bytesOf(json) : Uint8Array.from(json as number[])
  if (bytes.length !== count) throw new Error(`${bytes.length} bytes came for ${count}`)
  return toHex(bytes)
}
