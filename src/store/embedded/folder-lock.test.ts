import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withFileLock } from './folder-lock.js'

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'taogate-lock-'))
  file = path.join(folder, 'start.lock')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('holders take turns, and the file goes with the last one, also after a failure', async () => {
  let inside = 0
  let most = 0
  const work = async (): Promise<void> => {
    most = Math.max(most, ++inside)
    await new Promise((resolve) => setTimeout(resolve, 5))
    inside--
  }
  await Promise.all([1, 2, 3].map(() => withFileLock(file, undefined, work)))
  expect(most).toBe(1)
  await expect(withFileLock(file, undefined, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await readdir(folder)).toEqual([])
})

test('the lock of a process that is gone, or that is older than any start, is taken over', async () => {
  const { pid } = spawnSync(process.execPath, ['--version'])
  await writeFile(file, String(pid))
  expect(await withFileLock(file, undefined, () => Promise.resolve('mine'))).toBe('mine')
  await writeFile(file, String(process.pid))
  const longAgo = new Date(Date.now() - 3_600_000)
  await utimes(file, longAgo, longAgo)
  expect(await withFileLock(file, undefined, () => Promise.resolve('mine'))).toBe('mine')
})

test('a stop ends the wait for a lock that is held', async () => {
  await writeFile(file, String(process.pid))
  await expect(withFileLock(file, AbortSignal.timeout(20), () => Promise.resolve())).rejects.toThrow(/timeout/)
})
