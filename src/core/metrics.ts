import { collectDefaultMetrics, Registry } from 'prom-client'

/** One registry per process, made in main; each service declares its own metrics as a function of it. */
export type Metrics = Registry

export interface MetricsOptions {
  /** Node's own metrics (CPU, memory, event loop). Off in tests: they start a performance observer. */
  process?: boolean
}

export function createMetrics(options: MetricsOptions = {}): Metrics {
  const registry = new Registry()
  if (options.process ?? false) collectDefaultMetrics({ register: registry })
  return registry
}
