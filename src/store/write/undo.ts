import type pg from 'pg'
import { AppError } from '../../core/errors.js'
import { STATE_TABLES, type StateTable } from './state-tables.js'

/** Name under which each batch above the finalised height notes its first block; see `noteBatch`. */
const BATCH = 'batch'

/** The primary key of `alias` as the JSON that `undo.key` holds. */
function keyJson(spec: StateTable, alias: string): string {
  return `jsonb_build_object(${spec.key.map((column) => `'${column}', ${alias}."${column}"`).join(', ')})`
}

/**
 * SQL that keeps rows as they were before the batch that ends at `undoAt`. `from` can stand after FROM; in it `row` is the table's row
 * (null where there was none) and `key` names an alias with the key columns. What an earlier statement of the batch kept stays.
 */
export function saveUndo(spec: StateTable, undoAt: number, source: { from: string; key: string; row: string }): string {
  const { from, key, row } = source
  return `INSERT INTO undo (block_height, table_name, key, before)
    SELECT ${undoAt}, '${spec.table}', ${keyJson(spec, key)}, to_jsonb(${row}) FROM ${from} ON CONFLICT DO NOTHING`
}

/** Says that the blocks `from`..`height` came in one batch: going back is possible to the ends of batches only. */
export async function noteBatch(client: pg.ClientBase, from: number, height: number): Promise<void> {
  await client.query(
    `INSERT INTO undo (block_height, table_name, key, before) VALUES ($1, '${BATCH}', '{}', jsonb_build_object('from', $2::bigint))`,
    [height, from],
  )
}

/** Throws unless every batch above `height` can be undone and none of them reaches below. */
export async function checkUndoable(client: pg.ClientBase, height: number, head: number): Promise<void> {
  const { rows } = await client.query<{ from: string; to: string }>(
    `SELECT before->>'from' AS from, block_height AS to FROM undo WHERE table_name = '${BATCH}' AND block_height > $1 ORDER BY block_height`,
    [height],
  )
  let next = height + 1
  for (const { from, to } of rows) {
    if (Number(from) !== next) break
    next = Number(to) + 1
  }
  if (next === head + 1) return
  throw new AppError(
    'NOT_FOUND',
    `no undo data leads from block ${head} back to block ${height}; the index has to be built anew from a final block`,
    {
      height,
      head,
    },
  )
}

/** SQL that puts back every state row as it was at `height`: the oldest row kept above it is the one that was valid there. */
export function restoreState(height: number): string {
  return STATE_TABLES.map((spec) => {
    const kept = `undo WHERE table_name = '${spec.table}' AND block_height > ${height}`
    return `
      DELETE FROM ${spec.table} t USING (SELECT DISTINCT key FROM ${kept}) u, LATERAL jsonb_populate_record(NULL::${spec.table}, u.key) k
      WHERE ${sameKey(spec, 't', 'k')};
      INSERT INTO ${spec.table}
      SELECT r.* FROM (SELECT DISTINCT ON (key) before FROM ${kept} ORDER BY key, block_height) u,
        LATERAL jsonb_populate_record(NULL::${spec.table}, u.before) r
      WHERE u.before IS NOT NULL;`
  }).join('')
}

export function sameKey(spec: StateTable, a: string, b: string): string {
  return spec.key.map((column) => `${a}."${column}" = ${b}."${column}"`).join(' AND ')
}
