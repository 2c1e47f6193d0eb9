import { readFile } from 'node:fs/promises'
import path from 'node:path'
import pg from 'pg'
import { AppError, errorMessage, isAppError } from '../../core/errors.js'
import type { Logger } from '../../core/log.js'
import { sleep } from '../../core/lifecycle.js'
import { isConnectionLoss } from '../../core/pg-errors.js'
import { freePort, lockFile, makeBase, openCluster, openServerLog, saveAccess, type Cluster } from './cluster.js'
import { withFileLock } from './folder-lock.js'
import { clearStalePidFile, findPostmaster, stopPostmaster } from './postmaster.js'
import { SETTINGS } from './settings.js'

const DATABASE = 'taogate'
/** Crash recovery after a power cut may take a while; a clean start takes well under a second. */
const START_MS = 60_000
/** Every process that uses the server holds this lock shared; who gets it exclusively is the last one and stops the server. */
const USERS_LOCK = 7_270_737

export interface EmbeddedServer {
  readonly url: string
  /** Stops the server unless another process still uses it. */
  close(): Promise<void>
}

/** Starts the PostgreSQL of a data folder, or joins the one that runs on it already (left by a killed process, or used by another). */
export async function startEmbedded(options: { dataDir: string; log: Logger; signal?: AbortSignal }): Promise<EmbeddedServer> {
  const { log, signal } = options
  const base = path.resolve(options.dataDir, 'postgres')
  await makeBase(base)
  const started = Date.now()
  let running: Running | undefined
  let keeper: pg.Client | null = null
  let closing: Promise<void> | undefined

  async function bringUp(): Promise<Running> {
    running = await joinOrStart(base, log, signal)
    const client = await connect(urlOf(running.cluster, DATABASE))
    await client.query('SELECT pg_advisory_lock_shared($1)', [USERS_LOCK])
    keeper = client
    const lost = (): void => {
      if (keeper !== client) return
      keeper = null
      if (closing === undefined) void recover()
    }
    client.on('error', lost)
    client.on('end', lost)
    return running
  }

  /** The server went away under us: have it back on the same port, so that every pool finds it again. */
  async function recover(): Promise<void> {
    log.warn('embedded database went away; starting it again')
    while (closing === undefined) {
      try {
        await bringUp()
        log.info('embedded database is back')
        return
      } catch (error) {
        if (signal?.aborted) return
        log.error({ err: error }, 'embedded database does not start')
        await sleep(1_000)
      }
    }
  }

  // The last resort when the process is ended in the middle of things; signals to the terminal's group do not reach the server.
  const onExit = (): void => {
    if (running?.startedHere) process.kill(running.pid, 'SIGINT')
  }
  process.on('exit', onExit)

  async function close(): Promise<void> {
    process.off('exit', onExit)
    const client = keeper
    keeper = null
    if (client === null || running === undefined) return
    try {
      const { rows } = await client.query<{ last: boolean }>('SELECT pg_advisory_unlock_shared($1), pg_try_advisory_lock($1) AS last', [
        USERS_LOCK,
      ])
      if (rows[0]?.last === true) {
        await stopPostmaster(running.pid, running.cluster.data)
        log.debug({ pid: running.pid }, 'embedded database stopped')
      } else log.info('embedded database left running: another process uses it')
    } finally {
      await client.end().catch(() => undefined)
    }
  }

  try {
    const { cluster, pid, startedHere } = await retryOnLoss(bringUp)
    log.info({ port: cluster.access.port, pid, adopted: !startedHere, ms: Date.now() - started }, 'embedded database ready')
    return { url: urlOf(cluster, DATABASE), close: () => (closing ??= close()) }
  } catch (error) {
    process.off('exit', onExit)
    closing = Promise.resolve()
    if (running?.startedHere) await stopPostmaster(running.pid, running.cluster.data)
    throw error
  }
}

/** Another process, its last user until now, may stop the server just after we joined it; then it is started again. */
async function retryOnLoss<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === 5 || isAppError(error) || !isConnectionLoss(error)) throw error
    }
  }
}

interface Running {
  cluster: Cluster
  pid: number
  startedHere: boolean
}

