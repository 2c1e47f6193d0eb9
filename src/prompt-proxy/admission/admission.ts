import type { Caller } from '../../core/api-keys.js'
import { AppError, errorMessage, isAppError } from '../../core/errors.js'
import type { Limits } from '../../core/limits.js'
import type { Logger } from '../../core/log.js'
import type { Metrics } from '../../core/metrics.js'
import type { CreditLedger, PromptReads } from '../../core/prompting.js'
import type { PromptAnswer, PromptEngine, PromptRequest } from '../contract.js'
import type { Clock } from '../targets/clock.js'
import { inTime } from '../targets/in-time.js'
import { estimateTokens } from '../tokens.js'
import { createGate } from './gate.js'
import { metered } from './metered.js'
import { createAdmissionMetrics, type RefusalReason } from './metrics.js'
import type { AdmissionSettings } from './settings.js'
import { createStandings } from './standings.js'
import { createTicketOffice, newTicket, type Ticket } from './ticket.js'

export interface AdmissionOptions {
  engine: PromptEngine
  limits: Limits
  credits: CreditLedger
  standing: PromptReads['standing']
  settings: AdmissionSettings
  clock: Clock
  /** In [0, 1). */
  random?: () => number
  log: Logger
  metrics: Metrics
}

export interface Admission extends PromptEngine {
  /** Requests that wait for a place, and those that have one. */
  waiting(): number
  inFlight(): number
}

/** A place in the queue does not wait longer for the index. */
const STANDING_MS = 500
/** Between two warnings that stake cannot be read. */
const QUIET_MS = 60_000

/**
 * The engine, for as many at once as it is meant for, and each customer within its limits. Taken in this order: one of the customer's places, the tokens of the prompt,
 * credits for as many answers as it may be given, and a place at the engine, for which a request may have to wait: who has more stake on a hotkey it has shown to hold waits
 * shorter (`createGate` has the rule), and the time is taken off that of the request. All of it is given back whichever way the request ends.
 *
 * An answer costs a credit once it was read to its end, or the caller ended it after a first piece; the tokens of answers are counted afterwards, so that a customer may
 * owe some, and waits until it does not. Errors beside those of the engine: RATE_LIMITED and OVERLOADED, with `{reason, retryAfterSeconds}` in their detail; whatever
 * `limits` and `credits` throw.
 */
export function createAdmission(options: AdmissionOptions): Admission {
  const { engine, settings, clock, log, random = Math.random } = options
  const gate = createGate({ settings, clock, random })
  const office = createTicketOffice({ ...options, leave: gate.leave })
  const metrics = createAdmissionMetrics(options.metrics, gate)
  const standings = createStandings({ read: options.standing, clock })
  let quietUntil = -Infinity

  async function waitForPlace(ticket: Ticket): Promise<void> {
    const { caller, signal, since, request } = ticket
    const { timeoutMs, firstTokenMs = Infinity } = request
    const mostMs = Math.min(settings.maxWaitMs, timeoutMs, firstTokenMs)
    const from = clock.now()
    try {
      const stake = caller.hotkey === undefined ? 0n : await stakeOf(caller.hotkey)
      await gate.enter({ stake, since: from, waitMs: mostMs - (clock.now() - since), signal })
      ticket.isIn = true
      metrics.waited(clock.now() - from)
    } finally {
      if (request.receipt !== undefined) request.receipt.waitedMs = clock.now() - from
    }
  }

  /** rao; 0 where the index does not say in time: a request never fails for it. */
  async function stakeOf(hotkey: string): Promise<bigint> {
    try {
      return (standings.known(hotkey) ?? (await inTime(() => standings.of(hotkey), STANDING_MS, clock))).stake
    } catch (error) {
      if (clock.now() >= quietUntil) {
        quietUntil = clock.now() + QUIET_MS
        log.warn({ err: errorMessage(error) }, 'the stake of a caller could not be read, it waits as one without stake')
      }
      return 0n
    }
  }

  /** What `give` makes of what `ask` came to, asked with a place. When it fails, all that it holds is given back; otherwise `give` sees to that. */
  async function admitted<T>(
    ticket: Ticket,
    answers: number,
    ask: (request: PromptRequest) => Promise<T>,
    give: (asked: T) => T,
  ): Promise<T> {
    const { request, signal, since } = ticket
    try {
      const taken = office.take(ticket, answers)
      if (taken === undefined && gate.tryEnter()) {
        ticket.isIn = true
        return give(await ask(request))
      }
      if (taken !== undefined) await taken
      if (signal.aborted) throw new AppError('ABORTED', 'the caller went away')
      if (gate.tryEnter()) ticket.isIn = true
      else await waitForPlace(ticket)
      return give(await ask(shortened(request, clock.now() - since)))
    } catch (error) {
      office.close(ticket, 0, 0)
      const reason = refusalOf(error)
      if (reason !== null) metrics.refused(reason)
      throw error
    }
  }

  function prompt(caller: Caller, request: PromptRequest, signal: AbortSignal): Promise<PromptAnswer> {
    const ticket = newTicket(caller, request, signal, clock.now())
    return admitted(
      ticket,
      1,
      (timed) => engine.prompt(caller, timed, signal),
      ({ target, firstPieceMs, failed, pieces }) => {
        const end = (credits: number, tokens: number): void => office.close(ticket, credits, tokens)
        return { target, firstPieceMs, failed, pieces: metered(pieces, ticket, end) }
      },
    )
  }

  function promptAll(caller: Caller, request: PromptRequest, signal: AbortSignal): ReturnType<PromptEngine['promptAll']> {
    const ticket = newTicket(caller, request, signal, clock.now())
    return admitted(
      ticket,
      answersOf(request),
      (timed) => engine.promptAll(caller, timed, signal),
      ({ results, failed }) => {
        const given = results.slice(0, request.keep)
        const { maxTokens = Infinity } = request.sampling ?? {}
        const tokens = given.reduce((sum, { text }) => sum + Math.min(estimateTokens(text), maxTokens), 0)
        office.close(ticket, given.length, tokens)
        return { results: given, failed }
      },
    )
  }

  /** As many as the engine may give for it. */
  function answersOf({ topN = settings.topN, keep = Infinity }: PromptRequest): number {
    return Math.max(1, Math.min(topN, settings.maxTopN, keep))
  }

  return {
    models: () => engine.models(),
    targets: () => engine.targets(),
    waiting: gate.waiting,
    inFlight: gate.inFlight,
    prompt,
    promptAll,
  }
}

/** What is left to it after it has waited. */
function shortened(request: PromptRequest, ms: number): PromptRequest {
  if (ms <= 0) return request
  const { timeoutMs, firstTokenMs } = request
  return {
    ...request,
    timeoutMs: Math.max(1, timeoutMs - ms),
    firstTokenMs: firstTokenMs === undefined ? undefined : Math.max(1, firstTokenMs - ms),
  }
}

const REASONS: readonly string[] = [
  'too_many_at_once',
  'tokens_per_minute',
  'insufficient_quota',
  'queue_full',
  'waited_too_long',
] satisfies RefusalReason[]

function refusalOf(error: unknown): RefusalReason | null {
  if (!isAppError(error) || (error.code !== 'RATE_LIMITED' && error.code !== 'OVERLOADED')) return null
  const { reason } = error.detail
  return typeof reason === 'string' && REASONS.includes(reason) ? (reason as RefusalReason) : null
}
