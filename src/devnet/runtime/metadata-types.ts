/** The type registry of the metadata: each type by its spelling, entered once. */
import { BUILTIN_TYPES } from './builtin-types.js'
import { parseTypeName, printTypeNode, resolveAliases, type TypeNode } from './type-names.js'
import type { CompositeDefinition, FieldDefinition, PalletDefinition, TypeName } from './types.js'

export interface TypeRegistry {
  of(type: TypeName): number
  /** Undefined where the pallet has none. */
  calls(pallet: PalletDefinition): number | undefined
  events(pallet: PalletDefinition): number | undefined
  errors(pallet: PalletDefinition): number | undefined
  /** A composite around one type, or around nothing for `()`. */
  newtype(path: string[], type: TypeName): number
  extrinsic(extensions: number[]): number
  runtime(): number
  lookup(): unknown[]
}

interface Field {
  name?: string
  type: number
  typeName?: string
  docs: string[]
}

interface Entry {
  path?: string[]
  params?: { name: string; type: number | undefined }[]
  def: { tag: string; value: unknown }
}

const PRIMITIVES = ['u8', 'u16', 'u32', 'u64', 'u128', 'bool', 'str']
const BOUNDED_PATHS: Record<string, string> = { BoundedVec: 'bounded_vec', WeakBoundedVec: 'weak_bounded_vec' }
const RUNTIME_CRATE = 'node_subtensor_runtime'

