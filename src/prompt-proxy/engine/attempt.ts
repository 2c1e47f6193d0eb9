import { errorMessage } from '../../core/errors.js'
import type { AnsweringTarget, FailedAttempt } from '../contract.js'
import { DendriteError, type Dendrite, type PromptCall } from '../dendrite/types.js'
import { BACK_OFFS, type FailureCode } from '../targets/back-off.js'
import type { Clock } from '../targets/clock.js'
import type { Outcome } from '../targets/health.js'
import { failureOf } from '../targets/probes.js'
import type { Candidate } from '../targets/registry.js'
import type { EngineMetrics } from './metrics.js'
import { createStopper } from '../stop-signal.js'

/** Why an attempt is over from our side: nobody wants its answer any more, or its time is over. */
type Stop = 'cancelled' | 'late'

type Step =
  { kind: 'piece'; piece: string } | { kind: 'done' } | { kind: 'failed'; code: FailureCode; message: string } | { kind: 'stopped' }

export interface AttemptOptions {
  candidate: Candidate
  dendrite: Dendrite
  call: Omit<PromptCall, 'signal'>
  /** Whether the whole answer is wanted before it counts as good. */
  isWhole: boolean
  /** It was begun because others took long. */
  isHedge: boolean
  patienceMs: number
  clock: Clock
  metrics: EngineMetrics
}

/** One question to one target. Nothing here rejects, and nothing waits for a dendrite that does not heed its signal. */
export interface Attempt {
  target: AnsweringTarget
  gating: number
  isHedge: boolean
  startedAt: number
  /** The answer is good (`text`: all of it, or its first piece), or there will be none. */
  good: Promise<{ ok: true; text: string } | { ok: false }>
  /** Milliseconds from its own start to its first piece; null before. */
  firstPieceMs(): number | null
  failure(): FailedAttempt | null
  reward(score: number): void
  /** The request it belongs to is decided: whether another target answered it decides about a failure that was called the request's. */
  settle(othersAnswered: boolean): void
  /** Ends it all the way down. Nothing after its end. */
  stop(why: Stop): void
  /** What comes after `text` of a good answer that is not whole. */
  next(): Promise<Step>
  /** Whether a piece is waited for. */
  isReading(): boolean
}

const MESSAGE_LENGTH = 300
/** One for all: making an error costs more than beginning an attempt, and nobody looks at where this one was made. */
const STOPPED = new Error('the attempt was stopped')

export function startAttempt(options: AttemptOptions): Attempt {
  const { candidate, dendrite, call, isWhole, isHedge, patienceMs, clock, metrics } = options
  const { target } = candidate
  const startedAt = clock.now()
  const lease = candidate.begin()
  const stopper = createStopper()
  let iterator: AsyncIterator<string> | null = null
  let wake: (() => void) | null = null
  let firstPieceMs: number | null = null
  let failure: FailedAttempt | null = null
  let isStopped = false
  /** The dendrite is at its end by itself: there is nothing to stop. */
  let isDone = false
  let ended = false
  const elapsed = (): number => clock.now() - startedAt

  function end(outcome: Outcome): void {
    if (ended) return
    ended = true
    lease.end(outcome)
    metrics.ended(target, outcome, elapsed())
  }

  function fail(code: FailureCode, message: string): void {
    failure = { ...target, returnCode: code, message: message.slice(0, MESSAGE_LENGTH), ms: Math.round(elapsed()) }
    if (code === 'TIMEOUT' && call.timeoutMs < patienceMs) end({ kind: 'unblamed', code })
    else if (BACK_OFFS[code].blames !== 'request') end({ kind: 'failure', code })
  }

  /** Never rejects; comes back at once when the attempt is stopped, whatever the dendrite does. */
  function next(): Promise<Step> {
    return new Promise((resolve) => {
      if (isStopped) return resolve({ kind: 'stopped' })
      wake = () => resolve({ kind: 'stopped' })
      read().then(
        (result) => {
          wake = null
          if (result.done !== true && result.value !== undefined) return resolve({ kind: 'piece', piece: result.value })
          isDone = true
          if (firstPieceMs !== null) end({ kind: 'success', firstPieceMs })
          resolve({ kind: 'done' })
        },
        (error: unknown) => {
          wake = null
          isDone = true
          if (isStopped) return resolve({ kind: 'stopped' })
          const [code, message] = [failureOf(error), errorMessage(error)]
          fail(code, error instanceof DendriteError ? message : `the call failed: ${message}`)
          resolve({ kind: 'failed', code, message })
        },
      )
    })
  }

  /** In an async function, so that a dendrite that throws at once rejects like any other. */
  async function read(): Promise<IteratorResult<string>> {
    iterator ??= dendrite.prompt(candidate.axon, { ...call, signal: stopper.signal })[Symbol.asyncIterator]()
    return iterator.next()
  }

  async function answer(): Promise<{ ok: true; text: string } | { ok: false }> {
    let text = ''
    for (;;) {
      const step = await next()
      if (step.kind === 'done' && firstPieceMs !== null) return { ok: true, text }
      if (step.kind === 'done') fail('EMPTY_RESPONSE', 'the completion is empty')
      if (step.kind !== 'piece') return { ok: false }
      text += step.piece
      if (text.length > call.maxBytes) {
        fail('INVALID_RESPONSE', `the completion has more than ${call.maxBytes} bytes`)
        halt()
        return { ok: false }
      }
      // White space alone is no answer yet: the target may have nothing else.
      if (firstPieceMs === null && text.trim() !== '') firstPieceMs = elapsed()
      if (!isWhole && firstPieceMs !== null) return { ok: true, text }
    }
  }

  function halt(): void {
    isStopped = true
    if (isDone) return
    stopper.abort(STOPPED)
    wake?.()
    wake = null
    // A generator that stands at a yield is told by this; one that waits gets it when it wakes, if it does.
    void closeQuietly(iterator)
  }

  return {
    target,
    gating: candidate.gating,
    isHedge,
    startedAt,
    good: answer(),
    firstPieceMs: () => firstPieceMs,
    failure: () => failure,
    reward: (score) => lease.reward(score),
    settle(othersAnswered) {
      if (failure !== null && failure.returnCode !== 'SUCCESS')
        end({ kind: othersAnswered ? 'failure' : 'unblamed', code: failure.returnCode })
    },
    stop(why) {
      if (isStopped) return
      const isSilent = firstPieceMs === null || (wake !== null && why === 'late')
      halt()
      if (ended || failure !== null) return
      if (why === 'late' && isSilent)
        failure = { ...target, returnCode: 'TIMEOUT', message: 'its time was over', ms: Math.round(elapsed()) }
      if (why === 'late' && isSilent && elapsed() >= patienceMs) return end({ kind: 'failure', code: 'TIMEOUT' })
      // A stream that was left in its middle was a good one.
      end(firstPieceMs === null || isWhole || isSilent ? { kind: 'cancelled' } : { kind: 'success', firstPieceMs })
    },
    next,
    isReading: () => wake !== null,
  }
}

async function closeQuietly(iterator: AsyncIterator<string> | null): Promise<void> {
  try {
    await iterator?.return?.()
  } catch {
    // It was told to stop; how it does is its own affair.
  }
}
