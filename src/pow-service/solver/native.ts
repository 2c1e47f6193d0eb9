/** The way to native/pow, which is plain JavaScript and a native addon: the same files for a checkout and for dist/, which is as deep as src/. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { errorMessage } from '../../core/errors.js'
import type { PowAddon } from './types.js'

const FOLDER = new URL('../../../native/pow/', import.meta.url)
const CONTRACT_VERSION = 2

export const THREAD_FILE = new URL('thread.mjs', FOLDER)
export const ADDON_FILE = fileURLToPath(new URL('build/taogate_pow.node', FOLDER))

/** What is used of it; Node's types leave it to those of browsers. */
declare const WebAssembly: { compile(bytes: Uint8Array): Promise<object> } | undefined

export interface WasmSolver {
  /** A WebAssembly.Module: threads share its compiled code. */
  readonly module: object
  /** Addresses in its memory; see native/pow/generate/wasm.mjs. */
  readonly layout: unknown
}

/** native/pow/shared.mjs */
export interface SharedMemory {
  readonly STATE: { readonly idle: number; readonly work: number; readonly stop: number }
  readonly SHARED_BYTES: number
  readonly OWN_BYTES: number
  sharedWords(memory: SharedArrayBuffer): {
    readonly epoch: Int32Array<SharedArrayBuffer>
    readonly nextHigh: Int32Array<SharedArrayBuffer>
    readonly state: Int32Array
    readonly little: Int32Array
    readonly limit: BigUint64Array
    readonly setAt: BigInt64Array
    readonly preimage: Uint8Array
  }
  ownWords(memory: SharedArrayBuffer): {
    readonly tried: BigUint64Array<SharedArrayBuffer>
    readonly switchNs: BigInt64Array
    readonly epoch: Int32Array<SharedArrayBuffer>
    readonly taken: Int32Array<SharedArrayBuffer>
  }
}

export function hasWebAssembly(): boolean {
  return typeof WebAssembly !== 'undefined'
}

/** The addon, or why there is none. */
export function loadAddon(path: string = ADDON_FILE): { addon: PowAddon } | { reason: string } {
  if (!existsSync(path))
    return { reason: 'the native addon is not built; `node scripts/build-native.mjs` builds it where there is a C++ compiler' }
  try {
    const addon = createRequire(import.meta.url)(path) as PowAddon
    if (addon.version === CONTRACT_VERSION) return { addon }
    return { reason: `the native addon is of version ${addon.version}, not ${CONTRACT_VERSION}: build it again` }
  } catch (error) {
    return { reason: `the native addon does not load: ${errorMessage(error)}` }
  }
}

/** Makes and compiles the WebAssembly solver, in some 50 ms. `bytes` replaces what is made, for tests of what a wrong module does. */
export async function loadWasm(bytes?: Uint8Array): Promise<WasmSolver> {
  if (!hasWebAssembly() || WebAssembly === undefined) throw new Error('this Node has no WebAssembly')
  const { generateWasm } = (await import(new URL('generate/wasm.mjs', FOLDER).href)) as {
    generateWasm(): { bytes: Uint8Array } & Record<string, unknown>
  }
  const { bytes: made, ...layout } = generateWasm()
  return { module: await WebAssembly.compile(bytes ?? made), layout }
}

export async function loadSharedMemory(): Promise<SharedMemory> {
  return (await import(new URL('shared.mjs', FOLDER).href)) as SharedMemory
}
