import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { grpcClient, type GrpcClient } from '../../../test/support/grpc-client.js'
import { memoryPow, powOf, testAccess, type MemoryPow } from '../../../test/support/memory-pow.js'
import { eventually } from '../../../test/support/waiting.js'
import { AppError } from '../../core/errors.js'
import { startGrpcServer, type GrpcServer } from '../../core/grpc/index.js'
import { silentLog } from '../../core/log.js'
import { powGrpc } from './service.js'

const FILE = 'taogate/pow/v1/pow.proto'
const NAME = 'taogate.pow.v1.Registrations'
const HOTKEY = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
const OTHER = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty'

let service: MemoryPow
let server: GrpcServer
let alice: GrpcClient
let bob: GrpcClient
const clients: GrpcClient[] = []

beforeAll(() => start())

beforeEach(() => {
  service = memoryPow()
})

afterAll(stop)

async function start(options: Parameters<typeof testAccess>[0] = {}): Promise<void> {
  const services = [powGrpc({ service: powOf(() => service), access: testAccess(options) })]
  server = await startGrpcServer({ host: '127.0.0.1', port: 0, services, log: silentLog })
  alice = client({ authorization: 'Bearer alice' })
  bob = client({ 'x-api-key': 'bob' })
}

async function stop(): Promise<void> {
  for (const one of clients.splice(0)) one.close()
  await server.close()
}

/** For the rest of this test. */
async function startInstead(options: Parameters<typeof testAccess>[0]): Promise<void> {
  await stop()
  await start(options)
  onTestFinished(async () => {
    await stop()
    await start()
  })
}

function client(headers: Record<string, string>): GrpcClient {
  const made = grpcClient(server.port, FILE, NAME, headers)
  clients.push(made)
  return made
}

describe('registrations', () => {
  test('one is asked for, seen, listed and ended', async () => {
    const first = await alice.call('Create', { hotkey: HOTKEY, netuids: [3, 1] })
    expect(first).toMatchObject({ created: true, registration: { id: 'r1', mode: 'solve', targets: [{ netuid: 1 }, { netuid: 3 }] } })
    expect(await alice.call('Create', { hotkey: HOTKEY, netuids: [1, 3] })).toEqual({ ...first, created: false })
    expect(await alice.call('Get', { id: 'r1' })).toEqual(first['registration'])
    await alice.call('Create', { hotkey: OTHER, netuids: [1], mode: 'burn', maxCost: '18446744073709551615' })
    expect(await alice.call('List', { limit: 1 })).toMatchObject({
      registrations: [{ id: 'r2', maxCost: '18446744073709551615' }],
      more: true,
    })
    expect(await alice.call('List', { after: 'r2', hotkey: HOTKEY, state: 'queued' })).toMatchObject({
      registrations: [{ id: 'r1' }],
      more: false,
    })
    expect(await alice.call('Cancel', { id: 'r1' })).toMatchObject({ id: 'r1', state: 'cancelled' })
    expect(await alice.call('GetQuote', { netuid: 7 })).toMatchObject({
      netuid: 7,
      pow: { possible: true, difficulty: '18446744073709551615' },
    })
  })

  test('a problem is told with its field, a refusal with its reason', async () => {
    await expect(alice.call('Create', { hotkey: 'x', netuids: [1] })).rejects.toMatchObject({
      status: 3,
      code: 'BAD_INPUT',
      detail: { field: 'hotkey' },
    })
    await expect(alice.call('Create', { hotkey: HOTKEY })).rejects.toMatchObject({ status: 3, detail: { field: 'netuids' } })
    await expect(alice.call('Create', {})).rejects.toMatchObject({
      status: 3,
      detail: { problems: [{ field: 'hotkey' }, { field: 'netuids' }] },
    })
    await expect(alice.call('List', { limit: 0 })).rejects.toMatchObject({ status: 3, detail: { field: 'limit' } })
    await expect(alice.call('GetQuote', {})).rejects.toMatchObject({ status: 3, detail: { field: 'netuid' } })
    await expect(alice.call('GetQuote', { netuid: 65_536 })).rejects.toMatchObject({ status: 3, detail: { field: 'netuid' } })
    await expect(alice.call('Create', { hotkey: HOTKEY, netuids: [0] })).rejects.toMatchObject({
      status: 9,
      code: 'REFUSED',
      detail: { reason: 'ROOT_SUBNET' },
    })
    await expect(alice.call('Create', { hotkey: HOTKEY, netuids: [1], mode: 'burn' })).rejects.toMatchObject({
      ...{ status: 3, message: expect.stringMatching(/^max_cost: nothing came; wanted a whole number of rao/) },
      detail: { field: 'max_cost' },
    })
    service.failNext(new AppError('REFUSED', 'no', { retryAtBlock: 5 }))
    await expect(alice.call('List', {})).rejects.toMatchObject({ detail: { retry_at_block: 5 } })
    for (const id of ['', 'r1', 'a b']) await expect(alice.call('Get', { id })).rejects.toMatchObject({ status: 5, code: 'NOT_FOUND' })
  })

  test('every kind of failure has the status of the table', async () => {
    const told = { DATABASE_DOWN: 14, QUEUE_DOWN: 14, UPSTREAM_TIMEOUT: 4, RATE_LIMITED: 8, SOLVER_WRONG: 9, INTERNAL: 13 } as const
    for (const [code, status] of Object.entries(told)) {
      service.failNext(new AppError(code as keyof typeof told, 'because'))
      await expect(alice.call('List', {})).rejects.toMatchObject({ status, code, ...(status === 14 ? { retryAfter: '5' } : {}) })
    }
  })
})

