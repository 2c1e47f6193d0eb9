import type pg from 'pg'
import { readStoreStats, type StoreStats } from './metadata.js'
import { createSession, databaseError, type ReadSession } from './session.js'

/** Everything that is read from the store. */
export interface Reads {
  /** A consistent view for one request; it must be closed. */
  session(): ReadSession
  /** Sizes and row estimates, a few seconds old at most. */
  stats(): Promise<StoreStats>
  /** Rejects with DATABASE_DOWN when the database does not answer. */
  ping(): Promise<void>
}

export interface ReadsOptions {
  pool: pg.Pool
  /** Bound of one request's statements. */
  timeoutMs?: number
  exactCountLimit?: number
  statsMaxAgeMs?: number
}

export function createReads({ pool, timeoutMs = 10_000, exactCountLimit = 50_000, statsMaxAgeMs = 5_000 }: ReadsOptions): Reads {
  let stats: { at: number; value: Promise<StoreStats> } | null = null
  return {
    session: () => createSession({ pool, timeoutMs, exactCountLimit }),
    async stats() {
      if (stats === null || Date.now() - stats.at > statsMaxAgeMs) {
        const value = readStoreStats(pool)
        stats = { at: Date.now(), value }
        // A failure is told to those who wait for it, and not kept.
        value.catch(() => (stats = null))
      }
      try {
        return await stats.value
      } catch (error) {
        throw databaseError(error)
      }
    },
    async ping() {
      try {
        await pool.query('SELECT 1')
      } catch (error) {
        throw databaseError(error)
      }
    },
  }
}
