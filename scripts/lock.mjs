// Two copies started at once must not build into the same folder at the same time.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Runs `work` while holding a lock folder. A lock whose owner is gone is taken over. */
export async function withBuildLock(folder, work) {
  while (!tryLock(folder)) {
    if (isAbandoned(folder)) rmSync(folder, { recursive: true, force: true })
    else await sleep(200)
  }
  try {
    return await work()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function tryLock(folder) {
  try {
    mkdirSync(folder)
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
  writeFileSync(join(folder, 'pid'), String(process.pid))
  return true
}

function isAbandoned(folder) {
  try {
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'))
    if (pid > 0) return !isRunning(pid)
    return false
  } catch {
    // The pid is written right after the folder is made; a folder that stays without one was left by a crash in between.
    return ageMs(folder) > 5000
  }
}

function ageMs(folder) {
  try {
    return Date.now() - statSync(folder).mtimeMs
  } catch {
    return 0
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
