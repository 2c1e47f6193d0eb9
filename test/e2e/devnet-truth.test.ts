import { describe, expect, test } from 'vitest'
import { silentLog } from '../../src/core/log.js'
import { startDevnet } from '../../src/devnet/index.js'
import { testDatabase } from '../support/database.js'
import { indexTo } from '../support/indexing.js'
import { readOracle } from '../support/oracle.js'
import { compareWithTruth } from '../support/truth.js'

/** The same comparison as on the real runtime, on the devnet: nothing but this repository is needed. */
describe('the index says what the devnet says', () => {
  test.each([
    { seed: 'one', batchBlocks: 64 },
    { seed: 'two', batchBlocks: 5 },
  ])('seed $seed, batches of $batchBlocks', async ({ seed, batchBlocks }) => {
    const devnet = await startDevnet({ blockMs: null, seed, subnets: 2, neurons: 10, log: silentLog })
    try {
      devnet.newBlock({ count: 50 })
      await using db = await testDatabase()
      for (const [height, from] of [
        [23, 1],
        [50, 24],
      ] as const) {
        await indexTo(devnet.url, db.pool, height, { batchBlocks })
        const { compared, differences } = await compareWithTruth(db.pool, await readOracle(devnet.url, height, from))
        expect(differences, `${differences.length} differences of ${compared} at block ${height}`).toEqual([])
        expect(compared).toBeGreaterThan(height * 10)
      }
      const { rows } = await db.pool.query<{ neurons: number; weights: number }>(
        'select (select count(*) from neurons where netuid = 1)::int as neurons, (select count(*) from weight_sets)::int as weights',
      )
      expect(rows[0]?.neurons).toBe(10)
      expect(rows[0]?.weights).toBeGreaterThan(0)
    } finally {
      await devnet.close()
    }
  })
})
