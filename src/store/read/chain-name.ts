import type pg from 'pg'
import { toDatabaseError } from '../../core/pg-errors.js'

/** What the chain calls itself whose index this is; null before an indexer has written anything. */
export async function readChainName(pool: pg.Pool): Promise<string | null> {
  try {
    const { rows } = await pool.query<{ name: string }>('SELECT name FROM chain')
    return rows[0]?.name ?? null
  } catch (error) {
    throw toDatabaseError(error, 'the name of the chain was read')
  }
}
