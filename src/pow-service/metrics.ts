import { Counter, Gauge, Histogram } from 'prom-client'
import type { Metrics } from '../core/metrics.js'
import { ENDED_STATES, REGISTRATION_STATES, type PowSolution, type Registration } from '../core/registrations.js'
import type { Power } from './power/power.js'

export interface PowMetrics {
  gauge(active: readonly Registration[], devices: ReturnType<Power['devices']>): void
  /** A solution was handed out. */
  solved(registration: Registration, solutions: readonly PowSolution[]): void
  /** Solutions or hits that came too late. */
  stale(count: number): void
  /** A hit that does not pass when checked. */
  wrong(): void
  hashes(count: number): void
  refused(code: string): void
  ended(registration: Registration): void
}

export function createPowMetrics(registry: Metrics): PowMetrics {
  const registers = [registry]
  const rate = new Gauge({
    name: 'tao_pow_hash_rate',
    help: 'Hashes a second, by device; host is empty for the devices of this process.',
    labelNames: ['host', 'device', 'solver'] as const,
    registers,
  })
  const jobs = new Gauge({
    name: 'tao_pow_registrations',
    help: 'Registrations under way, by state.',
    labelNames: ['state'] as const,
    registers,
  })
  const solveSeconds = new Histogram({
    name: 'tao_pow_solve_seconds',
    help: 'Time from a request to its first solution.',
    buckets: [1, 5, 15, 30, 60, 120, 300, 900, 3600, 14_400, 86_400],
    registers,
  })
  const solutions = new Counter({
    name: 'tao_pow_solutions_total',
    help: 'Solutions handed out, by subnet.',
    labelNames: ['netuid'] as const,
    registers,
  })
  const stale = new Counter({
    name: 'tao_pow_stale_total',
    help: 'Hits and solutions whose block was over before they were used.',
    registers,
  })
  const wrong = new Counter({ name: 'tao_pow_rejected_hits_total', help: 'Hits that did not pass when they were checked.', registers })
  const hashes = new Counter({ name: 'tao_pow_hashes_total', help: 'Nonces tried, by all workers.', registers })
  const refusals = new Counter({
    name: 'tao_pow_refusals_total',
    help: 'Requests refused, by reason.',
    labelNames: ['reason'] as const,
    registers,
  })
  const ended = new Counter({
    name: 'tao_pow_registrations_ended_total',
    help: 'Registrations that ended, by state.',
    labelNames: ['state', 'mode'] as const,
    registers,
  })
  return {
    gauge(active, devices) {
      rate.reset()
      for (const { host, device, solver, hashRate } of devices) rate.set({ host: host ?? '', device, solver }, hashRate)
      for (const state of REGISTRATION_STATES.filter((name) => !ENDED_STATES.includes(name)))
        jobs.set({ state }, active.filter((registration) => registration.state === state).length)
    },
    solved(registration, found) {
      if (registration.solutions === 1) solveSeconds.observe((Date.now() - Date.parse(registration.createdAt)) / 1000)
      for (const { netuid } of found) solutions.inc({ netuid })
    },
    stale: (count) => stale.inc(count),
    wrong: () => wrong.inc(),
    hashes: (count) => hashes.inc(count),
    refused: (code) => refusals.inc({ reason: code }),
    ended: ({ state, mode }) => ended.inc({ state, mode }),
  }
}
