import { NO_LIMITS } from '../api-keys.js'
import { connect } from 'node:net'
import supertest from 'supertest'
import { afterEach, expect, test } from 'vitest'
import { AppError } from '../errors.js'
import { silentLog } from '../log.js'
import { createMetrics } from '../metrics.js'
import { createAccess } from './access.js'
import { callerOf, registerAccess } from './access-hook.js'
import { createHttpServer, type HttpServer, type HttpServerOptions } from './server.js'

let server: HttpServer | undefined
afterEach(() => server?.close())

async function started(
  register: Parameters<HttpServer['mount']>[0]['register'],
  options: Partial<HttpServerOptions> = {},
): Promise<{ url: string; port: number; http: ReturnType<typeof supertest> }> {
  server = await createHttpServer({
    name: 'test',
    host: '127.0.0.1',
    port: 0,
    maxBodyBytes: 1024,
    log: silentLog,
    metrics: createMetrics(),
    ready: () => Promise.resolve({ ok: false, reasons: ['not yet'] }),
    ...options,
  })
  await server.mount({ prefix: '/part/v1', register })
  const at = await server.listen()
  return { ...at, http: supertest(at.url) }
}

test('errors of mounted routes have the shape of REST, those beside them the shape of the server', async () => {
  const { http } = await started(
    (app) => {
      app.get('/refused', () => Promise.reject(new AppError('REFUSED', 'the chain would not', { reason: 'POW_OFF' })))
      app.get('/wait', () => Promise.reject(new AppError('RATE_LIMITED', 'later', { retryAfterSeconds: 2.1 })))
      app.get('/broken', () => Promise.reject(new Error('postgres://user:secret@host')))
      app.post('/take', (request) => Promise.resolve(request.body))
      return Promise.resolve()
    },
    { errorBody: ({ code }) => ({ errors: [code] }) },
  )
  const requestId = expect.stringMatching(/^[0-9a-f-]{36}$/)
  const refused = await http.get('/part/v1/refused').expect(422)
  expect(refused.body).toEqual({
    error: { code: 'REFUSED', message: 'the chain would not', detail: { reason: 'POW_OFF' }, request_id: requestId },
  })
  expect(refused.get('x-request-id')).toBe(refused.body.error.request_id)
  expect((await http.get('/part/v1/broken').expect(500)).body).toEqual({
    error: { code: 'INTERNAL', message: 'internal error', request_id: requestId },
  })
  await http.get('/part/v1/wait').expect(429).expect('retry-after', '3')
  expect((await http.get('/part/v1/none?key=secret').expect(404)).body).toMatchObject({
    error: { code: 'NOT_FOUND', message: 'there is nothing at GET /part/v1/none' },
  })
  const bad = http.post('/part/v1/take').type('json')
  expect((await bad.send('{').expect(400)).body).toMatchObject({ error: { code: 'BAD_INPUT' } })
  const large = http.post('/part/v1/take').send({ text: 'x'.repeat(2000) })
  expect((await large.expect(413)).body).toMatchObject({ error: { code: 'TOO_LARGE' } })
  expect((await http.get('/none').expect(404)).body).toEqual({ errors: ['NOT_FOUND'] })
  expect((await http.get('/%zz').expect(400)).body).toEqual({ errors: ['BAD_INPUT'] })
})

test('a request keeps the id its caller gave it, unless that could do harm in a log', async () => {
  const { http } = await started((app) => {
    app.get('/', (request) => Promise.resolve({ id: request.id }))
    return Promise.resolve()
  })
  expect((await http.get('/part/v1').set('x-request-id', 'job-7.a').expect('x-request-id', 'job-7.a')).body).toEqual({ id: 'job-7.a' })
  for (const harmful of ['a b', '<x>', 'x'.repeat(65)]) {
    const { headers } = await http.get('/part/v1').set('x-request-id', harmful)
    expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  }
})

test('health, readiness, metrics, security headers and CORS come with every server', async () => {
  const { http } = await started(() => Promise.resolve())
  await http.get('/healthz').expect(200, { ok: true }).expect('cache-control', 'no-store').expect('x-content-type-options', 'nosniff')
  await http.get('/readyz').expect(503, { ok: false, reasons: ['not yet'] })
  await http
    .get('/metrics')
    .expect(200)
    .expect('content-type', /text\/plain/)
  const preflight = {
    origin: 'https://a.example',
    'access-control-request-method': 'DELETE',
    'access-control-request-headers': 'authorization',
  }
  const { headers } = await http.options('/part/v1/x').set(preflight).expect(204)
  expect(headers).toMatchObject({ 'access-control-allow-origin': '*', 'access-control-allow-headers': 'authorization' })
  expect(headers['access-control-allow-methods']).toContain('DELETE')
})

const KEYS = {
  isKey: () => true,
  caller: (key: string) =>
    key === 'good'
      ? Promise.resolve({ customer: 'alice', limits: { ...NO_LIMITS, requestsPerMinute: 3 } })
      : Promise.reject(new AppError('UNAUTHORIZED', 'the API key is not known')),
}

function guarded(open: boolean | 'loopback'): Parameters<HttpServer['mount']>[0]['register'] {
  const access = createAccess({ keys: KEYS, open, requestsPerMinute: 100 })
  return (app) => {
    registerAccess(app, { access, scope: 'pow' })
    app.get('/me', (request) => Promise.resolve({ customer: callerOf(request).customer }))
    app.post('/take', (request) => Promise.resolve(request.body))
    return Promise.resolve()
  }
}

