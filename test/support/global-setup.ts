import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestProject } from 'vitest/node'
import { silentLog } from '../../src/core/log.js'
import { createPool, migrate, openDatabase } from '../../src/store/index.js'
import { ensurePartitions } from '../../src/store/write/partitions.js'
import { databaseUrl, TEMPLATE } from './database-url.js'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Server of this run; test databases are made beside this one. */
    adminUrl: string
  }
}

/** One PostgreSQL for the whole run, in a folder of its own, with a migrated database for the tests to clone. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftovers()
  const folder = await mkdtemp(path.join(tmpdir(), `taogate-test-${process.pid}-`))
  const database = await openDatabase({ dataDir: folder, log: silentLog, applicationName: 'tests' })
  // The data of a test need not outlive a power cut.
  for (const sql of ['ALTER SYSTEM SET fsync = off', 'ALTER SYSTEM SET full_page_writes = off', 'SELECT pg_reload_conf()']) {
    await database.pool.query(sql)
  }
  await database.pool.query(`CREATE DATABASE ${TEMPLATE}`)
  const pool = createPool({ url: databaseUrl(database.url, TEMPLATE), applicationName: 'tests', maxConnections: 1, log: silentLog })
  await migrate(pool, silentLog)
  // What nearly every test would otherwise make for itself.
  const client = await pool.connect()
  await ensurePartitions(client, 0, 0, new Set())
  client.release()
  await pool.end()
  await database.pool.query(`ALTER DATABASE ${TEMPLATE} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true`)
  project.provide('adminUrl', database.url)
  return async () => {
    await database.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** A run that was killed left its server: it ends by itself soon after its folder is gone. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(/^taogate-test-(\d+)-/.exec(name)?.[1])
    if (pid > 0 && !isAlive(pid)) await rm(path.join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined)
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
