import { errorMessage } from '../../core/errors.js'
import type { Logger } from '../../core/log.js'
import type { PromptMessage } from '../dendrite/types.js'
import type { Clock } from '../targets/clock.js'
import type { Good } from './contest.js'
import type { Scorer } from './scorer.js'

export interface RankingOptions {
  scorer: Scorer
  messages: readonly PromptMessage[]
  /** The scorer has this long. */
  timeoutMs: number
  clock: Clock
  signal: AbortSignal
  log: Logger
}

/**
 * Answers best first, and what the model learns from it: the best gets 1, the others 0, so that the gating score of a target nears the share of contests that
 * it wins. A scorer that fails, is late, or answers with anything but a number each is passed over: gating decides, then who was first.
 */
export async function rank(good: readonly Good[], options: RankingOptions): Promise<Good[]> {
  const scores = good.length < 2 ? null : await scored(good, options)
  const value = (index: number): number => scores?.[index] ?? good[index]?.attempt.gating ?? 0
  const best = good.map((one, index) => ({ one, index })).sort((a, b) => value(b.index) - value(a.index) || a.one.ms - b.one.ms)
  // What nobody judged teaches nothing, but that an answer came.
  if (scores !== null || good.length === 1) for (const [place, { one }] of best.entries()) one.attempt.reward(place === 0 ? 1 : 0)
  return best.map(({ one }) => one)
}

function scored(
  good: readonly Good[],
  { scorer, messages, timeoutMs, clock, signal, log }: RankingOptions,
): Promise<readonly number[] | null> {
  const answers = good.map(({ attempt, text, ms }) => ({ text, gating: attempt.gating, ms }))
  const controller = new AbortController()
  return new Promise((resolve) => {
    const giveUp = (): void => settle(null)
    const stop = clock.after(timeoutMs, giveUp)
    signal.addEventListener('abort', giveUp, { once: true })
    // Called inside of a promise: one that throws at once is no different.
    Promise.resolve()
      .then(() => scorer.score(messages, answers, controller.signal))
      .then(
        (scores) => {
          const isWhole = Array.isArray(scores) && scores.length === good.length && scores.every((score) => Number.isFinite(score))
          if (!isWhole) log.warn({ answers: good.length }, 'the scorer gave no number for every answer')
          settle(isWhole ? scores : null)
        },
        (error: unknown) => {
          log.warn({ err: errorMessage(error) }, 'the scorer failed')
          settle(null)
        },
      )

    function settle(scores: readonly number[] | null): void {
      stop()
      signal.removeEventListener('abort', giveUp)
      controller.abort()
      resolve(scores)
    }
  })
}
