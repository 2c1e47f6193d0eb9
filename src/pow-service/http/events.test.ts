import { NO_LIMITS } from '../../core/api-keys.js'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { memoryPow, testAccess, type MemoryPow } from '../../../test/support/memory-pow.js'
import { eventually } from '../../../test/support/waiting.js'
import { createHttpServer, type HttpServer } from '../../core/http/index.js'
import { silentLog } from '../../core/log.js'
import { createMetrics } from '../../core/metrics.js'
import { powRoutes } from './routes.js'
import { registrationEvent } from './views.js'

const CALLER = { customer: 'alice', limits: NO_LIMITS }
const HEADERS = { 'x-api-key': 'alice' }

let service: MemoryPow
let server: HttpServer
let events: string

beforeEach(async () => {
  service = memoryPow()
  await service.create(CALLER, { hotkey: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY', netuids: [1] })
  const ready = (): Promise<{ ok: true }> => Promise.resolve({ ok: true })
  const limits = { maxBodyBytes: 65_536, log: silentLog, metrics: createMetrics(), ready }
  server = await createHttpServer({ name: 'pow', host: '127.0.0.1', port: 0, ...limits })
  await server.mount(powRoutes({ service, access: testAccess(), log: silentLog, heartbeatMs: 50 }))
  events = `${(await server.listen()).url}/pow/v1/registrations/r1/events`
})

afterEach(() => server.close())

interface Message {
  id?: string
  event?: string
  data: string
}

/** The messages of a stream as a browser reads them; what is in `seen` also has comments and the rest. */
async function* messagesOf(response: Response, seen: string[] = []): AsyncGenerator<Message> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      seen.push(block)
      const fields = Object.fromEntries(block.split('\n').map((line) => [line.split(': ', 1)[0], line.slice(line.indexOf(': ') + 2)]))
      if (fields['data'] !== undefined) yield fields
    }
  }
}

async function next(messages: AsyncGenerator<Message>): Promise<Message> {
  const { value, done } = await messages.next()
  if (done) throw new Error('the stream has ended')
  return value
}

test('the state comes first, then every change, and the stream ends with the registration', async () => {
  const response = await fetch(events, { headers: HEADERS })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toMatch('text/event-stream')
  expect(response.headers.get('cache-control')).toMatch('no-cache')
  const messages = messagesOf(response)
  const first = await next(messages)
  expect(first).toMatchObject({ id: '1', event: 'state' })
  const event: unknown = JSON.parse(first.data)
  expect(registrationEvent.parse(event)).toEqual(event)
  expect(event).toMatchObject({ id: '1', type: 'state', registration: { id: 'r1', state: 'queued' } })
  const progress = { hashRate: 2.5e9, expectedSeconds: 4, p95Seconds: 12, blockNumber: 7, ahead: 0 }
  service.change('r1', { state: 'solving', progress }, 'progress')
  const second = await next(messages)
  expect(second).toMatchObject({ id: '2', event: 'progress' })
  expect(JSON.parse(second.data)).toMatchObject({
    registration: { state: 'solving', progress: { hash_rate: 2.5e9, expected_seconds: 4, p95_seconds: 12, block_number: 7, ahead: 0 } },
  })
  service.change('r1', { state: 'registered', endedAt: '2024-03-01T00:00:09.000Z' })
  expect(JSON.parse((await next(messages)).data)).toMatchObject({ registration: { state: 'registered' } })
  expect((await messages.next()).done).toBe(true)
  expect(service.watchers()).toBe(0)
})

test('a listener that hangs up is not served any longer', async () => {
  // Not fetch, which opens another connection at once for what may come.
  const listener = get(events, { headers: HEADERS })
  const [response] = (await once(listener, 'response')) as [IncomingMessage]
  await once(response, 'data')
  expect(service.watchers()).toBe(1)
  const at = Date.now()
  listener.destroy()
  await eventually('the service is told', () => service.watchers() === 0, 2_000)
  expect(Date.now() - at).toBeLessThan(1_000)
})

test('who comes back gets the state of now first, and 204 when there is nothing left to come', async () => {
  service.change('r1', { state: 'solving' })
  service.change('r1', { state: 'ready' })
  const back = await fetch(events, { headers: { ...HEADERS, 'last-event-id': '1' } })
  const messages = messagesOf(back)
  const first = await next(messages)
  expect([first.id, JSON.parse(first.data).registration.state]).toEqual(['3', 'ready'])
  service.change('r1', { state: 'registered' })
  const last = await next(messages)
  expect((await messages.next()).done).toBe(true)
  const stale = await fetch(events, { headers: { ...HEADERS, 'last-event-id': '3' } })
  expect((await next(messagesOf(stale))).id).toBe(last.id)
  const over = await fetch(events, { headers: { ...HEADERS, 'last-event-id': String(last.id) } })
  expect(over.status).toBe(204)
  expect((await fetch(events, { headers: HEADERS })).status).toBe(200)
  expect(service.watchers()).toBe(0)
})

test('a quiet stream is kept alive, and ended when the server stops', async () => {
  const seen: string[] = []
  const messages = messagesOf(await fetch(events, { headers: HEADERS }), seen)
  await next(messages)
  const end = messages.next()
  await eventually('two comments', () => seen.filter((block) => block.startsWith(':')).length >= 2, 2_000)
  const at = Date.now()
  await server.close()
  expect(Date.now() - at).toBeLessThan(2_000)
  expect((await end).done).toBe(true)
  expect(service.watchers()).toBe(0)
})

test('what goes wrong before the first event is the status, later an event', async () => {
  expect((await fetch(events.replace('r1', 'r2'), { headers: HEADERS })).status).toBe(404)
  expect((await fetch(events)).status).toBe(401)
  service.failNext(new Error('secret'))
  const failed = await fetch(events, { headers: HEADERS })
  expect(failed.status).toBe(500)
  expect(await failed.text()).not.toMatch('secret')
})
