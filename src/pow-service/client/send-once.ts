import type { Submission, SubmissionState, Submitter } from '../../chain/submit/index.js'
import { AppError, isAppError } from '../../core/errors.js'
import type { Logger } from '../../core/log.js'
import type { Hex } from '../../core/records.js'
import type { Journal } from './journal.js'

export interface SendOnce {
  submitter: Submitter
  journal: Journal
  log: Logger
  signal: AbortSignal
  /** Runs signing and sending of one account one after the other: each takes the nonce after those that the node knows of. */
  inTurn?: <T>(work: () => Promise<T>) => Promise<T>
}

export interface Registered {
  netuid: number
  uid: number | null
  blockNumber: number
  hash: Hex
}

/** `registered`: done. `again`: nothing is under way, and another try may help; the text says what happened. */
export type Outcome = { is: 'registered'; place: Registered } | { is: 'again'; why: string }

/**
 * One try to register: what an earlier run sent is looked for first; what is sent is written down before. Errors that waiting mends (a price, a
 * quota, work that has grown old) are `again`, all others are thrown.
 */
export async function sendOnce(deps: SendOnce, of: { netuid: number; hotkey: Hex }, prepare: () => Promise<Submission>): Promise<Outcome> {
  const { submitter, journal, log, signal } = deps
  const before = await journal.read(of.netuid, of.hotkey)
  if (before !== null) {
    log.info({ hash: before.hash, netuid: of.netuid }, 'looking for what was sent earlier')
    const outcome = outcomeOf(before, await submitter.follow(before, { until: 'included', signal }))
    if (outcome.is === 'registered') return outcome
    await journal.remove(before)
  }
  const signAndSend = async (): Promise<Submission> => {
    const prepared = await prepare()
    await journal.write(prepared)
    await submitter.send(prepared)
    return prepared
  }
  let submission: Submission
  try {
    submission = await (deps.inTurn ?? atOnce)(signAndSend)
  } catch (error) {
    const why = passing(error)
    if (why === null) throw error
    return { is: 'again', why }
  }
  const outcome = outcomeOf(submission, await submitter.follow(submission, { until: 'included', signal }))
  log.debug({ hash: submission.hash, netuid: of.netuid, outcome: outcome.is }, 'what was sent has come to its end')
  if (outcome.is === 'again') await journal.remove(submission)
  return outcome
}

function atOnce<T>(work: () => Promise<T>): Promise<T> {
  return work()
}

/** Work one after the other; what fails does not hold up what comes after it. */
export function createTurnstile(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const mine = last.then(work)
    last = mine.catch(() => undefined)
    return mine
  }
}

function outcomeOf(submission: Submission, state: Exclude<SubmissionState, { state: 'pending' }>): Outcome {
  const { netuid, hash } = submission
  if (state.state === 'dropped') return { is: 'again', why: `${hash} was in no block until ${state.lastBlock}` }
  if (state.error !== null) return { is: 'again', why: `the chain refused ${hash}: ${state.error.pallet}.${state.error.name}` }
  return { is: 'registered', place: { netuid, hash, uid: state.uid, blockNumber: state.blockNumber } }
}

/** Reasons of refusals that are over a block or more later, beside those that say so themselves. */
const PASSING: readonly unknown[] = ['STALE_WORK', 'WORK_FORKED', 'ERA_OVER', 'IN_FLIGHT', 'POOL_REFUSED', 'INVALID_TRANSACTION']

function passing(error: unknown): string | null {
  if (!isAppError(error) || error.code !== 'REFUSED') return null
  const { kind, reason } = error.detail
  return kind === 'wait' || PASSING.includes(reason) ? error.message : null
}

export function stopped(): AppError {
  return new AppError('ABORTED', 'stopped before the registration was done')
}
