/** What became of requests, whichever face they came through. */
import { Counter, Histogram } from 'prom-client'
import type { Metrics } from '../core/metrics.js'
import type { PromptUsageLog } from '../core/prompting.js'

const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160]

/**
 * A usage log that counts each row before `log` gets it, kept or dropped. Customers, hotkeys and models are left out: they are many, they come from outside, and
 * whoever may read the metrics need not know them.
 */
export function countingUsage(log: PromptUsageLog, registry: Metrics): PromptUsageLog {
  const registers = [registry]
  const requests = new Counter({
    name: 'tao_prompt_requests_total',
    help: 'Requests that are over, by route or method, outcome and code of the error; the code is empty where there was none.',
    labelNames: ['route', 'outcome', 'error'] as const,
    registers,
  })
  const seconds = new Histogram({
    name: 'tao_prompt_request_seconds',
    help: 'Time from a request to the end of its answer, waiting included, by outcome.',
    labelNames: ['outcome'] as const,
    buckets: SECONDS,
    registers,
  })
  const tokens = new Counter({
    name: 'tao_prompt_tokens_total',
    help: 'Tokens, estimated, by kind: `prompt`, also of requests that failed, or `completion`, as far as it was given away.',
    labelNames: ['kind'] as const,
    registers,
  })
  const credits = new Counter({ name: 'tao_prompt_credits_total', help: 'Credits charged.', registers })
  for (const kind of ['prompt', 'completion']) tokens.inc({ kind }, 0)
  return {
    add(row) {
      const { outcome } = row
      requests.inc({ route: row.route, outcome, error: row.errorCode ?? '' })
      seconds.observe({ outcome }, row.ms / 1000)
      tokens.inc({ kind: 'prompt' }, row.promptTokens)
      tokens.inc({ kind: 'completion' }, row.completionTokens)
      credits.inc(row.credits)
      log.add(row)
    },
  }
}
