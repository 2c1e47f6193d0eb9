import type pg from 'pg'
import { errorMessage } from '../core/errors.js'
import { sleep, type Service } from '../core/lifecycle.js'
import type { Logger } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
import { isConnectionLoss, toDatabaseError } from '../core/pg-errors.js'
import type { PromptUsageLog, PromptUsageRow } from '../core/prompting.js'
import { decodeSs58 } from '../core/units/ss58.js'
import { dayOf, dropDaysBefore, ensureDays } from './prompt-usage-days.js'
import { createPromptUsageMetrics } from './prompt-usage-metrics.js'
import { createUuidV7 } from './uuid-v7.js'

/** A statement takes at most so many rows; as many do not wait for the time to come. */
const BATCH_ROWS = 500
const FLUSH_MS = 1000
/** Rows that wait at most: a minute and more of busy hours, in a few megabytes. */
const BUFFER_ROWS = 10_000
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 5000
const WARN_MS = 60_000
/** How long `close` goes on trying. */
const CLOSE_MS = 5000
const CHECK_VIOLATION = '23514'
const LOCK_NOT_AVAILABLE = '55P03'

export interface PromptUsageOptions {
  pool: pg.Pool
  log: Logger
  metrics: Metrics
  /** Days that rows are kept, besides today (UTC). */
  keepDays?: number
  /** For tests. */
  now?: () => number
  flushMs?: number
  closeMs?: number
}

export interface PromptUsageStore extends PromptUsageLog, Service {
  /** Drops the days that are no longer kept, and tells how many. It costs little however many rows they had; calling it once an hour is enough. */
  prune(): Promise<number>
}

interface Entry {
  id: string
  row: PromptUsageRow
}

/**
 * The usage log in PostgreSQL. Rows wait in memory for a second at most and are written many at once; while the database is away they wait on, until there are too
 * many: then the oldest are dropped. A row is written once, also where an attempt broke off and nobody knows whether it was done.
 */
export function createPromptUsageLog(options: PromptUsageOptions): PromptUsageStore {
  const { pool, log, metrics, keepDays = 90, now = Date.now, flushMs = FLUSH_MS, closeMs = CLOSE_MS } = options
  const { rows: counted, waiting } = createPromptUsageMetrics(metrics)
  const newId = createUuidV7(now)
  const days = new Set<number>()
  let buffer: Entry[] = []
  let timer: NodeJS.Timeout | undefined
  let flushing: Promise<void> | undefined
  /** 0 while the database answers. */
  let pauseMs = 0
  let untold = 0
  let droppedAt = -Infinity
  let waitedAt = -Infinity
  let isClosing = false
  let isClosed = false
  let closing: Promise<void> | undefined

  function drop(count: number, reason: string): void {
    counted.inc({ result: 'dropped' }, count)
    untold += count
    if (now() - droppedAt < WARN_MS) return
    log.warn({ dropped: untold, reason }, 'rows of the prompt usage log were dropped')
    droppedAt = now()
    untold = 0
  }

  function flushSoon(): void {
    if (timer !== undefined || flushing !== undefined || isClosing) return
    timer = setTimeout(() => void flush(), Math.max(pauseMs, flushMs))
    timer.unref()
  }

  /** Writes what waits, or as much as the database takes; never rejects. */
  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    return (flushing ??= writeBatches().finally(() => {
      flushing = undefined
      waiting.set(buffer.length)
      if (buffer.length > 0) flushSoon()
    }))
  }

  /** What is less than a batch waits for its second: otherwise a busy service would write a few rows at a time without a pause. */
  async function writeBatches(): Promise<void> {
    do {
      const batch = buffer.slice(0, BATCH_ROWS)
      buffer = buffer.slice(BATCH_ROWS)
      try {
        await write(batch)
        pauseMs = 0
      } catch (error) {
        buffer = [...batch, ...buffer]
        trim()
        pauseMs = Math.min(Math.max(pauseMs * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS)
        if (now() - waitedAt < WARN_MS) return
        log.warn({ rows: buffer.length, reason: errorMessage(error) }, 'the prompt usage log cannot be written; trying again')
        waitedAt = now()
        return
      }
    } while (buffer.length >= (isClosing ? 1 : BATCH_ROWS))
  }

  /** Rejects while the database is away. A row that it refuses is found by halves and dropped, so that it cannot hold up the others for ever. */
  async function write(batch: readonly Entry[]): Promise<void> {
    try {
      await insert(batch)
      counted.inc({ result: 'written' }, batch.length)
    } catch (error) {
      if (!isRowAtFault(error)) throw error
      if (batch.length === 1) return drop(1, errorMessage(error))
      const half = batch.length >> 1
      await write(batch.slice(0, half))
      await write(batch.slice(half))
    }
  }

  async function insert(batch: readonly Entry[]): Promise<void> {
    const values = columnsOf(batch)
    const wanted = [...new Set(batch.map(({ row }) => dayOf(row.at)))]
    const missing = wanted.filter((day) => !days.has(day))
    if (missing.length > 0) await ensureDays(pool, missing)
    for (const day of missing) days.add(day)
    try {
      await pool.query(INSERT, values)
    } catch (error) {
      if ((error as { code?: unknown }).code !== CHECK_VIOLATION) throw error
      // Another process dropped a day that this one had seen.
      await ensureDays(pool, wanted)
      await pool.query(INSERT, values)
    }
  }

  function trim(): void {
    const excess = buffer.length - BUFFER_ROWS
    if (excess <= 0) return
    buffer = buffer.slice(excess)
    drop(excess, 'the database is away')
  }

  async function writeRest(): Promise<void> {
    isClosing = true
    clearTimeout(timer)
    const until = Date.now() + closeMs
    await flushing
    while (buffer.length > 0) {
      await flush()
      if (Date.now() > until) break
      if (pauseMs > 0) await sleep(200)
    }
    droppedAt = -Infinity
    if (buffer.length > 0) drop(buffer.length, 'the database is away, and the service ends')
    buffer = []
    waiting.set(0)
    isClosed = true
  }

  return {
    name: 'prompt usage log',

    add(row) {
      if (isClosed) return drop(1, 'the service has ended')
      buffer.push({ id: newId(), row })
      trim()
      waiting.set(buffer.length)
      // A full batch goes at once, but not while the database is away.
      if (buffer.length >= BATCH_ROWS && pauseMs === 0 && !isClosing) void flush()
      else flushSoon()
    },

    async prune() {
      const first = dayOf(new Date(now())) - keepDays
      try {
        const dropped = await dropDaysBefore(pool, first)
        for (const day of days) if (day < first) days.delete(day)
        if (dropped > 0) log.info({ days: dropped }, 'days of the prompt usage log dropped')
        return dropped
      } catch (error) {
        if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw toDatabaseError(error, 'the prompt usage log was pruned')
        log.debug('the prompt usage log is being read; it is pruned another time')
        return 0
      }
    },

    ready: () => Promise.resolve({ ok: true }),
    close: () => (closing ??= writeRest()),
  }
}

