import { get, type IncomingMessage } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { AppError } from '../errors.js'
import { sleep } from '../lifecycle.js'
import { silentLog } from '../log.js'
import { createMetrics } from '../metrics.js'
import { type EventStreamOptions, sendEvents, type ServerEvent } from './events.js'
import { createHttpServer, type HttpServer } from './server.js'

let server: HttpServer | undefined
afterEach(() => server?.close())

type Source = (signal: AbortSignal) => AsyncIterable<ServerEvent>

async function serve(source: Source, options: EventStreamOptions & { after?: () => Promise<void> } = {}): Promise<string> {
  server = await createHttpServer({
    name: 'test',
    host: '127.0.0.1',
    port: 0,
    maxBodyBytes: 1024,
    log: silentLog,
    metrics: createMetrics(),
    ready: () => Promise.resolve({ ok: true }),
  })
  await server.mount({
    prefix: '/v1',
    register: (app) => {
      app.get('/events', async (_request, reply) => {
        await options.after?.()
        return sendEvents(reply, source, options)
      })
      return Promise.resolve()
    },
  })
  return `${(await server.listen()).url}/v1/events`
}

/** Events until nobody listens, which it writes down. */
function endless(told: { ended?: true; pulled?: number }, data = 'tick', everyMs = 1): Source {
  return async function* (signal) {
    try {
      for (let n = 1; !signal.aborted; n++) {
        told.pulled = n
        yield { data }
        await sleep(everyMs, signal).catch(() => undefined)
      }
    } finally {
      told.ended = true
    }
  }
}

/** One event and then nothing, of a source that does not heed its signal. */
function deaf(): AsyncIterable<ServerEvent> {
  return {
    [Symbol.asyncIterator]: () => {
      let first = true
      return {
        next: () => {
          if (!first) return new Promise(() => {})
          first = false
          return Promise.resolve({ done: false, value: { data: 'only' } })
        },
      }
    },
  }
}

function opened(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(url, resolve).on('error', reject))
}

async function until(what: string, condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 5) {
    if (waited > 5_000) throw new Error(`${what}: not within 5 s`)
    await sleep(5)
  }
}

test('events are written as the standard says, and the stream ends with its source', async () => {
  const url = await serve(async function* () {
    yield { id: '1', event: 'state', data: '{"a":1}' }
    yield { data: 'two\nlines\r\nor three' }
    await sleep(1)
    yield { id: 'x\ndata: forged', event: 'a\rb', data: '[DONE]' }
  })
  const response = await fetch(url, { headers: { origin: 'https://a.example' } })
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'access-control-allow-origin': '*',
    'x-request-id': expect.any(String),
  })
  expect(await response.text()).toBe(
    [
      'retry: 2000\n\n',
      'id: 1\nevent: state\ndata: {"a":1}\n\n',
      'data: two\ndata: lines\ndata: or three\n\n',
      'id: xdata: forged\nevent: ab\ndata: [DONE]\n\n',
    ].join(''),
  )
})

test('what fails before the first event is an ordinary answer, later an event; what nobody foresaw tells nothing', async () => {
  let message = 'first'
  const seen: unknown[] = []
  const url = await serve(
    async function* () {
      if (message === 'first') throw new AppError('NOT_FOUND', 'no such registration')
      yield { data: 'one' }
      throw message === 'known' ? new AppError('DATABASE_DOWN', 'away') : new Error('postgres://user:secret@host')
    },
    { onError: (error) => seen.push(error) },
  )
  const refused = await fetch(url)
  expect(refused.status).toBe(404)
  expect(await refused.json()).toMatchObject({ error: { code: 'NOT_FOUND', message: 'no such registration' } })
  message = 'known'
  const known = await fetch(url)
  expect(await known.text()).toContain(`data: one\n\nevent: error\ndata: {"error":{"code":"DATABASE_DOWN","message":"away","request_id":"`)
  expect(seen).toEqual([])
  message = 'unknown'
  const unknown = await (await fetch(url)).text()
  expect(unknown).toContain('"code":"INTERNAL","message":"internal error"')
  expect(unknown).not.toContain('secret')
  expect(seen).toEqual([expect.objectContaining({ message: 'postgres://user:secret@host' })])
})

test('a quiet stream is kept alive by comments, from its beginning', async () => {
  const url = await serve(
    async function* (signal) {
      await sleep(120, signal)
      yield { data: 'at last' }
    },
    { heartbeatMs: 25 },
  )
  const text = await (await fetch(url)).text()
  expect(text).toMatch(/^retry: 2000\n\n(:\n\n){2,}data: at last\n\n$/)
})

test('a client that leaves ends its source', async () => {
  const told: { ended?: true } = {}
  const url = await serve(endless(told))
  const response = await opened(url)
  await new Promise((resolve) => response.once('data', resolve))
  const leftAt = Date.now()
  response.destroy()
  await until('the end of the source', () => told.ended === true)
  expect(Date.now() - leftAt).toBeLessThan(500)
})

test('a client that has left before anything was sent ends its source, too', async () => {
  const told: { ended?: true } = {}
  let arrived = false
  const url = await serve(endless(told), {
    after: async () => {
      arrived = true
      await sleep(100)
    },
  })
  const request = get(url).on('error', () => undefined)
  await until('the request', () => arrived)
  request.destroy()
  await until('the end of the source', () => told.ended === true)
})

test('a server that closes ends its streams in good order, also those whose source does not listen', async () => {
  const told: { ended?: true } = {}
  let quiet = false
  const url = await serve((signal) => (quiet ? deaf() : endless(told)(signal)))
  const live = await fetch(url)
  quiet = true
  const silent = await fetch(url)
  const closedAt = Date.now()
  await server?.close()
  expect(Date.now() - closedAt).toBeLessThan(1_000)
  expect(await live.text()).toMatch(/data: tick\n\n$/)
  expect(await silent.text()).toBe('retry: 2000\n\ndata: only\n\n')
  expect(told.ended).toBe(true)
})

test('the signal of the service ends the stream, too', async () => {
  const stop = new AbortController()
  const url = await serve(deaf, { signal: stop.signal })
  const response = await fetch(url)
  stop.abort()
  expect(await response.text()).toBe('retry: 2000\n\ndata: only\n\n')
  expect(await (await fetch(url)).text()).not.toContain('data')
})

test('a client that does not read is not written to without end, and is given up', async () => {
  const told: { ended?: true; pulled?: number } = {}
  const data = 'x'.repeat(64 * 1024)
  const url = await serve(endless(told, data, 0), { heartbeatMs: 100 })
  const response = await opened(url)
  response.pause()
  await until('the end of the source', () => told.ended === true)
  // What fits into the buffers of both sockets, and no more: 64 MiB would be a thousand.
  expect(told.pulled).toBeGreaterThan(1)
  expect(told.pulled).toBeLessThan(500)
  response.destroy()
})

test('HEAD gets the headers and starts nothing', async () => {
  let started = 0
  const url = await serve(() => {
    started++
    return deaf()
  })
  const response = await fetch(url, { method: 'HEAD' })
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  expect(started).toBe(0)
})
