import pg from 'pg'
import { AppError, errorMessage } from '../core/errors.js'
import type { Readiness, Service } from '../core/lifecycle.js'
import { sleep } from '../core/lifecycle.js'
import type { Logger } from '../core/log.js'
import { isConnectionLoss, toDatabaseError } from '../core/pg-errors.js'
import { startEmbedded } from './embedded/server.js'

const OLDEST_MAJOR = 14

export interface DatabaseOptions {
  /** A PostgreSQL of the user's; without it the embedded one of the data folder is started. */
  url?: string
  dataDir: string
  log: Logger
  signal?: AbortSignal
  /** Shown in pg_stat_activity. */
  applicationName?: string
  maxConnections?: number
  /** How long to wait for a server of the user's that is not there yet. */
  waitMs?: number
}

export interface Database extends Service {
  /** With its password: not for logs. */
  readonly url: string
  readonly pool: pg.Pool
  /** For example `18.4`. */
  readonly serverVersion: string
  readonly embedded: boolean
  /** Rejects with DATABASE_DOWN when the server does not answer. */
  ping(): Promise<void>
}

/** Connects to the database, starting the embedded one where no URL is given. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { log, signal, applicationName = 'taogate', maxConnections = 10, waitMs = 30_000 } = options
  const server = options.url === undefined ? await startEmbedded({ dataDir: options.dataDir, log, signal }) : null
  const url = server?.url ?? checkedUrl(options.url ?? '')
  const pool = createPool({ url, applicationName, maxConnections, log })
  try {
    const serverVersion = await waitForServer(pool, { url, log, signal, waitMs })
    let closing: Promise<void> | undefined
    const close = async (): Promise<void> => {
      await pool.end()
      await server?.close()
    }
    return {
      name: 'database',
      url,
      pool,
      serverVersion,
      embedded: server !== null,
      ping: () => ping(pool),
      ready: () => readiness(pool),
      close: () => (closing ??= close()),
    }
  } catch (error) {
    await pool.end()
    await server?.close()
    throw error
  }
}

/** A pool that survives the loss of its server: connections that die while idle are logged and replaced. */
export function createPool(options: { url: string; applicationName: string; maxConnections: number; log: Logger }): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.maxConnections,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
  })
  pool.on('error', (error) => options.log.warn({ err: error }, 'an idle database connection was lost'))
  // One that is lost between two statements of a transaction is told to the client alone, and nobody listening would end the process.
  pool.on('connect', (client) => client.on('error', (error) => options.log.debug({ err: error }, 'a database connection was lost')))
  return pool
}

async function waitForServer(pool: pg.Pool, options: { url: string; log: Logger; signal?: AbortSignal; waitMs: number }): Promise<string> {
  const { url, log, signal, waitMs } = options
  const deadline = Date.now() + waitMs
  const where = describeUrl(url)
  for (let attempt = 1, pauseMs = 200; ; attempt++, pauseMs = Math.min(pauseMs * 2, 3_000)) {
    signal?.throwIfAborted()
    try {
      const { rows } = await pool.query<{ version: string; number: string }>(
        "SELECT current_setting('server_version') AS version, current_setting('server_version_num') AS number",
      )
      return checkedVersion(rows[0]?.version ?? '', Number(rows[0]?.number), where)
    } catch (error) {
      if (!isConnectionLoss(error)) throw explained(error, where)
      if (Date.now() + pauseMs > deadline) {
        throw new AppError(
          'DATABASE_DOWN',
          `no PostgreSQL answers at ${where} (${attempt} attempts in ${Math.round(waitMs / 1000)} s): ${errorMessage(error)}`,
          { at: where, attempts: attempt },
          error,
        )
      }
      log.warn({ at: where, attempt, reason: errorMessage(error) }, 'database does not answer yet')
      await sleep(pauseMs, signal)
    }
  }
}

function checkedVersion(version: string, number: number, where: string): string {
  const plain = version.split(' ')[0] ?? version
  if (Math.floor(number / 10_000) >= OLDEST_MAJOR) return plain
  throw new AppError('DATABASE_TOO_OLD', `the database at ${where} is PostgreSQL ${plain}; ${OLDEST_MAJOR} or later is needed`, {
    found: plain,
    wanted: OLDEST_MAJOR,
  })
}

/** What a server that answers may object to: user, password, database, TLS. Waiting does not mend those. */
function explained(error: unknown, where: string): unknown {
  const code = (error as { code?: unknown }).code
  if (error instanceof AppError) return error
  const hint =
    code === '28P01' || code === '28000'
      ? 'check user and password'
      : code === '3D000'
        ? 'create the database first, for example with createdb'
        : null
  if (hint === null) return error
  return new AppError('CONFIG_INVALID', `the database at ${where} refuses: ${errorMessage(error)}; ${hint}`, { at: where }, error)
}

function checkedUrl(url: string): string {
  if (URL.canParse(url) && ['postgres:', 'postgresql:'].includes(new URL(url).protocol)) return url
  throw new AppError(
    'CONFIG_INVALID',
    'DATABASE_URL is not a PostgreSQL address; it looks like postgresql://user:password@host:5432/database',
  )
}

/** Host, port and database without the credentials. */
function describeUrl(url: string): string {
  const { hostname, port, pathname, searchParams } = new URL(url)
  return `${searchParams.get('host') ?? (hostname || 'localhost')}:${port || '5432'}${pathname}`
}

async function ping(pool: pg.Pool): Promise<void> {
  try {
    await pool.query('SELECT 1')
  } catch (error) {
    throw toDatabaseError(error, 'it was pinged')
  }
}

async function readiness(pool: pg.Pool): Promise<Readiness> {
  try {
    await ping(pool)
    return { ok: true }
  } catch (error) {
    return { ok: false, reasons: [`database: ${errorMessage(error)}`] }
  }
}
