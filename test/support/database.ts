import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { inject } from 'vitest'
import { silentLog } from '../../src/core/log.js'
import { createPool } from '../../src/store/index.js'
import { databaseUrl, TEMPLATE } from './database-url.js'
import { dumpTables } from './dump.js'

export interface TestDatabase extends AsyncDisposable {
  pool: pg.Pool
  url: string
  /** All rows of all tables (or of those named) as text, for comparing two databases. */
  dump(tables?: readonly string[]): Promise<string>
}

/** A migrated database of the test's own: `await using db = await testDatabase()`. It is dropped at the end of the scope. */
export async function testDatabase(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const name = `t_${randomBytes(8).toString('hex')}`
  const template = options.empty === true ? 'template0' : TEMPLATE
  await admin(`CREATE DATABASE ${name} TEMPLATE ${template}`)
  const url = databaseUrl(inject('adminUrl'), name)
  const pool = createPool({ url, applicationName: name, maxConnections: 5, log: silentLog })
  return {
    pool,
    url,
    dump: (tables) => dumpTables(pool, tables),
    async [Symbol.asyncDispose]() {
      await pool.end()
      await admin(`DROP DATABASE ${name} WITH (FORCE)`)
    },
  }
}

async function admin(sql: string): Promise<void> {
  const pool = createPool({ url: inject('adminUrl'), applicationName: 'tests', maxConnections: 1, log: silentLog })
  try {
    await pool.query(sql)
  } finally {
    await pool.end()
  }
}
