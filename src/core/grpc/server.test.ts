import { Client, credentials, type requestCallback } from '@grpc/grpc-js'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { grpcClient, type GrpcClient } from '../../../test/support/grpc-client.js'
import { eventually } from '../../../test/support/waiting.js'
import { AppError } from '../errors.js'
import { sleep, type Readiness } from '../lifecycle.js'
import { silentLog } from '../log.js'
import type { GrpcCall } from './calls.js'
import { startGrpcServer, type GrpcServer, type GrpcServerOptions } from './server.js'

const FILE = 'taogate/pow/v1/pow.proto'
const NAME = 'taogate.pow.v1.Registrations'
const HEALTH = ['grpc/health/v1/health.proto', 'grpc.health.v1.Health'] as const

const cleanup: (() => unknown)[] = []

afterEach(async () => {
  for (const clean of cleanup.splice(0).reverse()) await clean()
})

interface Behaviour {
  get?: (call: GrpcCall) => Promise<object>
  watch?: (call: GrpcCall) => AsyncIterable<object>
}

/** A server whose Get and Watch do what a test wants; the rest of the service is a stranger to it. */
async function start(
  { get, watch }: Behaviour,
  options: Partial<GrpcServerOptions> = {},
): Promise<{ server: GrpcServer; client: GrpcClient }> {
  const none = async (): Promise<object> => ({})
  const methods = {
    ...{ Create: { unary: none }, List: { unary: none }, Cancel: { unary: none }, GetQuote: { unary: none } },
    Get: { unary: get ?? none },
    Watch: { stream: watch ?? async function* () {} },
  }
  const services = [{ proto: FILE, name: NAME, methods }]
  const server = await startGrpcServer({ host: '127.0.0.1', port: 0, services, log: silentLog, ...options })
  const client = grpcClient(server.port, FILE, NAME)
  cleanup.push(
    () => server.close(),
    () => client.close(),
  )
  return { server, client }
}

async function* forever(): AsyncGenerator<object> {
  while (true) {
    yield { id: '1', type: 'state' }
    await sleep(5)
  }
}

describe('errors', () => {
  test('an error becomes its status by the table, with code and detail behind the answer', async () => {
    const { client } = await start({
      async get() {
        throw new AppError('RATE_LIMITED', 'too many — wait', { limit: 3, who: 'Zoë', retryAfterSeconds: 2.1 })
      },
    })
    const detail = { limit: 3, who: 'Zoë', retry_after_seconds: 2.1 }
    await expect(client.call('Get', { id: 'a' })).rejects.toMatchObject({
      status: 8,
      message: 'too many — wait',
      code: 'RATE_LIMITED',
      detail,
      retryAfter: '3',
    })
  })

  test('so it does in a stream, behind what was sent before', async () => {
    const { client } = await start({
      async *watch() {
        yield { id: '1', type: 'state' }
        throw new AppError('NOT_FOUND', 'gone')
      },
    })
    const stream = client.stream('Watch', { id: 'a' })[Symbol.asyncIterator]()
    expect((await stream.next()).value).toMatchObject({ id: '1' })
    await expect(stream.next()).rejects.toMatchObject({ status: 5, message: 'gone', code: 'NOT_FOUND', retryAfter: undefined })
  })

  test('an unforeseen one tells nothing', async () => {
    const { client } = await start({
      async get() {
        throw new Error('password=hunter2')
      },
      async *watch() {
        throw new AppError('INTERNAL', 'password=hunter2', { password: 'hunter2' })
      },
    })
    const told = { status: 13, message: 'internal error', code: 'INTERNAL', detail: undefined }
    await expect(client.call('Get', {})).rejects.toMatchObject(told)
    await expect(client.stream('Watch', {})[Symbol.asyncIterator]().next()).rejects.toMatchObject(told)
  })

  test('text that cannot travel, and too much of it, does not break the answer', async () => {
    const messages = ['half \ud83d', 'two\nlines \u0000', '\u00e9'.repeat(50_000)]
    const { client } = await start({
      async get() {
        const message = messages.shift() ?? ''
        throw new AppError('BAD_INPUT', message, { message })
      },
    })
    await expect(client.call('Get', {})).rejects.toMatchObject({ status: 3, message: 'half \ufffd', detail: { message: 'half \ud83d' } })
    await expect(client.call('Get', {})).rejects.toMatchObject({ status: 3, message: 'two\nlines \u0000' })
    await expect(client.call('Get', {})).rejects.toMatchObject({ status: 3, message: '\u00e9'.repeat(1000), detail: undefined })
  })
})

