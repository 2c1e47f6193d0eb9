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
  readonly device: string
  readonly cudaDevice: number | null
}

export interface Choice {
  readonly solver: SolverName
  /** With the threads that were tested already. */
  readonly seats: readonly { seat: Seat; thread: SolverThread }[]
  /** Starts a thread for a seat and tests it. Rejects when it does not start or fails. */
  open(seat: Seat): Promise<SolverThread>
}

/**
 * Finds the solver to use and starts and tests a thread on each core or device. With `auto`, whatever fails is reported as an error and the next solver is
 * tried; a solver that was asked for by name must pass. Of several cores or devices those that pass are used.
 */
export async function chooseSolver(options: {
  wanted: SolverName | 'auto'
  threads: number
  nice: number | null
  files: KernelFiles
  log: Logger
  metrics: SolverMetrics
}): Promise<Choice> {
  const { wanted, threads, nice, files, log, metrics } = options
  const addon = files.addon ?? ADDON_FILE
  const selfTest = createSelfTest()
  let wasm: WasmSolver | null = null

  async function open(solver: SolverName, seat: Seat): Promise<SolverThread> {
    if (solver === 'wasm') wasm ??= await loadWasm(files.wasm)
    // A thread that feeds a CUDA device must be there when the device is done.
    const ofThread = { nice: solver === 'cuda' ? null : nice, addon, wasm: solver === 'wasm' ? wasm : null }
    const thread = await startThread({ solver, ...seat, ...ofThread })
    try {
      await selfTest.check(thread)
      return thread
    } catch (error) {
      metrics.selfTestFailed(solver)
      await thread.kill()
      throw error
    }
  }

  async function openAll({ name, devices }: SolverReport): Promise<Choice | null> {
    const cpu = Array.from({ length: threads }, (_, k): Seat => ({ device: `cpu:${k}`, cudaDevice: null }))
    const seats = name === 'cuda' ? devices.map(({ index }): Seat => ({ device: `cuda:${index}`, cudaDevice: index })) : cpu
    const opened: { seat: Seat; thread: SolverThread }[] = []
    // One alone before the others: where the kernel is wrong, once is enough to see it.
    for (const group of [seats.slice(0, 1), seats.slice(1)]) {
      const results = await Promise.allSettled(group.map(async (seat) => ({ seat, thread: await open(name, seat) })))
      for (const [k, result] of results.entries()) {
        if (result.status === 'fulfilled') opened.push(result.value)
        else
          log.error(
            { solver: name, device: group[k]?.device, err: result.reason as unknown },
            'a solver is not fit for work and is not used',
          )
      }
      const failed = results.find((result) => result.status === 'rejected')
      if (opened.length > 0 || failed === undefined || name === 'cuda') continue
      if (wanted === 'auto') return null
      throw asAppError(name, failed.reason)
    }
    if (opened.length === 0) {
      if (wanted === 'auto') return null
      throw new AppError('INTERNAL', `solver ${name}: none of its ${seats.length} devices passes the self-test`)
    }
    return { solver: name, seats: opened, open: (seat) => open(name, seat) }
  }

  const reports = detectSolvers({ addon })
  for (const name of wanted === 'auto' ? SOLVERS : [wanted]) {
    const found = reports.find((candidate) => candidate.name === name)
    if (found?.available) {
      const choice = await openAll(found)
      if (choice !== null) return choice
    } else if (wanted !== 'auto') {
      throw new AppError('CONFIG_INVALID', `solver ${name} is not available here: ${found?.reason ?? 'unknown'}`)
    }
  }
  throw new AppError('INTERNAL', 'no solver passes its self-test on this machine, so none is used')
}

function asAppError(solver: SolverName, reason: unknown): AppError {
  if (reason instanceof AppError) return reason
  return new AppError('INTERNAL', `solver ${solver} did not start: ${errorMessage(reason)}`, {}, reason)
}
