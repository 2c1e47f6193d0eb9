import type pg from 'pg'
import { AppError, isAppError, toAppError } from '../../core/errors.js'
import { isConnectionLoss } from '../../core/pg-errors.js'
import type { Head } from '../../core/records.js'
import { RAW_TYPES } from './column.js'
import { columnSql, type Entity, type Row } from './entity.js'
import {
  assemblePage,
  behindStatement,
  countStatement,
  decodeRow,
  estimateStatement,
  type Page,
  type PagePlan,
  type PageWants,
  type Parents,
  rowsStatement,
  selectedColumns,
  type Statement,
} from './page.js'
import { createParams } from './params.js'

export interface ReadHead extends Head {
  finalizedHeight: number
}

/** A row of text, as Postgres sends it. */
export type TextRow = readonly (string | null)[]

/**
 * One consistent view of the database: every read of a session sees the same block. It is a read-only transaction that begins at
 * the first read and ends at `close`; a session that reads nothing costs nothing.
 */
export interface ReadSession {
  /** The head of the index that this session sees; null while the index is empty. */
  head(): Promise<ReadHead | null>
  /** The head as far as it has been read already. */
  readonly knownHead: ReadHead | null
  page<E extends Entity>(plan: PagePlan & { entity: E }, wants: PageWants): Promise<Page<Row<E>>>
  /** A page for each parent, in the order of `parents.keys`; the number of statements does not depend on how many there are. */
  pages<E extends Entity>(plan: PagePlan & { entity: E }, wants: PageWants, parents: Parents): Promise<Page<Row<E>>[]>
  /** Rows by the values of `columns`, which find at most one row each; null where there is none. */
  rowsBy<E extends Entity>(
    entity: E,
    columns: readonly string[],
    keys: readonly (readonly unknown[])[],
    heavy?: readonly string[],
  ): Promise<(Row<E> | null)[]>
  query(statement: Statement): Promise<TextRow[]>
  /** How many statements have been sent. */
  readonly statements: number
  close(): Promise<void>
}

export interface SessionOptions {
  pool: pg.Pool
  /** Bound of one statement, and of all statements of the session together (the last one may begin just before the end). */
  timeoutMs: number
  /** `totalCount` is exact up to this many rows and the planner's estimate above. */
  exactCountLimit: number
}

