import fc from 'fast-check'
import type pg from 'pg'
import { expect, test } from 'vitest'
import { createMetrics } from '../../../src/core/metrics.js'
import { silentLog } from '../../../src/core/log.js'
import type { Batch } from '../../../src/core/records.js'
import { createBatchWriter, type BatchWriter } from '../../../src/store/index.js'
import * as a from '../../support/builders.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { randomBatch } from '../../support/random-batches.js'
import { stateModel } from '../../support/state-model.js'

const FINAL = 5
const HEAD = FINAL + 8

function writerOn(db: TestDatabase): BatchWriter {
  return createBatchWriter({ pool: db.pool, log: silentLog, metrics: createMetrics() })
}

/** Two final batches, then single blocks that may still be undone; from `forkAt` on those of another branch. */
function chainOf(seed: number, forkAt = Infinity): Batch[] {
  const at = { seed, finalizedHeight: FINAL }
  const batches = [randomBatch({ ...at, from: 0, to: 2, prev: null }), randomBatch({ ...at, from: 3, to: FINAL, prev: a.aHead(2) })]
  for (let height = FINAL + 1; height <= HEAD; height++) {
    const branch = (h: number): string => (h >= forkAt ? 'fork' : '')
    batches.push(randomBatch({ ...at, from: height, to: height, prev: a.aHead(height - 1, branch(height - 1)), branch: branch(height) }))
  }
  return batches
}

async function applyAll(writer: BatchWriter, batches: readonly Batch[]): Promise<void> {
  for (const batch of batches) expect(await writer.apply(batch)).toBe('applied')
}

test('rolling back leaves what was there before, and applying again what was there after, at every depth', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(1_000_000), async (seed) => {
      await using db = await testDatabase()
      const writer = writerOn(db)
      const batches = chainOf(seed)
      const dumps = new Map<number, string>()
      for (const batch of batches) {
        await applyAll(writer, [batch])
        dumps.set(batch.next.height, await db.dump())
      }
      for (let depth = 1; depth <= HEAD - FINAL; depth++) {
        expect(await writer.rollbackTo(HEAD - depth)).toEqual(a.aHead(HEAD - depth))
        expect(await db.dump()).toBe(dumps.get(HEAD - depth))
        await applyAll(
          writer,
          batches.filter((batch) => batch.from > HEAD - depth),
        )
        expect(await db.dump()).toBe(dumps.get(HEAD))
      }
    }),
    { numRuns: 2 },
  )
})

test('after a fork the tables are those of a database that only saw the winning branch', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(1_000_000), fc.integer({ min: 1, max: 8 }), async (seed, depth) => {
      const forkAt = HEAD - depth + 1
      const winning = chainOf(seed, forkAt)
      await using forked = await testDatabase()
      await using straight = await testDatabase()
      await applyAll(writerOn(forked), chainOf(seed))
      await writerOn(forked).rollbackTo(forkAt - 1)
      await applyAll(
        writerOn(forked),
        winning.filter((batch) => batch.from >= forkAt),
      )
      await applyAll(writerOn(straight), winning)
      expect(await forked.dump()).toBe(await straight.dump())
    }),
    { numRuns: 4 },
  )
})

test('the state tables hold what a naive model of the batches holds', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(1_000_000), async (seed) => {
      await using db = await testDatabase()
      const batches = chainOf(seed)
      await applyAll(writerOn(db), batches)
      expect(await readState(db.pool)).toEqual(stateModel(batches))
    }),
    { numRuns: 5 },
  )
})

test('going back is possible to batch ends above the final block only', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  await expect(writer.rollbackTo(0)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await applyAll(writer, [
    a.aBatch({ from: 0, to: 5 }),
    a.aBatch({ from: 6, to: 8, finalizedHeight: 5 }),
    a.aBatch({ at: 9, finalizedHeight: 5 }),
  ])
  await expect(writer.rollbackTo(10)).rejects.toMatchObject({ code: 'HEAD_MISMATCH' })
  await expect(writer.rollbackTo(4)).rejects.toMatchObject({
    code: 'HEAD_MISMATCH',
    message: 'cannot go back to block 4: block 5 is final',
  })
  await expect(writer.rollbackTo(7)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(writer.rollbackTo(0.5)).rejects.toMatchObject({ code: 'BAD_INPUT' })
  expect(await writer.rollbackTo(9)).toEqual(a.aHead(9))
  expect(await writer.rollbackTo(8)).toEqual(a.aHead(8))
  expect(await writer.rollbackTo(5)).toEqual(a.aHead(5))
  expect(await writer.head()).toEqual({ head: a.aHead(5), finalizedHeight: 5 })
  expect(await writer.ranges()).toEqual([{ from: 0, to: 5 }])
})

test('what has become final loses its undo data, and finality never moves back', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  const touch = (block: number): Parameters<typeof a.aBatch>[0] => ({
    at: block,
    finalizedHeight: 0,
    state: { accounts: [a.anAccount({ address: a.key(1), free: BigInt(block), block })] },
  })
  await applyAll(
    writer,
    [0, 1, 2, 3].map((block) => a.aBatch(touch(block))),
  )
  const heights = async (): Promise<number[]> =>
    (await db.pool.query<{ h: number }>('SELECT DISTINCT block_height::int AS h FROM undo ORDER BY 1')).rows.map(({ h }) => h)
  expect(await heights()).toEqual([1, 2, 3])
  await writer.setFinalized(2)
  await writer.setFinalized(1)
  expect(await heights()).toEqual([3])
  expect((await writer.head())?.finalizedHeight).toBe(2)
  await writer.apply(a.aBatch({ ...touch(4), finalizedHeight: 3 }))
  expect(await heights()).toEqual([4])
  await expect(writer.rollbackTo(2)).rejects.toMatchObject({ code: 'HEAD_MISMATCH' })
})

