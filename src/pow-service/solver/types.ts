/** What solvers, threads and the pool say to each other, and the contract of the native addon. */
import type { ByteOrder } from '../../core/registrations.js'

/** In the order in which `auto` prefers them. WebAssembly is faster than plain C++: compilers do not make vectors of it by themselves. */
export const SOLVERS = ['cuda', 'avx512', 'avx2', 'wasm', 'portable'] as const
export type SolverName = (typeof SOLVERS)[number]

/** What the chain asks for. */
export interface Challenge {
  /** 32 bytes, keccak256(block hash || hotkey public key). */
  readonly preimage: Uint8Array
  readonly byteOrder: ByteOrder
  /** u64. 0 takes every seal. */
  readonly difficulty: bigint
}

/** A nonce that passes, with its 32-byte seal: the `work` of the call. */
export interface Hit {
  readonly nonce: bigint
  readonly seal: Uint8Array
}

/** What a kernel compares: a nonce is a candidate when its seal's decisive word is at most the limit (`limitOf`). */
export interface Target {
  readonly preimage: Uint8Array
  readonly byteOrder: ByteOrder
  /** u64 */
  readonly limit: bigint
}

/** The nonces `high << 32 | low` for `count` low words from `from` on. `from + count` is at most 2^32. */
export interface NonceRange {
  readonly high: number
  readonly from: number
  readonly count: number
}

export interface SearchResult {
  /** Nonces tried from the start of the range: less than its count only when the search was aborted. */
  readonly tried: number
  /** Low words of all candidates among the nonces tried. */
  readonly candidates: readonly number[]
}

/** One solver on one core or device. */
export interface Solver {
  readonly name: SolverName
  /** `cpu:0`, `cuda:0` and so on. */
  readonly device: string
  /** Tries a whole range; the signal ends it early, within a millisecond. One search at a time. Rejects when the solver fails. */
  search(target: Target, range: NonceRange, signal?: AbortSignal): Promise<SearchResult>
}

export interface CudaDevice {
  readonly index: number
  readonly name: string
}

/** CUDA through the driver, which is loaded when first asked for. A machine without one has no devices, and a reason. */
export interface CudaAddon {
  devices(): CudaDevice[]
  reason(): string
}

/** What the main thread asks of the native addon. Its searches are made by native/pow/thread.mjs, on threads. */
export interface PowAddon {
  /** Of the contract. */
  readonly version: number
  /** Names of the kernels that this processor can run. `portable` is always among them. */
  kernels(): string[]
  readonly cuda: CudaAddon | null
}