export function createSession({ pool, timeoutMs, exactCountLimit }: SessionOptions): ReadSession {
  let opening: Promise<pg.PoolClient> | null = null
  let head: ReadHead | null = null
  let failure: AppError | null = null
  let deadline = 0
  let statements = 0
  let closed = false
  /** The statement before: a connection takes one at a time, whatever callers do at once. */
  let previous: Promise<unknown> = Promise.resolve()

  async function open(): Promise<pg.PoolClient> {
    const client = await pool.connect()
    try {
      const text = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = ${Math.ceil(timeoutMs)};
        SELECT height, hash, finalized_height FROM checkpoint`
      // A simple query of three statements: one round trip, and the driver answers a list.
      const results = (await client.query({ text, rowMode: 'array', types: RAW_TYPES })) as unknown as pg.QueryArrayResult<string[]>[]
      statements += 1
      const row = results.at(-1)?.rows[0]
      if (row !== undefined) head = { height: Number(row[0]), hash: `0x${(row[1] ?? '').slice(2)}`, finalizedHeight: Number(row[2]) }
      deadline = Date.now() + timeoutMs
      return client
    } catch (error) {
      client.release(true)
      throw error
    }
  }

  async function connected(): Promise<pg.PoolClient> {
    if (closed) throw new AppError('ABORTED', 'the request has ended')
    try {
      return await (opening ??= open())
    } catch (error) {
      throw (failure ??= databaseError(error))
    }
  }

  function query(statement: Statement): Promise<TextRow[]> {
    const result = previous.then(() => send(statement))
    // A failure is told to its own caller; the next one learns it from `failure`.
    previous = result.catch(() => undefined)
    return result
  }

  async function send(statement: Statement): Promise<TextRow[]> {
    const client = await connected()
    // Once a statement has failed the transaction refuses all others: callers see the first reason.
    if (failure !== null) throw failure
    if (Date.now() > deadline) throw (failure = timedOut(timeoutMs))
    statements += 1
    try {
      const result = await client.query<(string | null)[]>({ ...statement, rowMode: 'array', types: RAW_TYPES })
      return result.rows
    } catch (error) {
      throw (failure ??= databaseError(error, timeoutMs))
    }
  }

  async function totals(plan: PagePlan, parents: Parents | null) {
    const counts = new Map<number, { totalCount: number; totalCountIsEstimate: boolean }>()
    for (const [ord, text] of await query(countStatement(plan, parents, exactCountLimit))) {
      const totalCount = Number(text)
      const over = totalCount > exactCountLimit
      counts.set(Number(ord), { totalCount: over ? exactCountLimit : totalCount, totalCountIsEstimate: over })
    }
    const whole = counts.get(0)
    if (parents === null && whole?.totalCountIsEstimate === true) {
      const [row] = await query(estimateStatement(plan))
      const explained = JSON.parse(row?.[0] ?? '[]') as { Plan?: { 'Plan Rows'?: number } }[]
      whole.totalCount = Math.max(exactCountLimit, explained[0]?.Plan?.['Plan Rows'] ?? 0)
    }
    return counts
  }

  async function pages<E extends Entity>(
    plan: PagePlan & { entity: E },
    wants: PageWants,
    parents: Parents | null,
  ): Promise<Page<Row<E>>[]> {
    const names = selectedColumns(plan.entity, plan.sort, wants)
    const ords = parents === null ? [0] : parents.keys.map((_, index) => index + 1)
    const found = new Map<number, Row<E>[]>(ords.map((ord) => [ord, []]))
    if (wants.rows !== false && plan.size > 0) {
      const shift = parents === null ? 0 : 1
      for (const values of await query(rowsStatement(plan, wants, parents)))
        found.get(parents === null ? 0 : Number(values[0]))?.push(decodeRow(plan.entity, names, values, shift))
    }
    const behindQuery = wants.behind === true ? behindStatement(plan, parents) : null
    const behind = new Map<number, boolean>()
    if (behindQuery !== null) for (const [ord, text] of await query(behindQuery)) behind.set(Number(ord), text === 't')
    const counts = wants.totalCount === true ? await totals(plan, parents) : null
    return ords.map((ord) => ({
      ...assemblePage(plan, found.get(ord) ?? [], behind.get(ord) ?? false),
      totalCount: counts?.get(ord)?.totalCount ?? null,
      totalCountIsEstimate: counts?.get(ord)?.totalCountIsEstimate ?? false,
    }))
  }

  async function rowsBy<E extends Entity>(
    entity: E,
    columns: readonly string[],
    keys: readonly (readonly unknown[])[],
    heavy: readonly string[] = [],
  ) {
    const params = createParams()
    const names = selectedColumns(entity, [], { heavy })
    const arrays = columns.map((name, k) =>
      params.addArray(
        entity.columns[name]?.kind ?? 'text',
        keys.map((key) => key[k] ?? null),
      ),
    )
    const source = `unnest(${arrays.join(', ')}) WITH ORDINALITY AS p(${columns.map((_, k) => `k${k}`).join(', ')}, ord)`
    const match = columns.map((name, k) => `${columnSql(entity, 't', name)} = p.k${k}`).join(' AND ')
    const list = names.map((name) => columnSql(entity, 't', name)).join(', ')
    // The LIMIT keeps this a look-up by key for each row, whatever the planner thinks of the number of keys.
    const text = `SELECT p.ord, x.* FROM ${source} CROSS JOIN LATERAL (SELECT ${list} FROM ${entity.from} t WHERE ${match} LIMIT 1) x`
    const rows = new Array<Row<E> | null>(keys.length).fill(null)
    for (const values of await query({ text, values: params.values })) rows[Number(values[0]) - 1] = decodeRow(entity, names, values, 1)
    return rows
  }

  return {
    async head() {
      await connected()
      return head
    },
    get knownHead() {
      return head
    },
    get statements() {
      return statements
    },
    async page(plan, wants) {
      const [page] = await pages(plan, wants, null)
      if (page === undefined) throw new AppError('INTERNAL', 'a page was not assembled')
      return page
    },
    pages,
    rowsBy,
    query,
    async close() {
      if (closed) return
      closed = true
      await previous
      const client = await opening?.catch(() => null)
      if (!client) return
      try {
        await client.query(failure === null ? 'COMMIT' : 'ROLLBACK')
        client.release()
      } catch (error) {
        client.release(error instanceof Error ? error : true)
      }
    },
  }
}

function timedOut(timeoutMs: number): AppError {
  return new AppError('QUERY_TIMEOUT', `the query took longer than ${timeoutMs} ms; ask for less or filter by an indexed column`, {
    timeoutMs,
  })
}

/** Gives the errors of the driver their codes: cancelled by the timeout, connection lost or refused, anything else a bug. */
export function databaseError(error: unknown, timeoutMs = 0): AppError {
  if (isAppError(error)) return error
  if (error instanceof Error && 'code' in error && error.code === '57014') return timedOut(timeoutMs)
  if (isConnectionLoss(error)) return new AppError('DATABASE_DOWN', 'the database does not answer; try again', {}, error)
  return toAppError(error)
}
