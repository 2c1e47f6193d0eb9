import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { AppError, errorMessage } from '../core/errors.js'
import type { Service } from '../core/lifecycle.js'
import type { Logger } from '../core/log.js'
import { isConnectionLoss, toDatabaseError } from '../core/pg-errors.js'
import type { CreditLedger } from '../core/prompting.js'

/** Longer than a request may wait and take with the settings as they come. */
const HOLD_MS = 10 * 60_000
/** What waits for requests that are under way is gone in a moment. */
const BUSY_RETRY_SECONDS = 2
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 5000
/** How long `close` goes on trying. */
const CLOSE_MS = 5000

export interface CreditLedgerOptions {
  pool: pg.Pool
  log: Logger
  /** Says which month it is. How old a hold is goes by the database's clock, which all processes share. */
  now?: () => number
  /** How long a hold is believed: more than any request takes. */
  holdMs?: number
}

export interface CreditStore extends CreditLedger, Service {
  /** Releases what processes that died had set aside, and forgets the oldest of it. For calling now and then; `hold` needs it for nothing. */
  prune(): Promise<void>
}

/**
 * Monthly credits in PostgreSQL. A customer's month is one row with what was used and what is set aside, so that its row lock alone keeps the sum within the limit, however
 * many processes take from it. `hold` and `settle` are one statement each; only one that is about to be refused looks for holds that have expired.
 */
export function createCreditLedger({ pool, log, now = Date.now, holdMs = HOLD_MS }: CreditLedgerOptions): CreditStore {
  /** Settlements that could not be written, by the id of their hold. */
  const waiting = new Map<string, number>()
  let retrying: NodeJS.Timeout | undefined
  let pauseMs = FIRST_PAUSE_MS
  let closing: Promise<void> | undefined

  async function query<R extends pg.QueryResultRow>(doing: string, text: string, values: unknown[] = []): Promise<R[]> {
    try {
      return (await pool.query<R>(text, values)).rows
    } catch (error) {
      throw toDatabaseError(error, doing)
    }
  }

  /** What is taken of the month with the new hold; null when it does not fit. */
  async function take(id: string, customer: string, month: string, credits: number, limit: number): Promise<number | null> {
    const [row] = await query<{ taken: string }>('credits were set aside', HOLD, [id, customer, month, credits, limit, holdMs])
    return row === undefined ? null : Number(row.taken)
  }

  async function release(customer: string, month: string): Promise<number> {
    const [row] = await query<{ used: string }>('expired credits were released', RELEASE, [customer, month])
    return Number(row?.used ?? 0)
  }

  async function settle(id: string, credits: number): Promise<void> {
    try {
      await pool.query(SETTLE, [id, credits])
      waiting.delete(id)
    } catch (error) {
      if (isConnectionLoss(error)) waiting.set(id, credits)
      else {
        waiting.delete(id)
        log.error({ err: error, credits }, 'credits could not be settled')
      }
    }
  }

  /** One after the other, and the first that fails ends it: the rest would fare no better. */
  async function settleWaiting(): Promise<void> {
    for (const [id, credits] of [...waiting]) {
      await settle(id, credits)
      if (waiting.has(id)) return
    }
  }

  function retryLater(): void {
    if (retrying !== undefined || closing !== undefined || waiting.size === 0) return
    retrying = setTimeout(() => {
      void settleWaiting().then(() => {
        retrying = undefined
        pauseMs = waiting.size === 0 ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
        retryLater()
      })
    }, pauseMs)
    retrying.unref()
  }

  async function settleRest(): Promise<void> {
    clearTimeout(retrying)
    const until = Date.now() + CLOSE_MS
    await settleWaiting()
    while (waiting.size > 0 && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 200))
      await settleWaiting()
    }
    if (waiting.size > 0) log.warn({ requests: waiting.size }, 'credits of requests were not charged: the database is away')
  }

  return {
    name: 'prompt credits',

    async hold(customer, limit, credits) {
      const month = monthOf(now())
      const id = randomUUID()
      let taken = await take(id, customer, month, credits, limit)
      if (taken === null) {
        const used = await release(customer, month)
        // Also when nothing was released here: another process may just have done it.
        if (used + credits <= limit) taken = await take(id, customer, month, credits, limit)
        if (taken === null) throw refusal({ limit, credits, used, at: now() })
      }
      let settled: Promise<void> | undefined
      return {
        remaining: limit - taken,
        settle: (charged) => (settled ??= settle(id, charged).then(retryLater)),
      }
    },

    async prune() {
      const expired = await query<{ customer: string; month: string }>('expired credits were looked for', EXPIRED)
      for (const { customer, month } of expired) await release(customer, month)
      await query('old holds were forgotten', FORGET)
    },

    ready: () => Promise.resolve({ ok: true }),
    close: () =>
      (closing ??= settleRest().catch((error: unknown) => log.error({ reason: errorMessage(error) }, 'credits could not be settled'))),
  }
}

