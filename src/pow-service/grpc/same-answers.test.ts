import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { grpcClient, type GrpcClient, type GrpcFailure } from '../../../test/support/grpc-client.js'
import { memoryPow, powOf, testAccess, type MemoryPow } from '../../../test/support/memory-pow.js'
import { ERRORS, type ErrorCode } from '../../core/errors.js'
import { startGrpcServer, type GrpcServer } from '../../core/grpc/index.js'
import { createHttpServer, type HttpServer } from '../../core/http/index.js'
import { silentLog } from '../../core/log.js'
import { createMetrics } from '../../core/metrics.js'
import { REGISTRATION_MODES, REGISTRATION_STATES } from '../../core/registrations.js'
import type { RegistrationView } from '../contract.js'
import { powRoutes } from '../http/routes.js'
import { powGrpc } from './service.js'

const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
const BOB = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty'
const ALICE_ELSEWHERE = '15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5'

/** Each face has a service of its own; both have lived the same life. */
let overHttp: MemoryPow
let overGrpc: MemoryPow
let http: HttpServer
let grpc: GrpcServer
let client: GrpcClient
let url: string

beforeAll(async () => {
  const ready = (): Promise<{ ok: true }> => Promise.resolve({ ok: true })
  http = await createHttpServer({
    name: 'pow',
    host: '127.0.0.1',
    port: 0,
    maxBodyBytes: 65_536,
    log: silentLog,
    metrics: createMetrics(),
    ready,
  })
  await http.mount(powRoutes({ service: powOf(() => overHttp), access: testAccess(), log: silentLog }))
  url = `${(await http.listen()).url}/pow/v1`
  const services = [powGrpc({ service: powOf(() => overGrpc), access: testAccess() })]
  grpc = await startGrpcServer({ host: '127.0.0.1', port: 0, services, log: silentLog })
  client = grpcClient(grpc.port, 'taogate/pow/v1/pow.proto', 'taogate.pow.v1.Registrations')
})

afterAll(async () => {
  client.close()
  await Promise.all([grpc.close(), http.close()])
})

interface Step {
  key: string
  http: { method: string; path: string; body?: object }
  grpc: { method: string; request: object }
  /** The parts of the answer of Create that are in the status over HTTP. */
  isCreate?: boolean
}

type Answer = { ok: true; value: unknown } | { ok: false; code: string; message: string; detail: unknown }

const KEYS = fc.oneof({ arbitrary: fc.constantFrom('alice', 'poor'), weight: 8 }, fc.constantFrom('bob', 'prompts', 'mallory', ''))
const ADDRESSES = fc.oneof(
  { arbitrary: fc.constantFrom(ALICE, BOB, ALICE_ELSEWHERE), weight: 6 },
  fc.constantFrom('x', '', `${ALICE}é`, ALICE.slice(0, -1)),
)
const IDS = fc.constantFrom('r1', 'r1', 'r2', 'nothing', 'a b')

function often<T>(usual: T, others: readonly T[]): fc.Arbitrary<T | undefined> {
  return fc.oneof(
    { arbitrary: fc.constant(usual), weight: 3 },
    { arbitrary: fc.constantFrom(...others), weight: 2 },
    fc.constant(undefined),
  )
}

const creating = fc
  .record({
    hotkey: fc.option(ADDRESSES, { nil: undefined, freq: 20 }),
    netuids: fc.oneof(
      { arbitrary: fc.uniqueArray(fc.constantFrom(1, 2, 65_535), { minLength: 1 }), weight: 6 },
      fc.array(fc.constantFrom(0, 1, 65_536, 4_294_967_295), { maxLength: 3 }),
    ),
    coldkey: often<string | undefined>(undefined, [ALICE, 'x', '']),
    mode: often<string | undefined>(undefined, [...REGISTRATION_MODES, 'Solve', '']),
    deadline: often<string | undefined>(undefined, ['2999-01-01T00:00:00+02:00', '2020-01-01T00:00:00Z', 'soon', '']),
    maxCost: often<string | undefined>(undefined, ['1', '18446744073709551615', '18446744073709551616', '1.5', '']),
  })
  .map(creation)

