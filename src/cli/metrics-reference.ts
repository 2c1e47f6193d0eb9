/** The reference page of the metrics, asked of the same factories that the services call. */
import { createApiMetrics } from '../api/metrics.js'
import { createRpcMetrics } from '../chain/rpc/metrics.js'
import { createMetrics, type Metrics } from '../core/metrics.js'
import { indexerMetrics } from '../indexer/metrics.js'
import { createJobsMetrics } from '../jobs/index.js'
import { createLimitsMetrics } from '../jobs/limits-metrics.js'
import { createPowMetrics } from '../pow-service/metrics.js'
import { createSolverMetrics } from '../pow-service/solver/metrics.js'
import { createAdmissionMetrics } from '../prompt-proxy/admission/metrics.js'
import { createEngineMetrics } from '../prompt-proxy/engine/metrics.js'
import { countingUsage } from '../prompt-proxy/request-metrics.js'
import { createTargetMetrics } from '../prompt-proxy/targets/metrics.js'
import { createPromptUsageMetrics } from '../store/prompt-usage-metrics.js'
import { createStoreMetrics } from '../store/write/metrics.js'
import { cell } from './markdown.js'

interface Part {
  title: string
  about: string
  declare(registry: Metrics): unknown
}

const PARTS: readonly Part[] = [
  { title: 'Indexer', about: 'How far, how fast, and whether forks came. In `up` and `indexer`.', declare: indexerMetrics },
  { title: 'Chain', about: 'What is asked of the nodes. In `up` and `indexer`.', declare: createRpcMetrics },
  { title: 'Store', about: 'What is written to the database. In `up` and `indexer`.', declare: createStoreMetrics },
  {
    title: 'Registrations',
    about: 'Customers, their registrations and all that solves for them. In `up` and `pow-service`.',
    declare: createPowMetrics,
  },
  { title: 'Solvers', about: 'The cores and GPUs of this process. In `up` and `pow-service`.', declare: createSolverMetrics },
  { title: 'Queue', about: 'Jobs and leadership. In `up` and `pow-service`.', declare: createJobsMetrics },
  {
    title: 'Prompts',
    about: 'Requests, the validators that were asked, and what is kept of it. In `up` and `prompt-proxy`.',
    declare: promptMetrics,
  },
  { title: 'Limits', about: 'Of customers. In `up`, `pow-service` and `prompt-proxy`.', declare: createLimitsMetrics },
  { title: 'API', about: 'What clients ask and how it ends. In `up` and `api`.', declare: createApiMetrics },
]

function promptMetrics(registry: Metrics): void {
  countingUsage({ add: () => {} }, registry)
  createAdmissionMetrics(registry, { waiting: () => 0, inFlight: () => 0 })
  createEngineMetrics(registry)
  createTargetMetrics(registry, () => [])
  createPromptUsageMetrics(registry)
}

/** docs/reference/metrics.md */
export function renderMetricsReference(): string {
  const lines = [
    '# Metrics',
    '',
    '<!-- Made from the metrics.ts of each part by `taogate docs`; edit those. -->',
    '',
    '`/metrics` answers in the text format of Prometheus: on the port of the API, and on `HEALTH_PORT` when the indexer runs alone. A',
    'histogram `x` is served as `x_bucket`, `x_sum` and `x_count`. The metrics of Node itself (`process_*`, `nodejs_*`: CPU, memory,',
    'event loop, garbage collection) come with them.',
  ]
  for (const { title, about, declare } of PARTS) {
    const registry = createMetrics()
    declare(registry)
    lines.push('', `## ${title}`, '', about, '', '| name | kind | labels | meaning |', '| --- | --- | --- | --- |')
    for (const { name, kind, labels, help } of describe(registry)) {
      lines.push(`| \`${name}\` | ${kind} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${cell(help)} |`)
    }
  }
  return `${lines.join('\n')}\n`
}

function describe(registry: Metrics): { name: string; kind: string; labels: readonly string[]; help: string }[] {
  return registry.getMetricsAsArray().map((metric) => {
    // prom-client keeps these on every metric; its types leave the labels out and take the kind for a number.
    const { labelNames: labels, type: kind } = metric as unknown as { labelNames: readonly string[]; type: string }
    return { name: metric.name, kind, labels, help: metric.help }
  })
}
