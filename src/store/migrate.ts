import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { AppError, errorMessage } from '../core/errors.js'
import type { Logger } from '../core/log.js'
import { toDatabaseError } from '../core/pg-errors.js'

/** `prisma/migrations` lies beside both `src` and `dist`. */
const MIGRATIONS = fileURLToPath(new URL('../../prisma/migrations', import.meta.url))
/** The lock that Prisma's own `migrate deploy` takes, so that the two never run at once. */
const PRISMA_LOCK = 72_707_369

const JOURNAL = `
  CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
    "id" VARCHAR(36) PRIMARY KEY NOT NULL,
    "checksum" VARCHAR(64) NOT NULL,
    "finished_at" TIMESTAMPTZ,
    "migration_name" VARCHAR(255) NOT NULL,
    "logs" TEXT,
    "rolled_back_at" TIMESTAMPTZ,
    "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "applied_steps_count" INTEGER NOT NULL DEFAULT 0
  )`

export interface MigrationFile {
  name: string
  sql: string
  /** sha256 of the file, hex: what Prisma compares. */
  checksum: string
}

interface JournalRow {
  migration_name: string
  checksum: string
  finished_at: Date | null
}

/**
 * Brings the database to this program's data model and keeps Prisma's journal as `prisma migrate deploy` would, whose engine is
 * not needed at run time. Each migration and its journal row are one transaction: a failed one leaves nothing behind.
 */
export async function migrate(pool: pg.Pool, log: Logger, options: { folder?: string } = {}): Promise<{ applied: string[] }> {
  const files = await readMigrations(options.folder ?? MIGRATIONS)
  try {
    const client = await pool.connect()
    let broken: Error | undefined
    try {
      await client.query('SELECT pg_advisory_lock($1)', [PRISMA_LOCK])
      return { applied: await applyMissing(client, files, log) }
    } catch (error) {
      broken = error as Error
      throw error
    } finally {
      if (broken === undefined) await client.query('SELECT pg_advisory_unlock($1)', [PRISMA_LOCK])
      // Destroying the connection gives the lock back whatever state it is in.
      client.release(broken)
    }
  } catch (error) {
    throw toDatabaseError(error, 'it was migrated')
  }
}

/** The migrations of a folder in the order they apply. */
export async function readMigrations(folder: string): Promise<MigrationFile[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return Promise.all(
    names.sort().map(async (name) => {
      const bytes = await readFile(path.join(folder, name, 'migration.sql'))
      return { name, sql: bytes.toString('utf8'), checksum: createHash('sha256').update(bytes).digest('hex') }
    }),
  )
}

async function applyMissing(client: pg.PoolClient, files: MigrationFile[], log: Logger): Promise<string[]> {
  await client.query(JOURNAL)
  const { rows } = await client.query<JournalRow>(
    'SELECT migration_name, checksum, finished_at FROM "_prisma_migrations" WHERE rolled_back_at IS NULL ORDER BY started_at',
  )
  checkJournal(rows, files)
  const done = new Set(rows.map((row) => row.migration_name))
  const applied: string[] = []
  for (const file of files.filter(({ name }) => !done.has(name))) {
    await applyOne(client, file)
    applied.push(file.name)
    log.info({ migration: file.name }, 'migration applied')
  }
  return applied
}

function checkJournal(rows: JournalRow[], files: MigrationFile[]): void {
  const known = new Map(files.map((file) => [file.name, file]))
  const newest = files.at(-1)?.name ?? 'none'
  for (const row of rows) {
    const name = row.migration_name
    const file = known.get(name)
    if (file === undefined) {
      throw new AppError(
        'CONFIG_INVALID',
        `the database has migration ${name}, which this program does not know (its newest is ${newest}); use the newer program that made it`,
        { migration: name, newest },
      )
    }
    if (row.finished_at === null) {
      throw new AppError('CONFIG_INVALID', `migration ${name} began in this database and never finished; see "prisma migrate resolve"`, {
        migration: name,
      })
    }
    if (row.checksum !== file.checksum) {
      throw new AppError('CONFIG_INVALID', `migration ${name} was changed after it was applied: ${row.checksum} became ${file.checksum}`, {
        migration: name,
      })
    }
  }
}

async function applyOne(client: pg.PoolClient, { name, sql, checksum }: MigrationFile): Promise<void> {
  const startedAt = new Date()
  try {
    await client.query('BEGIN')
    await client.query(sql)
    await client.query(
      `INSERT INTO "_prisma_migrations" (id, checksum, started_at, finished_at, migration_name, applied_steps_count)
       VALUES ($1, $2, $3, clock_timestamp(), $4, 1)`,
      [randomUUID(), checksum, startedAt, name],
    )
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    if (toDatabaseError(error, '') !== error) throw error
    throw new AppError('INTERNAL', `migration ${name} failed and was rolled back: ${errorMessage(error)}`, { migration: name }, error)
  }
}
