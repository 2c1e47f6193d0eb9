import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { migrate } from '../../../src/store/index.js'
import { testDatabase } from '../../support/database.js'

const REAL = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url))
const INIT = '20261101000000_init'
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'taogate-migrations-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

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
  expect(await migrate(db.pool, silentLog)).toEqual({ applied: [INIT] })
  const sql = await readFile(path.join(REAL, INIT, 'migration.sql'))
  const { rows } = await db.pool.query('SELECT * FROM "_prisma_migrations"')
  expect(rows).toEqual([
    {
      id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/) as string,
      checksum: createHash('sha256').update(sql).digest('hex'),
      started_at: expect.any(Date) as Date,
      finished_at: expect.any(Date) as Date,
      migration_name: INIT,
      logs: null,
      rolled_back_at: null,
      applied_steps_count: 1,
    },
  ])
  expect(await db.dump()).toContain('# neuron_snapshots (0)')
})

test('migrating again, or from two processes at once, applies nothing twice', async () => {
  await using db = await testDatabase({ empty: true })
  const both = await Promise.all([migrate(db.pool, silentLog), migrate(db.pool, silentLog)])
  expect(both.flatMap(({ applied }) => applied)).toEqual([INIT])
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
  expect(rows).toEqual([{ half: null, n: 2 }])
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
    message: expect.stringMatching(new RegExp(`20991231000000_future.*${INIT}`)) as string,
  })
})
