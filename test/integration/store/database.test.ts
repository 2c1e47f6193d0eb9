import { randomBytes } from 'node:crypto'
import net from 'node:net'
import { expect, inject, test } from 'vitest'
import { createMetrics } from '../../../src/core/metrics.js'
import { silentLog } from '../../../src/core/log.js'
import { createBatchWriter, openDatabase, retryWhileDown } from '../../../src/store/index.js'
import * as a from '../../support/builders.js'
import { databaseUrl } from '../../support/database-url.js'
import { testDatabase } from '../../support/database.js'

const open = (url: string, waitMs = 300): ReturnType<typeof openDatabase> =>
  openDatabase({ url, dataDir: '/nonexistent', log: silentLog, waitMs })

test('an external server is used as it is, and left running', async () => {
  await using db = await testDatabase()
  const database = await open(db.url)
  expect(database).toMatchObject({ embedded: false, url: db.url })
  await database.ping()
  await database.close()
  await expect(database.ping()).rejects.toThrow()
  await db.pool.query('SELECT 1')
})

test('a server that is not there is DATABASE_DOWN after some attempts, naming the place and no password', async () => {
  const url = `postgresql://me:secret-${randomBytes(4).toString('hex')}@127.0.0.1:1/mine`
  await expect(open(url)).rejects.toMatchObject({
    code: 'DATABASE_DOWN',
    message: expect.stringMatching(/^no PostgreSQL answers at 127\.0\.0\.1:1\/mine \(2 attempts in \d+ s\): .*ECONNREFUSED/) as string,
  })
  await expect(open(url)).rejects.not.toThrow(/secret/)
})

test('a wrong password, a missing database and a wrong address are told at once', async () => {
  const url = new URL(inject('adminUrl'))
  url.password = 'wrong'
  await expect(open(url.href, 60_000)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/check user and password/) as string,
  })
  const missing = databaseUrl(inject('adminUrl'), 'nowhere')
  await expect(open(missing, 60_000)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/"nowhere" does not exist; create/) as string,
  })
  await expect(open('mysql://localhost/x')).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

test('a server before 14 is refused, naming both versions', async () => {
  await using old = await fakeServer('13.22 (Debian 13.22-1)', '130022')
  await expect(open(old.url)).rejects.toMatchObject({
    code: 'DATABASE_TOO_OLD',
    message: `the database at 127.0.0.1:${old.port}/x is PostgreSQL 13.22; 14 or later is needed`,
  })
  await using fine = await fakeServer('14.0', '140000')
  const database = await open(fine.url)
  expect(database.serverVersion).toBe('14.0')
  await database.close()
})

test('a start waits for a server that is still coming up', async () => {
  await using db = await testDatabase()
  await using proxy = await tcpProxy(db.url)
  proxy.down()
  setTimeout(() => proxy.up(), 400)
  const database = await open(proxy.url, 10_000)
  await database.close()
})

test('a stop while waiting ends the wait', async () => {
  const signal = AbortSignal.timeout(100)
  await expect(
    openDatabase({ url: 'postgresql://127.0.0.1:1/x', dataDir: '/nonexistent', log: silentLog, signal, waitMs: 60_000 }),
  ).rejects.toThrow(/timeout|abort/i)
})

test('a database that goes away in the middle of batches costs retries and no row', async () => {
  await using db = await testDatabase()
  await using straight = await testDatabase()
  await using proxy = await tcpProxy(db.url)
  const database = await open(proxy.url)
  const writer = createBatchWriter({ pool: database.pool, log: silentLog, metrics: createMetrics() })
  const reference = createBatchWriter({ pool: straight.pool, log: silentLog, metrics: createMetrics() })
  const batches = Array.from({ length: 8 }, (_, at) =>
    a.aBatch({
      at,
      finalizedHeight: 0,
      facts: { events: Array.from({ length: 3_000 }, (_, index) => a.anEvent({ blockHeight: at, index })) },
      state: { accounts: [a.anAccount({ address: a.key(1), free: BigInt(at), block: at })] },
    }),
  )
  const codes = new Set<unknown>()
  for (const [i, batch] of batches.entries()) {
    await reference.apply(batch)
    // Cut the wire at another place of each batch: on its way up, in the COPY, or in the answer to COMMIT.
    proxy.cutAfter(i * 18_000)
    const outcome = await retryWhileDown(
      () =>
        writer.apply(batch).catch((error: unknown) => {
          codes.add((error as { code?: unknown }).code)
          throw error
        }),
      { log: silentLog, firstPauseMs: 10 },
    )
    expect(['applied', 'already']).toContain(outcome)
  }
  expect(proxy.cuts).toBeGreaterThan(4)
  expect([...codes]).toEqual(['DATABASE_DOWN'])
  await database.close()
  expect(await db.dump()).toBe(await straight.dump())
})