/** The tables in the model's terms. */
async function readState(pool: pg.Pool): Promise<Record<string, unknown[]>> {
  const hex = (bytes: Buffer | null): string | null => bytes && `0x${bytes.toString('hex')}`
  const big = (text: string | null): bigint | null => (text === null ? null : BigInt(text))
  const rowsOf = async (table: string, convert: (row: Record<string, never>) => Record<string, unknown>): Promise<unknown[]> => {
    const { rows } = await pool.query<Record<string, never>>(`SELECT * FROM ${table}`)
    return rows.map(convert)
  }
  const sortBy = (rows: unknown[], ...key: string[]): unknown[] => {
    const id = (row: unknown): string => key.map((name) => String((row as Record<string, unknown>)[name])).join(' ')
    return rows.sort((x, y) => (id(x) < id(y) ? -1 : 1))
  }
  const accounts = await rowsOf('accounts', (r) => ({
    ...{
      address: hex(r['address']!),
      free: big(r['free']!),
      reserved: big(r['reserved']!),
      frozen: big(r['frozen']!),
      nonce: big(r['nonce']!),
    },
    ...{
      staked: big(r['staked']!),
      total: big(r['total']!),
      alive: r['alive'],
      firstSeen: Number(r['first_seen_block']),
      block: Number(r['updated_block']),
    },
  }))
  const withoutFirst = (rows: unknown[]): unknown[] => rows.map((row) => ({ ...(row as object), firstSeen: expect.any(Number) as number }))
  const subnets = await rowsOf('subnets', (r) => ({
    ...{
      netuid: r['netuid'],
      owner: hex(r['owner']!),
      n: r['n'],
      maxUids: r['max_uids'],
      tempo: r['tempo'],
      difficulty: big(r['difficulty']!),
    },
    ...{ burn: big(r['burn']!), emission: big(r['emission']!), pendingEmission: big(r['pending_emission']!), params: r['params'] },
    ...{ registeredBlock: big(r['registered_block']!), lastEpochBlock: big(r['last_epoch_block']!), block: Number(r['updated_block']) },
  }))
  const neurons = await rowsOf('neurons', (r) => ({
    ...{
      netuid: r['netuid'],
      uid: r['uid'],
      hotkey: hex(r['hotkey']!),
      coldkey: hex(r['coldkey']!),
      stake: big(r['stake']!),
      rank: r['rank'],
    },
    ...{
      trust: r['trust'],
      consensus: r['consensus'],
      incentive: r['incentive'],
      dividends: r['dividends'],
      emission: big(r['emission']!),
    },
    ...{
      validatorTrust: r['validator_trust'],
      validatorPermit: r['validator_permit'],
      active: r['active'],
      lastUpdate: big(r['last_update']!),
    },
    ...{ pruningScore: r['pruning_score'], registeredBlock: big(r['registered_block']!), axon: r['axon'], prometheus: r['prometheus'] },
    ...{ weightUids: r['weight_uids'], weightValues: r['weight_values'], bondUids: r['bond_uids'], bondValues: r['bond_values'] },
    block: Number(r['updated_block']),
  }))
  const hotkeys = await rowsOf('hotkeys', (r) => ({
    ...{
      hotkey: hex(r['hotkey']!),
      coldkey: hex(r['coldkey']!),
      take: r['take'],
      totalStake: big(r['total_stake']!),
      block: Number(r['updated_block']),
    },
  }))
  const delegations = await rowsOf('delegations', (r) => ({
    ...{
      hotkey: hex(r['hotkey']!),
      coldkey: hex(r['coldkey']!),
      netuid: r['netuid'],
      amount: big(r['amount']!),
      block: Number(r['updated_block']),
    },
  }))
  return {
    accounts: sortBy(accounts, 'address'),
    subnets: withoutFirst(sortBy(subnets, 'netuid')),
    neurons: withoutFirst(sortBy(neurons, 'netuid', 'uid')),
    hotkeys: withoutFirst(sortBy(hotkeys, 'hotkey')),
    delegations: withoutFirst(sortBy(delegations, 'hotkey', 'coldkey', 'netuid')),
  }
}
