import request from 'supertest'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { memoryPow, powOf, testAccess, type MemoryPow } from '../../../test/support/memory-pow.js'
import { AppError } from '../../core/errors.js'
import { createHttpServer, type HttpServer } from '../../core/http/index.js'
import { silentLog } from '../../core/log.js'
import { createMetrics } from '../../core/metrics.js'
import { powRoutes } from './routes.js'
import { errorBody, quote, registrationPage, registrationView } from './views.js'

const HOTKEY = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
const OTHER = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty'

let service: MemoryPow
let server: HttpServer
let url: string

beforeAll(async () => {
  server = await start()
})

afterAll(() => server.close())

beforeEach(() => {
  service = memoryPow()
})

/** `url` is from then on that of this one. */
async function start(options: Parameters<typeof testAccess>[0] = {}): Promise<HttpServer> {
  const ready = (): Promise<{ ok: true }> => Promise.resolve({ ok: true })
  const limits = { maxBodyBytes: 65_536, log: silentLog, metrics: createMetrics(), ready }
  const started = await createHttpServer({ name: 'pow', host: '127.0.0.1', port: 0, ...limits })
  await started.mount(powRoutes({ service: powOf(() => service), access: testAccess(options), log: silentLog }))
  url = `${(await started.listen()).url}/pow/v1`
  return started
}

function post(body: object, key = 'alice'): request.Test {
  return request(url).post('/registrations').set('x-api-key', key).send(body)
}

function get(path: string, key = 'alice'): request.Test {
  return request(url).get(path).set('authorization', `Bearer ${key}`)
}

describe('asking for a registration', () => {
  test('a new one is 201 with its place, the same again is 200 with the same', async () => {
    const first = await post({ hotkey: HOTKEY, netuids: [3, 1] }).expect(201)
    expect(registrationView.parse(first.body)).toEqual(first.body)
    expect(first.body).toMatchObject({ id: 'r1', hotkey: HOTKEY, mode: 'solve', state: 'queued', targets: [{ netuid: 1 }, { netuid: 3 }] })
    expect(first.headers).toMatchObject({ location: '/pow/v1/registrations/r1', 'cache-control': 'no-store' })
    const again = await post({ hotkey: HOTKEY, netuids: [1, 3] }).expect(200)
    expect(again.body).toEqual(first.body)
    await post({ hotkey: HOTKEY, netuids: [1, 3] }, 'bob').expect(201)
  })

  test('a problem with a field is told by its name, and nothing is asked of the service', async () => {
    service.failNext(new Error('not to be reached'))
    const answer = await post({ hotkey: HOTKEY, netuids: [1, 70_000], hotKey: 'x' }).expect(400)
    expect(errorBody.parse(answer.body)).toEqual(answer.body)
    expect(answer.body).toMatchObject({ error: { code: 'BAD_INPUT', detail: { field: 'netuids[1]' } } })
    expect(answer.body.error.detail.problems).toEqual([
      { field: 'netuids[1]', message: '70000 came; wanted a netuid, 0 to 65535' },
      { field: 'hotKey', message: 'there is no such field' },
    ])
  })

  test('what is no JSON object is BAD_INPUT, what is too large TOO_LARGE', async () => {
    const send = (body: string, type = 'application/json'): request.Test =>
      request(url).post('/registrations').set('x-api-key', 'alice').set('content-type', type).send(body)
    for (const body of ['', '[]', 'null', '"x"', '{"hotkey":', '{"__proto__":{"x":1},"hotkey":"x"}'])
      expect((await send(body).expect(400)).body.error.code).toBe('BAD_INPUT')
    expect((await send('hotkey=x', 'application/x-www-form-urlencoded').expect(400)).body.error.code).toBe('BAD_INPUT')
    expect((await send(JSON.stringify({ hotkey: 'x'.repeat(70_000) })).expect(413)).body.error.code).toBe('TOO_LARGE')
  })

  test('a refusal of the chain is 422 with its reason', async () => {
    const answer = await post({ hotkey: HOTKEY, netuids: [0] }).expect(422)
    expect(answer.body.error).toMatchObject({ code: 'REFUSED', detail: { reason: 'ROOT_SUBNET', netuid: 0 } })
    service.failNext(new AppError('REFUSED', 'no', { reason: 'OWNER_MISMATCH', retryAtBlock: 5, seen: { ownKey: 1 } }))
    const renamed = await post({ hotkey: HOTKEY, netuids: [1] }).expect(422)
    expect(renamed.body.error.detail).toEqual({ reason: 'OWNER_MISMATCH', retry_at_block: 5, seen: { ownKey: 1 } })
  })

  test('names are in snake case, and those of the program are not known', async () => {
    const input = { hotkey: HOTKEY, netuids: [1], mode: 'burn', max_cost: '18446744073709551615' }
    expect((await post(input).expect(201)).body).toMatchObject({ max_cost: '18446744073709551615', created_at: expect.any(String) })
    const refused = await post({ hotkey: HOTKEY, netuids: [1], mode: 'burn', maxCost: '1' }).expect(400)
    expect(refused.body.error.detail.problems.map(({ field }: { field: string }) => field)).toEqual(['maxCost', 'max_cost'])
    const missing = await post({ hotkey: HOTKEY, netuids: [1], mode: 'burn' }).expect(400)
    expect(missing.body.error.detail).toMatchObject({ field: 'max_cost', problems: [{ field: 'max_cost' }] })
  })
})

