import { Worker } from 'node:worker_threads'
import { errorMessage } from '../../core/errors.js'
import { sleep } from '../../core/lifecycle.js'
import { THREAD_FILE, type WasmSolver } from './native.js'
import type { NonceRange, SearchResult, Solver, SolverName, Target } from './types.js'

/** Candidates of one call of a kernel. */
export interface FoundLows {
  /** Of the shared memory when they were found. */
  readonly epoch: number
  readonly high: number
  readonly lows: Uint32Array
}

const KILL_TIME_MS = 2_000

export interface SolverThread extends Solver {
  /** What its kernel chooses from while it works, each alone: all have to be right. */
  readonly forms: readonly Solver[]
  /** Whether the thread runs at the nice level that was asked for. */
  readonly niced: boolean
  /** Ends searching by ranges: from here on the thread does what the shared memory says, until that says stop. */
  run(shared: SharedArrayBuffer, own: SharedArrayBuffer, onHits: (found: FoundLows) => void): void
  /** Resolves when the thread is gone: null when it was told to stop, and otherwise why. */
  readonly gone: Promise<string | null>
  /** Ends it wherever it is. Native code that never returns cannot be ended: after two seconds it is left alone and does not keep the process. */
  kill(): Promise<void>
}

export interface ThreadOptions {
  readonly solver: SolverName
  readonly device: string
  readonly addon: string
  readonly wasm: WasmSolver | null
  readonly cudaDevice: number | null
  /** null leaves the priority as it is. */
  readonly nice: number | null
}

type Message =
  | { type: 'ready'; niced: boolean; forms: string[] }
  | { type: 'result'; tried: number; candidates: number[] }
  | ({ type: 'hits' } & FoundLows)

/** Starts a thread with one kernel. Rejects when the kernel does not load. */
export async function startThread({ solver, device, ...settings }: ThreadOptions): Promise<SolverThread> {
  const worker = new Worker(THREAD_FILE, { name: `pow ${device}`, workerData: { solver, ...settings } })
  let failure: string | null = null
  let running = false
  let onHits: (found: FoundLows) => void = () => {}
  let waiting: { resolve: (message: Message) => void; reject: (error: Error) => void } | null = null

  const gone = new Promise<string | null>((resolve) => {
    worker.on('error', (error) => (failure = errorMessage(error)))
    worker.on('exit', (code) => {
      const reason = failure ?? (running && code === 0 ? null : `it ended with code ${code}`)
      waiting?.reject(new Error(`solver thread ${device}: ${reason ?? 'closed'}`))
      waiting = null
      resolve(reason)
    })
  })
  worker.on('message', (message: Message) => {
    if (message.type === 'hits') return onHits(message)
    waiting?.resolve(message)
    waiting = null
  })

  async function next<T extends Message['type']>(type: T): Promise<Extract<Message, { type: T }>> {
    const message = await new Promise<Message>((resolve, reject) => (waiting = { resolve, reject }))
    if (message.type !== type) throw new Error(`solver thread ${device}: said ${message.type} instead of ${type}`)
    return message as Extract<Message, { type: T }>
  }

  async function search(target: Target, range: NonceRange, signal?: AbortSignal, form?: string): Promise<SearchResult> {
    signal?.throwIfAborted()
    const control = new Int32Array(new SharedArrayBuffer(4))
    const stop = (): void => void Atomics.add(control, 0, 1)
    signal?.addEventListener('abort', stop, { once: true })
    try {
      const { preimage, byteOrder, limit } = target
      worker.postMessage({ type: 'search', form, preimage, little: byteOrder === 'little', limit, ...range, control })
      const { tried, candidates } = await next('result')
      return { tried, candidates }
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  const { niced, forms } = await next('ready')
  return {
    name: solver,
    device,
    niced,
    search: (target, range, signal) => search(target, range, signal),
    forms: forms.map((form) => ({
      name: solver,
      device: `${device} (${form})`,
      search: (target, range, signal) => search(target, range, signal, form),
    })),
    run(shared, own, listener) {
      running = true
      onHits = listener
      worker.postMessage({ type: 'run', shared, own })
    },
    gone,
    async kill() {
      await Promise.race([worker.terminate(), sleep(KILL_TIME_MS)])
      worker.unref()
    },
  }
}
