import { AppError } from '../../core/errors.js'
import type { Logger } from '../../core/log.js'
import type { Metrics } from '../../core/metrics.js'
import type { PromptAnswer, PromptEngine, PromptModel, PromptRequest, Strategy } from '../contract.js'
import type { Dendrite, DendriteProtocol } from '../dendrite/types.js'
import type { Clock } from '../targets/clock.js'
import type { Candidate, Targets } from '../targets/registry.js'
import { startAttempt, type Attempt } from './attempt.js'
import { runContest, type ContestResult, type Good } from './contest.js'
import { createLatencyModel } from './latency-model.js'
import { createEngineMetrics } from './metrics.js'
import { rank } from './ranking.js'
import type { Scorer } from './scorer.js'
import { ENGINE_DEFAULTS, type EngineSettings } from './settings.js'
import { streamOf } from './stream.js'

export interface EngineOptions {
  targets: Pick<Targets, 'choose' | 'state'>
  dendrites: Readonly<Record<DendriteProtocol, Dendrite>>
  models: readonly PromptModel[]
  scorer: Scorer
  settings?: Partial<EngineSettings>
  clock: Clock
  log: Logger
  metrics: Metrics
}

/** A request with what follows from it. */
interface Plan {
  model: PromptModel
  request: PromptRequest
  strategy: Strategy
  candidates: Candidate[]
  startedAt: number
  signal: AbortSignal
}

/**
 * The strategies, over targets and dendrites. `fastest` asks the first of the weighted order, and one more each time the model's recent p95 has passed without
 * an answer; `stake` goes down the order of stake, and on from one that is silent when its share of the time is over, without giving it up. `best_of` and `all`
 * ask `topN` side by side and let the scorer pick; `best_of` does not wait for the slow ones for ever, `all` waits as long as there is time.
 */
