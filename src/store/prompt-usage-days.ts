import type pg from 'pg'
import { lockedTransaction } from './locked-transaction.js'

const LOCK = 7_270_741
const DAY_MS = 24 * 3600 * 1000
/** Dropping a day waits for those who read the table, and holds up those who write to it meanwhile. */
const DROP_WAIT = '2s'

/** Number of the UTC day of a time, counted from 1970. */
export function dayOf(at: Date): number {
  return Math.floor(at.getTime() / DAY_MS)
}

/**
 * Makes the partitions of `prompt_usage` for these days, where they are missing. Safe from many processes at once. A new table is made apart and then attached: that
 * does not wait for running queries nor hold up new ones.
 */
export async function ensureDays(pool: pg.Pool, days: readonly number[]): Promise<void> {
  await lockedTransaction(pool, { lock: [LOCK], explain: (error) => error }, async (client) => {
    const present = new Set(await readDays(client))
    for (const day of days) {
      if (present.has(day)) continue
      await client.query(
        `CREATE TABLE ${nameOf(day)} (LIKE prompt_usage INCLUDING ALL);
         ALTER TABLE prompt_usage ATTACH PARTITION ${nameOf(day)} FOR VALUES FROM ('${startOf(day)}') TO ('${startOf(day + 1)}')`,
      )
    }
  })
}

/** Drops the days before one, and tells how many those were. Fails with 55P03 (lock_not_available) while the table is being read for long. */
export async function dropDaysBefore(pool: pg.Pool, day: number): Promise<number> {
  return lockedTransaction(pool, { lock: [LOCK], explain: (error) => error }, async (client) => {
    const old = (await readDays(client)).filter((one) => one < day)
    if (old.length > 0) await client.query(`SET LOCAL lock_timeout = '${DROP_WAIT}'; DROP TABLE ${old.map(nameOf).join(', ')}`)
    return old.length
  })
}

async function readDays(client: pg.ClientBase): Promise<number[]> {
  const { rows } = await client.query<{ name: string }>(
    "SELECT c.relname AS name FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = 'prompt_usage'::regclass",
  )
  return rows.flatMap(({ name }) => {
    const [, year, month, date] = /^prompt_usage_d(\d{4})(\d\d)(\d\d)$/.exec(name) ?? []
    return year === undefined ? [] : [Date.UTC(Number(year), Number(month) - 1, Number(date)) / DAY_MS]
  })
}

function nameOf(day: number): string {
  return `prompt_usage_d${startOf(day).slice(0, 10).replaceAll('-', '')}`
}

function startOf(day: number): string {
  return new Date(day * DAY_MS).toISOString()
}
