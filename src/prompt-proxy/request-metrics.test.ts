import { expect, test } from 'vitest'
import { createMetrics } from '../core/metrics.js'
import type { PromptUsageRow } from '../core/prompting.js'
import { countingUsage } from './request-metrics.js'

function aRow(what: Partial<PromptUsageRow> = {}): PromptUsageRow {
  return {
    ...{ requestId: 'the-request', at: new Date(0), customer: 'the-customer', callerHotkey: 'the-calling-hotkey', route: '/v1/prompt' },
    ...{
      model: 'the-model',
      netuid: 1,
      uid: 7,
      hotkey: 'the-answering-hotkey',
      protocol: 'http',
      returnCode: 'SUCCESS',
      outcome: 'success',
    },
    ...{ errorCode: null, promptTokens: 0, completionTokens: 0, answers: 1, credits: 0, waitedMs: 0, ms: 1 },
    ...what,
  }
}

function aLog() {
  const kept: PromptUsageRow[] = []
  const metrics = createMetrics()
  const usage = countingUsage({ add: (row) => void kept.push(row) }, metrics)
  const lines = async (name: string): Promise<string[]> =>
    (await metrics.metrics()).split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
  return { usage, kept, metrics, lines }
}

test('requests are counted by route, outcome and error, and every row goes on as it is', async () => {
  const { usage, kept, lines } = aLog()
  const rows = [
    aRow(),
    aRow(),
    aRow({ route: '/v1/chat/completions', outcome: 'timeout', errorCode: 'UPSTREAM_TIMEOUT', netuid: null, model: null }),
    aRow({ route: 'Forward', outcome: 'refused', errorCode: 'RATE_LIMITED' }),
  ]
  for (const row of rows) usage.add(row)
  expect(kept).toEqual(rows)
  expect(kept[2]).toBe(rows[2])
  expect(await lines('tao_prompt_requests_total')).toEqual([
    'tao_prompt_requests_total{route="/v1/prompt",outcome="success",error=""} 2',
    'tao_prompt_requests_total{route="/v1/chat/completions",outcome="timeout",error="UPSTREAM_TIMEOUT"} 1',
    'tao_prompt_requests_total{route="Forward",outcome="refused",error="RATE_LIMITED"} 1',
  ])
})

test('tokens and credits add up, and are there before the first request', async () => {
  const { usage, lines } = aLog()
  const tokens = (prompt: number, completion: number): string[] => [
    `tao_prompt_tokens_total{kind="prompt"} ${prompt}`,
    `tao_prompt_tokens_total{kind="completion"} ${completion}`,
  ]
  expect(await lines('tao_prompt_tokens_total')).toEqual(tokens(0, 0))
  expect(await lines('tao_prompt_credits_total')).toEqual(['tao_prompt_credits_total 0'])
  usage.add(aRow({ promptTokens: 11, completionTokens: 200, credits: 3 }))
  usage.add(aRow({ promptTokens: 5, outcome: 'failed', errorCode: 'UPSTREAM_DOWN' }))
  expect(await lines('tao_prompt_tokens_total')).toEqual(tokens(16, 200))
  expect(await lines('tao_prompt_credits_total')).toEqual(['tao_prompt_credits_total 3'])
})

test('time is in seconds, by outcome', async () => {
  const { usage, lines } = aLog()
  usage.add(aRow({ ms: 1500 }))
  usage.add(aRow({ ms: 250, outcome: 'cancelled', errorCode: 'ABORTED' }))
  expect(await lines('tao_prompt_request_seconds_sum')).toEqual([
    'tao_prompt_request_seconds_sum{outcome="success"} 1.5',
    'tao_prompt_request_seconds_sum{outcome="cancelled"} 0.25',
  ])
  const successes = (await lines('tao_prompt_request_seconds_bucket')).filter((line) => line.includes('outcome="success"'))
  expect(successes).toContain('tao_prompt_request_seconds_bucket{le="1",outcome="success"} 0')
  expect(successes).toContain('tao_prompt_request_seconds_bucket{le="2.5",outcome="success"} 1')
})

test('nothing of who asked, and who answered, gets into the metrics', async () => {
  const { usage, metrics } = aLog()
  usage.add(aRow())
  expect(await metrics.metrics()).not.toMatch(/the-(request|customer|calling|answering|model)/)
})
