import fc from 'fast-check'
import Fastify from 'fastify'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { memoryPow, testAccess } from '../../../test/support/memory-pow.js'
import { REFUSALS } from '../../chain/registration/refusal.js'
import { AppError } from '../../core/errors.js'
import { silentLog } from '../../core/log.js'
import { parseRegistrationInput } from '../input.js'
import { openApiDocument } from './openapi.js'
import { powRoutes } from './routes.js'

interface Document {
  openapi: string
  paths: Record<string, Record<string, { operationId?: string; responses?: Record<string, unknown>; parameters?: { name: string }[] }>>
  components: { schemas: Record<string, Record<string, unknown>> }
}

const document = openApiDocument('/pow/v1') as unknown as Document
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'

test('it has every route there is, and no other', async () => {
  const app = Fastify()
  const there: string[] = []
  app.decorate('closing', new AbortController().signal)
  app.addHook('onRoute', ({ method, url }) => {
    if (method !== 'HEAD') there.push(`${String(method)} ${url}`)
  })
  await app.register(powRoutes({ service: memoryPow(), access: testAccess(), log: silentLog }).register)
  const told = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((key) => key !== 'parameters')
      .map((method) => `${method.toUpperCase()} ${path.replace('{id}', ':id')}`),
  )
  expect(told.sort()).toEqual(there.sort())
  const served = await app.inject('/openapi.json')
  expect(served.headers['cache-control']).toBe('public, max-age=300')
  expect(served.json()).toEqual(document)
  await app.close()
})

test('every reference leads somewhere, and every operation has its own name', () => {
  const text = JSON.stringify(document)
  const references = [...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = '']) => path)
  expect(references.length).toBeGreaterThan(20)
  for (const path of references) {
    const found = path.split('/').reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], document)
    expect(found, path).toBeDefined()
  }
  expect(text).not.toMatch(/\$defs|__shared/)
  const names = [...text.matchAll(/"operationId":"(\w+)"/g)].map(([, name]) => name)
  expect(new Set(names).size).toBe(names.length)
})

test('the reference page has every route, field and reason', () => {
  const page = readFileSync(new URL('../../../docs/reference/pow-api.md', import.meta.url), 'utf8')
  const schemas = Object.values(document.components.schemas).flatMap((schema) => fieldsOf(schema))
  const queries = [...JSON.stringify(document.paths).matchAll(/"name":"([\w]+)","in":"query"/g)].map(([, name = '']) => name)
  const told = new Set([...page.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) => code.split(/[ .:"]+/)))
  const missing = [...schemas, ...queries].filter((name) => !told.has(name) && !page.includes(`"${name}"`))
  expect(new Set(missing)).toEqual(new Set())
  for (const [path, item] of Object.entries(document.paths))
    for (const method of Object.keys(item).filter((key) => key !== 'parameters'))
      expect(page).toContain(`| \`${method.toUpperCase()} ${path}\``)
  for (const code of Object.keys(REFUSALS)) expect(page).toContain(`| \`${code}\``)
})

/** Names of all fields of a schema, those of schemas in it included. */
function fieldsOf(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const own = 'properties' in schema && 'type' in schema ? Object.keys(schema.properties as object) : []
  return [...own, ...Object.values(schema).flatMap(fieldsOf)]
}

test('query parameters have their limits', () => {
  const { parameters = [] } = document.paths['/registrations']?.['get'] ?? {}
  expect(parameters.map(({ name }) => name)).toEqual(['state', 'hotkey', 'limit', 'after'])
  expect(parameters[2]).toEqual({
    ...{ name: 'limit', in: 'query', required: false, description: 'How many registrations at most.' },
    schema: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
  })
})

test('a validator that knows only the document takes what we take, and refuses what we refuse', async () => {
  const app = Fastify({ ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, strict: false } } })
  app.post('/', { schema: { body: document.components.schemas['RegistrationInput'] } }, () => 'ok')
  const field = (good: fc.Arbitrary<unknown>, bad: unknown[]): fc.Arbitrary<unknown> =>
    fc.oneof({ arbitrary: good, weight: 12 }, { arbitrary: fc.constantFrom(...bad), weight: 1 })
  const maybe = (...values: unknown[]): fc.Arbitrary<unknown> => fc.constantFrom(undefined, ...values)
  const bodies = fc.record({
    hotkey: field(fc.constant(ALICE), ['x', 5, null, undefined]),
    netuids: field(fc.uniqueArray(fc.nat(65_535), { minLength: 1, maxLength: 17 }), [
      [],
      [1, 1],
      [65_536],
      [-1],
      [1.5],
      ['1'],
      1,
      {},
      null,
      undefined,
    ]),
    coldkey: field(maybe(ALICE), ['x', 1, null]),
    mode: field(maybe('solve', 'proxy', 'burn'), ['Solve', '', 1, null]),
    deadline: field(maybe('2999-01-01T00:00:00Z', '2999-01-01T00:00:00.5+02:00'), ['2999-01-01', 'soon', '2999-02-30T00:00:00Z', 1, null]),
    max_cost: field(maybe('1', '1500000000'), ['0', '-1', '01', '1.5', '', 5, null]),
    more: field(fc.constant(undefined), [1]),
  })
  let taken = 0
  await fc.assert(
    fc.asyncProperty(bodies, async (body) => {
      const { statusCode } = await app.inject({ method: 'POST', url: '/', payload: body })
      const ours = isTaken(JSON.parse(JSON.stringify(body)))
      if (ours) taken++
      expect(statusCode === 200, JSON.stringify(body)).toBe(ours)
    }),
    { numRuns: 300 },
  )
  expect(taken).toBeGreaterThan(25)
  await app.close()
})

function isTaken(body: unknown): boolean {
  try {
    parseRegistrationInput(body)
    return true
  } catch (error) {
    if (error instanceof AppError && error.code === 'BAD_INPUT') return false
    throw error
  }
}
