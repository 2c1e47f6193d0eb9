import { Counter, Gauge } from 'prom-client'
import type { Metrics } from '../../core/metrics.js'
import type { TargetState } from '../contract.js'

export interface TargetMetrics {
  refreshed(outcome: 'ok' | 'failed'): void
  probed(outcome: 'ok' | 'failed'): void
}

/** Gauges are counted from `state` when they are read. */
export function createTargetMetrics(registry: Metrics, state: () => TargetState[]): TargetMetrics {
  const registers = [registry]
  new Gauge({
    name: 'tao_prompt_targets',
    help: 'Neurons of the subnets offered, by whether they may be asked.',
    labelNames: ['netuid', 'state'] as const,
    registers,
    collect() {
      this.reset()
      for (const { netuid, refusal } of state()) this.inc({ netuid, state: refusal === null ? 'eligible' : 'refused' })
    },
  })
  new Gauge({
    name: 'tao_prompt_circuits',
    help: 'Targets that may be asked, by the state of their circuit.',
    labelNames: ['netuid', 'circuit'] as const,
    registers,
    collect() {
      this.reset()
      for (const { netuid, refusal, circuit } of state()) if (refusal === null) this.inc({ netuid, circuit })
    },
  })
  const refreshes = new Counter({
    name: 'tao_prompt_refreshes_total',
    help: 'Readings of the metagraph for the choice of targets, by outcome.',
    labelNames: ['outcome'] as const,
    registers,
  })
  const probes = new Counter({
    name: 'tao_prompt_probes_total',
    help: 'Health probes of targets without recent traffic, by outcome.',
    labelNames: ['outcome'] as const,
    registers,
  })
  return {
    refreshed: (outcome) => refreshes.inc({ outcome }),
    probed: (outcome) => probes.inc({ outcome }),
  }
}
