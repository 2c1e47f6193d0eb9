import { errorMessage } from '../../core/errors.js'
import { sleep } from '../../core/lifecycle.js'
import type { Logger } from '../../core/log.js'
import type { Seat } from './choose.js'
import type { SolverMetrics } from './metrics.js'
import { loadSharedMemory } from './native.js'
import { createRate } from './rate.js'
import type { FoundLows, SolverThread } from './thread.js'
import type { DeviceState } from './pool.js'
import type { Solver } from './types.js'

/** A core or device with whatever thread works on it now. */
export interface Place {
  /** Reads the counter; `worked` says that there was work since the last time. */
  measure(worked: boolean): void
  state(): DeviceState
  takeHashes(): number
  /** No thread is started any more. */
  stop(): void
  /** Resolves when the thread is gone; one that does not heed the shared memory is ended. */
  gone(): Promise<void>
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 30_000
/** A thread that lived so long did not die of how it was started. */
const LONG_LIFE_MS = 60_000
const STOP_TIME_MS = 2_000
/** Measurements over less say more about the clock than about the device. */
const LEAST_MEASURED_MS = 200
const CALIBRATION_MS = 40
const CALIBRATION_FIRST = 8192

/** Measures the thread, sets it to work on the shared memory, and replaces it whenever it dies. */
export async function createPlace(options: {
  seat: Seat
  thread: SolverThread
  open: (seat: Seat) => Promise<SolverThread>
  memory: SharedArrayBuffer
  own: SharedArrayBuffer
  take: (seat: Seat, found: FoundLows) => boolean
  log: Logger
  metrics: SolverMetrics
}): Promise<Place> {
  const { seat, open, memory, take, log, metrics } = options
  const { device, solver } = seat
  const own = (await loadSharedMemory()).ownWords(options.own)
  const rate = createRate()
  let thread: SolverThread | null = options.thread
  let stopped = false
  let pause = FIRST_PAUSE_MS
  let retry: NodeJS.Timeout | undefined
  let reopening: Promise<void> | undefined
  let measured = { at: performance.now(), tried: 0n }
  let taken = 0n

  function start(next: SolverThread): void {
    const startedAt = performance.now()
    thread = next
    Atomics.store(own.taken, 0, 0)
    next.run(memory, options.own, (found) => {
      const trusted = take(seat, found)
      Atomics.add(own.taken, 0, 1)
      Atomics.notify(own.taken, 0)
      if (!trusted) void next.kill()
    })
    void next.gone.then((reason) => {
      thread = null
      if (stopped) return
      if (performance.now() - startedAt > LONG_LIFE_MS) pause = FIRST_PAUSE_MS
      log.error({ device, solver, reason, retryMs: pause }, 'a solver thread died')
      metrics.restarted(device)
      again()
    })
  }

  function again(): void {
    retry = setTimeout(() => {
      reopening = reopen()
    }, pause)
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS)
  }

  async function reopen(): Promise<void> {
    try {
      const next = await open(seat)
      // While it started, the pool may have been closed.
      if (stopped) return await next.kill()
      start(next)
      log.info({ device, solver }, 'a solver thread was replaced')
    } catch (error) {
      if (stopped) return
      log.error({ device, solver, reason: errorMessage(error), retryMs: pause }, 'a solver thread could not be replaced')
      again()
    }
  }

  const [hashes, ms] = await calibrate(options.thread)
  rate.add(hashes, ms)
  start(options.thread)
  return {
    measure(worked) {
      const now = performance.now()
      const tried = Atomics.load(own.tried, 0)
      const elapsed = now - measured.at
      metrics.hashes(device, Number(tried - measured.tried))
      if (worked && elapsed >= LEAST_MEASURED_MS) rate.add(Number(tried - measured.tried), elapsed)
      metrics.rate(device, solver, worked && thread !== null ? rate.value() : 0)
      measured = { at: now, tried }
    },
    state: () => ({
      device,
      solver,
      hashRate: thread === null ? 0 : rate.value(),
      switchMs: Number(own.switchNs[0] ?? 0n) / 1e6,
      alive: thread !== null,
    }),
    takeHashes() {
      const tried = Atomics.load(own.tried, 0)
      const more = Number(tried - taken)
      taken = tried
      return more
    },
    stop() {
      stopped = true
      clearTimeout(retry)
    },
    async gone() {
      await reopening
      if (thread === null) return
      const last = thread
      await Promise.race([last.gone, sleep(STOP_TIME_MS)])
      if (thread === last) await last.kill()
    },
  }
}

/** Hashes and the milliseconds they took, in ranges of growing size until one takes long enough. No nonce is a candidate at limit 0. */
async function calibrate(solver: Solver): Promise<[number, number]> {
  const target = { preimage: new Uint8Array(32), byteOrder: 'big', limit: 0n } as const
  for (let count = CALIBRATION_FIRST; ; count = Math.min(4 * count, 2 ** 32)) {
    const startedAt = performance.now()
    await solver.search(target, { high: 0, from: 0, count })
    const ms = performance.now() - startedAt
    if (ms >= CALIBRATION_MS || count === 2 ** 32) return [count, ms]
  }
}