/** Credits that customers have used in the month of `at` (UTC), without those that are set aside. Who used none is not in it. */
export async function readUsedCredits(pool: pg.Pool, at: number = Date.now()): Promise<Map<string, number>> {
  try {
    const text = 'SELECT customer, used::text FROM prompt_credits WHERE month = $1::date AND used > 0'
    const { rows } = await pool.query<{ customer: string; used: string }>(text, [monthOf(at)])
    return new Map(rows.map(({ customer, used }) => [customer, Number(used)]))
  } catch (error) {
    throw toDatabaseError(error, 'used credits were read')
  }
}

/*
 * Locks are taken in one order, so that nobody waits in a circle: the row of a hold, then that of the month. A new hold is nobody else's yet.
 */

/** The condition is looked at under the lock of the row, and with its newest values, also by whoever had to wait for it. */
const HOLD = `
  WITH counted AS (
    INSERT INTO prompt_credits AS c (customer, month, used, held)
    SELECT $2, $3::date, 0, $4::bigint WHERE $4::bigint <= $5::bigint
    ON CONFLICT (customer, month) DO UPDATE SET held = c.held + excluded.held WHERE c.used + c.held + excluded.held <= $5::bigint
    RETURNING customer, month, used + held AS taken
  ), held AS (
    INSERT INTO prompt_credit_holds (id, customer, month, credits, expires_at)
    SELECT $1::uuid, customer, month, $4::bigint, now() + $6::float8 * interval '1 millisecond' FROM counted
  )
  SELECT taken::text FROM counted`

/** A hold is settled by whoever deletes it: doing it again changes nothing. One that has expired is charged all the same: there was an answer. */
const SETTLE = `
  WITH gone AS (
    DELETE FROM prompt_credit_holds WHERE id = $1::uuid
    RETURNING customer, month, greatest(least($2::bigint, credits), 0) AS charged, CASE WHEN released THEN 0 ELSE credits END AS freed
  )
  UPDATE prompt_credits c SET used = c.used + gone.charged, held = c.held - gone.freed FROM gone
  WHERE c.customer = gone.customer AND c.month = gone.month`

const RELEASE = `
  WITH expired AS (
    UPDATE prompt_credit_holds SET released = true WHERE id IN (
      SELECT id FROM prompt_credit_holds WHERE customer = $1 AND month = $2::date AND expires_at <= now() AND NOT released ORDER BY id FOR UPDATE
    )
    RETURNING credits
  ), freed AS (
    UPDATE prompt_credits SET held = held - (SELECT sum(credits) FROM expired)
    WHERE customer = $1 AND month = $2::date AND EXISTS (SELECT FROM expired)
  )
  SELECT used::text FROM prompt_credits WHERE customer = $1 AND month = $2::date`

const EXPIRED = `
  SELECT DISTINCT customer, month::text AS month FROM prompt_credit_holds WHERE expires_at <= now() AND NOT released`

const FORGET = "DELETE FROM prompt_credit_holds WHERE released AND expires_at <= now() - interval '1 day'"

function refusal({ limit, credits, used, at }: { limit: number; credits: number; used: number; at: number }): AppError {
  const isBusy = used + credits <= limit
  const retryAfterSeconds = isBusy ? BUSY_RETRY_SECONDS : Math.ceil((nextMonthOf(at) - at) / 1000)
  const message = isBusy
    ? `the ${limit} credits of this month are set aside for requests under way; ${used} are used`
    : `${used} of the ${limit} credits of this month are used, and this request may cost ${credits}`
  return new AppError('RATE_LIMITED', message, { reason: 'insufficient_quota', limit, retryAfterSeconds })
}

/** First day of the month of a time, as PostgreSQL reads dates. */
function monthOf(time: number): string {
  return `${new Date(time).toISOString().slice(0, 7)}-01`
}

function nextMonthOf(time: number): number {
  const date = new Date(time)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
}