describe('what a method is told', () => {
  test('headers, the address of the caller, and the name it gives its request', async () => {
    let seen: GrpcCall | undefined
    const { client } = await start({ get: async (call) => ((seen = call), {}) })
    await client.call('Get', { id: 'a' }, { headers: { authorization: 'Bearer k', 'x-request-id': 'mine-1' } })
    expect(seen).toMatchObject({ request: { id: 'a' }, remoteAddress: '127.0.0.1', requestId: 'mine-1' })
    expect([seen?.header('Authorization'), seen?.header('x-api-key')]).toEqual(['Bearer k', undefined])
    await client.call('Get', {}, { headers: { 'x-request-id': 'not one' } })
    expect(seen?.requestId).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('that the caller hung up, or has waited long enough', async () => {
    const signals: AbortSignal[] = []
    const stuck = (call: GrpcCall): Promise<object> => (signals.push(call.signal), new Promise(() => undefined))
    const { client } = await start({ get: stuck })
    const hangUp = new AbortController()
    const left = client.call('Get', {}, { signal: hangUp.signal })
    left.catch(() => undefined)
    await eventually('the call arrives', () => signals.length === 1)
    hangUp.abort()
    await expect(left).rejects.toMatchObject({ status: 1 })
    await eventually('the method is told', () => signals[0]?.aborted === true, 2_000)
    await expect(client.call('Get', {}, { timeoutMs: 50 })).rejects.toMatchObject({ status: 4 })
    await eventually('the method is told', () => signals[1]?.aborted === true, 2_000)
  })

  test('that nobody listens to a stream any longer, also one who does not heed the signal', async () => {
    let returned = 0
    let signal: AbortSignal | undefined
    const { client } = await start({
      async *watch(call) {
        signal = call.signal
        try {
          yield* forever()
        } finally {
          returned++
        }
      },
    })
    const stream = client.stream('Watch', {})
    for await (const _ of stream) break
    stream.cancel()
    await eventually('the stream is ended', () => returned === 1 && signal?.aborted === true, 2_000)
  })

  test('nothing after a call that ended well', async () => {
    const signals: AbortSignal[] = []
    const { client } = await start({ get: async (call) => (signals.push(call.signal), {}) })
    await client.call('Get', {})
    await client.call('Get', {})
    await sleep(50)
    expect(signals.map((signal) => signal.aborted)).toEqual([false, false])
  })
})

test('a stream is pulled no faster than its caller reads', async () => {
  let pulled = 0
  const { client } = await start({
    async *watch() {
      while (true) {
        pulled++
        yield { id: 'x'.repeat(10_000), type: 'state' }
      }
    },
  })
  const stream = client.stream('Watch', {})
  const iterator = stream[Symbol.asyncIterator]()
  await iterator.next()
  await sleep(300)
  const held = pulled
  await sleep(300)
  expect(pulled).toBe(held)
  for (let i = 0; i < held; i++) await iterator.next()
  expect(pulled).toBeGreaterThan(held)
  stream.cancel()
})

describe('limits', () => {
  test('messages that are too large are refused, either way', async () => {
    const { client } = await start(
      { get: async () => ({ id: 'x'.repeat(3000) }) },
      { limits: { maxReceiveBytes: 1000, maxSendBytes: 2000 } },
    )
    await expect(client.call('Get', { id: 'x'.repeat(2000) })).rejects.toMatchObject({ status: 8 })
    await expect(client.call('Get', { id: 'x' })).rejects.toMatchObject({ status: 8 })
    await expect(client.call('List', {})).resolves.toBeDefined()
  })

  test('what is no message of the method is refused', async () => {
    let called = 0
    const { server } = await start({ get: async () => (called++, {}) })
    const raw = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure())
    cleanup.push(() => raw.close())
    const send = (path: string, bytes: Buffer): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const done: requestCallback<Buffer> = (error, answer) => (error === null ? resolve(answer) : reject(error))
        raw.makeUnaryRequest(
          path,
          (value: Buffer) => value,
          (value) => value,
          bytes,
          done,
        )
      })
    await expect(send(`/${NAME}/Get`, Buffer.from([0x0a, 0xff]))).rejects.toMatchObject({ code: 13 })
    await expect(send(`/${NAME}/Nothing`, Buffer.alloc(0))).rejects.toMatchObject({ code: 12 })
    expect(called).toBe(0)
  })

  test('a connection that only sits there is closed', async () => {
    const { server } = await start({}, { limits: { idleMs: 100 } })
    const socket = connect(server.port, '127.0.0.1')
    cleanup.push(() => socket.destroy())
    await once(socket, 'connect')
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0')
    socket.resume()
    await once(socket, 'close')
  }, 5_000)
})

