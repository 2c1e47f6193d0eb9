import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { createMetrics } from '../../../src/core/metrics.js'
import { createBatchWriter, migrate } from '../../../src/store/index.js'
import { auditPage } from '../../../src/store/read/audits.js'
import * as a from '../../support/builders.js'
import { testDatabase } from '../../support/database.js'

const REAL = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url))
const INIT = '20261101000000_init'
const AUDIT = '20261122000000_audit'
const REGISTRATIONS = '20261123000000_registrations'
const PROMPTS = '20261124000000_prompts'
const ALL = [INIT, AUDIT, REGISTRATIONS, PROMPTS]
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'taogate-migrations-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A folder with the first of the real migrations alone, as an older program had it. */
async function migrationsBefore(last: string): Promise<string> {
  const copy = await mkdtemp(path.join(folder, 'm-'))
  for (const name of ALL.slice(0, ALL.indexOf(last))) await cp(path.join(REAL, name), path.join(copy, name), { recursive: true })
  return copy
}

/** A copy of the real migrations with more in it. */
async function migrationsWith(name: string, sql: string): Promise<string> {
  const copy = await mkdtemp(path.join(folder, 'm-'))
  await cp(REAL, copy, { recursive: true })
  await mkdir(path.join(copy, name), { recursive: true })
  await writeFile(path.join(copy, name, 'migration.sql'), sql)
  return copy
}

test('an empty database gets every table, and a journal row as Prisma writes it', async () => {
  await using db = await testDatabase({ empty: true })
  expect(await migrate(db.pool, silentLog)).toEqual({ applied: ALL })
  const sqls = await Promise.all(ALL.map((name) => readFile(path.join(REAL, name, 'migration.sql'))))
  const { rows } = await db.pool.query('SELECT * FROM "_prisma_migrations" ORDER BY migration_name')
  expect(rows).toEqual(
    ALL.map((name, i) => ({
      id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/) as string,
      checksum: createHash('sha256')
        .update(sqls[i] ?? '')
        .digest('hex'),
      started_at: expect.any(Date) as Date,
      finished_at: expect.any(Date) as Date,
      migration_name: name,
      logs: null,
      rolled_back_at: null,
      applied_steps_count: 1,
    })),
  )
  expect(await db.dump()).toContain('# neuron_snapshots (0)')
})

test('migrating again, or from two processes at once, applies nothing twice', async () => {
  await using db = await testDatabase({ empty: true })
  const both = await Promise.all([migrate(db.pool, silentLog), migrate(db.pool, silentLog)])
  expect(both.flatMap(({ applied }) => applied)).toEqual(ALL)
  expect(await migrate(db.pool, silentLog)).toEqual({ applied: [] })
})

test('a later migration is applied on top, and a failing one leaves nothing behind', async () => {
  await using db = await testDatabase()
  const good = await migrationsWith('20270101000000_more', 'CREATE TABLE more (id int PRIMARY KEY)')
  expect(await migrate(db.pool, silentLog, { folder: good })).toEqual({ applied: ['20270101000000_more'] })

  await mkdir(path.join(good, '20270102000000_bad'))
  await writeFile(path.join(good, '20270102000000_bad', 'migration.sql'), 'CREATE TABLE half (id int); SELECT 1 / 0')
  await expect(migrate(db.pool, silentLog, { folder: good })).rejects.toThrow(
    /20270102000000_bad failed and was rolled back: division by zero/,
  )
  const { rows } = await db.pool.query('SELECT to_regclass(\'half\') AS half, (SELECT count(*)::int FROM "_prisma_migrations") AS n')
  expect(rows).toEqual([{ half: null, n: ALL.length + 1 }])
})

test('a migration that was changed after it was applied is refused', async () => {
  await using db = await testDatabase()
  const changed = await migrationsWith(INIT, 'SELECT 1')
  await expect(migrate(db.pool, silentLog, { folder: changed })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(`migration ${INIT} was changed`) as string,
  })
})

test('a database of a newer program is refused, naming both', async () => {
  await using db = await testDatabase()
  const newer = await migrationsWith('20991231000000_future', 'CREATE TABLE future (id int PRIMARY KEY)')
  await migrate(db.pool, silentLog, { folder: newer })
  await expect(migrate(db.pool, silentLog)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(new RegExp(`20991231000000_future.*${ALL.at(-1) ?? ''}`)) as string,
  })
})

test('an index of before there were audits is migrated with its rows, and grows on', async () => {
  await using db = await testDatabase({ empty: true })
  await migrate(db.pool, silentLog, { folder: await migrationsBefore(AUDIT) })
  await db.pool.query(`
    CREATE TABLE emissions_p0 PARTITION OF emissions FOR VALUES FROM (0) TO (1000000);
    INSERT INTO checkpoint (id, height, hash, finalized_height) VALUES (1, 0, '\\x${a.blockHash(0).slice(2)}', 0);
    INSERT INTO indexed_ranges VALUES (0, 0);
    INSERT INTO blocks VALUES (0, '\\x${a.blockHash(0).slice(2)}', '\\x', '\\x', '\\x', now(), NULL, 143, 0, 0);
    INSERT INTO epochs (netuid, block_height, tempo, n, active_count, validator_count, timestamp) VALUES (1, 0, 99, 4, 3, 2, now());
    INSERT INTO network_stats (block_height, timestamp, total_stake, totals) VALUES (0, now(), 5, '{}')`)
  expect(await migrate(db.pool, silentLog)).toEqual({ applied: [AUDIT, REGISTRATIONS, PROMPTS] })

  const writer = createBatchWriter({ pool: db.pool, log: silentLog, metrics: createMetrics() })
  const facts = { epochs: [a.anEpoch({ blockHeight: 1 })], epochInputs: [a.epochInputs({ blockHeight: 1 })] }
  expect(await writer.apply(a.aBatch({ at: 1, facts }))).toBe('applied')
  const [before, after] = await auditPage(db.pool, { limit: 10 })
  expect(before).toMatchObject({ netuid: 1, blockHeight: 0, n: 4, stored: null, inputs: null, inputsHash: null, emissionDue: null })
  expect(after).toMatchObject({ blockHeight: 1, stored: { status: 'EXACT' }, inputs: Buffer.of(0, 0x5c, 0xff) })
  const { rows } = await db.pool.query(
    'SELECT total_stake::int, stake_sum, hotkey_stake_sum, balance_sum, emission_due, emission_given FROM network_stats',
  )
  expect(rows).toEqual([
    { total_stake: 5, stake_sum: null, hotkey_stake_sum: null, balance_sum: null, emission_due: null, emission_given: null },
  ])
})