export function createEngine(options: EngineOptions): PromptEngine {
  const { targets, dendrites, scorer, clock, log } = options
  const settings: EngineSettings = { ...ENGINE_DEFAULTS, ...options.settings }
  const metrics = createEngineMetrics(options.metrics)
  const latencies = createLatencyModel(settings)
  const models = new Map(options.models.map((model) => [model.id, model]))

  function plan(request: PromptRequest, signal: AbortSignal): Plan {
    const model = models.get(request.model)
    if (model === undefined)
      throw new AppError('NOT_FOUND', `there is no model ${request.model.slice(0, 100)}; GET /v1/models lists those there are`)
    const strategy = request.strategy ?? model.strategy
    const { uids, hotkeys } = request
    const topN = Math.max(settings.maxAttempts, settings.maxTopN + settings.maxReplacements)
    return {
      model,
      request,
      strategy,
      signal,
      startedAt: clock.now(),
      candidates: targets.choose(model, { uids, hotkeys, strategy, topN }),
    }
  }

  function ask({ model, request, startedAt }: Plan, candidate: Candidate, isWhole: boolean, isHedge: boolean): Attempt {
    const upstream = settings.upstreamModels.get(model.netuid)
    const { messages, stream, sampling, timeoutMs } = request
    if (isHedge) metrics.hedged(model.netuid)
    return startAttempt({
      candidate,
      dendrite: dendrites[candidate.target.protocol],
      call: {
        messages,
        stream,
        timeoutMs: Math.max(1, timeoutMs - (clock.now() - startedAt)),
        maxBytes: settings.maxAnswerBytes,
        model: upstream,
        sampling,
      },
      isWhole,
      isHedge,
      patienceMs: settings.patienceMs,
      clock,
      metrics,
    })
  }

  /** Between two attempts: so long that all can begin while the caller waits. */
  function staggerMs({ strategy, model, request, candidates }: Plan, maxAttempts: number): number {
    const share = Math.min(request.timeoutMs, request.firstTokenMs ?? Infinity) / (Math.min(maxAttempts, candidates.length) + 1)
    return strategy === 'stake' ? share : Math.min(share, latencies.hedgeAfterMs(model.id))
  }

  async function contest(plan: Plan, wanted: number, isWhole: boolean, hasGrace: boolean): Promise<ContestResult> {
    const { candidates, request, signal, model } = plan
    const maxAttempts = wanted === 1 ? settings.maxAttempts : wanted + settings.maxReplacements
    const asked: Attempt[] = []
    const result = await runContest({
      candidates,
      wanted,
      maxAttempts,
      clock,
      signal,
      maxParallel: Math.max(settings.maxParallel, wanted),
      ask: (candidate, isHedge) => {
        const attempt = ask(plan, candidate, isWhole, isHedge)
        asked.push(attempt)
        return attempt
      },
      staggerMs: staggerMs(plan, maxAttempts),
      timeoutMs: request.timeoutMs,
      firstTokenMs: request.firstTokenMs ?? null,
      graceMs: hasGrace ? (ms) => Math.max(settings.graceMinMs, settings.graceFactor * ms) : null,
    })
    for (const { attempt } of result.good) latencies.answered(model.id, attempt.firstPieceMs() ?? 0)
    const isGiven = new Set(result.good.map(({ attempt }) => attempt))
    for (const attempt of asked)
      if (!isGiven.has(attempt) && attempt.failure() === null) latencies.outrun(model.id, clock.now() - attempt.startedAt)
    if (result.good[0]?.attempt.isHedge === true) metrics.hedgeWon(model.netuid)
    return result
  }

  /** One answer, the first good one. */
  async function first(plan: Plan): Promise<PromptAnswer> {
    const { request, startedAt, signal } = plan
    const { good, failed } = await contest(plan, 1, !request.stream, false)
    const [{ attempt, text }] = good as [Good]
    attempt.reward(1)
    const remainingMs = Math.max(0, request.timeoutMs - (clock.now() - startedAt))
    const pieces = request.stream
      ? streamOf({ attempt, first: text, remainingMs, maxBytes: settings.maxAnswerBytes, clock, signal })
      : whole(text)
    return answerOf(plan, attempt, failed, pieces)
  }

  /** Several answers, best first. */
  async function several(plan: Plan, hasGrace: boolean): Promise<ContestResult> {
    const { request, startedAt, signal, candidates } = plan
    const wanted = Math.max(1, Math.min(request.topN ?? settings.topN, settings.maxTopN, candidates.length))
    const { good, failed } = await contest(plan, wanted, true, hasGrace)
    const timeoutMs = Math.max(0, request.timeoutMs - (clock.now() - startedAt))
    const ranked = await rank(good, { scorer, messages: request.messages, timeoutMs, clock, signal, log })
    if (signal.aborted) throw new AppError('ABORTED', 'the caller went away')
    return { good: ranked, failed }
  }

  function answerOf({ startedAt }: Plan, attempt: Attempt, failed: ContestResult['failed'], pieces: AsyncIterable<string>): PromptAnswer {
    const firstPieceMs = attempt.startedAt - startedAt + (attempt.firstPieceMs() ?? 0)
    return { target: attempt.target, firstPieceMs, failed, pieces }
  }

  return {
    models: () => [...models.values()],
    async prompt(_caller, request, signal) {
      const planned = plan(request, signal)
      if (planned.strategy === 'fastest' || planned.strategy === 'stake') return first(planned)
      const { good, failed } = await several(planned, planned.strategy === 'best_of')
      const [{ attempt, text }] = good as [Good]
      return answerOf(planned, attempt, failed, whole(text))
    },
    async promptAll(_caller, request, signal) {
      const planned = plan(request, signal)
      const { good, failed } = await several(planned, false)
      return { results: good.map(({ attempt, text, ms }) => ({ target: attempt.target, text, ms: Math.round(ms) })), failed }
    },
    targets: () => targets.state(),
  }
}

/** One piece. An iterator of its own: a generator takes several turns of the queue for every step. */
function whole(text: string): AsyncIterable<string> {
  return {
    [Symbol.asyncIterator]() {
      let isOver = false
      const end = (): Promise<IteratorResult<string, undefined>> => {
        isOver = true
        return Promise.resolve({ done: true, value: undefined })
      }
      const next = (): Promise<IteratorResult<string, undefined>> => {
        if (isOver) return end()
        isOver = true
        return Promise.resolve({ done: false, value: text })
      }
      return { next, return: end }
    },
  }
}
