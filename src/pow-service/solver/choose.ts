import { AppError, errorMessage } from '../../core/errors.js'
import type { Logger } from '../../core/log.js'
import { detectSolvers, type SolverReport } from './detect.js'
import type { SolverMetrics } from './metrics.js'
import { ADDON_FILE, loadWasm, type WasmSolver } from './native.js'
import { createSelfTest } from './self-test.js'
import { startThread, type SolverThread } from './thread.js'
import { SOLVERS, type SolverName } from './types.js'

/** Where kernels come from when not from native/pow: tests put wrong ones here. */
export interface KernelFiles {
  readonly addon?: string
  readonly wasm?: Uint8Array
}

/** One core or device that the pool works with. */
export interface Seat {
  readonly solver: SolverName
  readonly device: string
  readonly cudaDevice: number | null
}

export interface Choice {
  /** With threads that were tested. */
  readonly seats: readonly { seat: Seat; thread: SolverThread }[]
  /** Starts another thread for a seat and tests it. Rejects when it does not start or fails. */
  open(seat: Seat): Promise<SolverThread>
}

interface ChooseOptions {
  wanted: SolverName | 'auto'
  /** Of solvers on the processor; with 0, `auto` takes GPUs alone. */
  threads: number
  nice: number | null
  files: KernelFiles
  log: Logger
  metrics: SolverMetrics
}

/**
 * Finds the solvers to use and starts and tests a thread on each core and device. `auto` takes every CUDA device and the first of the processor's solvers that
 * passes; whatever fails is reported as an error, and the next one is tried. A solver that was asked for by name must pass, on one core or device at least.
 * CONFIG_INVALID when what is asked for is not there, SOLVER_WRONG when nothing passes.
 */
export async function chooseSolvers({ wanted, threads, nice, files, log, metrics }: ChooseOptions): Promise<Choice> {
  const addon = files.addon ?? ADDON_FILE
  const selfTest = createSelfTest()
  const reports = detectSolvers({ addon })
  let wasm: WasmSolver | null = null

  async function open({ solver, device, cudaDevice }: Seat): Promise<SolverThread> {
    if (solver === 'wasm') wasm ??= await loadWasm(files.wasm)
    // A thread that feeds a CUDA device must be there when the device is done.
    const ofThread = { nice: solver === 'cuda' ? null : nice, addon, wasm: solver === 'wasm' ? wasm : null }
    const thread = await startThread({ solver, device, cudaDevice, ...ofThread })
    try {
      for (const one of [thread, ...thread.forms]) await selfTest.check(one)
      return thread
    } catch (error) {
      metrics.selfTestFailed(solver)
      await thread.kill()
      throw error
    }
  }

  /** What passes, and the first failure. */
  async function openAll(solver: SolverReport): Promise<{ opened: { seat: Seat; thread: SolverThread }[]; failure: unknown }> {
    const seats = seatsOf(solver, threads)
    const opened: { seat: Seat; thread: SolverThread }[] = []
    let failure: unknown
    // One core alone before the others: where the kernel is wrong, once is enough to see it.
    const groups = solver.name === 'cuda' ? [seats] : [seats.slice(0, 1), seats.slice(1)]
    for (const group of groups) {
      if (failure !== undefined) break
      const results = await Promise.allSettled(group.map(open))
      for (const [k, seat] of group.entries()) {
        const result = results[k]
        if (result?.status === 'fulfilled') opened.push({ seat, thread: result.value })
        if (result?.status !== 'rejected') continue
        failure ??= result.reason
        log.error(
          { solver: seat.solver, device: seat.device, err: result.reason as unknown },
          'a solver is not fit for work and is not used',
        )
      }
    }
    return { opened, failure }
  }

  const found = (name: SolverName): SolverReport | undefined => reports.find((report) => report.name === name)
  if (wanted !== 'auto') {
    const report = found(wanted)
    if (!report?.available) throw new AppError('CONFIG_INVALID', `solver ${wanted} is not available here: ${report?.reason ?? 'unknown'}`)
    if (wanted !== 'cuda' && threads < 1) throw new AppError('CONFIG_INVALID', `solver ${wanted} runs on threads, and there are to be none`)
    const { opened, failure } = await openAll(report)
    if (opened.length === 0) throw asAppError(wanted, failure)
    return { seats: opened, open }
  }

  const seats: { seat: Seat; thread: SolverThread }[] = []
  for (const name of SOLVERS) {
    const report = found(name)
    if (!report?.available || (name !== 'cuda' && threads < 1)) continue
    const { opened } = await openAll(report)
    seats.push(...opened)
    if (name !== 'cuda' && opened.length > 0) break
  }
  if (seats.length === 0) {
    if (threads < 1) throw new AppError('CONFIG_INVALID', 'there are to be no solver threads, and no CUDA device is fit for work')
    throw new AppError('SOLVER_WRONG', 'no solver passes its self-test on this machine, so none is used')
  }
  return { seats, open }
}

function seatsOf({ name, devices }: SolverReport, threads: number): Seat[] {
  if (name === 'cuda') return devices.map(({ index }) => ({ solver: name, device: `cuda:${index}`, cudaDevice: index }))
  return Array.from({ length: threads }, (_, k) => ({ solver: name, device: `cpu:${k}`, cudaDevice: null }))
}

function asAppError(solver: SolverName, reason: unknown): AppError {
  if (reason instanceof AppError) return reason
  return new AppError('SOLVER_WRONG', `solver ${solver} did not start: ${errorMessage(reason)}`, {}, reason)
}
