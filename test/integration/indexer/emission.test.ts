import { expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { startDevnet } from '../../../src/devnet/index.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { fillHistory, indexTo } from '../../support/indexing.js'

/** What was due to the epochs of a chain beside what they gave, added up here from the rows of each epoch. */

interface Epoch {
  netuid: number
  block: number
  due: bigint | null
  given: bigint | null
  /** Sum and number of its emissions. */
  paid: bigint
  payments: number
  n: number
}

async function readEpochs({ pool }: TestDatabase): Promise<Epoch[]> {
  const { rows } = await pool.query<Record<keyof Epoch, string | null>>(`
    SELECT netuid, block_height::int AS block, emission_due AS due, emission_given AS given, n, coalesce(sum(m.total), 0) AS paid,
      count(m.total) AS payments
    FROM epochs e LEFT JOIN emissions m USING (netuid, block_height) GROUP BY e.netuid, e.block_height ORDER BY e.block_height, e.netuid`)
  const rao = (value: string | null): bigint | null => (value === null ? null : BigInt(value))
  return rows.map((row) => ({
    netuid: Number(row.netuid),
    block: Number(row.block),
    due: rao(row.due),
    given: rao(row.given),
    paid: BigInt(row.paid ?? -1),
    payments: Number(row.payments),
    n: Number(row.n),
  }))
}

interface Stat {
  block: number
  due: string | null
  given: string | null
}

async function readStats({ pool }: TestDatabase): Promise<Stat[]> {
  const { rows } = await pool.query<Stat>(
    'SELECT block_height::int AS block, emission_due::text AS due, emission_given::text AS given FROM network_stats ORDER BY 1',
  )
  return rows
}

const STATS_EVERY = 10

test.each([
  { first: 0, batchBlocks: 5 },
  { first: 0, batchBlocks: 64 },
  { first: 24, batchBlocks: 1 },
])('no epoch gives more than is due; totals add up, from block $first in batches of $batchBlocks', async ({ first, batchBlocks }) => {
  const devnet = await startDevnet({ blockMs: null, seed: 'emission', subnets: 2, neurons: 8, log: silentLog })
  try {
    devnet.newBlock({ count: 90 })
    await using db = await testDatabase()
    await indexTo(devnet.url, db.pool, 90, { batchBlocks, statsEvery: STATS_EVERY, start: first === 0 ? 'genesis' : first })
    checkEpochs(await readEpochs(db))
    await checkTotals(db, first === 0 ? 1 : first)
    if (first === 0) return
    // What is before the first block follows, in batches that are cut otherwise.
    await fillHistory(devnet.url, db.pool, { from: 0, to: first - 1, batchBlocks: 7 }, { statsEvery: STATS_EVERY })
    expect((await readEpochs(db))[0]?.block).toBeLessThan(first)
    await checkTotals(db, first)
  } finally {
    await devnet.close()
  }
})

/** There are totals wherever metagraphs are stored, and each has what the epochs since the ones before came to. `first`: where the live index began. */
async function checkTotals(db: TestDatabase, first: number): Promise<void> {
  const [epochs, stats] = await Promise.all([readEpochs(db), readStats(db)])
  const { rows } = await db.pool.query<{ block: number }>(
    'SELECT DISTINCT block_height::int AS block FROM neuron_snapshots UNION SELECT height::int FROM blocks WHERE height % $1 = 0 ORDER BY 1',
    [STATS_EVERY],
  )
  expect(stats.map(({ block }) => block)).toEqual(rows.map(({ block }) => block))
  expect(stats.map(({ block }) => block)).toEqual(expect.arrayContaining([first, ...epochs.map(({ block }) => block)]))
  for (const { block, due, given } of stats) {
    const before = stats.findLast((row) => row.block < block)?.block ?? -1
    const covered = epochs.filter((epoch) => epoch.netuid !== 0 && epoch.block > before && epoch.block <= block)
    expect({ block, due, given }).toEqual({ block, due: sum(covered, 'due'), given: sum(covered, 'given') })
  }
  expect(stats.some(({ due }) => BigInt(due ?? 0) > 0n)).toBe(true)
}

function checkEpochs(epochs: readonly Epoch[]): void {
  expect(new Set(epochs.map(({ netuid }) => netuid))).toEqual(new Set([0, 1, 2]))
  for (const epoch of epochs.filter(({ netuid }) => netuid === 0)) expect(epoch).toMatchObject({ due: null, given: null, payments: 0 })
  const ofSubnets = epochs.filter(({ netuid }) => netuid !== 0)
  for (const epoch of ofSubnets) {
    const { due, given, paid, n } = epoch
    expect(given, JSON.stringify(epoch, text)).toBe(paid)
    const gap = (due ?? -1n) - paid
    expect(gap, JSON.stringify(epoch, text)).toBeGreaterThanOrEqual(0n)
    // Each of the two sums that a neuron is given is a share, cut to 32 fractional bits, of what is due, cut to a whole rao.
    if (paid > 0n) expect(gap, JSON.stringify(epoch, text)).toBeLessThanOrEqual(BigInt(2 * n) * (1n + ((due ?? 0n) >> 32n)))
  }
  expect(ofSubnets.filter(({ paid }) => paid > 0n).length).toBeGreaterThan(2)
}

function sum(epochs: readonly Epoch[], of: 'due' | 'given'): string {
  return String(epochs.reduce((total, epoch) => total + (epoch[of] ?? 0n), 0n))
}

const text = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value)
