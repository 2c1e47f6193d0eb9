import { Counter, Gauge, Histogram } from 'prom-client'
import type { Metrics } from '../core/metrics.js'
import type { JobCounts } from './types.js'

/** `given_back`: the worker was closed; `lost`: the job's lock ran out or the job is gone, so its result counts for nothing. */
const OUTCOMES = ['done', 'again', 'retried', 'failed', 'given_back', 'lost'] as const
export type Outcome = (typeof OUTCOMES)[number]

export interface JobsMetrics {
  /** Declares a queue, whose counts are asked for at each scrape. */
  watch(queue: string, counts: () => Promise<JobCounts>): void
  handled(queue: string, outcome: Outcome, ms: number): void
  leading(name: string, isLeading: boolean): void
}

/** What waits, how handling it ends, and which process leads. */
export function createJobsMetrics(registry: Metrics): JobsMetrics {
  const registers = [registry]
  const watched = new Map<string, () => Promise<JobCounts>>()
  const handled = new Counter({
    name: 'tao_jobs_handled_total',
    help: 'Times a job was handled by this process, by how it ended: `done`, `again` (called again later), `retried`, `failed`, `given_back` (this process stopped), `lost` (another one has it).',
    labelNames: ['queue', 'outcome'] as const,
    registers,
  })
  const seconds = new Histogram({
    name: 'tao_jobs_handle_seconds',
    help: 'Handling one job once.',
    labelNames: ['queue'] as const,
    buckets: [0.01, 0.1, 1, 10, 60, 300, 1800],
    registers,
  })
  const leading = new Gauge({
    name: 'tao_jobs_leading',
    help: '1 where this process leads, 0 where it stands by.',
    labelNames: ['name'] as const,
    registers,
  })
  new Gauge({
    name: 'tao_jobs_queued',
    help: 'Jobs of a queue by state, of all processes together; absent while the queue cannot be asked.',
    labelNames: ['queue', 'state'] as const,
    registers,
    async collect() {
      this.reset()
      const asked = [...watched].map(async ([queue, counts]) => [queue, await counts()] as const)
      for (const answer of await Promise.allSettled(asked)) {
        if (answer.status === 'rejected') continue
        const [queue, counts] = answer.value
        for (const [state, count] of Object.entries(counts)) this.set({ queue, state }, count)
      }
    },
  })
  return {
    watch(queue, counts) {
      watched.set(queue, counts)
      for (const outcome of OUTCOMES) handled.inc({ queue, outcome }, 0)
    },
    handled(queue, outcome, ms) {
      handled.inc({ queue, outcome })
      seconds.observe({ queue }, ms / 1000)
    },
    leading: (name, isLeading) => leading.set({ name }, isLeading ? 1 : 0),
  }
}