/** Whether what it says of a row was wrong, as opposed to something that may be mended while the rows wait. */
function isRowAtFault(error: unknown): boolean {
  if (isConnectionLoss(error)) return false
  const { code } = error as { code?: unknown }
  const isServers = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)
  return !isServers || /^2[23]/.test(code)
}

type Value = string | number | Date | null

const text = (value: string | null): string | null => value?.replaceAll('\0', '\ufffd') ?? null
const account = (hotkey: string | null): string | null => (hotkey === null ? null : `\\x${decodeSs58(hotkey).slice(2)}`)

/** Name and type of each column, and how it comes out of an entry. */
const COLUMNS: readonly (readonly [name: string, type: string, of: (entry: Entry) => Value])[] = [
  ['id', 'uuid', ({ id }) => id],
  ['at', 'timestamptz', ({ row }) => row.at.toISOString()],
  ['request_id', 'text', ({ row }) => text(row.requestId)],
  ['customer', 'text', ({ row }) => text(row.customer)],
  ['caller_hotkey', 'bytea', ({ row }) => account(row.callerHotkey)],
  ['route', 'text', ({ row }) => text(row.route)],
  ['model', 'text', ({ row }) => text(row.model)],
  ['netuid', 'int', ({ row }) => row.netuid],
  ['uid', 'int', ({ row }) => row.uid],
  ['hotkey', 'bytea', ({ row }) => account(row.hotkey)],
  ['protocol', 'text', ({ row }) => text(row.protocol)],
  ['return_code', 'text', ({ row }) => text(row.returnCode)],
  ['outcome', 'text', ({ row }) => row.outcome],
  ['error_code', 'text', ({ row }) => text(row.errorCode)],
  ['prompt_tokens', 'int', ({ row }) => row.promptTokens],
  ['completion_tokens', 'int', ({ row }) => row.completionTokens],
  ['answers', 'int', ({ row }) => row.answers],
  ['credits', 'int', ({ row }) => row.credits],
  ['waited_ms', 'real', ({ row }) => row.waitedMs],
  ['ms', 'real', ({ row }) => row.ms],
]

/** What was written by an attempt that broke off is there already, under the same id. */
const INSERT = `
  INSERT INTO prompt_usage (${COLUMNS.map(([name]) => name).join(', ')})
  SELECT * FROM unnest(${COLUMNS.map(([, type], i) => `$${i + 1}::${type}[]`).join(', ')})
  ON CONFLICT DO NOTHING`

function columnsOf(batch: readonly Entry[]): Value[][] {
  return COLUMNS.map(([, , of]) => batch.map(of))
}
