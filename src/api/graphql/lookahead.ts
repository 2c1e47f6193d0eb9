import {
  type FieldNode,
  getDirectiveValues,
  GraphQLIncludeDirective,
  type GraphQLResolveInfo,
  GraphQLSkipDirective,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql'

/** The fields selected under a field, by name, with what is selected under them. */
export type Selection = ReadonlyMap<string, Selection>

/** What the query selects under the field being resolved, fragments and directives applied. */
export function selectionOf(info: GraphQLResolveInfo): Selection {
  return collect(
    info,
    info.fieldNodes.map((node) => node.selectionSet),
  )
}

/** The field's path in the answer without list positions: the same for all siblings. */
export function placeOf(info: GraphQLResolveInfo): string {
  const keys: string[] = []
  for (let path: GraphQLResolveInfo['path'] | undefined = info.path; path !== undefined; path = path.prev)
    if (typeof path.key === 'string') keys.push(path.key)
  return keys.reverse().join('.')
}

function collect(info: GraphQLResolveInfo, sets: readonly (SelectionSetNode | undefined)[]): Selection {
  const nodes = new Map<string, FieldNode[]>()
  for (const set of sets) for (const selection of set?.selections ?? []) visit(info, selection, nodes)
  const found = new Map<string, Selection>()
  for (const [name, fields] of nodes)
    found.set(
      name,
      collect(
        info,
        fields.map((field) => field.selectionSet),
      ),
    )
  return found
}

function visit(info: GraphQLResolveInfo, selection: SelectionNode, nodes: Map<string, FieldNode[]>): void {
  if (!included(info, selection)) return
  if (selection.kind === Kind.FIELD) {
    const name = selection.name.value
    nodes.set(name, [...(nodes.get(name) ?? []), selection])
    return
  }
  const set = selection.kind === Kind.INLINE_FRAGMENT ? selection.selectionSet : info.fragments[selection.name.value]?.selectionSet
  for (const inner of set?.selections ?? []) visit(info, inner, nodes)
}

function included(info: GraphQLResolveInfo, selection: SelectionNode): boolean {
  if (selection.directives === undefined || selection.directives.length === 0) return true
  if (getDirectiveValues(GraphQLSkipDirective, selection, info.variableValues)?.['if'] === true) return false
  return getDirectiveValues(GraphQLIncludeDirective, selection, info.variableValues)?.['if'] !== false
}
