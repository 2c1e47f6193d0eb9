import { Counter, Gauge } from 'prom-client'
import type { Metrics } from '../../core/metrics.js'
import type { SolverName } from './types.js'

export interface SolverMetrics {
  /** Hashes a second of a device that works; 0 while it rests. */
  rate(device: string, solver: SolverName, hashesPerSecond: number): void
  hashes(device: string, count: number): void
  hit(device: string): void
  staleHits(device: string, count: number): void
  wrongHit(device: string): void
  restarted(device: string): void
  selfTestFailed(solver: SolverName): void
}

/** What the solvers of this process do. */
export function createSolverMetrics(registry: Metrics): SolverMetrics {
  const registers = [registry]
  const labelNames = ['device'] as const
  const rate = new Gauge({
    name: 'tao_pow_solver_hash_rate',
    help: 'Hashes a second, smoothed, of each core and device of this process. 0 while it rests.',
    labelNames: ['device', 'solver'] as const,
    registers,
  })
  const hashes = new Counter({ name: 'tao_pow_solver_hashes_total', help: 'Nonces tried by each core and device.', labelNames, registers })
  const hits = new Counter({ name: 'tao_pow_solver_hits_total', help: 'Nonces found that pass.', labelNames, registers })
  const stale = new Counter({
    name: 'tao_pow_solver_stale_hits_total',
    help: 'Candidates of a challenge that was over when they were told.',
    labelNames,
    registers,
  })
  const wrong = new Counter({
    name: 'tao_pow_solver_wrong_hits_total',
    help: 'Candidates that are none by the scalar code: a broken kernel or device.',
    labelNames,
    registers,
  })
  const restarts = new Counter({
    name: 'tao_pow_solver_restarts_total',
    help: 'Threads that died and were replaced.',
    labelNames,
    registers,
  })
  const failures = new Counter({
    name: 'tao_pow_solver_self_test_failures_total',
    help: 'Self-tests that found a solver wrong.',
    labelNames: ['solver'] as const,
    registers,
  })
  return {
    rate: (device, solver, value) => rate.set({ device, solver }, value),
    hashes: (device, count) => hashes.inc({ device }, count),
    hit: (device) => hits.inc({ device }),
    staleHits: (device, count) => stale.inc({ device }, count),
    wrongHit: (device) => wrong.inc({ device }),
    restarted: (device) => restarts.inc({ device }),
    selfTestFailed: (solver) => failures.inc({ solver }),
  }
}
