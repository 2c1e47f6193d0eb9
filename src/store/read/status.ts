/** What the database holds, read with the typed client. That costs half a second and 100 MB, so nothing that serves imports this. */
import { PrismaPg } from '@prisma/adapter-pg'
import type pg from 'pg'
import { AppError, errorMessage } from '../../core/errors.js'
import { toDatabaseError } from '../../core/pg-errors.js'
import type { Hex } from '../../core/records.js'
import { toHex } from '../../core/units/bytes.js'
import { PrismaClient } from '../generated/client.js'
import { gapsOf, readSchemaVersion, type HeightRange } from './metadata.js'

export interface IndexStatus {
  chain: { name: string; specName: string; genesisHash: Hex; firstBlock: number | null } | null
  head: { height: number; hash: Hex; finalizedHeight: number } | null
  indexed: HeightRange[]
  /** What of 0 to the head is not stored. */
  gaps: HeightRange[]
  runtimes: { specVersion: number; specName: string; firstBlock: number; metadataVersion: number }[]
  counts: { subnets: number; neurons: number; delegates: number }
  /** Largest first. */
  tables: TableSize[]
  sizeBytes: bigint
}

export interface TableSize {
  table: string
  /** As the planner believes; null where it has not looked yet. */
  rows: number | null
  /** With its indexes. */
  bytes: bigint
}

/** All at one moment; null while the database has no tables. */
export async function readStatus(pool: pg.Pool): Promise<IndexStatus | null> {
  try {
    if ((await readSchemaVersion(pool)) === null) return null
    const client = new PrismaClient({ adapter: new PrismaPg(pool) })
    try {
      return await readWith(client)
    } finally {
      await client.$disconnect()
    }
  } catch (error) {
    // P10xx are the client's codes for a server that cannot be reached or went away.
    if (!String((error as { code?: unknown }).code).startsWith('P10')) throw toDatabaseError(error, 'its status was read')
    throw new AppError('DATABASE_DOWN', `the database went away while its status was read: ${errorMessage(error).trim()}`, {}, error)
  }
}

async function readWith(client: PrismaClient): Promise<IndexStatus> {
  const one = { where: { id: 1 } }
  const [chain, checkpoint, ranges, runtimes, subnets, neurons, delegates, tables, size] = await client.$transaction(
    [
      client.chain.findUnique(one),
      client.checkpoint.findUnique(one),
      client.indexedRange.findMany({ orderBy: { fromBlock: 'asc' } }),
      client.runtimeVersion.findMany({ orderBy: { firstBlock: 'asc' }, omit: { metadata: true, metadataHash: true } }),
      client.subnet.count(),
      client.neuron.count(),
      client.hotkey.count({ where: { take: { not: null } } }),
      // Partitions count for their table.
      client.$queryRaw<{ table: string; rows: bigint | null; bytes: bigint }[]>`
        SELECT coalesce(parent.relname, c.relname) AS "table",
          CASE WHEN bool_or(c.reltuples >= 0) THEN sum(greatest(c.reltuples, 0))::int8 END AS rows,
          sum(pg_total_relation_size(c.oid))::int8 AS bytes
        FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class parent ON parent.oid = i.inhparent
        WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND c.relname <> '_prisma_migrations'
        GROUP BY 1 ORDER BY 3 DESC, 1`,
      client.$queryRaw<{ bytes: bigint }[]>`SELECT pg_database_size(current_database()) AS bytes`,
    ],
    { isolationLevel: 'RepeatableRead' },
  )
  const indexed = ranges.map(({ fromBlock, toBlock }) => ({ from: Number(fromBlock), to: Number(toBlock) }))
  return {
    chain: chain && {
      name: chain.name,
      specName: chain.specName,
      genesisHash: toHex(chain.genesisHash),
      firstBlock: chain.firstBlock === null ? null : Number(chain.firstBlock),
    },
    head: checkpoint && {
      height: Number(checkpoint.height),
      hash: toHex(checkpoint.hash),
      finalizedHeight: Number(checkpoint.finalizedHeight),
    },
    indexed,
    gaps: checkpoint === null ? [] : gapsOf(indexed, Number(checkpoint.height)),
    runtimes: runtimes.map((runtime) => ({ ...runtime, firstBlock: Number(runtime.firstBlock) })),
    counts: { subnets, neurons, delegates },
    tables: tables.map(({ table, rows, bytes }) => ({ table, rows: rows === null ? null : Number(rows), bytes })),
    sizeBytes: size[0]?.bytes ?? 0n,
  }
}
