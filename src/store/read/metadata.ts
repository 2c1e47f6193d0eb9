import type pg from 'pg'
import type { ChainIdentity } from '../../core/records.js'
import { RAW_TYPES } from './column.js'
import type { ReadSession } from './session.js'

/** Block heights, first and last included. */
export interface HeightRange {
  from: number
  to: number
}

export interface ChainInfo extends ChainIdentity {
  firstBlock: number | null
  specVersion: number | null
  indexed: HeightRange[]
}

/** Which chain this is and which of its blocks are stored; null before the indexer has written anything. */
export async function readChainInfo(session: ReadSession): Promise<ChainInfo | null> {
  const [row] = await session.query({
    text: `SELECT c.genesis_hash, c.name, c.spec_name, c.ss58_format, c.token_decimals, c.token_symbol, c.first_block,
      (SELECT max(spec_version) FROM runtime_versions),
      (SELECT json_agg(json_build_object('from', from_block, 'to', to_block) ORDER BY from_block) FROM indexed_ranges)
      FROM chain c`,
    values: [],
  })
  if (row === undefined) return null
  const [genesis, name, specName, ss58Format, tokenDecimals, tokenSymbol, firstBlock, specVersion, indexed] = row
  return {
    genesisHash: `0x${(genesis ?? '').slice(2)}`,
    name: name ?? '',
    specName: specName ?? '',
    ss58Format: Number(ss58Format),
    tokenDecimals: Number(tokenDecimals),
    tokenSymbol: tokenSymbol ?? '',
    firstBlock: firstBlock === null || firstBlock === undefined ? null : Number(firstBlock),
    specVersion: specVersion === null || specVersion === undefined ? null : Number(specVersion),
    indexed: JSON.parse(indexed ?? '[]') as HeightRange[],
  }
}

/** What of 0..head is not stored. */
export function gapsOf(indexed: readonly HeightRange[], head: number): HeightRange[] {
  const gaps: HeightRange[] = []
  let next = 0
  for (const { from, to } of indexed) {
    if (from > next) gaps.push({ from: next, to: Math.min(from - 1, head) })
    next = Math.max(next, to + 1)
  }
  if (next <= head) gaps.push({ from: next, to: head })
  return gaps.filter(({ from, to }) => from <= to)
}

export interface StoreStats {
  dbSizeBytes: bigint
  /** Rows of each table as the planner believes; of big tables this is not exact. */
  rowEstimates: { table: string; estimate: number }[]
  /** Name of the last applied migration. */
  schemaVersion: string | null
}

/** Tables that hold nothing of the chain: how many customers there are is nobody's business. */
const NOT_THE_INDEX = [
  ...['_prisma_migrations', 'api_keys', 'registrations'],
  ...['prompt_usage', 'prompt_credits', 'prompt_credit_holds', 'service_secrets'],
]

/** Sizes, which are slow to read and change slowly: not part of a session's view. */
export async function readStoreStats(pool: pg.Pool): Promise<StoreStats> {
  const sizes = await pool.query<[string, string, string]>({
    // Partitions count for their table; reltuples is -1 where a table was never analysed.
    text: `SELECT coalesce(parent.relname, c.relname), sum(greatest(c.reltuples, 0))::int8, pg_database_size(current_database())
      FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class parent ON parent.oid = i.inhparent
      WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND coalesce(parent.relname, c.relname) <> ALL ($1)
      GROUP BY 1 ORDER BY 1`,
    values: [NOT_THE_INDEX],
    rowMode: 'array',
    types: RAW_TYPES,
  })
  return {
    dbSizeBytes: BigInt(sizes.rows[0]?.[2] ?? 0),
    rowEstimates: sizes.rows.map(([table, estimate]) => ({ table, estimate: Number(estimate) })),
    schemaVersion: await readSchemaVersion(pool),
  }
}

/** Name of the last applied migration, null where no migration was applied yet. */
export async function readSchemaVersion(pool: pg.Pool): Promise<string | null> {
  const exists = await pool.query<{ found: string | null }>("SELECT to_regclass('_prisma_migrations')::text AS found")
  if (exists.rows[0]?.found === null) return null
  const last = await pool.query<{ name: string }>(
    'SELECT migration_name AS name FROM _prisma_migrations WHERE finished_at IS NOT NULL ORDER BY migration_name DESC LIMIT 1',
  )
  return last.rows[0]?.name ?? null
}
