import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../../core/api-keys.js'
import { AppError, ERRORS, type ErrorCode } from '../../core/errors.js'
import { callerOf } from '../../core/http/index.js'
import type { Logger } from '../../core/log.js'
import type { AnsweringTarget } from '../contract.js'
import type { ReturnCodeName } from '../dendrite/types.js'

/** `refused`: nobody was asked, for the request was wrong or too much. `failed`, `timeout`: no answer, or one that broke off. `cancelled`: the caller hung up. */
export type PromptOutcome = 'success' | 'refused' | 'failed' | 'timeout' | 'cancelled'

/** One request, when it is over. Nothing of what was asked or answered. */
export interface PromptUsage {
  requestId: string
  caller: Caller
  /** Path of the route. */
  route: string
  /** null where the request did not come so far. */
  model: string | null
  /** Who answered, or was the last to fail; the first of several. */
  target: AnsweringTarget | null
  /** Estimates: see `estimateTokens`. Those of an answer are the tokens that were given away, whatever became of it then. */
  promptTokens: number
  completionTokens: number
  /** Answers that were given. */
  answers: number
  outcome: PromptOutcome
  ms: number
  /** Of `target`. */
  returnCode: ReturnCodeName | null
}

/** Whoever stores it. A failure is logged, and no matter of the request. */
export type UsageHook = (usage: PromptUsage) => void | Promise<void>

/** What is known of a request while it is under way. */
export interface Track extends Pick<PromptUsage, 'model' | 'target' | 'promptTokens' | 'completionTokens' | 'answers' | 'returnCode'> {
  readonly startedAt: number
  /** Aborted as soon as nobody waits for the answer any more. */
  readonly signal: AbortSignal
  /** Why it failed. */
  error: AppError | null
}

declare module 'fastify' {
  interface FastifyRequest {
    promptTrack: Track | null
  }
}

export interface TrackingOptions {
  usage: UsageHook
  log: Logger
  /** How long requests may go on when the server has begun to close. */
  drainMs: number
}

/**
 * Follows every request of these routes that may cost something: aborts its signal when the caller hangs up, or the server closes and has waited long enough, and reports
 * it once when it is over. To be called behind `registerAccess`, before the routes are defined.
 */
export function registerTracking(app: FastifyInstance, options: TrackingOptions): void {
  const { log, usage, drainMs } = options
  const active = new Set<AbortController>()
  if (!app.hasRequestDecorator('promptTrack')) app.decorateRequest('promptTrack', null)
  app.addHook('onRequest', (request, reply, done) => {
    if (request.method === 'POST') follow(request, reply)
    done()
  })
  let drained: NodeJS.Timeout | undefined
  const drain = (): void => {
    drained = setTimeout(() => active.forEach((one) => one.abort(app.closing.reason)), drainMs)
  }
  app.closing.addEventListener('abort', drain, { once: true })
  app.addHook('onClose', (_instance, done) => {
    clearTimeout(drained)
    done()
  })

  function follow(request: FastifyRequest, reply: FastifyReply): void {
    const controller = new AbortController()
    const track: Track = {
      ...{ startedAt: performance.now(), signal: controller.signal, error: null },
      ...{ model: null, target: null, promptTokens: 0, completionTokens: 0, answers: 0, returnCode: null },
    }
    request.promptTrack = track
    active.add(controller)
    reply.raw.once('close', () => {
      active.delete(controller)
      const isCancelled = !reply.raw.writableFinished
      if (isCancelled) controller.abort(new AppError('ABORTED', 'the caller has hung up'))
      report(request, track, outcomeOf(track, isCancelled))
    })
  }

  function report(request: FastifyRequest, track: Track, outcome: PromptOutcome): void {
    const { model, target, promptTokens, completionTokens, answers, returnCode, startedAt } = track
    const what = { model, target, promptTokens, completionTokens, answers, returnCode, outcome, ms: performance.now() - startedAt }
    const failed = (error: unknown): void => log.error({ err: error, requestId: request.id }, 'usage was not recorded')
    try {
      const route = request.routeOptions.url ?? ''
      usage({ requestId: request.id, caller: callerOf(request), route, ...what })?.catch(failed)
    } catch (error) {
      failed(error)
    }
  }
}

/** What is known of a request behind `registerTracking`. */
export function trackOf({ promptTrack }: FastifyRequest): Track {
  if (promptTrack === null) throw new Error('this route is not tracked')
  return promptTrack
}

function outcomeOf({ error }: Track, isCancelled: boolean): PromptOutcome {
  if (error === null) return isCancelled ? 'cancelled' : 'success'
  if (error.code === 'UPSTREAM_TIMEOUT') return 'timeout'
  return isRefusal(error.code) ? 'refused' : 'failed'
}

function isRefusal(code: ErrorCode): boolean {
  return ERRORS[code].http < 500
}
