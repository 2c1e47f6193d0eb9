import { connectivityState } from '@grpc/grpc-js'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { eventually } from '../../../../test/support/waiting.js'
import { createChannelPool, type ChannelLimits, type ChannelPool } from './channels.js'

const LIMITS: ChannelLimits = {
  ...{ maxChannels: 3, idleMs: 60_000, keepaliveMs: 100_000, keepaliveTimeoutMs: 20_000 },
  ...{ maxReceiveBytes: 1_000, maxBackoffMs: 1_000 },
}

const cleanup: (() => unknown)[] = []

afterEach(() => {
  for (const clean of cleanup.splice(0).reverse()) clean()
})

function poolOf(limits: Partial<ChannelLimits> = {}): ChannelPool {
  const pool = createChannelPool({ ...LIMITS, ...limits }, { allowPrivate: true })
  cleanup.push(() => pool.close())
  return pool
}

const at = (port: number) => ({ ip: '127.0.0.1', port })

test('calls to one address share a client; the one used longest ago makes room', () => {
  const pool = poolOf()
  const first = pool.acquire(at(1))
  const same = pool.acquire(at(1))
  expect(same.client).toBe(first.client)
  first.release()
  same.release()
  for (const port of [2, 3]) pool.acquire(at(port)).release()
  const again = pool.acquire(at(1))
  expect(again.client).toBe(first.client)
  again.release()
  pool.acquire(at(4)).release()
  expect(pool.size).toBe(3)
  expect(pool.acquire(at(1)).client).toBe(first.client)
  expect(pool.size).toBe(3)
})

test('there are never more than allowed: those with calls stay, and when all have some, a new one is refused', () => {
  const pool = poolOf()
  const busy = [1, 2].map((port) => pool.acquire(at(port)))
  for (let port = 10; port < 100; port++) {
    pool.acquire(at(port)).release()
    expect(pool.size).toBe(3)
  }
  expect(busy.map(({ client }, i) => pool.acquire(at(i + 1)).client === client)).toEqual([true, true])
  const last = pool.acquire(at(3))
  expect(() => pool.acquire(at(4))).toThrow(expect.objectContaining({ returnCode: 'UNAVAILABLE' }))
  last.release()
  expect(pool.acquire(at(4)).client).not.toBe(last.client)
  expect(pool.size).toBe(3)
})

test('one that cannot be made is not kept, once nobody waits for it', async () => {
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as AddressInfo
  await new Promise((resolve) => closed.close(resolve))
  const pool = poolOf()
  const [one, other] = [pool.acquire(at(port)), pool.acquire(at(port))]
  const { client } = one
  client.waitForReady(Date.now() + 5_000, () => undefined)
  await eventually('it has failed', () => client.getChannel().getConnectivityState(false) === connectivityState.TRANSIENT_FAILURE)
  one.release()
  expect(pool.size).toBe(1)
  other.release()
  expect(pool.size).toBe(0)
})

test('a connection without calls is closed after a while, one with calls is not', async () => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket
      .on('close', () => sockets.delete(socket))
      .on('error', () => undefined)
      .resume()
    // Settings of HTTP/2, so that the client takes it for a server.
    socket.write(Buffer.from('000000040000000000', 'hex'))
  }).listen(0, '127.0.0.1')
  cleanup.push(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const pool = poolOf({ idleMs: 40 })
  const lease = pool.acquire(at(port))
  lease.client.waitForReady(Date.now() + 5_000, () => undefined)
  await eventually('it is connected', () => sockets.size === 1)
  const other = pool.acquire(at(port))
  other.release()
  await new Promise((resolve) => setTimeout(resolve, 120))
  expect([pool.size, sockets.size]).toEqual([1, 1])
  lease.release()
  await eventually('it is closed', () => pool.size === 0 && sockets.size === 0, 5_000)
})

test.each(['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', '::ffff:127.0.0.1', '224.0.0.1', '0.0.0.0'])(
  '%s is not dialled on a public chain',
  (ip) => {
    const pool = createChannelPool(LIMITS, {})
    expect(() => pool.acquire({ ip, port: 8091 })).toThrow(expect.objectContaining({ returnCode: 'BAD_ENDPOINT' }))
    expect(pool.size).toBe(0)
  },
)