describe('who asks', () => {
  test('a key is needed, a good one, and with the scope; in every method', async () => {
    const nobody = client({})
    const wrong = client({ authorization: 'Bearer mallory' })
    const narrow = client({ 'x-api-key': 'prompts' })
    for (const method of ['Create', 'Get', 'List', 'Cancel', 'GetQuote']) {
      await expect(nobody.call(method, {})).rejects.toMatchObject({ status: 16, code: 'UNAUTHORIZED' })
      await expect(wrong.call(method, {})).rejects.toMatchObject({ status: 16, code: 'UNAUTHORIZED' })
      await expect(narrow.call(method, {})).rejects.toMatchObject({ status: 7, code: 'FORBIDDEN' })
    }
    await expect(firstOf(nobody.stream('Watch', { id: 'r1' }))).rejects.toMatchObject({ status: 16 })
    await expect(firstOf(narrow.stream('Watch', { id: 'r1' }))).rejects.toMatchObject({ status: 7 })
  })

  test('nobody sees, watches or ends what is another one’s', async () => {
    await alice.call('Create', { hotkey: HOTKEY, netuids: [1] })
    for (const method of ['Get', 'Cancel']) await expect(bob.call(method, { id: 'r1' })).rejects.toMatchObject({ status: 5 })
    await expect(firstOf(bob.stream('Watch', { id: 'r1' }))).rejects.toMatchObject({ status: 5 })
    expect(await bob.call('List', {})).toEqual({ registrations: [], more: false })
    expect(await alice.call('Get', { id: 'r1' })).toMatchObject({ state: 'queued' })
  })

  test('too many requests are told when to come back', async () => {
    await startInstead({ requestsPerMinute: 2 })
    await alice.call('List', {})
    await alice.call('List', {})
    await expect(alice.call('List', {})).rejects.toMatchObject({ status: 8, code: 'RATE_LIMITED', retryAfter: '30' })
    await bob.call('List', {})
  })

  test('where no key is needed on the same machine, one that comes through a proxy needs it', async () => {
    await startInstead({ open: 'loopback' })
    await client({}).call('List', {})
    await expect(client({ 'x-forwarded-for': '203.0.113.9' }).call('List', {})).rejects.toMatchObject({ status: 16 })
  })
})

describe('watching', () => {
  test('the state comes first, then every change, and the stream ends with the registration', async () => {
    await alice.call('Create', { hotkey: HOTKEY, netuids: [1] })
    const events = alice.stream('Watch', { id: 'r1' })[Symbol.asyncIterator]()
    expect((await events.next()).value).toMatchObject({ id: '1', type: 'state', registration: { state: 'queued' } })
    const progress = { hashRate: 2.5e9, expectedSeconds: 0, p95Seconds: 12.5, blockNumber: 4_294_967_295, ahead: 0 }
    service.change('r1', { state: 'solving', progress }, 'progress')
    expect((await events.next()).value).toMatchObject({ id: '2', type: 'progress', registration: { state: 'solving', progress } })
    service.change('r1', { state: 'registered' })
    expect((await events.next()).value).toMatchObject({ id: '3', registration: { state: 'registered' } })
    expect((await events.next()).done).toBe(true)
    expect(service.watchers()).toBe(0)
  })

  test('the service is told when the caller cancels, its deadline passes, or the server stops', async () => {
    await alice.call('Create', { hotkey: HOTKEY, netuids: [1] })
    onTestFinished(() => start())
    const gone = (how: string): Promise<void> => eventually(how, () => service.watchers() === 0, 2_000)

    const cancelled = alice.stream('Watch', { id: 'r1' })
    await firstOf(cancelled)
    expect(service.watchers()).toBe(1)
    const at = Date.now()
    cancelled.cancel()
    await gone('cancelled')
    expect(Date.now() - at).toBeLessThan(1_000)

    const late = alice.stream('Watch', { id: 'r1' }, { timeoutMs: 150 })[Symbol.asyncIterator]()
    await late.next()
    await expect(late.next()).rejects.toMatchObject({ status: 4 })
    await gone('deadline')

    const last = alice.stream('Watch', { id: 'r1' })[Symbol.asyncIterator]()
    await last.next()
    await server.close()
    await gone('stopped')
    await expect(last.next()).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

async function firstOf(stream: AsyncIterable<unknown>): Promise<unknown> {
  return (await stream[Symbol.asyncIterator]().next()).value
}
