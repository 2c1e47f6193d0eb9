import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { sleep } from '../../core/lifecycle.js'
import { isAlive } from './postmaster.js'

/** No start takes this long: a lock older than that belongs to a process that was killed and whose pid lives on in another. */
const STALE_MS = 120_000

/** Runs `work` while no other process runs under the same lock file. The lock of a process that is gone is taken over. */
export async function withFileLock<T>(file: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  for (;;) {
    signal?.throwIfAborted()
    try {
      await writeFile(file, String(process.pid), { flag: 'wx', mode: 0o600 })
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    if (await isStale(file)) await rm(file, { force: true })
    else await sleep(50, signal)
  }
  try {
    return await work()
  } finally {
    await rm(file, { force: true })
  }
}

async function isStale(file: string): Promise<boolean> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(file, 'utf8'), stat(file)])
    if (Date.now() - mtimeMs > STALE_MS) return true
    // An empty file is one that is being written right now.
    return text !== '' && !(await isAlive(Number(text)))
  } catch {
    return false
  }
}
