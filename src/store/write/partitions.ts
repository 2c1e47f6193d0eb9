import type pg from 'pg'
import { PARTITIONED } from './fact-tables.js'

/** Blocks in one partition: about five months of finney, and few enough partitions that planning stays cheap. */
export const PARTITION_BLOCKS = 1_000_000
const LOCK = 7_270_738

/**
 * Makes the partitions that blocks `from`..`to` go to, where they are missing. Safe from many processes at once. A new table is made
 * apart and then attached: unlike CREATE TABLE ... PARTITION OF, that does not wait for running queries nor hold up new ones.
 */
export async function ensurePartitions(client: pg.ClientBase, from: number, to: number, known: Set<number>): Promise<void> {
  const numbers: number[] = []
  for (let n = Math.floor(from / PARTITION_BLOCKS); n <= Math.floor(to / PARTITION_BLOCKS); n++) if (!known.has(n)) numbers.push(n)
  if (numbers.length === 0) return
  await client.query(`BEGIN; SELECT pg_advisory_xact_lock(${LOCK})`)
  try {
    const wanted = numbers.flatMap((n) => PARTITIONED.map((table) => ({ table, n, name: `${table}_p${n}` })))
    const { rows } = await client.query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
       WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY ($1)`,
      [wanted.map(({ name }) => name)],
    )
    const present = new Set(rows.map(({ name }) => name))
    const missing = wanted.filter(({ name }) => !present.has(name))
    await client.query(
      missing
        .map(
          ({ table, n, name }) =>
            `CREATE TABLE ${name} (LIKE ${table} INCLUDING ALL);
             ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM (${n * PARTITION_BLOCKS}) TO (${(n + 1) * PARTITION_BLOCKS});`,
        )
        .join('\n'),
    )
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
  for (const n of numbers) known.add(n)
}
