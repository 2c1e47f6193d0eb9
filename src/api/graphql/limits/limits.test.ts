import { getOperationAST, parse } from 'graphql'
import { expect, test } from 'vitest'
import { buildApiSchema } from '../schema.js'
import { createCostModel } from './cost.js'
import { checkDocument } from './document.js'

const LIMITS = { maxDepth: 10, maxAliases: 3, maxRootFields: 4, maxTokens: 200 }
const PAGES = { defaultPageSize: 10, maxPageSize: 100, maxOffset: 1_000 }

const { schema, costs } = buildApiSchema('')
const model = createCostModel(schema, costs)

function cost(source: string, variables: Record<string, unknown> = {}): number {
  const document = parse(source)
  const operation = getOperationAST(document)
  if (!operation) throw new Error('no operation')
  return model.costOf(document, operation, variables, PAGES)
}

test('a document is measured by tokens, depth, aliases and root fields', () => {
  expect(checkDocument('{ a { b c: d } }', LIMITS)).toEqual({ tokens: 9, depth: 2, aliases: 1, rootFields: 1 })
  expect(checkDocument('query A { a } query B { a b { c } ...F } fragment F on Query { d: e }', LIMITS)).toMatchObject({
    depth: 2,
    aliases: 1,
    rootFields: 3,
  })
})

test('introspection is not depth', () => {
  expect(
    checkDocument('{ __schema { types { fields { type { ofType { ofType { ofType { ofType { ofType { name } } } } } } } } } }', LIMITS)
      .depth,
  ).toBe(0)
})

test.each([
  ['an alias too many', '{ a: x b: x c: x d: x }', 'aliases of 4; the limit is 3'],
  ['a root field too many', '{ a b c d e }', 'root fields of 5; the limit is 4'],
  ['an alias too many in fragments', '{ ...F ...F } fragment F on Q { a: x b: x }', 'aliases of 4'],
])('%s is TOO_COMPLEX', (_name, source, message) => {
  expect(() => checkDocument(source, LIMITS)).toThrow(
    expect.objectContaining({ code: 'TOO_COMPLEX', message: expect.stringContaining(message) }),
  )
})

test('a syntax error is BAD_INPUT with its place', () => {
  expect(() => checkDocument('{ a', LIMITS)).toThrow(
    expect.objectContaining({ code: 'BAD_INPUT', message: expect.stringContaining('(line 1, column 4)') }),
  )
})

test('values cost nothing, objects 1, and lists their size times what hangs on a row', () => {
  expect(cost('{ block(height: 1) { height hash } }')).toBe(1)
  expect(cost('{ blocks(first: 10) { nodes { height } pageInfo { endCursor } totalCount } }')).toBe(11)
  expect(cost('{ blocks(first: 10) { edges { cursor node { extrinsics(first: 5) { nodes { block { hash } } } } } } }')).toBe(
    1 + 10 * (1 + 1 + 5 * (1 + 1)),
  )
  expect(cost('{ blocks { nodes { height } } }')).toBe(11)
  expect(cost('{ metagraph(netuid: 1) { neurons { uid weights { uid } } } }')).toBe(1 + 256 * (1 + 8))
})

test('variables and fragments count like what they stand for', () => {
  const query =
    'query ($n: Int) { blocks(first: $n) { ...C } } fragment C on BlocksConnection { nodes { ...B } } fragment B on Block { extrinsics(first: $n) { nodes { id } } }'
  expect(cost(query, { n: 20 })).toBe(1 + 20 * (1 + 1 + 20))
  expect(cost('query ($ids: [ID!]!) { nodes(ids: $ids) { nodeId } }', { ids: ['a', 'b', 'c'] })).toBe(3)
})

test('a page too large is refused while it is counted', () => {
  expect(() => cost('{ block(height: 1) { extrinsics(first: 101) { nodes { id } } } }')).toThrow('first: 101 is out of range')
})
