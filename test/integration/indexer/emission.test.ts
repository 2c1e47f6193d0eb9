import { expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { startDevnet } from '../../../src/devnet/index.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { indexTo } from '../../support/indexing.js'

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
    const epochs = await readEpochs(db)
    checkEpochs(epochs)

    const stats = await readStats(db)
    const summed = stats.filter(({ due }) => due !== null)
    expect(summed.length).toBeGreaterThan(0)
    // Batches begin after the first block; only small ones end at every one that is sampled.
    if (batchBlocks < STATS_EVERY) expect(stats.filter(({ block, due }) => block > 0 && due === null)).toEqual([])
    for (const { block, due, given } of summed) {
      const before = stats.findLast((row) => row.block < block)?.block ?? -1
      const covered = epochs.filter((epoch) => epoch.netuid !== 0 && epoch.block > before && epoch.block <= block)
      expect({ block, due, given }).toEqual({ block, due: sum(covered, 'due'), given: sum(covered, 'given') })
    }
    expect(summed.some(({ due }) => BigInt(due ?? 0) > 0n)).toBe(true)
  } finally {
    await devnet.close()
  }
})

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
