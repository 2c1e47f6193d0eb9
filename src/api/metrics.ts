import { Counter, Histogram } from 'prom-client'
import type { Metrics } from '../core/metrics.js'

export interface ApiMetrics {
  /** A GraphQL request has been answered; `outcome` is OK or the code of its first error. */
  answered(outcome: string, seconds: number, statements: number): void
  cost(value: number): void
}

export function createApiMetrics(registry: Metrics): ApiMetrics {
  const registers = [registry]
  const seconds = new Histogram({
    name: 'tao_api_request_seconds',
    help: 'Time of GraphQL requests by outcome: OK or an error code.',
    labelNames: ['outcome'] as const,
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  })
  const statements = new Counter({ name: 'tao_api_sql_statements_total', help: 'SQL statements sent for GraphQL requests.', registers })
  const cost = new Histogram({
    name: 'tao_api_query_cost',
    help: 'Cost of GraphQL queries, refused ones included.',
    buckets: [10, 100, 1_000, 5_000, 10_000, 20_000, 50_000, 100_000],
    registers,
  })
  return {
    answered(outcome, elapsed, sent) {
      seconds.observe({ outcome }, elapsed)
      statements.inc(sent)
    },
    cost: (value) => cost.observe(value),
  }
}
