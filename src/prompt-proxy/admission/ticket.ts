/** What a request holds while it is under way, and how all of it is given back, once. */
import type { Caller } from '../../core/api-keys.js'
import { AppError, isAppError } from '../../core/errors.js'
import type { Limits, Place } from '../../core/limits.js'
import type { CreditHold, CreditLedger } from '../../core/prompting.js'
import type { PromptRequest } from '../contract.js'
import { estimateTokens } from '../tokens.js'
import type { AdmissionSettings } from './settings.js'

export interface Ticket {
  readonly caller: Caller
  readonly request: PromptRequest
  readonly signal: AbortSignal
  /** By the clock. */
  readonly since: number
  /** One of the caller's places. */
  place: Place | null
  /** Tokens a minute; null: they are not counted. */
  tokenLimit: number | null
  promptTokens: number
  /** Credits set aside. */
  hold: CreditHold | null
  held: number
  /** It has a place at the engine: what was taken for its prompt is spent. */
  isIn: boolean
  isClosed: boolean
}

export interface TicketOffice {
  /**
   * Takes what the caller's limits ask for, `answers` credits among it; undefined where all of it was decided at once. RATE_LIMITED with `{reason, retryAfterSeconds}` in its
   * detail: `too_many_at_once`, `tokens_per_minute`, `insufficient_quota`. What was taken until then is the ticket's: it has to be closed.
   */
  take(ticket: Ticket, answers: number): Promise<void> | undefined
  /** Gives back all that it holds, charges so many credits, and counts the tokens of the answers. Later calls do nothing. */
  close(ticket: Ticket, charged: number, completionTokens: number): void
}

export interface TicketOfficeOptions {
  limits: Limits
  credits: CreditLedger
  settings: Pick<AdmissionSettings, 'concurrentPrompts' | 'tokensPerMinute'>
  /** Gives a place at the engine back. */
  leave(): void
}

export function newTicket(caller: Caller, request: PromptRequest, signal: AbortSignal, since: number): Ticket {
  return {
    caller,
    request,
    signal,
    since,
    place: null,
    tokenLimit: null,
    promptTokens: 0,
    hold: null,
    held: 0,
    isIn: false,
    isClosed: false,
  }
}

/** Seconds until one of a customer's own requests may be over: nobody knows, and asking again soon costs little. */
const PLACE_SECONDS = 1

export function createTicketOffice({ limits, credits, settings, leave }: TicketOfficeOptions): TicketOffice {
  function take(ticket: Ticket, answers: number): Promise<void> | undefined {
    const { caller } = ticket
    const limit = caller.limits.concurrentPrompts ?? settings.concurrentPrompts
    if (limit === null) return takeTokens(ticket, answers)
    return onceKnown(limits.enter(`prompts ${partyOf(caller)}`, limit), (place) => {
      if (place === null) throw tooMany(limit)
      ticket.place = place
      return takeTokens(ticket, answers)
    })
  }

  function takeTokens(ticket: Ticket, answers: number): Promise<void> | undefined {
    const { caller, request } = ticket
    const limit = caller.limits.tokensPerMinute ?? settings.tokensPerMinute
    if (limit === null) return holdCredits(ticket, answers)
    const cost = request.messages.reduce((sum, { content }) => sum + estimateTokens(content), 0)
    return onceKnown(limits.take(tokensOf(ticket), limit, cost), (quota) => {
      if (request.receipt !== undefined) {
        const { remaining, resetSeconds } = quota
        request.receipt.tokens = { limit, remaining, resetSeconds }
      }
      if (!quota.ok) throw tooManyTokens(limit, quota.retrySeconds)
      ticket.tokenLimit = limit
      ticket.promptTokens = Math.min(cost, limit)
      return holdCredits(ticket, answers)
    })
  }

  function holdCredits(ticket: Ticket, answers: number): Promise<void> | undefined {
    const { caller, request } = ticket
    const limit = caller.limits.monthlyCredits
    return limit === null ? undefined : hold()

    async function hold(): Promise<void> {
      try {
        ticket.hold = await credits.hold(caller.customer, limit as number, answers)
        ticket.held = answers
      } catch (error) {
        const left = answers === 1 && isAppError(error) && error.detail['reason'] === 'insufficient_quota' ? 0 : null
        if (request.receipt !== undefined) request.receipt.creditsLeft = left
        throw error
      }
      if (request.receipt !== undefined) request.receipt.creditsLeft = ticket.hold.remaining
    }
  }

  function close(ticket: Ticket, charged: number, completionTokens: number): void {
    if (ticket.isClosed) return
    ticket.isClosed = true
    const { request, tokenLimit, hold } = ticket
    if (ticket.isIn) leave()
    ticket.place?.leave()
    // A prompt that nobody saw costs nothing.
    const spent = ticket.isIn ? completionTokens : -ticket.promptTokens
    if (tokenLimit !== null && spent !== 0) limits.spend(tokensOf(ticket), tokenLimit, spent)
    const credits = hold === null ? charged : Math.min(charged, ticket.held)
    if (hold !== null) void hold.settle(credits)
    if (request.receipt === undefined) return
    request.receipt.credits = credits
    if (hold !== null) request.receipt.creditsLeft = hold.remaining + ticket.held - credits
  }

  return { take, close }
}

function tokensOf({ caller }: Ticket): string {
  return `tokens ${partyOf(caller)}`
}

/** Callers without a key are one customer; none of them uses up what is another's. */
function partyOf({ customer, party = customer }: Caller): string {
  return party
}

/** Goes on at once with what is known already. */
function onceKnown<T>(value: T | Promise<T>, next: (value: T) => Promise<void> | undefined): Promise<void> | undefined {
  return value instanceof Promise ? value.then(next) : next(value)
}

function tooMany(limit: number): AppError {
  return new AppError('RATE_LIMITED', `too many prompts at once: ${limit} are taken; try again when one of them is answered`, {
    ...{ reason: 'too_many_at_once', limit, retryAfterSeconds: PLACE_SECONDS },
  })
}

function tooManyTokens(limit: number, retrySeconds: number): AppError {
  const retryAfterSeconds = Math.max(Math.ceil(retrySeconds), 1)
  return new AppError('RATE_LIMITED', `too many tokens: ${limit} a minute are taken; try again in ${retryAfterSeconds} s`, {
    ...{ reason: 'tokens_per_minute', limit, retryAfterSeconds },
  })
}
