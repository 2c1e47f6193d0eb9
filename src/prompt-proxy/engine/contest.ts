import { AppError } from '../../core/errors.js'
import type { FailedAttempt } from '../contract.js'
import type { Clock } from '../targets/clock.js'
import type { Candidate } from '../targets/registry.js'
import type { Attempt } from './attempt.js'

export interface ContestOptions {
  /** In the order in which they are asked; at least one. */
  candidates: readonly Candidate[]
  /** Begins an attempt. */
  ask(candidate: Candidate, isHedge: boolean): Attempt
  /** Good answers wanted, and attempts begun side by side. */
  wanted: number
  /** Attempts all in all, and at once. */
  maxAttempts: number
  maxParallel: number
  /** Without any answer for this long, one more target is asked. */
  staggerMs: number
  timeoutMs: number
  /** An attempt without a first piece by then is given up. */
  firstTokenMs: number | null
  /** How long others may still take when the first good answer came after `ms`; null: as long as there is time. */
  graceMs: ((ms: number) => number) | null
  clock: Clock
  signal: AbortSignal
}

export interface Good {
  attempt: Attempt
  text: string
  /** Milliseconds from the start of the contest. */
  ms: number
}

export interface ContestResult {
  /** As they came; at least one. */
  good: Good[]
  failed: FailedAttempt[]
}

/**
 * Asks targets until as many good answers are there as are wanted, or nothing more can come. Whoever fails is replaced by the next in order; whoever is silent
 * gets company after `staggerMs`, and another after that. Ends by `timeoutMs` whatever the dendrites do. When it is over, attempts that are not among `good` have
 * been stopped; an attempt begun before the one that won, and not done, is remembered as worse for the model.
 *
 * Rejects with UPSTREAM_DOWN when all failed, UPSTREAM_TIMEOUT when the time was over, ABORTED when the caller left; the detail has `failed`.
 */
export function runContest(options: ContestOptions): Promise<ContestResult> {
  const { candidates, ask, wanted, maxAttempts, maxParallel, staggerMs, timeoutMs, firstTokenMs, graceMs, clock, signal } = options
  return new Promise((resolve, reject) => {
    const startedAt = clock.now()
    const waiting = candidates.slice(0, maxAttempts)
    const attempts: Attempt[] = []
    const running = new Set<Attempt>()
    const good: Good[] = []
    let over = false
    let stopStagger: (() => void) | null = null
    const stops: (() => void)[] = []

    const onAbort = (): void => finish(new AppError('ABORTED', 'the caller went away'), 'cancelled')
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    stops.push(() => signal.removeEventListener('abort', onAbort))
    stops.push(clock.after(timeoutMs, () => finish(tooLate(), 'late')))
    if (firstTokenMs !== null && firstTokenMs < timeoutMs) stops.push(clock.after(firstTokenMs, dropSilent))
    for (let i = 0; i < wanted; i++) launch(false)
    if (running.size === 0) finish(allFailed(), 'cancelled')

    function launch(isHedge: boolean): void {
      let candidate = waiting.shift()
      while (candidate !== undefined && !candidate.isFree()) candidate = waiting.shift()
      if (candidate === undefined) return
      const attempt = ask(candidate, isHedge)
      attempts.push(attempt)
      running.add(attempt)
      void attempt.good.then((answer) => {
        if (over || !running.delete(attempt)) return
        if (answer.ok) won(attempt, answer.text)
        else lost()
      })
      stagger()
    }

    /** Arms the next hedge. Targets kept for need get twice the time before they are turned to. */
    function stagger(): void {
      stopStagger?.()
      stopStagger = null
      const [next] = waiting
      if (next === undefined || good.length > 0) return
      stopStagger = clock.after(next.isLastResort ? 2 * staggerMs : staggerMs, () => {
        stopStagger = null
        if (running.size < maxParallel) launch(true)
      })
    }

    function won(attempt: Attempt, text: string): void {
      good.push({ attempt, text, ms: clock.now() - startedAt })
      if (good.length === 1) {
        stopStagger?.()
        if (graceMs !== null && wanted > 1) stops.push(clock.after(graceMs(clock.now() - startedAt), () => finish(null, 'cancelled')))
      }
      if (good.length >= wanted) return finish(null, 'cancelled')
      replace()
    }

    function lost(): void {
      replace()
      if (!over && good.length === 0 && stopStagger === null) stagger()
    }

    function replace(): void {
      if (running.size + good.length < wanted && waiting.length > 0) launch(false)
      if (running.size > 0) return
      finish(good.length > 0 ? null : allFailed(), 'cancelled')
    }

    /** Whoever has given nothing by now would be too late with its first piece, and so would whoever is asked from now on. */
    function dropSilent(): void {
      waiting.length = 0
      for (const attempt of running) {
        if (attempt.firstPieceMs() !== null) continue
        running.delete(attempt)
        attempt.stop('late')
      }
      if (running.size === 0 || (graceMs !== null && good.length > 0)) finish(good.length > 0 ? null : tooLate(), 'cancelled')
    }

    function finish(error: AppError | null, why: 'cancelled' | 'late'): void {
      if (over) return
      over = true
      for (const stop of stops) stop()
      stopStagger?.()
      const winner = good[0]?.attempt
      for (const attempt of running) {
        attempt.stop(why)
        if (wanted === 1 && winner !== undefined && attempt.startedAt < winner.startedAt) attempt.reward(0)
      }
      for (const attempt of attempts) attempt.settle(good.length > 0)
      const failed = attempts.flatMap((attempt) => attempt.failure() ?? [])
      if (good.length > 0 && !(error?.code === 'ABORTED')) return resolve({ good, failed })
      const { code, message } = error ?? tooLate()
      reject(new AppError(code, message, { failed }))
    }

    function tooLate(): AppError {
      return new AppError(
        'UPSTREAM_TIMEOUT',
        `no target answered within ${firstTokenMs === null ? timeoutMs : Math.min(timeoutMs, firstTokenMs)} ms`,
      )
    }

    /** A dendrite that keeps the deadline itself says so a moment before the deadline here. */
    function allFailed(): AppError {
      const failures = attempts.flatMap((attempt) => attempt.failure() ?? [])
      if (failures.length > 0 && failures.every(({ returnCode }) => returnCode === 'TIMEOUT')) return tooLate()
      return new AppError('UPSTREAM_DOWN', `all ${attempts.length} targets asked failed`)
    }
  })
}
