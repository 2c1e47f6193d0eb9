// One thread of the solver pool: loads one kernel and runs it, first on ranges that it is asked to try (the self-test), then, once told to `run`, on the
// challenge in shared memory until that says stop. src/pow-service/solver/thread.ts starts it; the words of the shared memory are in shared.mjs.
import { readlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import { basename } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { createWasmSearch } from './generate/wasm-search.mjs'
import { ownWords, sharedWords, STATE } from './shared.mjs'

/**
 * @typedef {object} ThreadSettings
 * @property {string} solver `cuda`, `wasm` or a kernel of the addon
 * @property {string | null} addon Path of the native addon.
 * @property {{ module: WebAssembly.Module, layout: Omit<import('./generate/wasm.mjs').WasmSolver, 'bytes'> } | null} wasm
 * @property {number | null} cudaDevice
 * @property {number | null} nice
 */

/** Time of one call of the kernel: hits of a call are told at its end, and counts are as fresh as this. A GPU runs empty for a moment at each end. */
const SLICE_MS = { cpu: 25, cuda: 100 }
const FIRST_SLICE = 4096
const LOW_WORDS = 2 ** 32
/** Hits of one call. */
const ROOM = 256
/** Messages with hits that the other side has not taken yet. At a difficulty of a handful it would drown otherwise. */
const MOST_UNTAKEN = 4
const IDLE_RECHECK_MS = 5

/** @type {ThreadSettings} */
const settings = workerData
const hits = new Uint32Array(ROOM)
const { search, forms = {}, close } = openKernel(settings)
const niced = applyNice(settings.nice)

/**
 * `forms`: what the kernel chooses from while it works, by name.
 *
 * @typedef {import('./generate/wasm-search.mjs').Search} Search
 * @returns {{ search: Search, forms?: Record<string, Search>, close(): void }}
 */
function openKernel({ solver, addon: path, wasm, cudaDevice }) {
  if (solver === 'wasm') return { search: createWasmSearch(wasm.module, wasm.layout), close() {} }
  const addon = createRequire(import.meta.url)(path)
  if (solver !== 'cuda') {
    const forms = Object.fromEntries(addon.forms(solver).map((form) => [form, searchWith(addon, form)]))
    return { search: searchWith(addon, solver), forms, close() {} }
  }
  const handle = addon.cuda.open(cudaDevice)
  return { search: (...job) => addon.cuda.search(handle, ...job), close: () => addon.cuda.close(handle) }
}

function searchWith(addon, kernel) {
  return (...job) => addon.search(kernel, ...job)
}

/** Linux has a priority for each thread, under the number that this link ends with. Elsewhere it is the process's, which is not ours to change. */
function applyNice(nice) {
  if (nice === null) return true
  try {
    os.setPriority(Number(basename(readlinkSync('/proc/thread-self'))), nice)
    return true
  } catch {
    return false
  }
}

/** Tries a whole range, whatever it takes in calls, with one of the forms where one is named; ends early when `control[0]` changes. */
function searchRange({ form, preimage, little, limit, high, from, count, control }) {
  const searchPart = form === undefined ? search : forms[form]
  const epoch = Atomics.load(control, 0)
  const candidates = []
  let tried = 0
  while (tried < count && Atomics.load(control, 0) === epoch) {
    const [more, found] = searchPart(preimage, little, limit, high, from + tried, count - tried, control, epoch, hits)
    if (more === 0 && Atomics.load(control, 0) === epoch) throw new Error('the kernel tried nothing')
    candidates.push(...hits.subarray(0, found).toSorted())
    tried += more
  }
  return { tried, candidates }
}

/** Works on what the shared memory says, and waits there when it says nothing, until it says stop. */
function run(sharedMemory, ownMemory) {
  const shared = sharedWords(sharedMemory)
  const own = ownWords(ownMemory)
  const preimage = new Uint8Array(32)
  const place = { high: 0, low: LOW_WORDS }
  const sliceMs = settings.solver === 'cuda' ? SLICE_MS.cuda : SLICE_MS.cpu
  let slice = FIRST_SLICE
  let told = Atomics.load(own.taken, 0)
  for (;;) {
    const epoch = Atomics.load(shared.epoch, 0)
    // Odd: it is being written.
    if ((epoch & 1) === 1) {
      Atomics.wait(shared.epoch, 0, epoch, 1)
      continue
    }
    const state = shared.state[0]
    const little = shared.little[0] === 1
    const limit = shared.limit[0]
    const setAt = shared.setAt[0]
    preimage.set(shared.preimage)
    if (Atomics.load(shared.epoch, 0) !== epoch) continue
    own.switchNs[0] = process.hrtime.bigint() - setAt
    Atomics.store(own.epoch, 0, epoch)
    if (state === STATE.stop) return
    if (state === STATE.idle) {
      Atomics.wait(shared.epoch, 0, epoch)
      continue
    }
    while (Atomics.load(shared.epoch, 0) === epoch) {
      if (place.low === LOW_WORDS) {
        place.high = Atomics.add(shared.nextHigh, 0, 1) >>> 0
        place.low = 0
      }
      const count = Math.min(slice, LOW_WORDS - place.low)
      const startedAt = performance.now()
      const [tried, found] = search(preimage, little, limit, place.high, place.low, count, shared.epoch, epoch, hits)
      const ms = performance.now() - startedAt
      place.low += tried
      Atomics.add(own.tried, 0, BigInt(tried))
      if (found > 0) {
        parentPort.postMessage({ type: 'hits', epoch, high: place.high, lows: hits.slice(0, found) })
        told++
      }
      if (tried === slice) slice = Math.min(LOW_WORDS, Math.ceil(slice * Math.min(2, Math.max(0.5, sliceMs / Math.max(ms, 0.01)))))
      else if (tried === 0 && Atomics.load(shared.epoch, 0) === epoch) throw new Error('the kernel tried nothing')
      for (;;) {
        const taken = Atomics.load(own.taken, 0)
        if (told - taken < MOST_UNTAKEN || Atomics.load(shared.epoch, 0) !== epoch) break
        Atomics.wait(own.taken, 0, taken, IDLE_RECHECK_MS)
      }
    }
  }
}

parentPort.on('message', (message) => {
  if (message.type === 'search') {
    parentPort.postMessage({ type: 'result', ...searchRange(message) })
    return
  }
  if (message.type === 'run') run(message.shared, message.own)
  close()
  parentPort.close()
})
parentPort.postMessage({ type: 'ready', niced, forms: Object.keys(forms) })
