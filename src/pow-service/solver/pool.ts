/** The machine's solvers, all on one challenge at a time, one thread for each core or CUDA device. */
import { randomInt } from 'node:crypto'
import { availableParallelism, platform } from 'node:os'
import { AppError, errorMessage } from '../../core/errors.js'
import type { Logger } from '../../core/log.js'
import { createMetrics, type Metrics } from '../../core/metrics.js'
import { chooseSolvers, type KernelFiles, type Seat } from './choose.js'
import { createSolverMetrics } from './metrics.js'
import { loadSharedMemory } from './native.js'
import { createPlace, type Place } from './place.js'
import { decisiveWord, limitOf, meets, sealOf } from './seal.js'
import type { FoundLows } from './thread.js'
import type { Challenge, Hit, SolverName } from './types.js'

/** Whatever the caller wants to have back with a hit, with the challenge in it. */
export interface Work {
  readonly challenge: Challenge
}

export interface DeviceState {
  /** `cpu:0`, `cuda:0` and so on. */
  readonly device: string
  readonly solver: SolverName
  /** Hashes a second while it works, smoothed, and measured before it first does. 0 without a thread. */
  readonly hashRate: number
  /** Milliseconds from the last `set` to this thread's working on it. */
  readonly switchMs: number
  /** Whether its thread is there; a thread that died is started anew after a while. */
  readonly alive: boolean
}

export interface Pool<W extends Work = Work> {
  /** What runs on the processor, or `cuda` where nothing does. */
  readonly solver: SolverName
  /** Switches all threads at once; null lets them rest. Hits of what was set before are not told any more. */
  set(work: W | null): void
  /** Tells every hit, checked with scalar code, with the work that it is for and that is still set. Returns what ends it. */
  onHit(listener: (work: W, nonce: bigint, seal: Uint8Array) => void): () => void
  /** Sets the work and tells its hits until the signal aborts, other work is set, or the pool is closed; resolves with which of them it was. */
  search(work: W, options: { signal: AbortSignal; onHit: (hit: Hit) => void }): Promise<'aborted' | 'replaced' | 'closed'>
  devices(): DeviceState[]
  /** Nonces tried since the last call. */
  takeHashes(): number
  close(): Promise<void>
}

export interface PoolOptions {
  /** `auto`: every CUDA device, and on the processor the first in the order of `SOLVERS` that is there and passes its self-test. */
  solver?: SolverName | 'auto'
  /** Of solvers on the processor; one for each core by default. 0 leaves it to CUDA devices. */
  threads?: number
  /** Of those threads; 10 by default, so that the rest of the process comes first. null leaves their priority as it is. */
  nice?: number | null
  log: Logger
  metrics?: Metrics
  files?: KernelFiles
}

const MEASURE_EVERY_MS = 1_000

/**
 * Starts and tests the solvers. Rejects with CONFIG_INVALID when the one asked for is not there, with SOLVER_WRONG when it, or of all of them none, passes
 * its self-test, and with INTERNAL when one dies after it.
 */