describe('starting and stopping', () => {
  test('a port that is taken is told as such', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    cleanup.push(() => other.close())
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    await expect(start({}, { port })).rejects.toMatchObject({ code: 'PORT_IN_USE', detail: { port } })
  })

  test('a service that is not implemented as its file says does not start', async () => {
    const services = [{ proto: FILE, name: NAME, methods: {} }]
    await expect(startGrpcServer({ host: '127.0.0.1', port: 0, services, log: silentLog })).rejects.toThrow(/Create is not implemented/)
  })

  test('streams end at once, calls under way may finish, and nobody new is let in', async () => {
    const finish = new EventTarget()
    let arrived = false
    const { server, client } = await start({
      watch: forever,
      async get() {
        arrived = true
        await once(finish as never, 'go')
        return { id: 'done' }
      },
    })
    const stream = client.stream('Watch', {})[Symbol.asyncIterator]()
    await stream.next()
    const answer = client.call('Get', {})
    await eventually('the call arrives', () => arrived)
    const closed = server.close()
    expect(server.close()).toBe(closed)
    await expect(drain(stream)).rejects.toMatchObject({ code: 'ABORTED' })
    finish.dispatchEvent(new Event('go'))
    await expect(answer).resolves.toMatchObject({ id: 'done' })
    await closed
    expect(await server.ready()).toEqual({ ok: false, reasons: ['grpc: stopping'] })
    await expect(grpcFails(server.port)).resolves.toBe(true)
  })

  test('what does not finish in time is ended', async () => {
    let signal: AbortSignal | undefined
    const stuck = (call: GrpcCall): Promise<object> => ((signal = call.signal), new Promise(() => undefined))
    const { server, client } = await start({ get: stuck }, { limits: { drainMs: 100 } })
    const answer = client.call('Get', {})
    answer.catch(() => undefined)
    await eventually('the call arrives', () => signal !== undefined)
    const at = Date.now()
    await server.close()
    expect(Date.now() - at).toBeLessThan(1_000)
    expect(signal?.aborted).toBe(true)
    await expect(answer).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

describe('health', () => {
  test('it answers for the server and for each service, without a key', async () => {
    let readiness: Readiness = { ok: true }
    const { server } = await start({}, { ready: async () => readiness })
    const health = grpcClient(server.port, ...HEALTH)
    cleanup.push(() => health.close())
    expect(await health.call('Check', {})).toEqual({ status: 'SERVING' })
    expect(await health.call('Check', { service: NAME })).toEqual({ status: 'SERVING' })
    await expect(health.call('Check', { service: 'nope' })).rejects.toMatchObject({ status: 5 })
    const unknown = health.stream('Watch', { service: 'nope' })
    for await (const message of unknown) {
      expect(message).toEqual({ status: 'SERVICE_UNKNOWN' })
      break
    }
    unknown.cancel()
    const watch = health.stream('Watch', {})[Symbol.asyncIterator]()
    expect((await watch.next()).value).toEqual({ status: 'SERVING' })
    readiness = { ok: false, reasons: ['no chain'] }
    expect((await watch.next()).value).toEqual({ status: 'NOT_SERVING' })
    expect(await health.call('Check', {})).toEqual({ status: 'NOT_SERVING' })
  })
})

async function drain(stream: AsyncIterator<unknown>): Promise<void> {
  while (!(await stream.next()).done);
}

function grpcFails(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(true)).once('connect', () => (socket.destroy(), resolve(false)))
  })
}
