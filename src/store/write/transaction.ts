import type pg from 'pg'
import { AppError, errorMessage, isAppError } from '../../core/errors.js'
import { toDatabaseError } from '../../core/pg-errors.js'
import type { Head, Hex } from '../../core/records.js'
import { lockedTransaction } from '../locked-transaction.js'
import { ensurePartitions } from './partitions.js'

/** Held by every transaction that writes to the index, in all processes. */
const WRITER_LOCK = 7_270_739

export interface Transactions {
  run<T>(options: { doing: string; partitions?: { from: number; to: number } }, work: (client: pg.PoolClient) => Promise<T>): Promise<T>
  read<T>(doing: string, work: (pool: pg.Pool) => Promise<T>): Promise<T>
}

export interface Checkpoint extends Head {
  finalizedHeight: number
}

export function transactions(pool: pg.Pool): Transactions {
  const partitions = new Set<number>()

  return {
    async run({ doing, partitions: blocks }, work) {
      const before = async (client: pg.PoolClient): Promise<void> => {
        if (blocks !== undefined) await ensurePartitions(client, blocks.from, blocks.to, partitions)
      }
      return lockedTransaction(pool, { lock: [WRITER_LOCK], before, explain: (error) => explain(error, doing) }, work)
    },
    async read(doing, work) {
      try {
        return await work(pool)
      } catch (error) {
        throw explain(error, doing)
      }
    },
  }
}

export async function readCheckpoint(client: pg.ClientBase | pg.Pool): Promise<Checkpoint | null> {
  const { rows } = await client.query<{ height: string; hash: Buffer; finalized_height: string }>(
    'SELECT height, hash, finalized_height FROM checkpoint',
  )
  const row = rows[0]
  return row === undefined ? null : { height: Number(row.height), hash: hex(row.hash), finalizedHeight: Number(row.finalized_height) }
}

export async function writeCheckpoint(client: pg.ClientBase, { height, hash, finalizedHeight }: Checkpoint): Promise<void> {
  await client.query(
    `INSERT INTO checkpoint (id, height, hash, finalized_height) VALUES (1, $1, $2, $3)
     ON CONFLICT (id) DO UPDATE SET height = excluded.height, hash = excluded.hash, finalized_height = excluded.finalized_height`,
    [height, Buffer.from(hash.slice(2), 'hex'), finalizedHeight],
  )
}

export function hex(bytes: Buffer): Hex {
  return `0x${bytes.toString('hex')}`
}

/** Data that does not fit the tables is a bug of whoever made it; the message says which batch and which constraint. */
function explain(error: unknown, doing: string): unknown {
  const mapped = toDatabaseError(error, doing)
  const { code, detail, table, where } = error as { code?: string; detail?: string; table?: string; where?: string }
  if (isAppError(mapped) || typeof code !== 'string' || !/^2[1-3]/.test(code)) return mapped
  const more = [detail, where?.split('\n')[0]].filter(Boolean).join('; ')
  return new AppError(
    'INTERNAL',
    `the database refused data while ${doing}: ${errorMessage(error)}${more && ` (${more})`}`,
    { table },
    error,
  )
}
