import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from './free-port.js'
import { eventually } from './waiting.js'

const PROGRAM = '/usr/bin/redis-server'

export interface TestRedis extends AsyncDisposable {
  url: string
  /** Ends the server at once, as a crash does. */
  kill(): Promise<void>
  /** Has it back on the same port and folder. */
  start(): Promise<void>
}

/** False where Debian's redis-server is not installed; says so, because what depends on it is then not tested. */
export function hasRedis(): boolean {
  if (existsSync(PROGRAM)) return true
  console.warn(`NOT TESTED with Redis: ${PROGRAM} is not there (Debian: apt install redis-server)`)
  return false
}

/** A redis-server on a free port of the loopback, with a folder of its own. `durable` writes each command down before it answers. */
export async function testRedis(options: { durable?: boolean } = {}): Promise<TestRedis> {
  const folder = await mkdtemp(path.join(tmpdir(), 'taogate-redis-'))
  const port = await freePort()
  const keeping = options.durable === true ? ['--appendonly', 'yes', '--appendfsync', 'always'] : []
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
    '--maxmemory-policy',
    'noeviction',
    ...keeping,
  ]
  let child: ChildProcess | null = null

  async function start(): Promise<void> {
    child = spawn(PROGRAM, args, { stdio: 'ignore' })
    await eventually('redis-server listens', () => listens(port), 10_000)
  }

  async function kill(): Promise<void> {
    if (child === null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    child = null
    await exited
  }

  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    kill,
    start,
    async [Symbol.asyncDispose]() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