/** The library names the fields of messages in camel case, and puts them on the wire as the file has them. */
function creation({ maxCost, ...body }: { maxCost?: string | undefined } & Record<string, unknown>): Omit<Step, 'key'> {
  return {
    http: { method: 'POST', path: '/registrations', body: { ...body, max_cost: maxCost } },
    ...{ grpc: { method: 'Create', request: { ...body, maxCost } }, isCreate: true },
  }
}

const listing = fc
  .record({
    state: often<string | undefined>(undefined, [...REGISTRATION_STATES, 'done']),
    hotkey: often<string | undefined>(undefined, [ALICE, BOB, ALICE_ELSEWHERE, 'x']),
    limit: often<number | undefined>(undefined, [0, 1, 2, 100, 101, 4_294_967_295]),
    after: often<string | undefined>(undefined, ['r1', 'r2', 'a b', '']),
  })
  .map((query) => {
    const given = Object.entries(query).flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, String(value)]]))
    return {
      http: { method: 'GET', path: `/registrations?${new URLSearchParams(given).toString()}` },
      grpc: { method: 'List', request: query },
    }
  })

const looking = fc.tuple(IDS, fc.constantFrom(['GET', 'Get'], ['DELETE', 'Cancel'])).map(([id, [method = '', name = '']]) => ({
  http: { method, path: `/registrations/${encodeURIComponent(id)}` },
  grpc: { method: name, request: { id } },
}))

const quoting = fc
  .oneof(fc.nat(65_535), fc.constantFrom(0, 65_535, 65_536, 4_294_967_295))
  .map((netuid) => ({ http: { method: 'GET', path: `/quote?netuid=${netuid}` }, grpc: { method: 'GetQuote', request: { netuid } } }))

const steps: fc.Arbitrary<Step> = fc
  .tuple(KEYS, fc.oneof<fc.Arbitrary<Omit<Step, 'key'>>[]>(creating, creating, listing, looking, quoting))
  .map(([key, step]) => ({ ...step, key }))

const SEAL = `0x${'0f'.repeat(32)}` as const
const TARGET: RegistrationView['targets'][number] = {
  ...{ netuid: 1, state: 'ready', reason: { code: 'TOO_LATE', message: '', retryAtBlock: 5 }, uid: null, registeredBlock: null },
  solution: {
    ...{ netuid: 1, blockNumber: 0, blockHash: SEAL, nonce: '18446744073709551615', work: SEAL, difficulty: '0', byteOrder: 'little' },
    ...{ validIn: [1, 2], foundAt: '2024-03-01T00:00:00.000Z' },
  },
  offer: { netuid: 1, price: '0', atBlock: 0, call: 'register_limit' },
}

/** A change that the service makes by itself, in between. */
const changes: fc.Arbitrary<Partial<RegistrationView>> = fc.record({
  state: fc.constantFrom('waiting', 'solving', 'ready', 'registered'),
  reason: fc.constantFrom(null, { code: 'QUOTA', message: 'used up — wait' }, { code: 'QUOTA', message: '', retryAtBlock: 0 }),
  attempts: fc.nat(),
  targets: fc.constantFrom([TARGET], [{ ...TARGET, state: 'registered', solution: null, offer: null, uid: 0, registeredBlock: 0 }]),
  progress: fc.option(
    fc.record({
      hashRate: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
      expectedSeconds: fc.option(fc.constantFrom(0, 0.1, 1e21)),
      p95Seconds: fc.option(fc.constantFrom(0, 3.5)),
      blockNumber: fc.option(fc.constantFrom(0, 4_294_967_295)),
      ahead: fc.nat(100),
    }),
  ),
})