test('a key comes as bearer or in a header of its own, and every answer says what is left', async () => {
  const { http } = await started(guarded(false))
  const first = await http.get('/part/v1/me').set('authorization', 'Bearer good').expect(200, { customer: 'alice' })
  expect(first.headers).toMatchObject({ 'x-ratelimit-limit': '3', 'x-ratelimit-remaining': '2', 'x-ratelimit-reset': '20' })
  await http.get('/part/v1/me').set('x-api-key', 'good').expect(200, { customer: 'alice' }).expect('x-ratelimit-remaining', '1')
  await http.get('/part/v1/me').set('authorization', 'bearer good').expect(200)
  const limited = await http.get('/part/v1/me').set('x-api-key', 'good').expect(429)
  expect(limited.headers).toMatchObject({ 'retry-after': '20', 'x-ratelimit-limit': '3', 'x-ratelimit-remaining': '0' })
  expect(limited.body).toMatchObject({ error: { code: 'RATE_LIMITED', detail: { retry_after_seconds: 20 } } })

  for (const headers of [{}, { authorization: 'Basic Z29vZA==' }, { authorization: 'Bearer bad' }, { 'x-api-key': 'bad' }]) {
    const { body } = await http.get('/part/v1/me').set(headers).expect(401).expect('www-authenticate', 'Bearer')
    expect(body.error.code).toBe('UNAUTHORIZED')
  }
})

test('who may not come in is told so before the body is read', async () => {
  const { http } = await started(guarded(false))
  await http
    .post('/part/v1/take')
    .send({ text: 'x'.repeat(2000) })
    .expect(401)
  await http
    .post('/part/v1/take')
    .set('x-api-key', 'good')
    .send({ text: 'x'.repeat(2000) })
    .expect(413)
})

test('open to this machine is not open to its proxies, nor to the pages that its browser shows', async () => {
  const { http, port } = await started(guarded('loopback'))
  await http.get('/part/v1/me').expect(200, { customer: 'open' })
  await http.get('/part/v1/me').set('host', `localhost:${port}`).set('origin', `http://localhost:${port}`).expect(200)
  await http.get('/part/v1/me').set('host', `[::1]:${port}`).expect(200)
  for (const headers of [
    { 'x-forwarded-for': '127.0.0.1' },
    { forwarded: 'for=127.0.0.1' },
    { 'x-real-ip': '127.0.0.1' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { host: `evil.example:${port}` },
    { host: `127.0.0.1.evil.example:${port}` },
  ])
    await http.get('/part/v1/me').set(headers).expect(401)
  await http.get('/part/v1/me').set('x-forwarded-for', '1.2.3.4').set('x-api-key', 'good').expect(200, { customer: 'alice' })
})

/** What a raw connection gets to hear, and after how many ms it was closed. */
function spoken(port: number, text: string): Promise<{ answer: string; ms: number }> {
  return new Promise((resolve, reject) => {
    const startedAt = Date.now()
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.setEncoding('utf8').on('data', (part: string) => (answer += part))
    socket.on('close', () => resolve({ answer, ms: Date.now() - startedAt }))
    socket.on('error', reject)
  })
}

test('a request that does not arrive in time is answered 408 and let go, and what is no HTTP 400', async () => {
  const { port } = await started(guarded(true), { timeouts: { headersMs: 200, requestMs: 400 } })
  const [headers, body, nonsense] = await Promise.all([
    spoken(port, 'GET /part/v1/me HTTP/1.1\r\nhost: x\r\n'),
    spoken(port, 'POST /part/v1/take HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{'),
    spoken(port, 'what?\r\n\r\n'),
  ])
  for (const slow of [headers, body]) {
    expect(slow.answer).toMatch(/^HTTP\/1\.1 408 .*"code":"BAD_INPUT"/s)
    expect(slow.ms).toBeLessThan(3_000)
  }
  expect(nonsense.answer).toMatch(/^HTTP\/1\.1 400 .*"code":"BAD_INPUT"/s)
})

test('a server that closes answers what was under way, and waits for nothing else', async () => {
  let answer = (): void => {}
  let asked = (): void => {}
  const arrived = new Promise<void>((resolve) => (asked = resolve))
  const { url } = await started((app) => {
    app.get('/slow', async () => {
      asked()
      await new Promise<void>((resolve) => (answer = resolve))
      return { done: true }
    })
    return Promise.resolve()
  })
  // Of undici, which keeps connections open.
  await fetch(`${url}/healthz`).then((response) => response.text())
  const slow = fetch(`${url}/part/v1/slow`)
  await arrived
  const startedAt = Date.now()
  const closed = server?.close()
  setTimeout(() => answer(), 50)
  expect(await (await slow).json()).toEqual({ done: true })
  await closed
  expect(Date.now() - startedAt).toBeLessThan(2_000)
})

test('a connection over which nothing was asked yet does not hold up the end', async () => {
  const { port } = await started(() => Promise.resolve())
  const socket = connect(port, '127.0.0.1')
  await new Promise((resolve) => socket.once('connect', resolve))
  const gone = new Promise((resolve) => socket.once('close', resolve))
  // The server has to have seen it, too.
  await supertest(`http://127.0.0.1:${port}`).get('/healthz')
  const startedAt = Date.now()
  await server?.close()
  await gone
  // Node itself would wait for headers for 10 s.
  expect(Date.now() - startedAt).toBeLessThan(5_000)
})

test('a taken port is said so, and closing twice is closing once', async () => {
  const { port } = await started(() => Promise.resolve())
  const options = {
    name: 'other',
    host: '127.0.0.1',
    port,
    maxBodyBytes: 1024,
    log: silentLog,
    ready: () => Promise.resolve({ ok: true as const }),
  }
  const other = await createHttpServer({ ...options, metrics: createMetrics() })
  await expect(other.listen()).rejects.toMatchObject({ code: 'PORT_IN_USE' })
  await Promise.all([server?.close(), server?.close()])
  await expect(spoken(port, 'GET / HTTP/1.1\r\n\r\n')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})