async function joinOrStart(base: string, log: Logger, signal: AbortSignal | undefined): Promise<Running> {
  return withFileLock(lockFile(base), signal, async () => {
    const cluster = await openCluster(base, log)
    const found = await findPostmaster(cluster.data)
    const running = (found && (await join(cluster, found, signal))) ?? (await start(cluster, signal))
    await createDatabase(running.cluster)
    return running
  })
}

/** Waits for a server that is there already; null when it ends instead, because its last user was just stopping it. */
async function join(cluster: Cluster, found: { pid: number; port: number }, signal?: AbortSignal): Promise<Running | null> {
  const joined = { ...cluster, access: { ...cluster.access, port: found.port } }
  const up = await waitUntilUp(joined, async () => (await findPostmaster(cluster.data))?.pid === found.pid, signal)
  return up ? { cluster: joined, pid: found.pid, startedHere: false } : null
}

async function start(cluster: Cluster, signal?: AbortSignal): Promise<Running> {
  for (let attempt = 1; ; attempt++) {
    await clearStalePidFile(cluster.data)
    const port = await freePort(attempt === 1 ? cluster.access.port : 0)
    const running = await startOn({ ...cluster, access: { ...cluster.access, port } }, signal)
    if (running !== null) {
      if (port !== cluster.access.port) await saveAccess(cluster.base, running.cluster.access)
      return running
    }
    const reason = await lastWords(cluster.serverLog)
    // Somebody took the port between our look and the server's.
    if (attempt < 5 && /could not (bind|create any)/.test(reason)) continue
    throw new AppError('DATABASE_DOWN', `the embedded PostgreSQL did not start: ${reason}`, { log: cluster.serverLog })
  }
}

/** One try; null when the server ended by itself. */
async function startOn(cluster: Cluster, signal?: AbortSignal): Promise<Running | null> {
  const output = await openServerLog(cluster.serverLog)
  // Detached: Ctrl-C in a terminal must reach us first, the server ends when we are done with it.
  const child = cluster.launcher.spawn(
    cluster.binaries.postgres,
    [
      '-D',
      cluster.data,
      '-p',
      String(cluster.access.port),
      ...Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    { cwd: '/', env: cluster.env, detached: true, stdio: ['ignore', output.fd, output.fd] },
  )
  await output.close()
  let ended = false
  child.once('exit', () => (ended = true))
  child.once('error', () => (ended = true))
  child.unref()
  const pid = child.pid
  if (pid === undefined) return null
  try {
    return (await waitUntilUp(cluster, () => Promise.resolve(!ended), signal)) ? { cluster, pid, startedHere: true } : null
  } catch (error) {
    if (!ended) child.kill('SIGINT')
    throw error
  }
}

async function waitUntilUp(cluster: Cluster, alive: () => Promise<boolean>, signal?: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + START_MS
  for (;;) {
    signal?.throwIfAborted()
    try {
      const client = await connect(urlOf(cluster, 'postgres'))
      await client.end()
      return true
    } catch (error) {
      if (isWrongPassword(error)) {
        throw new AppError('DATABASE_DOWN', `the server of ${cluster.data} does not accept the password in access.json`, {}, error)
      }
      if (Date.now() > deadline) {
        throw new AppError(
          'DATABASE_DOWN',
          `the embedded PostgreSQL is not ready after ${START_MS / 1000} s: ${errorMessage(error)}`,
          {},
          error,
        )
      }
    }
    if (!(await alive())) return false
    await sleep(30, signal)
  }
}

async function createDatabase(cluster: Cluster): Promise<void> {
  const client = await connect(urlOf(cluster, 'postgres'))
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`)
  } finally {
    await client.end()
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: 'taogate keeper', connectionTimeoutMillis: 10_000 })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

function urlOf({ access }: Cluster, database: string): string {
  return `postgresql://${access.user}:${access.password}@127.0.0.1:${access.port}/${database}`
}

function isWrongPassword(error: unknown): boolean {
  return (error as { code?: string }).code === '28P01'
}

async function lastWords(serverLog: string): Promise<string> {
  const text = await readFile(serverLog, 'utf8').catch(() => '')
  const lines = text.trim().split('\n').slice(-20)
  return (
    lines
      .filter((line) => /FATAL|PANIC|ERROR|error/.test(line))
      .slice(-3)
      .join(' | ') ||
    lines.slice(-3).join(' | ') ||
    'it left no message'
  )
}
