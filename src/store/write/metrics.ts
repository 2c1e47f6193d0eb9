import { Counter, Histogram } from 'prom-client'
import type { Metrics } from '../../core/metrics.js'

export interface StoreMetrics {
  batchSeconds: Histogram<'kind'>
  blocks: Counter<'kind'>
  rows: Counter
  rolledBack: Counter
}

/** The store's metrics in a registry. A process may have two writers (following and backfill); they share them. */
export function createStoreMetrics(registry: Metrics): StoreMetrics {
  const registers = [registry]
  const shared = <M>(name: string, make: (name: string) => M): M => (registry.getSingleMetric(name) as M | undefined) ?? make(name)
  return {
    batchSeconds: shared('tao_store_batch_seconds', (name) => {
      const help = 'Time of one batch transaction, by kind: live or history.'
      const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
      return new Histogram({ name, help, labelNames: ['kind'], buckets, registers })
    }),
    blocks: shared('tao_store_blocks_total', (name) => {
      return new Counter({ name, help: 'Blocks written, by kind: live or history.', labelNames: ['kind'], registers })
    }),
    rows: shared('tao_store_fact_rows_total', (name) => new Counter({ name, help: 'Rows of facts written.', registers })),
    rolledBack: shared('tao_store_rolled_back_blocks_total', (name) => {
      return new Counter({ name, help: 'Blocks removed because the chain left them.', registers })
    }),
  }
}
