import { expect, test } from 'vitest'
import { createMetrics } from '../../../src/core/metrics.js'
import { silentLog } from '../../../src/core/log.js'
import type { HistoryBatch } from '../../../src/core/records.js'
import { createBatchWriter, type BatchWriter } from '../../../src/store/index.js'
import * as a from '../../support/builders.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { randomBatch } from '../../support/random-batches.js'

function writerOn(db: TestDatabase): BatchWriter {
  return createBatchWriter({ pool: db.pool, log: silentLog, metrics: createMetrics() })
}

/** Facts in every table, the same for a block whatever range it is read in. */
function history(from: number, to: number): HistoryBatch {
  const batch: HistoryBatch = { from, to, facts: randomBatch({ seed: 1, from, to: from, prev: null, finalizedHeight: 0 }).facts }
  for (let height = from + 1; height <= to; height++) {
    const { facts } = randomBatch({ seed: 1, from: height, to: height, prev: null, finalizedHeight: 0 })
    for (const list of Object.keys(facts) as (keyof typeof facts)[]) (batch.facts[list] as unknown[]).push(...facts[list])
  }
  return batch
}

test('history behind the head fills gaps, in any order, overlapping or repeated, to the same tables', async () => {
  const dumps: string[] = []
  const orders = [
    [[0, 19]],
    [
      [10, 19],
      [0, 9],
    ],
    [
      [5, 14],
      [5, 14],
      [0, 9],
      [10, 19],
      [0, 19],
    ],
    [
      [19, 19],
      [0, 0],
      [3, 4],
      [0, 19],
    ],
  ] as const
  for (const order of orders) {
    await using db = await testDatabase()
    const writer = writerOn(db)
    await writer.apply(a.aBatch({ from: 20, to: 21, prev: null }))
    for (const [from, to] of order) await writer.applyHistory(history(from, to))
    expect(await writer.ranges()).toEqual([{ from: 0, to: 21 }])
    expect(await writer.applyHistory(history(2, 18))).toBe('already')
    dumps.push(await db.dump())
  }
  for (const dump of dumps) expect(dump).toBe(dumps[0])
})

test('workers that claim ranges at the same time do not lose or double anything', async () => {
  await using db = await testDatabase()
  await using one = await testDatabase()
  for (const each of [db, one]) await writerOn(each).apply(a.aBatch({ from: 40, to: 40, prev: null }))
  const ranges = [0, 10, 20, 30].map((from) => history(from, from + 9))
  await Promise.all([...ranges, ...ranges].map((batch) => writerOn(db).applyHistory(batch)))
  await writerOn(one).applyHistory(history(0, 39))
  expect(await db.dump()).toBe(await one.dump())
})

test('a gap that is left shows in the ranges', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  await writer.apply(a.aBatch({ from: 100, to: 101, prev: null }))
  expect(await writer.applyHistory(a.aHistoryBatch({ from: 10, to: 20 }))).toBe('applied')
  expect(await writer.applyHistory(a.aHistoryBatch({ from: 90, to: 99 }))).toBe('applied')
  expect(await writer.ranges()).toEqual([
    { from: 10, to: 20 },
    { from: 90, to: 101 },
  ])
})

test('history past the head is refused', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  await writer.apply(a.aBatch({ from: 0, to: 5 }))
  await expect(writer.applyHistory(a.aHistoryBatch({ from: 4, to: 6 }))).rejects.toMatchObject({ code: 'HEAD_MISMATCH' })
})

test('the live index passes over history that was filled in before it came there', async () => {
  await using db = await testDatabase()
  await using plain = await testDatabase()
  await writerOn(db).applyHistory(history(2, 4))
  for (const each of [db, plain]) await writerOn(each).apply({ ...a.aBatch({ from: 0, to: 9 }), facts: history(0, 9).facts })
  expect(await db.dump()).toBe(await plain.dump())
})

test('rows of a parameter on both sides of a gap become one change when the gap is filled without one', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  const param = (blockHeight: number, value: string) => ({ netuid: 1, name: 'tempo', blockHeight, value })
  const fill = (from: number, to: number, ...subnetParams: ReturnType<typeof param>[]) =>
    writer.applyHistory(a.aHistoryBatch({ from, to, facts: { subnetParams } }))
  const read = async (): Promise<unknown[]> =>
    (await db.pool.query({ text: 'SELECT block_height::int, value FROM subnet_params ORDER BY 1', rowMode: 'array' })).rows
  await writer.apply(a.aBatch({ from: 50, to: 60, prev: null, facts: { subnetParams: [param(50, '99'), param(55, '100')] } }))
  await fill(20, 29, param(20, '98'), param(25, '99'))
  // It may have been another value in between.
  expect(await read()).toEqual([
    [20, 98],
    [25, 99],
    [50, 99],
    [55, 100],
  ])
  await fill(30, 39)
  await fill(40, 49)
  expect(await read()).toEqual([
    [20, 98],
    [25, 99],
    [55, 100],
  ])
  await fill(0, 19, param(3, '98'), param(4, '7'), param(19, '98'))
  expect(await read()).toEqual([
    [3, 98],
    [4, 7],
    [19, 98],
    [25, 99],
    [55, 100],
  ])
})
