import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../../core/errors.js'
import { callerOf } from '../../core/http/index.js'
import type { PromptUsageLog, PromptUsageRow } from '../../core/prompting.js'
import { CLOSING } from '../../core/lifecycle.js'
import type { AnsweringTarget, Receipt } from '../contract.js'
import type { ReturnCodeName } from '../dendrite/types.js'
import { outcomeOf } from '../outcome.js'

/** What is known of a request while it is under way. */
export interface Track extends Pick<PromptUsageRow, 'model' | 'promptTokens' | 'completionTokens' | 'answers'> {
  /** When it came, by the clock of the machine and by `performance.now`. */
  readonly at: Date
  readonly startedAt: number
  /** Aborted as soon as nobody waits for the answer any more. */
  readonly signal: AbortSignal
  /** What it cost, written by the engine. */
  readonly receipt: Receipt
  /** Who answered, or was the last to fail; the first of several. */
  target: AnsweringTarget | null
  returnCode: ReturnCodeName | null
  /** Why it failed. */
  error: AppError | null
}

declare module 'fastify' {
  interface FastifyRequest {
    promptTrack: Track | null
  }
}

export interface TrackingOptions {
  usage: PromptUsageLog
  /** How long requests may go on when the server has begun to close. */
  drainMs: number
}

/**
 * Follows every request of these routes that may cost something: aborts its signal when the caller hangs up, or the server closes and has waited long enough, and reports
 * it once when it is over. To be called behind `registerAccess`, before the routes are defined.
 */
export function registerTracking(app: FastifyInstance, options: TrackingOptions): void {
  const { usage, drainMs } = options
  const active = new Set<AbortController>()
  app.addHook('onRequest', (request, reply, done) => {
    if (request.method === 'POST') follow(request, reply)
    done()
  })
  let drained: NodeJS.Timeout | undefined
  const drain = (): void => {
    // Not the caller's doing: what it was given so far costs nothing.
    const closing = new AppError('ABORTED', 'the server is closing', { reason: CLOSING })
    drained = setTimeout(() => active.forEach((one) => one.abort(closing)), drainMs)
  }
  app.closing.addEventListener('abort', drain, { once: true })
  app.addHook('onClose', (_instance, done) => {
    clearTimeout(drained)
    done()
  })

  function follow(request: FastifyRequest, reply: FastifyReply): void {
    const controller = new AbortController()
    const track: Track = {
      at: new Date(),
      startedAt: performance.now(),
      signal: controller.signal,
      error: null,
      model: null,
      target: null,
      promptTokens: 0,
      completionTokens: 0,
      answers: 0,
      returnCode: null,
      receipt: { waitedMs: 0, credits: 0, creditsLeft: null, tokens: null },
    }
    request.promptTrack = track
    active.add(controller)
    reply.raw.once('close', () => {
      active.delete(controller)
      const isCancelled = !reply.raw.writableFinished
      // What it held is given back by this, and its receipt is written.
      if (isCancelled) controller.abort(new AppError('ABORTED', 'the caller has hung up'))
      usage.add(rowOf(request, track, isCancelled))
    })
  }
}

function rowOf(request: FastifyRequest, track: Track, isCancelled: boolean): PromptUsageRow {
  const { at, startedAt, model, promptTokens, completionTokens, answers, returnCode, error, target, receipt } = track
  const { customer, hotkey } = callerOf(request)
  return {
    requestId: request.id,
    at,
    customer,
    callerHotkey: hotkey ?? null,
    route: request.routeOptions.url ?? '',
    model,
    netuid: target?.netuid ?? null,
    uid: target?.uid ?? null,
    hotkey: target?.hotkey ?? null,
    protocol: target?.protocol ?? null,
    returnCode,
    outcome: error === null && isCancelled ? 'cancelled' : outcomeOf(error),
    errorCode: error?.code ?? null,
    promptTokens,
    completionTokens,
    answers,
    credits: receipt.credits,
    waitedMs: receipt.waitedMs,
    ms: performance.now() - startedAt,
  }
}

/** What is known of a request behind `registerTracking`. */
export function trackOf({ promptTrack }: FastifyRequest): Track {
  if (promptTrack === null) throw new Error('this route is not tracked')
  return promptTrack
}
