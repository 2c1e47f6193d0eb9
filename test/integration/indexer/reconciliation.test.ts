import { expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { startDevnet, type Devnet } from '../../../src/devnet/index.js'
import { createReads, readReconciliation } from '../../../src/store/read/index.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { indexTo, testIndexer, type TestIndexer } from '../../support/indexing.js'
import { eventually } from '../../support/waiting.js'

/** Totals of a chain beside the index's own sums, at every block with an epoch: while the head is followed, and in batches of one block. */

/** Blocks before the head that have a batch each. */
const NEAR_HEAD = 16
const STATS_EVERY = 10
const OPTIONS = { statsEvery: STATS_EVERY }

/** What does not depend on how blocks were cut into batches. */
interface Facts {
  block: number
  balances_issuance: string
  total_issuance: string
  total_stake: string
  block_emission: string
  subnets: number
  totals: unknown
  emission_due: string
  emission_given: string
}

/** null where the block did not end a batch. */
interface Sums {
  stake_sum: string | null
  hotkey_stake_sum: string | null
  balance_sum: string | null
}

async function rowsOf({ pool }: TestDatabase): Promise<Map<number, { facts: Facts; sums: Sums }>> {
  const { rows } = await pool.query<Facts & Sums>(`
    SELECT block_height::int AS block, balances_issuance::text, total_issuance::text, total_stake::text, block_emission::text, subnets, totals,
      emission_due::text, emission_given::text, stake_sum::text, hotkey_stake_sum::text, balance_sum::text
    FROM network_stats ORDER BY block_height`)
  return new Map(
    rows.map(({ stake_sum, hotkey_stake_sum, balance_sum, ...facts }) => [
      facts.block,
      { facts, sums: { stake_sum, hotkey_stake_sum, balance_sum } },
    ]),
  )
}

async function epochBlocks({ pool }: TestDatabase): Promise<number[]> {
  const { rows } = await pool.query<{ block: number }>('SELECT DISTINCT block_height::int AS block FROM epochs ORDER BY 1')
  return rows.map(({ block }) => block)
}

/** Goes on with an index whose every block is a batch, and so has all sums; checked to be that, and to have no gaps. */
async function indexExactly(devnet: Devnet, db: TestDatabase): Promise<void> {
  await indexTo(devnet.url, db.pool, devnet.finalized.number, { ...OPTIONS, batchBlocks: 1 })
  const rows = await rowsOf(db)
  const wanted = new Set([1, ...(await epochBlocks(db))])
  for (let block = 0; block <= devnet.finalized.number; block += STATS_EVERY) wanted.add(block)
  expect([...rows.keys()]).toEqual([...wanted].sort((a, b) => a - b))
  for (const [block, { facts, sums }] of rows) {
    const { total_stake: stake, balances_issuance: balances } = facts
    expect([facts.emission_due, facts.emission_given], `emission of block ${block}`).not.toContain(null)
    // The first batch is of blocks 0 and 1.
    const expected = block === 0 ? [null, null, null] : [stake, stake, balances]
    expect([block, sums.stake_sum, sums.hotkey_stake_sum, sums.balance_sum]).toEqual([block, ...expected])
  }
}

/** The same rows up to the block `to`; the sums of those blocks that ended a batch, which are at least those from `single` on. */
async function expectSameBooks(db: TestDatabase, exact: TestDatabase, { single, to }: { single: number; to: number }): Promise<void> {
  const [ours, theirs] = await Promise.all([rowsOf(db), rowsOf(exact)])
  const facts = (rows: typeof ours): Facts[] => [...rows.values()].map((row) => row.facts).filter(({ block }) => block <= to)
  expect(facts(ours)).toEqual(facts(theirs))
  for (const { block } of facts(ours)) {
    const sums = ours.get(block)?.sums
    if (block >= single || sums?.balance_sum !== null) expect({ block, ...sums }).toEqual({ block, ...theirs.get(block)?.sums })
    else expect({ block, ...sums }).toEqual({ block, stake_sum: null, hotkey_stake_sum: null, balance_sum: null })
  }
}

async function newestBooks({ pool }: TestDatabase): Promise<number | undefined> {
  const session = createReads({ pool }).session()
  try {
    return (await readReconciliation(session))?.blockHeight
  } finally {
    await session.close()
  }
}

async function reaches({ indexer }: TestIndexer, height: number): Promise<void> {
  await eventually(`block ${height}`, () => indexer.heads().indexed === height)
}

test(
  'every block with an epoch that is followed has all sums, however many become final at once, also over a restart',
  { timeout: 180_000 },
  async () => {
    const devnet = await startDevnet({ blockMs: null, seed: 'books', subnets: 2, neurons: 6, log: silentLog })
    const behind = 30
    try {
      devnet.newBlock({ count: behind })
      await using db = await testDatabase()
      const follow = async (counts: readonly number[]): Promise<void> => {
        await using running = await testIndexer(devnet.url, db.pool, OPTIONS)
        await reaches(running, devnet.best.number)
        for (const count of counts) {
          devnet.newBlock({ count })
          await reaches(running, devnet.best.number)
        }
      }
      await follow([1, 1, 2, 5, 3, 1, 16])
      // Made while no indexer runs.
      devnet.newBlock({ count: NEAR_HEAD })
      await follow([7, 4])
      const followed = (await epochBlocks(db)).filter((block) => block > behind)
      expect(followed.length).toBeGreaterThanOrEqual(6)

      await using exact = await testDatabase()
      await indexExactly(devnet, exact)
      expect(await epochBlocks(db)).toEqual(await epochBlocks(exact))
      await expectSameBooks(db, exact, { single: behind - NEAR_HEAD + 1, to: devnet.best.number })
      expect(await newestBooks(db)).toBe(Math.max(...(await rowsOf(db)).keys()))

      // Too many to be near the head: batches, and sums again where they end. Some epochs are within one.
      devnet.newBlock({ count: 50 })
      await follow([])
      await indexExactly(devnet, exact)
      // Those that were followed before keep theirs, too.
      await expectSameBooks(db, exact, { single: devnet.best.number - NEAR_HEAD + 1, to: devnet.best.number })
      const rows = await rowsOf(db)
      expect([...rows.values()].filter(({ sums }) => sums.balance_sum === null).length).toBeGreaterThan(3)
    } finally {
      await devnet.close()
    }
  },
)

test('however blocks are cut into batches the rows are the same, and every sum that there is', { timeout: 180_000 }, async () => {
  const devnet = await startDevnet({ blockMs: null, seed: 'cuts', subnets: 2, neurons: 6, log: silentLog })
  try {
    devnet.newBlock({ count: 90 })
    await using exact = await testDatabase()
    await indexExactly(devnet, exact)
    for (const batchBlocks of [7, 64]) {
      await using db = await testDatabase()
      // Stopped and started again, at ends of batches and elsewhere, and not near the head.
      for (const to of [20, 21, 50, 64, 90]) await indexTo(devnet.url, db.pool, to, { ...OPTIONS, batchBlocks })
      await expectSameBooks(db, exact, { single: Infinity, to: 90 })
      const sums = [...(await rowsOf(db)).values()].map(({ sums }) => sums.balance_sum)
      expect(new Set(sums.map((sum) => sum === null))).toEqual(new Set([true, false]))
    }
  } finally {
    await devnet.close()
  }
})

test('blocks of a fork take their sums with them; those of the other branch have their own', { timeout: 180_000 }, async () => {
  const devnet = await startDevnet({ blockMs: null, seed: 'books fork', subnets: 2, neurons: 6, finalityLag: 12, log: silentLog })
  try {
    devnet.newBlock({ count: 30 })
    await using db = await testDatabase()
    await using follower = await testIndexer(devnet.url, db.pool, { ...OPTIONS, headMode: 'best' })
    const atHead = async (): Promise<void> => {
      await eventually(`block ${devnet.best.number}`, async () => {
        if (follower.indexer.heads().indexed !== devnet.best.number) return false
        const { rows } = await db.pool.query<{ hash: string }>("SELECT '0x' || encode(hash, 'hex') AS hash FROM checkpoint")
        return rows[0]?.hash === devnet.best.hash
      })
    }
    await atHead()
    for (const depth of [3, 8, 11]) {
      devnet.fork({ depth })
      await atHead()
      devnet.newBlock({ count: 2 })
      await atHead()
    }
    // What was followed is final now.
    const end = devnet.best.number
    devnet.newBlock({ count: 12 })
    await using exact = await testDatabase()
    await indexExactly(devnet, exact)
    await atHead()
    expect((await epochBlocks(exact)).filter((block) => block > 30 - 12).length).toBeGreaterThan(2)
    expect(devnet.finalized.number).toBe(end)
    await expectSameBooks(db, exact, { single: 30 - NEAR_HEAD + 1, to: end })
  } finally {
    await devnet.close()
  }
})
