import { Counter, Gauge, Histogram } from 'prom-client'
import type { Metrics } from '../../core/metrics.js'

export type RefusalReason = 'too_many_at_once' | 'tokens_per_minute' | 'insufficient_quota' | 'queue_full' | 'waited_too_long'

export interface AdmissionMetrics {
  waited(ms: number): void
  refused(reason: RefusalReason): void
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40]

/** Gauges are read from `state` when they are asked for. */
export function createAdmissionMetrics(registry: Metrics, state: { waiting(): number; inFlight(): number }): AdmissionMetrics {
  const registers = [registry]
  new Gauge({
    name: 'tao_prompt_waiting',
    help: 'Requests that wait for a place.',
    registers,
    collect() {
      this.set(state.waiting())
    },
  })
  new Gauge({
    name: 'tao_prompt_in_flight',
    help: 'Requests that have a place: targets are asked, or the answer is being read.',
    registers,
    collect() {
      this.set(state.inFlight())
    },
  })
  const waits = new Histogram({
    name: 'tao_prompt_wait_seconds',
    help: 'Time that requests waited for a place, of those that had to wait and got one.',
    buckets: SECONDS,
    registers,
  })
  const refusals = new Counter({
    name: 'tao_prompt_refusals_total',
    help: 'Requests for which nobody was asked because there was no place or a limit was reached, by reason.',
    labelNames: ['reason'] as const,
    registers,
  })
  return {
    waited: (ms) => waits.observe(ms / 1000),
    refused: (reason) => refusals.inc({ reason }),
  }
}
