import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  parse,
  type SelectionSetNode,
  TokenKind,
} from 'graphql'
import type { ApiConfig } from '../../../core/config/index.js'
import { AppError } from '../../../core/errors.js'

/** Limits that need only the query's text. They hold before it is validated, because validating a hostile query is itself slow. */

export interface Shape {
  tokens: number
  /** Levels of fields, root fields being 1. Introspection does not count: it reads nothing. */
  depth: number
  aliases: number
  rootFields: number
}

type ShapeLimits = Pick<ApiConfig, 'maxDepth' | 'maxAliases' | 'maxRootFields' | 'maxTokens'>

/** Measures every operation of a document and throws TOO_COMPLEX, with the measures, for the first limit that one exceeds. */
export function checkDocument(source: string, limits: ShapeLimits): Shape {
  const document = parseBounded(source, limits.maxTokens)
  const shape = measure(document)
  const over = (what: string, value: number, limit: number) => {
    if (value > limit)
      throw new AppError('TOO_COMPLEX', `the query has ${what} of ${value}; the limit is ${limit}`, { cost: { ...shape }, limit })
  }
  over('a depth', shape.depth, limits.maxDepth)
  over('a number of aliases', shape.aliases, limits.maxAliases)
  over('a number of root fields', shape.rootFields, limits.maxRootFields)
  return shape
}

function parseBounded(source: string, maxTokens: number): DocumentNode {
  try {
    return parse(source, { maxTokens, noLocation: false })
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error
    if (error.message.includes('tokens'))
      throw new AppError('TOO_COMPLEX', `the query has more than ${maxTokens} tokens`, { limit: maxTokens })
    const at = error.locations?.[0]
    throw new AppError('BAD_INPUT', `${error.message}${at === undefined ? '' : ` (line ${at.line}, column ${at.column})`}`)
  }
}

interface Measures {
  depth: number
  aliases: number
  fields: number
}

/**
 * Fragments are measured once each and counted wherever they are spread, so that fragments that spread each other many times
 * cost nothing to measure. A fragment inside itself measures as empty; validation refuses it.
 */
function measure(document: DocumentNode): Shape {
  const fragments = new Map<string, FragmentDefinitionNode>()
  const operations: OperationDefinitionNode[] = []
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
    else if (definition.kind === Kind.OPERATION_DEFINITION) operations.push(definition)
  }
  const measured = new Map<string, Measures>()
  const ofFragment = (name: string): Measures => {
    const known = measured.get(name)
    if (known !== undefined) return known
    measured.set(name, { depth: 0, aliases: 0, fields: 0 })
    const found = ofSet(fragments.get(name)?.selectionSet)
    measured.set(name, found)
    return found
  }
  const ofSet = (set: SelectionSetNode | undefined): Measures => {
    const total: Measures = { depth: 0, aliases: 0, fields: 0 }
    for (const selection of set?.selections ?? []) {
      if (selection.kind === Kind.FIELD) {
        total.fields += 1
        total.aliases += selection.alias === undefined ? 0 : 1
        if (selection.name.value.startsWith('__')) continue
        const inner = ofSet(selection.selectionSet)
        total.depth = Math.max(total.depth, inner.depth + 1)
        total.aliases += inner.aliases
      } else {
        const inner = selection.kind === Kind.INLINE_FRAGMENT ? ofSet(selection.selectionSet) : ofFragment(selection.name.value)
        total.depth = Math.max(total.depth, inner.depth)
        total.aliases += inner.aliases
        total.fields += inner.fields
      }
    }
    return total
  }
  const shape: Shape = { tokens: countTokens(document), depth: 0, aliases: 0, rootFields: 0 }
  for (const operation of operations) {
    const { depth, aliases, fields } = ofSet(operation.selectionSet)
    shape.depth = Math.max(shape.depth, depth)
    shape.aliases = Math.max(shape.aliases, aliases)
    shape.rootFields = Math.max(shape.rootFields, fields)
  }
  return shape
}

function countTokens(document: DocumentNode): number {
  let count = 0
  const end = document.loc?.endToken
  for (let token = document.loc?.startToken.next; token !== undefined && token !== null && token !== end; token = token.next)
    if (token.kind !== TokenKind.COMMENT) count += 1
  return count
}
