import { execFile } from 'node:child_process'
import { readFile, realpath, rm } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { sleep } from '../../core/lifecycle.js'

/** A running server, found by the file it keeps in its data folder. */
export interface Postmaster {
  pid: number
  port: number
}

/** The server that runs on this data folder, or null. A pid file whose process is gone or is something else does not count. */
export async function findPostmaster(data: string): Promise<Postmaster | null> {
  const lines = await readFile(path.join(data, 'postmaster.pid'), 'utf8').then(
    (text) => text.split('\n'),
    () => [],
  )
  const pid = Number(lines[0])
  const port = Number(lines[3])
  if (!Number.isInteger(pid) || pid <= 1 || !(await isPostmasterOf(pid, data))) return null
  return { pid, port }
}

/**
 * Removes a pid file that a killed server left. The server would clear most of these itself, but refuses to start when its old pid
 * belongs to another process by now, which is common where pids start again from 1, as in containers.
 */
export async function clearStalePidFile(data: string): Promise<void> {
  if ((await findPostmaster(data)) === null) await rm(path.join(data, 'postmaster.pid'), { force: true })
}

/** Fast shutdown, then immediate shutdown when that takes too long; resolves when the process is gone. */
export async function stopPostmaster(pid: number, data: string, options: { fastMs?: number; immediateMs?: number } = {}): Promise<void> {
  const steps = [
    { signal: 'SIGINT', waitMs: options.fastMs ?? 20_000 },
    { signal: 'SIGQUIT', waitMs: options.immediateMs ?? 5_000 },
    { signal: 'SIGKILL', waitMs: 2_000 },
  ] as const
  for (const { signal, waitMs } of steps) {
    if (!(await isPostmasterOf(pid, data))) return
    sendSignal(pid, signal)
    for (const end = Date.now() + waitMs; Date.now() < end; await sleep(20)) {
      if (await hasEnded(pid, data)) return
    }
  }
}

/** Whether a server that was told to stop is gone. One that is about to be has no command line any more, and is still there. */
async function hasEnded(pid: number, data: string): Promise<boolean> {
  if (!(await isAlive(pid))) return true
  // Read once: a second look might find the command line gone and take the process for another one.
  const args = await commandLine(pid)
  const isLeaving = args.join('') === ''
  return !isLeaving && !(await serves(args, data))
}

/** Whether a process runs. One that has ended and that its parent has not asked after yet (a zombie) does not. */
export async function isAlive(pid: number): Promise<boolean> {
  if (!sendSignal(pid, 0)) return false
  if (process.platform !== 'linux') return true
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return !/\) [ZX] /.test(stat)
}

async function isPostmasterOf(pid: number, data: string): Promise<boolean> {
  if (!(await isAlive(pid))) return false
  if (process.platform === 'win32') return true
  return serves(await commandLine(pid), data)
}

async function serves(args: string[], data: string): Promise<boolean> {
  const served = dataFolderOf(args)
  return served !== null && (await realpathOr(served)) === (await realpathOr(data))
}

/** The arguments of a process. The working directory would say as much, but root may not see it inside a container. */
async function commandLine(pid: number): Promise<string[]> {
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    return text.split('\0')
  }
  const { stdout } = await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: '' }))
  return stdout.trim().split(/ (?=-)| (?<=-\w )/)
}

function dataFolderOf(args: string[]): string | null {
  const at = args.indexOf('-D')
  return at > 0 && (args[0] ?? '').includes('postgres') ? (args[at + 1] ?? null) : null
}

function realpathOr(folder: string): Promise<string> {
  return realpath(folder).catch(() => path.resolve(folder))
}

function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