/** A life in which everything is met, whatever the others come to. */
function fullLife(): Step[] {
  const create = (key: string, body: Record<string, unknown>): Step => ({ key, ...creation(body) })
  const one = (key: string, method: string, name: string): Step => ({
    ...{ key, http: { method, path: '/registrations/r1' }, grpc: { method: name, request: { id: 'r1' } } },
  })
  const good = { hotkey: ALICE_ELSEWHERE, netuids: [3, 1] }
  return [
    ...[
      create('alice', good),
      create('alice', good),
      create('alice', { ...good, netuids: [0] }),
      create('alice', { ...good, mode: 'burn' }),
      create('alice', { ...good, mode: 'burn', maxCost: '1' }),
      create('alice', { ...good, maxCost: '1' }),
    ],
    ...[create('poor', good), create('poor', { ...good, netuids: [2] }), create('', good), create('prompts', good)],
    ...[one('alice', 'GET', 'Get'), one('bob', 'GET', 'Get'), one('alice', 'DELETE', 'Cancel')],
    { key: 'alice', http: { method: 'GET', path: '/registrations?limit=1' }, grpc: { method: 'List', request: { limit: 1 } } },
    { key: 'alice', http: { method: 'GET', path: '/quote?netuid=16383' }, grpc: { method: 'GetQuote', request: { netuid: 16_383 } } },
  ]
}

test('HTTP and gRPC answer the same to the same, whatever was asked before', async () => {
  const seen = new Set<string>()
  const life = fc.array(fc.oneof({ arbitrary: steps, weight: 5 }, { arbitrary: changes, weight: 1 }), {
    minLength: 1,
    maxLength: 14,
    size: 'max',
  })
  await fc.assert(
    fc.asyncProperty(life, async (events) => {
      overHttp = memoryPow()
      overGrpc = memoryPow()
      for (const event of events) {
        if (!('http' in event)) {
          for (const service of [overHttp, overGrpc]) changeFirst(service, event)
          continue
        }
        const [one, other] = [await askHttp(event), await askGrpc(event)]
        expect(other).toEqual(one)
        for (const name of namesIn(one)) expect(name).toMatch(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/)
        seen.add(one.ok ? event.grpc.method : one.code)
      }
    }),
    { numRuns: 15, examples: [[fullLife()]] },
  )
  const wanted = [
    'Create',
    'List',
    'Get',
    'Cancel',
    'GetQuote',
    'BAD_INPUT',
    'UNAUTHORIZED',
    'FORBIDDEN',
    'NOT_FOUND',
    'REFUSED',
    'RATE_LIMITED',
  ]
  expect([...seen].sort()).toEqual(wanted.sort())
})

function changeFirst(service: MemoryPow, patch: Partial<RegistrationView>): void {
  try {
    service.change('r1', patch)
  } catch {
    // There is none yet.
  }
}

async function askHttp({ key, http, isCreate = false }: Step): Promise<Answer> {
  const headers = { 'x-api-key': key, ...(http.body === undefined ? {} : { 'content-type': 'application/json' }) }
  const response = await fetch(`${url}${http.path}`, { method: http.method, headers, body: JSON.stringify(http.body) })
  const body = (await response.json()) as { error?: { code: ErrorCode; message: string; detail?: unknown } }
  if (body.error !== undefined) {
    const { code, message, detail } = body.error
    expect(response.status).toBe(ERRORS[code].http)
    return { ok: false, code, message, detail }
  }
  return { ok: true, value: withoutNull(isCreate ? { registration: body, created: response.status === 201 } : body) }
}

async function askGrpc({ key, grpc }: Step): Promise<Answer> {
  try {
    return { ok: true, value: asInFile(await client.call(grpc.method, grpc.request, { headers: { 'x-api-key': key } })) }
  } catch (error) {
    const { status, code, message, detail } = error as GrpcFailure & Error
    expect(status).toBe(ERRORS[code as ErrorCode].grpc)
    return { ok: false, code: String(code), message, detail }
  }
}

/** What is null over HTTP is absent over gRPC; that is all the difference there is. */
function withoutNull(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNull)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).flatMap(([name, field]) => (field === null ? [] : [[name, withoutNull(field)]])))
}

/** Undoes what the library does to the names of a message. */
function asInFile(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asInFile)
  if (typeof value !== 'object' || value === null) return value
  const nameInFile = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [nameInFile(name), asInFile(field)]))
}

/** All names in an answer, at any depth. */
function namesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return [...(Array.isArray(value) ? [] : Object.keys(value)), ...Object.values(value).flatMap(namesIn)]
}
