import type pg from 'pg'
import { isConnectionLoss } from '../core/pg-errors.js'

/**
 * Does `work` in a transaction that holds an advisory lock, of one number or a pair. `before` runs on the same connection ahead of the transaction.
 * Whatever fails is thrown as `explain` makes it.
 */
export async function lockedTransaction<T>(
  pool: pg.Pool,
  options: {
    lock: readonly [number] | readonly [number, number]
    before?: (client: pg.PoolClient) => Promise<void>
    explain: (error: unknown) => unknown
  },
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  let client: pg.PoolClient | undefined
  let failure: unknown
  try {
    client = await pool.connect()
    await options.before?.(client)
    await client.query(`BEGIN; SELECT pg_advisory_xact_lock(${options.lock.join(', ')})`)
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    failure = error
    await client?.query('ROLLBACK').catch(() => undefined)
    throw options.explain(error)
  } finally {
    // A connection that failed in its plumbing is not used again; one that only said no is.
    client?.release(isConnectionLoss(failure))
  }
}
