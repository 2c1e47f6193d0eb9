import { Counter, Histogram } from 'prom-client'
import type { Metrics } from '../../core/metrics.js'
import type { AnsweringTarget } from '../contract.js'
import type { Outcome } from '../targets/health.js'

export interface EngineMetrics {
  /** An attempt ended, `ms` after it began. */
  ended(target: AnsweringTarget, outcome: Outcome, ms: number): void
  hedged(netuid: number): void
  hedgeWon(netuid: number): void
}

const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80]

export function createEngineMetrics(registry: Metrics): EngineMetrics {
  const registers = [registry]
  const attempts = new Counter({
    name: 'tao_prompt_attempts_total',
    help: 'Attempts at targets, by protocol, outcome and return code; the code is empty for those that were cancelled.',
    labelNames: ['netuid', 'protocol', 'outcome', 'code'] as const,
    registers,
  })
  const hedges = new Counter({
    name: 'tao_prompt_hedges_total',
    help: 'Further targets asked because the ones before took long.',
    labelNames: ['netuid'] as const,
    registers,
  })
  const hedgeWins = new Counter({
    name: 'tao_prompt_hedge_wins_total',
    help: 'Requests answered by such a target.',
    labelNames: ['netuid'] as const,
    registers,
  })
  const firstPiece = new Histogram({
    name: 'tao_prompt_first_piece_seconds',
    help: 'Time from an attempt to the first piece of its answer, of those that succeeded.',
    labelNames: ['netuid', 'protocol'] as const,
    buckets: SECONDS,
    registers,
  })
  const duration = new Histogram({
    name: 'tao_prompt_attempt_seconds',
    help: 'Time that attempts took, by outcome.',
    labelNames: ['netuid', 'outcome'] as const,
    buckets: SECONDS,
    registers,
  })
  return {
    ended({ netuid, protocol }, outcome, ms) {
      const code = outcome.kind === 'success' ? 'SUCCESS' : outcome.kind === 'cancelled' ? '' : outcome.code
      attempts.inc({ netuid, protocol, outcome: outcome.kind, code })
      duration.observe({ netuid, outcome: outcome.kind }, ms / 1000)
      if (outcome.kind === 'success') firstPiece.observe({ netuid, protocol }, outcome.firstPieceMs / 1000)
    },
    hedged: (netuid) => hedges.inc({ netuid }),
    hedgeWon: (netuid) => hedgeWins.inc({ netuid }),
  }
}
