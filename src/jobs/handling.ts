import { UnrecoverableError, type Job } from 'bullmq'
import { AppError, errorMessage, isAppError } from '../core/errors.js'
import type { Logger } from '../core/log.js'
import type { Payload } from './carrier.js'
import type { JobsMetrics, Outcome } from './metrics.js'
import { fromBullId } from './queue.js'
import type { JobHandler } from './types.js'

export type BullJob = Job<Payload> & { id: string }

export interface HandlingOptions {
  job: BullJob
  /** Of the lock. */
  token: string
  /** What has to end first. */
  after: readonly Promise<void>[]
  handler: JobHandler<unknown>
  /** Of the queue. */
  name: string
  log: Logger
  metrics: JobsMetrics
  isRetryable(error: unknown): boolean
}

/** One job in the hands of its handler, until what came of it is in the queue. */
export interface Handling {
  readonly job: BullJob
  readonly token: string
  /** Never rejects. */
  readonly done: Promise<void>
  /** When the lock was taken or last renewed, in milliseconds. */
  renewedAt(): number
  renewed(at: number): void
  /** Whether the job is ours: neither lost nor given back, and still being handled. */
  isHeld(): boolean
  /** The worker closes: the handler is told, and its job given back unless it is finished all the same. */
  stop(): void
  lose(reason: string): void
  /** Gives the job back under a handler that did not come to an end. */
  giveBack(): Promise<void>
}

type Ending =
  { outcome: 'done' } | { outcome: 'again'; delayMs: number } | { outcome: 'given_back' } | { outcome: 'retried' | 'failed'; error: Error }

export function startHandling({ job, token, after, handler, name, log, metrics, isRetryable }: HandlingOptions): Handling {
  const controller = new AbortController()
  const { signal } = controller
  const id = fromBullId(job.id)
  const startedAt = Date.now()
  let renewedAt = startedAt
  let held = true
  /** From here on the queue itself decides whether the lock still held. */
  let isSettling = false
  let isStopping = false

  async function runHandler(): Promise<Ending> {
    try {
      await Promise.all(after)
      signal.throwIfAborted()
      const answer = await handler(job.data.data, { id, attempt: job.attemptsMade + 1, signal })
      return answer === undefined ? { outcome: 'done' } : { outcome: 'again', delayMs: answer.again }
    } catch (error) {
      if (isStopping) return { outcome: 'given_back' }
      return { outcome: isRetryable(error) ? 'retried' : 'failed', error: error instanceof Error ? error : new Error(String(error)) }
    }
  }

  async function settle(ending: Ending): Promise<void> {
    switch (ending.outcome) {
      case 'done':
        return void (await job.moveToCompleted(null, token, false))
      case 'again':
        return job.moveToDelayed(Date.now() + ending.delayMs, token)
      case 'given_back':
        return void (await job.moveToWait(token))
      case 'retried':
        return void (await job.moveToFailed(told(ending.error), token, false))
      case 'failed':
        return void (await job.moveToFailed(new UnrecoverableError(told(ending.error).message), token, false))
    }
  }

  function report(outcome: Outcome, error?: unknown): void {
    metrics.handled(name, outcome, Date.now() - startedAt)
    const about = { queue: name, job: id, attempt: job.attemptsMade, outcome }
    if (outcome === 'failed') log.error({ ...about, err: error }, 'job failed')
    else if (outcome === 'retried') log.warn({ ...about, reason: errorMessage(error) }, 'job failed and is tried again')
    else if (outcome === 'lost') log.warn({ ...about, reason: errorMessage(error) }, 'what became of a job cannot be told to the queue')
    else log.debug(about, 'job handled')
  }

  async function handle(): Promise<void> {
    const ending = await runHandler()
    // Given away, or lost: another one has it by now.
    if (!held) return
    isSettling = true
    try {
      await settle(ending)
      report(ending.outcome, 'error' in ending ? ending.error : undefined)
    } catch (error) {
      report('lost', error)
    }
  }

  function lose(reason: string): void {
    if (!held || isSettling) return
    held = false
    report('lost', reason)
    controller.abort(new AppError('ABORTED', `the job is not ours any more: ${reason}`))
  }

  return {
    job,
    token,
    done: handle(),
    renewedAt: () => renewedAt,
    renewed(at) {
      renewedAt = at
    },
    isHeld: () => held && !isSettling,
    stop() {
      isStopping = true
      controller.abort(new AppError('ABORTED', 'the worker is closed'))
    },
    lose,
    async giveBack() {
      if (!held || isSettling) return
      held = false
      report('given_back')
      await job.moveToWait(token)
    },
  }
}

/** The error as the queue keeps it: with its code, for whoever looks there. */
function told(error: Error): Error {
  return isAppError(error) ? new Error(`${error.code}: ${error.message}`, { cause: error }) : error
}
