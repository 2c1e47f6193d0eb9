import { Counter, Gauge, Histogram } from 'prom-client'
import type { Metrics } from '../core/metrics.js'
import type { Extracted } from './extract.js'

export interface IndexerMetrics {
  head(height: number): void
  indexed(height: number | null): void
  extracted(blocks: number, ms: number): void
  applied(batch: Extracted, ms: number): void
  undone(depth: number, height: number): void
}

/** What an operator asks of an indexer first: how far, how far behind, how fast, and whether forks came. */
export function indexerMetrics(registry: Metrics): IndexerMetrics {
  const registers = [registry]
  const head = new Gauge({ name: 'tao_indexer_head_height', help: 'Block to reach: the head of the mode.', registers })
  const indexed = new Gauge({ name: 'tao_indexer_indexed_height', help: 'Last block stored.', registers })
  const lag = new Gauge({ name: 'tao_indexer_lag_blocks', help: 'Blocks between the two.', registers })
  const blocks = new Counter({ name: 'tao_indexer_blocks_total', help: 'Blocks stored.', registers })
  const events = new Counter({ name: 'tao_indexer_events_total', help: 'Events stored.', registers })
  const audits = new Counter({
    name: 'tao_indexer_epoch_audits_total',
    help: 'Epochs stored, by what recomputing them came to. `DIFFERS` is for a person to look at.',
    labelNames: ['status'] as const,
    registers,
  })
  for (const status of ['EXACT', 'DIFFERS', 'NOT_AUDITABLE']) audits.inc({ status }, 0)
  const undone = new Counter({ name: 'tao_indexer_undone_blocks_total', help: 'Blocks undone because of forks.', registers })
  const depth = new Histogram({
    name: 'tao_indexer_fork_depth_blocks',
    help: 'Blocks undone at a time.',
    buckets: [1, 2, 4, 8, 16, 64],
    registers,
  })
  const seconds = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
  const extract = new Histogram({
    name: 'tao_indexer_extract_seconds',
    help: 'Reading and decoding one batch.',
    buckets: seconds,
    registers,
  })
  const apply = new Histogram({ name: 'tao_indexer_apply_seconds', help: 'Writing one batch.', buckets: seconds, registers })
  const at = { head: 0, indexed: 0 }
  const show = (): void => {
    head.set(at.head)
    indexed.set(at.indexed)
    lag.set(Math.max(0, at.head - at.indexed))
  }

  return {
    head(height) {
      at.head = height
      show()
    },
    indexed(height) {
      at.indexed = height ?? 0
      show()
    },
    extracted: (_blocks, ms) => extract.observe(ms / 1000),
    applied(batch, ms) {
      at.indexed = batch.head.height
      blocks.inc(batch.facts.blocks.length)
      events.inc(batch.facts.events.length)
      for (const { audit } of batch.facts.epochs) audits.inc({ status: audit.status })
      apply.observe(ms / 1000)
      show()
    },
    undone(count, height) {
      at.indexed = height
      undone.inc(count)
      depth.observe(count)
      show()
    },
  }
}
