import type pg from 'pg'
import { expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { createMetrics } from '../../../src/core/metrics.js'
import { createBatchWriter } from '../../../src/store/index.js'
import { readStatus } from '../../../src/store/read/status.js'
import * as a from '../../support/builders.js'
import { testDatabase } from '../../support/database.js'

const CHAIN = {
  genesisHash: a.bytes32('genesis'),
  name: 'Bittensor',
  specName: 'node-subtensor',
  ss58Format: 42,
  tokenDecimals: 9,
  tokenSymbol: 'TAO',
}

test('the status is what the writer stored: chain, head, ranges with gaps, runtimes, counts and sizes', async () => {
  await using db = await testDatabase()
  const writer = createBatchWriter({ pool: db.pool, log: silentLog, metrics: createMetrics() })
  await writer.claimChain(CHAIN)
  const runtime = {
    specName: 'node-subtensor',
    transactionVersion: 1,
    metadataVersion: 14,
    metadataHash: a.bytes32('m'),
    metadata: new Uint8Array(9),
  }
  const runtimeVersions = [143, 142].map((specVersion, i) => ({ ...runtime, specVersion, firstBlock: 20 - i }))
  const state = {
    subnets: [a.aSubnet({ netuid: 1 }), a.aSubnet({ netuid: 3 })],
    neurons: [a.aNeuron({ netuid: 1, uid: 0, block: 21 })],
    hotkeys: [a.aHotkey({ hotkey: a.key(100), block: 21, take: 11_796 }), a.aHotkey({ hotkey: a.key(101), block: 21, take: null })],
  }
  await writer.apply(a.aBatch({ from: 20, to: 21, prev: null, finalizedHeight: 20, facts: { runtimeVersions }, state }))
  await writer.applyHistory(a.aHistoryBatch({ from: 5, to: 9 }))
  await db.pool.query('ANALYZE blocks')

  const status = await readStatus(db.pool)
  expect(status).toMatchObject({
    chain: { name: 'Bittensor', specName: 'node-subtensor', genesisHash: CHAIN.genesisHash, firstBlock: 20 },
    head: { ...a.aHead(21), finalizedHeight: 20 },
    indexed: [
      { from: 5, to: 9 },
      { from: 20, to: 21 },
    ],
    gaps: [
      { from: 0, to: 4 },
      { from: 10, to: 19 },
    ],
    runtimes: [
      { specVersion: 142, firstBlock: 19, metadataVersion: 14 },
      { specVersion: 143, firstBlock: 20, metadataVersion: 14 },
    ],
    counts: { subnets: 2, neurons: 1, delegates: 1 },
  })
  // Seven blocks in a table of partitions, counted once under the table's own name.
  expect(status?.tables.filter(({ table }) => table.startsWith('blocks'))).toEqual([
    { table: 'blocks', rows: 7, bytes: expect.any(BigInt) },
  ])
  expect(status?.tables.every(({ bytes }, i, all) => i === 0 || bytes <= (all[i - 1]?.bytes ?? 0n))).toBe(true)
  expect(status?.sizeBytes).toBeGreaterThan(status?.tables[0]?.bytes ?? 0n)
  // The pool is the caller's and still open.
  expect((await db.pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
})

test('a migrated database without a chain has a status of nothing, one without tables has none', async () => {
  await using migrated = await testDatabase()
  expect(await readStatus(migrated.pool)).toMatchObject({ chain: null, head: null, indexed: [], gaps: [], runtimes: [] })
  await using empty = await testDatabase({ empty: true })
  expect(await readStatus(empty.pool)).toBeNull()
})

test('a server that goes away between two reads is DATABASE_DOWN', async () => {
  await using db = await testDatabase()
  const connect = db.pool.connect.bind(db.pool)
  const gone = (): Promise<pg.PoolClient> => Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
  // The pool's own queries connect with a callback; the typed client's transactions with a promise.
  db.pool.connect = ((done?: Parameters<typeof connect>[0]) => (done === undefined ? gone() : connect(done))) as typeof db.pool.connect
  await expect(readStatus(db.pool)).rejects.toMatchObject({ code: 'DATABASE_DOWN' })
})
