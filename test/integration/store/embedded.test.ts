import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { beforeAll, expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { isAlive } from '../../../src/store/embedded/postmaster.js'
import { openDatabase, retryWhileDown, type Database } from '../../../src/store/index.js'

const BUILD = fileURLToPath(new URL('../../../scripts/build.mjs', import.meta.url))
beforeAll(() => promisify(execFile)(process.execPath, [BUILD]))

const built = (file: string): string => JSON.stringify(new URL(`../../../dist/${file}`, import.meta.url).href)
/** Opens the database of a folder, says so, and closes it when told to on standard input. */
const CHILD = `
  import { silentLog } from ${built('core/log.js')}
  import { openDatabase } from ${built('store/index.js')}
  const database = await openDatabase({ dataDir: process.argv[1], log: silentLog, applicationName: 'child' })
  process.stdout.write(database.url + '\\n')
  process.stdin.once('data', () => void database.close().then(() => process.exit(0)))`

/** A data folder of its own; when root runs the tests it is one that only root may enter, as mkdtemp makes them. */
async function dataFolder(): Promise<AsyncDisposable & { path: string; serverPid(): Promise<number | null> }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'taogate-data-'))
  return {
    path: folder,
    async serverPid() {
      const text = await readFile(path.join(folder, 'postgres/data/postmaster.pid'), 'utf8').catch(() => null)
      return text === null ? null : Number(text.split('\n')[0])
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function open(folder: { path: string }): Promise<Database & AsyncDisposable> {
  const database = await openDatabase({ dataDir: folder.path, log: silentLog })
  return { ...database, [Symbol.asyncDispose]: () => database.close() }
}

async function openInChild(folder: { path: string }): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', CHILD, folder.path], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { url: line.toString().trim(), child }
}

async function end(child: ChildProcess, how: 'close' | 'SIGKILL'): Promise<void> {
  const exited = once(child, 'exit')
  if (how === 'close') child.stdin?.write('\n')
  else child.kill('SIGKILL')
  await exited
}

async function isRunning(pid: number | null): Promise<boolean> {
  return pid !== null && (await isAlive(pid))
}

/** Other users of the machine can reach the port, so the server asks for the password. */
async function expectClosedToStrangers(database: Database): Promise<void> {
  const { rows } = await database.pool.query<{ value: string }>("SELECT current_setting('listen_addresses') AS value")
  expect(rows).toEqual([{ value: '127.0.0.1' }])
  const url = new URL(database.url)
  url.password = 'guess'
  await expect(new pg.Client({ connectionString: url.href }).connect()).rejects.toThrow(/password authentication failed/)
}

async function numberIn(database: Database): Promise<unknown> {
  return (await database.pool.query<{ n: number }>('SELECT n FROM kept')).rows[0]?.n
}

test('data and address survive a stop, strangers stay out, and a stop leaves no process', async () => {
  await using folder = await dataFolder()
  let url: string
  {
    await using first = await open(folder)
    expect(first).toMatchObject({ serverVersion: expect.stringMatching(/^18\./) as string, embedded: true })
    await first.pool.query('CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)')
    await first.ping()
    expect(await first.ready()).toEqual({ ok: true })
    url = first.url
    await expectClosedToStrangers(first)
    expect(await isRunning(await folder.serverPid())).toBe(true)
  }
  expect(await folder.serverPid()).toBeNull()
  await using second = await open(folder)
  expect(second.url).toBe(url)
  expect(await numberIn(second)).toBe(7)
})

test('the server of a killed process is adopted, and stopped in the end', async () => {
  await using folder = await dataFolder()
  const { url, child } = await openInChild(folder)
  const pid = await folder.serverPid()
  await end(child, 'SIGKILL')
  expect(await isRunning(pid)).toBe(true)
  {
    await using adopted = await open(folder)
    expect(adopted.url).toBe(url)
    expect(await folder.serverPid()).toBe(pid)
  }
  expect(await isRunning(pid)).toBe(false)
})

test('a pid file of a killed server is no obstacle, even when its pid belongs to somebody else by now', async () => {
  await using folder = await dataFolder()
  const { child } = await openInChild(folder)
  const pid = await folder.serverPid()
  await end(child, 'SIGKILL')
  if (pid !== null) process.kill(pid, 'SIGKILL')
  await expect.poll(() => isRunning(pid)).toBe(false)
  const file = path.join(folder.path, 'postgres/data/postmaster.pid')
  const lines = (await readFile(file, 'utf8')).split('\n')
  await writeFile(file, [String(process.pid), ...lines.slice(1)].join('\n'))
  await using database = await open(folder)
  await database.ping()
})

test('two processes share the server of one folder; the last one stops it', async () => {
  await using folder = await dataFolder()
  const { url, child } = await openInChild(folder)
  const pid = await folder.serverPid()
  {
    await using here = await open(folder)
    expect(here.url).toBe(url)
  }
  expect(await isRunning(pid)).toBe(true)
  await using here = await open(folder)
  await end(child, 'close')
  await here.ping()
  await here.close()
  expect(await isRunning(pid)).toBe(false)
})

test('two that start on a new folder at the same moment make one server', async () => {
  await using folder = await dataFolder()
  const [one, two] = await Promise.all([open(folder), open(folder)])
  expect(one.url).toBe(two.url)
  await one.close()
  await two.ping()
  await two.close()
  expect(await folder.serverPid()).toBeNull()
})

test('two folders run side by side on ports of their own', async () => {
  await using a = await dataFolder()
  await using b = await dataFolder()
  await using one = await open(a)
  await using two = await open(b)
  expect(new URL(one.url).port).not.toBe(new URL(two.url).port)
  await Promise.all([one.ping(), two.ping()])
})

test('a server that dies under us is started again, and the same pool goes on', async () => {
  await using folder = await dataFolder()
  await using database = await open(folder)
  await database.pool.query(
    'CREATE TABLE kept (n int); INSERT INTO kept VALUES (7); SET synchronous_commit = on; INSERT INTO kept VALUES (8)',
  )
  const pid = await folder.serverPid()
  if (pid !== null) process.kill(pid, 'SIGKILL')
  await expect.poll(() => isRunning(pid)).toBe(false)
  const ping = (): Promise<void> => database.ping()
  await retryWhileDown(ping, { log: silentLog, firstPauseMs: 50 })
  expect(await folder.serverPid()).not.toBe(pid)
  expect(await numberIn(database)).toBe(7)
})

test('data of another PostgreSQL is refused and left alone', async () => {
  await using folder = await dataFolder()
  const data = path.join(folder.path, 'postgres/data')
  await mkdir(data, { recursive: true })
  await writeFile(path.join(data, 'PG_VERSION'), '17\n')
  await expect(open(folder)).rejects.toMatchObject({ code: 'DATABASE_TOO_OLD', detail: { found: '17', wanted: '18' } })
  expect(await readdir(data)).toEqual(['PG_VERSION'])
})
