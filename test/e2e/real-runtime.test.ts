import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Pool } from 'pg'
import { describe, expect, test } from 'vitest'
import { testDatabase } from '../support/database.js'
import { indexTo } from '../support/indexing.js'
import { needsRig, runTool, startRig, type SpecVersion } from '../support/rig.js'
import { compareWithTruth, type Truth } from '../support/truth.js'

/**
 * The index against the chain itself: a node with the real runtime lives through the rig's scenario, is indexed from genesis, and everything that was
 * stored is compared with what the rig reads from the node's storage through another library.
 * TAOGATE_RIG_SEEDS and TAOGATE_RIG_BLOCKS change how many scenarios are played and how long they are.
 */
const SEEDS = (process.env['TAOGATE_RIG_SEEDS'] ?? 'rig,second,third').split(',')
const BLOCKS = Number(process.env['TAOGATE_RIG_BLOCKS'] ?? 250)
const SPECS: SpecVersion[] = [103, 143]
const MINUTES = 60_000

describe.skipIf(!needsRig())('the index says what the real runtime says', () => {
  const cases = SPECS.flatMap((spec) => SEEDS.map((seed) => ({ spec, seed })))

  test.concurrent.each(cases)(
    'spec $spec, seed $seed',
    async ({ spec, seed }) => {
      const folder = await mkdtemp(path.join(tmpdir(), 'taogate-truth-'))
      const node = await startRig(spec)
      try {
        await runTool('scenario.mjs', ['--ws', node.url, '--out', folder, '--blocks', String(BLOCKS), '--seed', seed], 25 * MINUTES)
        const summary = JSON.parse(await readFile(path.join(folder, 'summary.json'), 'utf8')) as Summary
        const end = summary.lastBlock
        // Not at batch ends, at one, and at the head.
        const heights = [Math.floor(end * 0.31), Math.floor(end * 0.6), 127, end].filter((height) => height <= end).sort((a, b) => a - b)
        await using db = await testDatabase()
        for (const height of new Set(heights)) {
          await indexTo(node.url, db.pool, height)
          const truth = await readTruth(node.url, height, folder)
          const { compared, differences } = await compareWithTruth(db.pool, truth)
          expect(differences, `${differences.length} differences of ${compared} at block ${height}`).toEqual([])
          // The comparison compared something: a neuron has a score of fields, a block a hash.
          expect(compared).toBeGreaterThan(height * 10)
        }
        await expectExactEpochs(db.pool, spec, summary)
        await expectNothingOverdrawn(db.pool)
        await expectReconciled(node.url, end, folder)
      } finally {
        await node.close()
        await rm(folder, { recursive: true, force: true })
      }
    },
    30 * MINUTES,
  )
})

interface Summary {
  lastBlock: number
  /** What the rig saw itself, from storage. */
  epochs: Record<string, { epochs: number; withIncentive: number; withDividends: number }>
}

/** Every epoch was recomputed from the state before its block, and came to what the chain wrote. */
async function expectExactEpochs(pool: Pool, spec: SpecVersion, summary: Summary): Promise<void> {
  const { rows: others } = await pool.query(
    "select netuid, block_height, audit_reason, audit_differences from epochs where audit_status is distinct from 'EXACT'",
  )
  expect(others).toEqual([])
  const { rows } = await pool.query<{ netuid: number; epochs: number }>('select netuid, count(*)::int as epochs from epochs group by 1')
  const counts = new Map(rows.map(({ netuid, epochs }) => [netuid, epochs]))
  for (const [netuid, { epochs, withIncentive, withDividends }] of Object.entries(summary.epochs)) {
    expect(counts.get(Number(netuid)), `epochs of subnet ${netuid}`).toBe(epochs)
    expect(Math.min(withIncentive, withDividends)).toBeGreaterThan(5)
  }
  expect(counts.get(0) ?? 0).toBeGreaterThan(spec === 143 ? 15 : -1)
  // Stake that is paid out in an epoch's own block is part of the check: there are blocks in which one subnet is paid and another has its epoch.
  const { rows: drains } = await pool.query(
    'select 1 from epochs a join epochs b on b.block_height = a.block_height + 1 and b.netuid <> a.netuid limit 1',
  )
  expect(drains.length, 'epochs in whose block another subnet is paid').toBeGreaterThan(0)
}

/** What epochs of subnets gave is what their neurons were given, and no more than was due; rounding leaves some of it. */
async function expectNothingOverdrawn(pool: Pool): Promise<void> {
  const { rows: known } = await pool.query('select 1 from epochs where netuid <> 0 and emission_due > 0 and emission_given > 0')
  expect(known.length).toBeGreaterThan(10)
  const { rows } = await pool.query(`
    select netuid, block_height, emission_due, emission_given from epochs e
    where netuid <> 0 and (emission_due is null or emission_given > emission_due or emission_given is distinct from
      (select coalesce(sum(total), 0) from emissions m where m.netuid = e.netuid and m.block_height = e.block_height))`)
  expect(rows).toEqual([])
}

/**
 * In batches of one block every epoch block has all sums; they are what the chain's totals are, and what the rig's reading of the last such block comes to.
 */
async function expectReconciled(url: string, end: number, folder: string): Promise<void> {
  await using db = await testDatabase()
  await indexTo(url, db.pool, end, { batchBlocks: 1 })
  const columns = ['total_stake', 'balances_issuance', 'stake_sum', 'hotkey_stake_sum', 'balance_sum', 'emission_due', 'emission_given']
  const { rows } = await db.pool.query<{ block: number } & Record<string, string | null>>(
    `select e.block_height::int as block, ${columns.map((name) => `${name}::text`).join(', ')}
     from (select distinct block_height from epochs) e left join network_stats s using (block_height) order by 1`,
  )
  expect(rows.length).toBeGreaterThan(20)
  for (const row of rows) {
    const { block, total_stake: stake, balances_issuance: balances, ...sums } = row
    expect(Object.values(sums), `sums of block ${block}`).not.toContain(null)
    expect(row, `block ${block}`).toMatchObject({ stake_sum: stake, hotkey_stake_sum: stake, balance_sum: balances })
  }
  const last = rows.at(-1)
  const truth = await readTruth(url, last?.block ?? -1, folder)
  const sum = (values: readonly string[]): string => String(values.reduce((total, value) => total + BigInt(value), 0n))
  expect(last).toMatchObject({
    stake_sum: sum((truth.stake.stake ?? []).map(([, value]) => value)),
    hotkey_stake_sum: sum((truth.stake.totalHotkeyStake ?? []).map(([, value]) => value)),
    balance_sum: sum(truth.accounts.flatMap(({ data }) => [data.free, data.reserved])),
  })
}

async function readTruth(url: string, height: number, folder: string): Promise<Truth> {
  const file = path.join(folder, `truth-${height}.json`)
  await runTool('truth.mjs', ['--ws', url, '--block', String(height), '--out', file])
  return JSON.parse(await readFile(file, 'utf8')) as Truth
}