test('a pool outlives the loss of its idle connections', async () => {
  await using db = await testDatabase()
  await using proxy = await tcpProxy(db.url)
  const database = await open(proxy.url)
  await database.ping()
  proxy.down()
  await expect(database.ping()).rejects.toMatchObject({ code: 'DATABASE_DOWN' })
  expect(await database.ready()).toMatchObject({ ok: false, reasons: [expect.stringMatching(/^database: /) as string] })
  proxy.up()
  await retryWhileDown(() => database.ping(), { log: silentLog, firstPauseMs: 10 })
  await database.close()
})

interface Proxy extends AsyncDisposable {
  url: string
  readonly cuts: number
  /** Cuts every connection and refuses new ones. */
  down(): void
  up(): void
  /** Cuts the connection over which the next so many bytes have gone to the server. */
  cutAfter(bytes: number): void
}

/** A wire to the server that can be cut. */
async function tcpProxy(url: string): Promise<Proxy> {
  const target = new URL(url)
  const sockets = new Set<net.Socket>()
  let refusing = false
  let budget = Infinity
  let cuts = 0
  const server = net.createServer((near) => {
    if (refusing) return void near.destroy()
    const far = net.connect(Number(target.port), target.hostname)
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    near.on('data', (chunk) => {
      budget -= chunk.length
      if (budget < 0) {
        budget = Infinity
        cuts++
        near.destroy()
      } else far.write(chunk)
    })
    far.on('data', (chunk) => near.write(chunk))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const through = new URL(url)
  through.port = String((server.address() as net.AddressInfo).port)
  const cutAll = (): void => sockets.forEach((socket) => socket.destroy())
  return {
    url: through.href,
    get cuts() {
      return cuts
    },
    down() {
      refusing = true
      cutAll()
    },
    up() {
      refusing = false
    },
    cutAfter(bytes) {
      budget = bytes
    },
    async [Symbol.asyncDispose]() {
      cutAll()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Speaks just enough of the protocol to let a client in and to answer its question for the version. */
async function fakeServer(version: string, number: string): Promise<AsyncDisposable & { url: string; port: number }> {
  const message = (type: string, ...parts: Buffer[]): Buffer => {
    const body = Buffer.concat(parts)
    const head = Buffer.alloc(5)
    head.write(type)
    head.writeInt32BE(body.length + 4, 1)
    return Buffer.concat([head, body])
  }
  const int16 = (n: number): Buffer => Buffer.from([n >> 8, n & 255])
  const int32 = (n: number): Buffer => Buffer.concat([int16(n >> 16), int16(n & 0xffff)])
  const text = (s: string): Buffer => Buffer.from(`${s}\0`)
  const column = (name: string): Buffer => Buffer.concat([text(name), int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0)])
  const value = (s: string): Buffer => Buffer.concat([int32(s.length), Buffer.from(s)])
  const ready = message('Z', Buffer.from('I'))
  const answer = Buffer.concat([
    message('T', int16(2), column('version'), column('number')),
    message('D', int16(2), value(version), value(number)),
    message('C', text('SELECT 1')),
    ready,
  ])
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined)
    let started = false
    socket.on('data', (data) => {
      if (!started) socket.write(Buffer.concat([message('R', int32(0)), ready]))
      else if (data[0] === 'Q'.charCodeAt(0)) socket.write(answer)
      started = true
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  return {
    port,
    url: `postgresql://me@127.0.0.1:${port}/x`,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
