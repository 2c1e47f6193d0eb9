import {
  type DocumentNode,
  type FragmentDefinitionNode,
  getArgumentValues,
  getNamedType,
  type GraphQLField,
  type GraphQLSchema,
  isInterfaceType,
  isLeafType,
  isObjectType,
  Kind,
  type FieldNode,
  type GraphQLNamedType,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'
import { AppError } from '../../../core/errors.js'
import { type PageArgs, type PageLimits, planPage } from '../../../store/read/index.js'
import type { FieldCost } from '../list.js'

/**
 * The cost of a query, known before anything is read. A value costs nothing, an object 1, and a list its page size times (1 + what
 * is selected on each row): `first: 100` inside `first: 100` is 10 100. The arguments of every list are checked on the way, so
 * that a page too large or a foreign cursor is refused before the first statement.
 */
export interface CostModel {
  costOf(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Readonly<Record<string, unknown>>,
    limits: PageLimits,
  ): number
}

interface Walk {
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>
  readonly variables: Readonly<Record<string, unknown>>
  readonly limits: PageLimits
  /** Fragments cost the same at every place of one type, unless variables differ, and those are fixed for a request. */
  readonly known: Map<string, number>
}

export function createCostModel(schema: GraphQLSchema, costs: readonly FieldCost[]): CostModel {
  const byField = new Map(costs.map((cost) => [`${cost.type}.${cost.field}`, cost]))

  function ofSet(type: GraphQLNamedType, set: SelectionSetNode | undefined, walk: Walk): number {
    let total = 0
    for (const selection of set?.selections ?? []) {
      if (selection.kind === Kind.FIELD) total += ofField(type, selection, walk)
      else if (selection.kind === Kind.INLINE_FRAGMENT) {
        const name = selection.typeCondition?.name.value
        total += ofSet(name === undefined ? type : (schema.getType(name) ?? type), selection.selectionSet, walk)
      } else total += ofSpread(selection.name.value, walk)
    }
    return total
  }

  function ofSpread(name: string, walk: Walk): number {
    const known = walk.known.get(name)
    if (known !== undefined) return known
    const fragment = walk.fragments.get(name)
    const type = schema.getType(fragment?.typeCondition.name.value ?? '')
    const cost = fragment === undefined || type === undefined ? 0 : ofSet(type, fragment.selectionSet, walk)
    walk.known.set(name, cost)
    return cost
  }

  function ofField(parent: GraphQLNamedType, node: FieldNode, walk: Walk): number {
    const name = node.name.value
    if (name.startsWith('__')) return 0
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined
    if (field === undefined) return 0
    const spec = byField.get(`${parent.name}.${name}`)
    if (spec?.list !== undefined) return ofList(field, node, spec.list, walk)
    const type = getNamedType(field.type)
    const inner = isLeafType(type) ? 0 : 1 + ofSet(type, node.selectionSet, walk)
    return spec?.size === undefined ? inner : spec.size(getArgumentValues(field, node, walk.variables)) * Math.max(inner, 1)
  }

  function ofList(field: GraphQLField<unknown, unknown>, node: FieldNode, list: NonNullable<FieldCost['list']>, walk: Walk): number {
    const args = getArgumentValues(field, node, walk.variables) as PageArgs
    const plan = planPage(list.entity, args, walk.limits, list.fixed)
    // `nodes`, `edges` and `pageInfo` are made of the page itself: only what hangs on a row counts.
    const onRow = rowSelections(node.selectionSet, walk, getNamedType(field.type))
    const perRow = onRow.reduce((sum, [type, set]) => sum + ofSet(type, set, walk), 0)
    return 1 + plan.size * (1 + perRow)
  }

  /** The selections on the rows of a connection: under `nodes`, and under `edges { node }`. */
  function rowSelections(
    set: SelectionSetNode | undefined,
    walk: Walk,
    type: GraphQLNamedType,
  ): [GraphQLNamedType, SelectionSetNode | undefined][] {
    return (set?.selections ?? []).flatMap((selection): [GraphQLNamedType, SelectionSetNode | undefined][] => {
      if (selection.kind === Kind.INLINE_FRAGMENT) return rowSelections(selection.selectionSet, walk, type)
      if (selection.kind === Kind.FRAGMENT_SPREAD) return rowSelections(walk.fragments.get(selection.name.value)?.selectionSet, walk, type)
      const field = isObjectType(type) ? type.getFields()[selection.name.value] : undefined
      if (field === undefined || isLeafType(getNamedType(field.type))) return []
      const inner = getNamedType(field.type)
      if (selection.name.value === 'edges') return rowSelections(selection.selectionSet, walk, inner)
      return selection.name.value === 'nodes' || selection.name.value === 'node' ? [[inner, selection.selectionSet]] : []
    })
  }

  return {
    costOf(document, operation, variables, limits) {
      const root = schema.getQueryType()
      if (root === null || root === undefined) throw new AppError('INTERNAL', 'the schema has no Query type')
      const fragments = new Map(
        document.definitions.flatMap((d) => (d.kind === Kind.FRAGMENT_DEFINITION ? [[d.name.value, d] as const] : [])),
      )
      return ofSet(root, operation.selectionSet, { fragments, variables, limits, known: new Map() })
    },
  }
}