export function createTypeRegistry(pallets: PalletDefinition[]): TypeRegistry {
  const composites = new Map<string, CompositeDefinition>()
  for (const definition of [...BUILTIN_TYPES, ...pallets.flatMap((pallet) => pallet.types ?? [])])
    composites.set(definition.name, definition)
  const entries: { id: number; path: string[]; params: unknown[]; def: unknown; docs: string[] }[] = []
  const ids = new Map<string, number>()

  /** The id is taken before the definition is made, because types contain themselves through RuntimeCall. */
  function enter(key: string, make: () => Entry): number {
    const known = ids.get(key)
    if (known !== undefined) return known
    const id = entries.length
    ids.set(key, id)
    entries.push({ id, path: [], params: [], def: undefined, docs: [] })
    const { path = [], params = [], def } = make()
    entries[id] = { id, path, params, def, docs: [] }
    return id
  }

  function of(type: TypeName): number {
    return ofNode(resolveAliases(parseTypeName(type)))
  }

  function ofNode(node: TypeNode): number {
    return enter(printTypeNode(node), () => entryOf(node))
  }

  function entryOf(node: TypeNode): Entry {
    if (node.kind === 'tuple') return { def: { tag: 'tuple', value: node.items.map(ofNode) } }
    if (node.kind === 'array') return { def: { tag: 'array', value: { len: node.count, type: ofNode(node.item) } } }
    if (PRIMITIVES.includes(node.name)) return { def: { tag: 'primitive', value: { tag: node.name } } }
    const [first, second] = node.args
    if (first !== undefined) return genericEntry(node.name, first, second)
    if (node.name === 'RuntimeCall') return outerEnum('RuntimeCall', calls)
    if (node.name === 'RuntimeEvent') return outerEnum('RuntimeEvent', events)
    if (node.name === 'DispatchError') return dispatchErrorEntry()
    const composite = composites.get(node.name)
    if (composite === undefined) throw new Error(`unknown type ${node.name}`)
    return compositeEntry(composite)
  }

  function genericEntry(name: string, first: TypeNode, second: TypeNode | undefined): Entry {
    const inner = ofNode(first)
    if (name === 'Vec') return { def: { tag: 'sequence', value: inner } }
    if (name === 'Compact') return { def: { tag: 'compact', value: inner } }
    const bounded = BOUNDED_PATHS[name]
    if (bounded !== undefined) {
      const vec = ofNode({ kind: 'name', name: 'Vec', args: [first] })
      return {
        path: ['bounded_collections', bounded, name],
        params: [
          { name: 'T', type: inner },
          { name: 'S', type: undefined },
        ],
        def: { tag: 'composite', value: [{ type: vec, typeName: 'Vec<T>', docs: [] }] },
      }
    }
    const wrapped = (type: number): Field[] => [{ type, docs: [] }]
    if (name === 'Option') {
      return {
        path: ['Option'],
        params: [{ name: 'T', type: inner }],
        def: variants([
          { name: 'None', index: 0, fields: [] },
          { name: 'Some', index: 1, fields: wrapped(inner) },
        ]),
      }
    }
    if (name === 'Result' && second !== undefined) {
      const error = ofNode(second)
      return {
        path: ['Result'],
        params: [
          { name: 'T', type: inner },
          { name: 'E', type: error },
        ],
        def: variants([
          { name: 'Ok', index: 0, fields: wrapped(inner) },
          { name: 'Err', index: 1, fields: wrapped(error) },
        ]),
      }
    }
    throw new Error(`unknown generic type ${name}`)
  }

  function fieldsOf(fields: FieldDefinition[] | undefined): Field[] {
    return (fields ?? []).map(({ name, type }) => ({ name, type: of(type), typeName: type, docs: [] }))
  }

  function compositeEntry({ path, params: given = [], fields, variants: list }: CompositeDefinition): Entry {
    const params = given.map(({ name, type }) => ({ name, type: of(type) }))
    if (list === undefined) return { path, params, def: { tag: 'composite', value: fieldsOf(fields) } }
    return {
      path,
      params,
      def: variants(list.map((variant) => ({ name: variant.name, index: variant.index, fields: fieldsOf(variant.fields) }))),
    }
  }

  function outerEnum(name: string, inner: (pallet: PalletDefinition) => number | undefined): Entry {
    const list = pallets.flatMap((pallet) => {
      const type = inner(pallet)
      return type === undefined
        ? []
        : [{ name: pallet.name, index: pallet.index, fields: [{ type, typeName: `${pallet.name}::${name}`, docs: [] }] }]
    })
    return { path: [RUNTIME_CRATE, name], def: variants(list) }
  }

  function dispatchErrorEntry(): Entry {
    const named = (type: string): Field[] => [{ type: of(type), typeName: type, docs: [] }]
    const inner: Record<string, Field[]> = {
      Module: named('ModuleError'),
      Token: named('TokenError'),
      Arithmetic: named('ArithmeticError'),
      Transactional: named('TransactionalError'),
    }
    const names = [
      ...['Other', 'CannotLookup', 'BadOrigin', 'Module', 'ConsumerRemaining', 'NoProviders', 'TooManyConsumers', 'Token', 'Arithmetic'],
      ...['Transactional', 'Exhausted', 'Corruption', 'Unavailable'],
    ]
    return {
      path: ['sp_runtime', 'DispatchError'],
      def: variants(names.map((name, index) => ({ name, index, fields: inner[name] ?? [] }))),
    }
  }

  function palletEnum(pallet: PalletDefinition, kind: 'Call' | 'Event' | 'Error', list: () => Variant[]): number {
    return enter(`${pallet.name}::${kind}`, () => ({
      path: [pallet.crate ?? crateOf(pallet.name), 'pallet', kind],
      params: [{ name: 'T', type: undefined }],
      def: variants(list()),
    }))
  }

  function calls(pallet: PalletDefinition): number | undefined {
    if (pallet.calls.length === 0) return undefined
    return palletEnum(pallet, 'Call', () =>
      pallet.calls.map((call) => ({ name: call.name, index: call.index, fields: fieldsOf(call.args) })),
    )
  }

  function events(pallet: PalletDefinition): number | undefined {
    if (pallet.events.length === 0 && pallet.declaresEvents !== true) return undefined
    return palletEnum(pallet, 'Event', () =>
      pallet.events.map((event) => ({ name: event.name, index: event.index, fields: fieldsOf(event.fields) })),
    )
  }

  function errors(pallet: PalletDefinition): number | undefined {
    if (pallet.errors.length === 0) return undefined
    return palletEnum(pallet, 'Error', () => pallet.errors.map((name, index) => ({ name, index, fields: [] })))
  }

  function newtype(path: string[], type: TypeName): number {
    const value = type === '()' ? [] : [{ type: of(type), typeName: type, docs: [] }]
    return enter(path.join('::'), () => ({ path, params: [{ name: 'T', type: undefined }], def: { tag: 'composite', value } }))
  }

  function extrinsic(extensions: number[]): number {
    const extra = enter('SignedExtra', () => ({ def: { tag: 'tuple', value: extensions } }))
    return enter('UncheckedExtrinsic', () => ({
      path: ['sp_runtime', 'generic', 'unchecked_extrinsic', 'UncheckedExtrinsic'],
      params: [
        { name: 'Address', type: of('MultiAddress') },
        { name: 'Call', type: of('RuntimeCall') },
        { name: 'Signature', type: of('MultiSignature') },
        { name: 'Extra', type: extra },
      ],
      def: { tag: 'composite', value: [{ type: of('Vec<u8>'), docs: [] }] },
    }))
  }

  function runtime(): number {
    return enter('Runtime', () => ({ path: [RUNTIME_CRATE, 'Runtime'], def: { tag: 'composite', value: [] } }))
  }

  return { of, calls, events, errors, newtype, extrinsic, runtime, lookup: () => entries }
}

interface Variant {
  name: string
  index: number
  fields: Field[]
}

function variants(list: Variant[]): { tag: string; value: unknown } {
  return { tag: 'variant', value: list.map((variant) => ({ ...variant, docs: [] })) }
}

function crateOf(name: string): string {
  return `pallet_${name.replace(/(?<=[a-z])([A-Z])/g, '_$1').toLowerCase()}`
}
