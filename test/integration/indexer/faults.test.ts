import net from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AppError } from '../../../src/core/errors.js'
import { silentLog } from '../../../src/core/log.js'
import { startDevnet, type Devnet } from '../../../src/devnet/index.js'
import { createPool } from '../../../src/store/index.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { faultProxy } from '../../support/fault-proxy.js'
import { indexTo, testIndexer } from '../../support/indexing.js'
import { eventually } from '../../support/waiting.js'

const HEAD = 60
/** How long the database is gone. TAOGATE_OUTAGE_MS=30000 makes it half a minute. */
const OUTAGE_MS = Number(process.env['TAOGATE_OUTAGE_MS'] ?? 2000)
/** Small batches, so that faults fall between as well as into them. */
const OPTIONS = { batchBlocks: 4, fetchConcurrency: 3 }

let devnet: Devnet
let expected: string
beforeAll(async () => {
  devnet = await startDevnet({ blockMs: null, seed: 'faults', subnets: 1, neurons: 6, log: silentLog })
  devnet.newBlock({ count: HEAD })
  await using db = await testDatabase()
  await indexTo(devnet.url, db.pool, HEAD, OPTIONS)
  expected = await db.dump()
})
afterAll(() => devnet.close())

async function expectComplete(db: TestDatabase): Promise<void> {
  expect(await db.dump()).toBe(expected)
}

describe('the network', () => {
  test('a socket that drops every 100 requests loses nothing', async () => {
    await using proxy = await faultProxy(devnet.url, { dropEvery: 100 })
    await using db = await testDatabase()
    await indexTo(proxy.url, db.pool, HEAD, OPTIONS)
    expect(proxy.dropped()).toBeGreaterThanOrEqual(3)
    await expectComplete(db)
  })

  test('answers that are garbage now and then are asked for again', async () => {
    await using proxy = await faultProxy(devnet.url, { garbageEvery: 60 })
    await using db = await testDatabase()
    await indexTo(proxy.url, db.pool, HEAD, OPTIONS)
    await expectComplete(db)
  })

  test('a node that goes away for a while is waited for', async () => {
    await using proxy = await faultProxy(devnet.url)
    await using db = await testDatabase()
    await using running = await testIndexer(proxy.url, db.pool, { ...OPTIONS, batchBlocks: 1, to: HEAD })
    await eventually('some blocks are there', () => (running.indexer.heads().indexed ?? 0) > 5)
    await proxy.down()
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(running.indexer.heads().indexed).toBeLessThan(HEAD)
    await proxy.up()
    await running.indexer.done
    await using clean = await testDatabase()
    await indexTo(devnet.url, clean.pool, HEAD, { ...OPTIONS, batchBlocks: 1 })
    expect(await db.dump()).toBe(await clean.dump())
  })
})

describe('the wrong chain', () => {
  test('a chain with another genesis is refused, with both named, and nothing is changed', async () => {
    const other = await startDevnet({ blockMs: null, seed: 'another', subnets: 1, neurons: 6, log: silentLog })
    try {
      other.newBlock({ count: HEAD + 5 })
      await using db = await testDatabase()
      await indexTo(devnet.url, db.pool, HEAD, OPTIONS)
      const refusal = await indexTo(other.url, db.pool, HEAD + 5, OPTIONS).catch((error: unknown) => error)
      expect(refusal).toBeInstanceOf(AppError)
      const genesis = await Promise.all([devnet, other].map((chain) => genesisOf(chain.url)))
      expect((refusal as AppError).code).toBe('WRONG_CHAIN')
      for (const hash of genesis) expect((refusal as AppError).message).toContain(hash)
      await expectComplete(db)
    } finally {
      await other.close()
    }
  })

  test('a node that is no subtensor is refused by name', async () => {
    const metadata = await substrateMetadata()
    await using proxy = await faultProxy(devnet.url, { lies: { state_getMetadata: metadata } })
    await using db = await testDatabase()
    await expect(indexTo(proxy.url, db.pool, HEAD)).rejects.toMatchObject({
      code: 'NOT_SUBTENSOR',
      message: expect.stringContaining('SubtensorModule') as string,
    })
  })

  test('metadata that cannot be read is said to be that', async () => {
    await using proxy = await faultProxy(devnet.url, { lies: { state_getMetadata: '0x6d65746163' } })
    await using db = await testDatabase()
    await expect(indexTo(proxy.url, db.pool, HEAD)).rejects.toMatchObject({
      code: 'UPSTREAM_INVALID',
      message: expect.stringContaining('metadata') as string,
    })
  }, 120_000)
})

describe('the database', () => {
  test('a database that goes away for a while is waited for, and nothing is lost or doubled', { timeout: 120_000 }, async () => {
    await using db = await testDatabase()
    await using gate = await tcpGate(new URL(db.url))
    const pool = createPool({ url: gate.url, applicationName: 'gate', maxConnections: 4, log: silentLog })
    try {
      await using running = await testIndexer(devnet.url, pool, { ...OPTIONS, to: HEAD })
      await eventually('some blocks are there', () => (running.indexer.heads().indexed ?? 0) > 5)
      gate.shut()
      await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS))
      gate.open()
      await running.indexer.done
      await expectComplete(db)
    } finally {
      await pool.end()
    }
  })
})

async function genesisOf(url: string): Promise<string> {
  await using proxy = await faultProxy(url)
  await using db = await testDatabase()
  await using running = await testIndexer(proxy.url, db.pool, { to: 1 })
  return await running.rpc.request<string>('chain_getBlockHash', [0])
}

/** Metadata of the devnet's runtime with its own pallet renamed: a Substrate chain like any other. */
async function substrateMetadata(): Promise<string> {
  await using db = await testDatabase()
  await using running = await testIndexer(devnet.url, db.pool, { to: 1 })
  const hex = await running.rpc.request<string>('state_getMetadata', [])
  return hex.replaceAll(Buffer.from('SubtensorModule').toString('hex'), Buffer.from('SomethingModule').toString('hex'))
}

/** Stands before a TCP server and can be shut: open connections are cut, new ones refused. */
async function tcpGate(target: URL): Promise<{ url: string; shut(): void; open(): void } & AsyncDisposable> {
  let isOpen = true
  const sockets = new Set<net.Socket>()
  const server = net.createServer((client) => {
    if (!isOpen) return void client.destroy()
    const upstream = net.connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.pipe(upstream)
    upstream.pipe(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as net.AddressInfo).port)
  return {
    url: url.href,
    shut() {
      isOpen = false
      for (const socket of sockets) socket.destroy()
    },
    open: () => (isOpen = true),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