export async function createPool<W extends Work = Work>(options: PoolOptions): Promise<Pool<W>> {
  const { solver: wanted = 'auto', threads = availableParallelism(), nice = 10, log, files = {} } = options
  const metrics = createSolverMetrics(options.metrics ?? createMetrics())
  const { STATE, SHARED_BYTES, OWN_BYTES, sharedWords } = await loadSharedMemory()
  const memory = new SharedArrayBuffer(SHARED_BYTES)
  const shared = sharedWords(memory)
  // Machines that search the same challenge must not try the same nonces, so each pool starts somewhere else.
  Atomics.store(shared.nextHigh, 0, randomInt(2 ** 32) | 0)

  const choice = await chooseSolvers({ wanted, threads, nice, files, log, metrics })
  const listeners = new Set<(work: W, nonce: bigint, seal: Uint8Array) => void>()
  const ends = new Set<(how: 'replaced' | 'closed') => void>()
  let current: W | null = null
  let closing: Promise<void> | undefined

  function write(state: number, challenge: Challenge | null): void {
    Atomics.add(shared.epoch, 0, 1)
    shared.state[0] = state
    if (challenge !== null) {
      shared.preimage.set(challenge.preimage)
      shared.little[0] = challenge.byteOrder === 'little' ? 1 : 0
      shared.limit[0] = limitOf(challenge.difficulty)
    }
    shared.setAt[0] = process.hrtime.bigint()
    Atomics.add(shared.epoch, 0, 1)
    Atomics.notify(shared.epoch, 0)
  }

  function set(work: W | null): void {
    if (closing !== undefined || work === current) return
    for (const place of places) place.measure(current !== null)
    current = work
    write(work === null ? STATE.idle : STATE.work, work?.challenge ?? null)
    for (const end of [...ends]) end('replaced')
  }

  function tellOne(listener: (work: W, nonce: bigint, seal: Uint8Array) => void, work: W, nonce: bigint, seal: Uint8Array): void {
    try {
      listener(work, nonce, seal)
    } catch (error) {
      log.error({ err: error }, 'whoever was told of a hit failed')
    }
  }

  /** Judges candidates with scalar code. Returns whether the device can be trusted. */
  function take({ device, solver }: Seat, { epoch, high, lows }: FoundLows): boolean {
    if (current === null || epoch !== Atomics.load(shared.epoch, 0)) {
      metrics.staleHits(device, lows.length)
      return true
    }
    const work = current
    const { preimage, byteOrder, difficulty } = work.challenge
    const limit = limitOf(difficulty)
    for (const low of lows) {
      const nonce = (BigInt(high) << 32n) | BigInt(low)
      const seal = sealOf(preimage, nonce)
      if (decisiveWord(seal, byteOrder) > limit) {
        metrics.wrongHit(device)
        log.error({ device, solver }, 'a solver named a nonce that is none: its thread is started anew')
        return false
      }
      // Equal to the limit, it may still be too large further down.
      if (!meets(seal, difficulty, byteOrder)) continue
      metrics.hit(device)
      for (const listener of listeners) {
        tellOne(listener, work, nonce, seal)
        // A listener may have set other work.
        if (current !== work) return true
      }
    }
    return true
  }

  const places: readonly Place[] = await Promise.all(
    choice.seats.map(({ seat, thread }) => {
      return createPlace({ seat, thread, open: choice.open, memory, own: new SharedArrayBuffer(OWN_BYTES), take, log, metrics })
    }),
  ).catch(async (error: unknown) => {
    await Promise.all(choice.seats.map(({ thread }) => thread.kill()))
    throw new AppError('INTERNAL', `a solver that passed its self-test died after it: ${errorMessage(error)}`, {}, error)
  })
  const timer = setInterval(() => {
    for (const place of places) place.measure(current !== null)
  }, MEASURE_EVERY_MS)
  timer.unref()
  const hashRate = places.reduce((sum, place) => sum + place.state().hashRate, 0)
  const nicedAll = choice.seats.every(({ thread }) => thread.niced)
  const solvers: Partial<Record<SolverName, number>> = {}
  for (const { seat } of choice.seats) solvers[seat.solver] = (solvers[seat.solver] ?? 0) + 1
  log.info({ solvers, megahashes: Number((hashRate / 1e6).toFixed(2)) }, 'solvers tested and ready')
  if (!nicedAll)
    log.info({ nice, platform: platform() }, 'the nice level of threads cannot be set here: they compete with the rest of the process')

  async function close(): Promise<void> {
    clearInterval(timer)
    for (const place of places) place.measure(current !== null)
    current = null
    for (const place of places) place.stop()
    write(STATE.stop, null)
    for (const end of [...ends]) end('closed')
    await Promise.all(places.map((place) => place.gone()))
  }

  function onHit(listener: (work: W, nonce: bigint, seal: Uint8Array) => void): () => void {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  return {
    solver: choice.seats.at(-1)?.seat.solver ?? 'cuda',
    set,
    onHit,
    async search(work, { signal, onHit: tell }) {
      if (signal.aborted) return 'aborted'
      if (closing !== undefined) return 'closed'
      set(work)
      return new Promise((resolve, reject) => {
        const forget = onHit((of, nonce, seal) => {
          if (of !== work) return
          try {
            tell({ nonce, seal })
          } catch (error) {
            finish(() => reject(error instanceof Error ? error : new Error(errorMessage(error))))
          }
        })
        const end = (how: 'replaced' | 'closed'): void => finish(() => resolve(how))
        const abort = (): void => finish(() => resolve('aborted'))
        const finish = (settle: () => void): void => {
          forget()
          ends.delete(end)
          signal.removeEventListener('abort', abort)
          if (current === work) set(null)
          settle()
        }
        ends.add(end)
        signal.addEventListener('abort', abort, { once: true })
      })
    },
    devices: () => places.map((place) => place.state()),
    takeHashes: () => places.reduce((sum, place) => sum + place.takeHashes(), 0),
    close: () => (closing ??= close()),
  }
}