describe('who asks', () => {
  test('without a key 401, with a wrong one 401, without the scope 403; nobody sees what is another one’s', async () => {
    const bare = await request(url).get('/registrations').expect(401)
    expect(bare.body.error.code).toBe('UNAUTHORIZED')
    expect(bare.headers['cache-control']).toBe('no-store')
    await get('/registrations', 'mallory').expect(401)
    await get('/quote?netuid=1', 'prompts').expect(403)
    await post({ hotkey: HOTKEY, netuids: [1] })
    await get('/registrations/r1').expect(200)
    const foreign = await get('/registrations/r1', 'bob').expect(404)
    const absent = await get('/registrations/r9', 'bob').expect(404)
    expect(foreign.body.error.message.replace('r1', 'r9')).toBe(absent.body.error.message)
    await request(url).delete('/registrations/r1').set('x-api-key', 'bob').expect(404)
    expect((await get('/registrations', 'bob').expect(200)).body).toEqual({ registrations: [], more: false })
  })

  test('what is refused for now says when to come back', async () => {
    await post({ hotkey: HOTKEY, netuids: [1] }, 'poor').expect(201)
    const active = await post({ hotkey: OTHER, netuids: [1] }, 'poor').expect(429)
    expect(active.body.error.detail).toEqual({ max_active: 1 })
    expect(Number(active.headers['retry-after'])).toBeGreaterThan(0)
    service.failNext(new AppError('DATABASE_DOWN', 'the database cannot be reached'))
    const down = await get('/registrations/r1', 'poor').expect(503)
    expect(Number(down.headers['retry-after'])).toBeGreaterThan(0)
    await server.close()
    server = await start({ requestsPerMinute: 2 })
    await get('/registrations').expect(200)
    await get('/registrations').expect(200)
    const many = await get('/registrations').expect(429)
    expect(many.headers['retry-after']).toBe('30')
    expect(many.body.error.detail).toEqual({ limit: 2, retry_after_seconds: 30 })
    await server.close()
    server = await start()
  })

  test('an unforeseen error tells nothing but the id of the request', async () => {
    service.failNext(new Error('password=hunter2'))
    const answer = await get('/registrations').expect(500)
    expect(answer.body).toEqual({ error: { code: 'INTERNAL', message: 'internal error', request_id: answer.headers['x-request-id'] } })
  })
})

describe('looking, listing and ending', () => {
  test('pages are newest first and go on after an id', async () => {
    for (const netuid of [1, 2, 3, 4, 5]) await post({ hotkey: netuid === 3 ? OTHER : HOTKEY, netuids: [netuid] }).expect(201)
    const ids = async (query: string): Promise<unknown> => {
      const { body } = await get(`/registrations?${query}`).expect(200)
      expect(registrationPage.parse(body)).toEqual(body)
      return [body.registrations.map(({ id }: { id: string }) => id), body.more]
    }
    expect(await ids('')).toEqual([['r5', 'r4', 'r3', 'r2', 'r1'], false])
    expect(await ids('limit=2')).toEqual([['r5', 'r4'], true])
    expect(await ids('limit=2&after=r4')).toEqual([['r3', 'r2'], true])
    expect(await ids(`hotkey=${OTHER}`)).toEqual([['r3'], false])
    expect(await ids('state=registered')).toEqual([[], false])
    for (const [query, field] of Object.entries({
      'limit=0': 'limit',
      'limit=1e1': 'limit',
      'state=done': 'state',
      'page=2': 'page',
      'hotkey=x': 'hotkey',
    }))
      expect((await get(`/registrations?${query}`).expect(400)).body.error.detail.field).toBe(field)
  })

  test('DELETE ends one, and does so once; also with an empty JSON body', async () => {
    await post({ hotkey: HOTKEY, netuids: [1] })
    const ended = await request(url).delete('/registrations/r1').set('x-api-key', 'alice').expect(200)
    expect(ended.body).toMatchObject({ id: 'r1', state: 'cancelled' })
    const again = await request(url)
      .delete('/registrations/r1')
      .set('x-api-key', 'alice')
      .set('content-type', 'application/json')
      .expect(200)
    expect(again.body).toEqual(ended.body)
    await post({ hotkey: HOTKEY, netuids: [1] }).expect(201)
  })

  test('an id that cannot be one is not found', async () => {
    for (const id of ['%00', 'a%20b', "1'--", 'x'.repeat(65), '..%2f..']) await get(`/registrations/${id}`).expect(404)
  })

  test('a quote is that of the subnet', async () => {
    for (const netuid of [1, 8191, 65_535]) {
      const { body } = await get(`/quote?netuid=${netuid}`).expect(200)
      expect(quote.parse(body)).toEqual(body)
      expect(body.netuid).toBe(netuid)
    }
    for (const query of ['', '?netuid=', '?netuid=-1', '?netuid=65536', '?netuid=1&netuid=2', '?netuid=1&x=1'])
      expect((await get(`/quote${query}`).expect(400)).body.error.code).toBe('BAD_INPUT')
  })

  test('HEAD answers as GET does, without a body; a page of another site may ask what it may do', async () => {
    await post({ hotkey: HOTKEY, netuids: [1] })
    const head = (path: string): request.Test => request(url).head(path).set('x-api-key', 'alice')
    expect((await head('/registrations/r1').expect(200)).headers['content-type']).toMatch('application/json')
    await head('/registrations/r2').expect(404)
    expect((await head('/registrations/r1/events').expect(200)).headers['content-type']).toMatch('text/event-stream')
    await head('/registrations/r2/events').expect(404)
    expect(service.watchers()).toBe(0)
    const preflight = request(url)
      .options('/registrations/r1')
      .set({ origin: 'https://example.org', 'access-control-request-method': 'DELETE' })
    const allowed = await preflight.set('access-control-request-headers', 'x-api-key').expect(204)
    expect(allowed.headers['access-control-allow-methods']).toMatch('DELETE')
    expect(allowed.headers['access-control-allow-headers']).toMatch('x-api-key')
    await request(url).put('/registrations/r1').set('x-api-key', 'alice').expect(404)
  })
})
