import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { access, mkdir, open, readFile, rename, rm, stat, writeFile, type FileHandle } from 'node:fs/promises'
import net from 'node:net'
import path from 'node:path'
import { AppError, errorMessage } from '../../core/errors.js'
import type { Logger } from '../../core/log.js'
import { libraryEnv, linkMissingLibraries, locateBinaries, type Binaries } from './binaries.js'
import { chooseLauncher, type Launcher } from './launcher.js'

/** Major version that the pinned binaries make and read; data of another one is refused instead of destroyed. */
const MAJOR = '18'
const USER = 'taogate'

/** Where the parts of one embedded server lie: all in `<data folder>/postgres`. */
export interface Cluster {
  base: string
  data: string
  serverLog: string
  lock: string
  binaries: Binaries
  launcher: Launcher
  env: NodeJS.ProcessEnv
  access: Access
}

/** How to get in; `port` is kept from start to start while it is free. */
export interface Access {
  user: string
  password: string
  port: number
}

/** Opens the files of the embedded server and makes them on the first start. Call it under the lock. */
export async function openCluster(base: string, log: Logger): Promise<Cluster> {
  const binaries = await locateBinaries()
  const data = path.join(base, 'data')
  const launcher = await chooseLauncher({ programs: binaries.native, data })
  const libraries = await linkMissingLibraries(binaries.native, path.join(base, 'lib'))
  // A plain environment: PGDATA, PGPORT and the like of the user's own server must not reach this one.
  const env = libraryEnv(libraries, { TZ: 'UTC', LC_ALL: 'C' })
  const files = { base, data, serverLog: path.join(base, 'server.log'), lock: lockFile(base), binaries, launcher, env }
  const made = await readFile(path.join(data, 'PG_VERSION'), 'utf8').then(
    (text) => text.trim(),
    () => null,
  )
  if (made === null) {
    const started = Date.now()
    const account = await initialise(files)
    log.info({ folder: base, as: launcher.as, ms: Date.now() - started }, 'embedded database created')
    return { ...files, access: account }
  }
  if (made !== MAJOR) {
    throw new AppError(
      'DATABASE_TOO_OLD',
      `the data in ${data} was made by PostgreSQL ${made}, this program brings ${MAJOR}; move it with pg_dump, or remove ${base} to index again`,
      { found: made, wanted: MAJOR },
    )
  }
  return { ...files, access: await readAccess(base) }
}

export function lockFile(base: string): string {
  return path.join(base, 'start.lock')
}

export async function saveAccess(base: string, account: Access): Promise<void> {
  const file = path.join(base, 'access.json')
  await writeFile(`${file}.new`, `${JSON.stringify(account)}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/** A port of the loopback that nobody listens on, the wanted one if possible. */
export async function freePort(wanted: number): Promise<number> {
  const server = net.createServer()
  try {
    const port = await new Promise<number>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: '127.0.0.1', port: wanted, exclusive: true }, () => resolve((server.address() as net.AddressInfo).port))
    })
    return port
  } catch (error) {
    if (wanted === 0) throw error
    return await freePort(0)
  } finally {
    server.close()
  }
}

type Files = Omit<Cluster, 'access'>

async function initialise({ base, data, binaries, launcher, env }: Files): Promise<Access> {
  const fresh = `${data}.new`
  const passwordFile = path.join(base, 'password.new')
  const account: Access = { user: USER, password: randomBytes(24).toString('base64url'), port: 0 }
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { mode: 0o700 })
  await launcher.own(fresh)
  await writeFile(passwordFile, account.password, { mode: 0o600 })
  await launcher.own(passwordFile)
  try {
    await runInitdb({ fresh, passwordFile, binaries, launcher, env })
  } finally {
    await rm(passwordFile, { force: true })
  }
  await saveAccess(base, account)
  // Last, so that an interrupted start leaves no half-made data.
  await rename(fresh, data)
  return account
}

async function runInitdb(options: Pick<Files, 'binaries' | 'launcher' | 'env'> & { fresh: string; passwordFile: string }): Promise<void> {
  const { fresh, passwordFile, binaries, launcher, env } = options
  const child = launcher.spawn(
    binaries.initdb,
    [
      ['--pgdata', fresh],
      ['--username', USER],
      ['--pwfile', passwordFile],
      ['--auth', 'scram-sha-256'],
      // Text sorts by code point, on every machine alike.
      ['--encoding', 'UTF8', '--locale', 'C', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'],
      ['--no-sync', '--no-instructions'],
    ].flat(),
    { cwd: '/', env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = await once(child, 'close').then(
    ([code]) => (code === 0 ? null : `exit code ${String(code)}`),
    (error: unknown) => errorMessage(error),
  )
  if (ended !== null) {
    throw new AppError('DATABASE_DOWN', `initdb failed (${ended}): ${output.trim().split('\n').slice(-3).join(' | ')}`, { folder: fresh })
  }
}

async function readAccess(base: string): Promise<Access> {
  const file = path.join(base, 'access.json')
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Access
  } catch (cause) {
    throw new AppError(
      'CONFIG_INVALID',
      `${file} cannot be read; start as the user who made it, or remove ${base} to index again`,
      {},
      cause,
    )
  }
}

/** Makes the folder. As root it may be entered by the server's user; what is secret in it has its own permissions. */
export async function makeBase(base: string): Promise<void> {
  try {
    await mkdir(base, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 })
    await access(base)
  } catch (cause) {
    throw new AppError('CONFIG_INVALID', `the data folder ${base} cannot be made or entered: ${errorMessage(cause)}`, {}, cause)
  }
}

const LOG_KEPT_BYTES = 8 * 1024 * 1024

/** The server's own log, begun anew when it has grown. The caller closes it. */
export async function openServerLog(file: string): Promise<FileHandle> {
  const size = await stat(file).then(
    (s) => s.size,
    () => 0,
  )
  return open(file, size > LOG_KEPT_BYTES ? 'w' : 'a', 0o600)
}
