import type pg from 'pg'
import type { Facts, RuntimeVersionRecord, SubnetParamRecord } from '../../core/records.js'
import { copyRows } from './copy.js'
import { bytesParameter, jsonbText } from './encode.js'
import { FACT_TABLES } from './fact-tables.js'
import type { BlockRange } from './ranges.js'

/**
 * A change is stored only where it differs from the one before it, in the batch or in the table. Rows from before a gap ($5 is the
 * first block after it) say nothing of what was before this batch.
 */
const INSERT_PARAMS = `
  WITH last_of_block AS (
    SELECT DISTINCT ON (netuid, name, block_height) netuid, name, block_height, value
    FROM unnest($1::int[], $2::text[], $3::bigint[], $4::jsonb[]) WITH ORDINALITY u (netuid, name, block_height, value, ord)
    ORDER BY netuid, name, block_height, ord DESC
  ), ordered AS (
    SELECT *, lag(value) OVER (PARTITION BY netuid, name ORDER BY block_height) AS before FROM last_of_block
  )
  INSERT INTO subnet_params (netuid, name, block_height, value)
  SELECT o.netuid, o.name, o.block_height, o.value
  FROM ordered o
  LEFT JOIN LATERAL (
    SELECT p.value FROM subnet_params p
    WHERE o.before IS NULL AND p.netuid = o.netuid AND p.name = o.name AND p.block_height < o.block_height AND p.block_height >= $5
    ORDER BY p.block_height DESC LIMIT 1
  ) stored ON true
  WHERE o.value IS DISTINCT FROM coalesce(o.before, stored.value)`

/** A gap before $2 was closed: the first row after it is no change any more if the blocks $1..$2 end with the same value. */
const DROP_REPEATED_PARAMS = `
  DELETE FROM subnet_params t USING (
    SELECT DISTINCT ON (netuid, name) netuid, name, block_height, value
    FROM subnet_params WHERE block_height > $2 AND block_height <= $3 ORDER BY netuid, name, block_height
  ) later
  WHERE t.netuid = later.netuid AND t.name = later.name AND t.block_height = later.block_height AND later.value = (
    SELECT p.value FROM subnet_params p
    WHERE p.netuid = later.netuid AND p.name = later.name AND p.block_height BETWEEN $1 AND $2
    ORDER BY p.block_height DESC LIMIT 1
  )`

const INSERT_RUNTIMES = `
  INSERT INTO runtime_versions AS t
    (spec_version, spec_name, transaction_version, first_block, metadata_version, metadata_hash, metadata)
  SELECT DISTINCT ON (spec_version) *
  FROM unnest($1::int[], $2::text[], $3::int[], $4::bigint[], $5::int[], $6::bytea[], $7::bytea[])
    u (spec_version, spec_name, transaction_version, first_block, metadata_version, metadata_hash, metadata)
  ORDER BY spec_version, first_block
  ON CONFLICT (spec_version) DO UPDATE SET first_block = excluded.first_block WHERE excluded.first_block < t.first_block`

/**
 * Writes the facts of the blocks `piece`, none of which is stored: a COPY for each list that has rows. `within` is the range without
 * gaps that these blocks are then part of.
 */
export async function insertFacts(
  client: pg.ClientBase,
  facts: Facts,
  { piece, within }: { piece: BlockRange; within: BlockRange },
): Promise<void> {
  for (const spec of FACT_TABLES) await copyRows(client, spec, facts[spec.list], spec.encode)
  await insertParams(client, facts.subnetParams, within.from)
  if (within.to > piece.to) await client.query(DROP_REPEATED_PARAMS, [within.from, piece.to, within.to])
  await insertRuntimes(client, facts.runtimeVersions)
}

/** The facts of the blocks that `wanted` keeps. Runtime versions stay: they belong to no one block and are merged anyway. */
export function filterFacts(facts: Facts, wanted: (height: number) => boolean): Facts {
  const kept: Record<string, unknown> = {
    subnetParams: facts.subnetParams.filter((row) => wanted(row.blockHeight)),
    runtimeVersions: facts.runtimeVersions,
  }
  for (const { list, heightOf } of FACT_TABLES) {
    kept[list] = (facts[list] as Parameters<typeof heightOf>[0][]).filter((row) => wanted(heightOf(row)))
  }
  return kept as unknown as Facts
}

async function insertParams(client: pg.ClientBase, rows: SubnetParamRecord[], since: number): Promise<void> {
  if (rows.length === 0) return
  const columns = [rows.map((r) => r.netuid), rows.map((r) => r.name), rows.map((r) => r.blockHeight), rows.map((r) => jsonbText(r.value))]
  await client.query(INSERT_PARAMS, [...columns, since])
}

async function insertRuntimes(client: pg.ClientBase, rows: RuntimeVersionRecord[]): Promise<void> {
  if (rows.length === 0) return
  await client.query(INSERT_RUNTIMES, [
    ...[rows.map((r) => r.specVersion), rows.map((r) => r.specName), rows.map((r) => r.transactionVersion), rows.map((r) => r.firstBlock)],
    ...[rows.map((r) => r.metadataVersion), rows.map((r) => bytesParameter(r.metadataHash))],
    rows.map((r) => `\\x${Buffer.from(r.metadata).toString('hex')}`),
  ])
}
