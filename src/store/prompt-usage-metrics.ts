import { Counter, Gauge } from 'prom-client'
import type { Metrics } from '../core/metrics.js'

export interface PromptUsageMetrics {
  rows: Counter<'result'>
  waiting: Gauge
}

/** How the usage log of prompts gets on. */
export function createPromptUsageMetrics(registry: Metrics): PromptUsageMetrics {
  const registers = [registry]
  const rows = new Counter({
    name: 'tao_prompt_usage_rows_total',
    help: 'Requests in the usage log, by result: written, or dropped because the database was away for long or refused them.',
    labelNames: ['result'],
    registers,
  })
  // Growth from nothing at all is not seen as growth.
  for (const result of ['written', 'dropped']) rows.inc({ result }, 0)
  return {
    rows,
    waiting: new Gauge({ name: 'tao_prompt_usage_waiting_rows', help: 'Requests that are not in the usage log yet.', registers }),
  }
}
