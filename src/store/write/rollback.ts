import type pg from 'pg'
import { AppError } from '../../core/errors.js'
import type { Head } from '../../core/records.js'
import { FACT_TABLES } from './fact-tables.js'
import { hex, readCheckpoint, writeCheckpoint } from './transaction.js'
import { checkUndoable, restoreState } from './undo.js'

/** Removes every block above `height` and puts the state back, in the caller's transaction. */
export async function rollback(client: pg.ClientBase, height: number): Promise<{ head: Head; removed: number }> {
  if (!Number.isSafeInteger(height)) throw new AppError('BAD_INPUT', `${height} is no block number`)
  const checkpoint = await readCheckpoint(client)
  if (checkpoint === null) throw new AppError('NOT_FOUND', `cannot go back to block ${height}: the index is empty`)
  const { finalizedHeight } = checkpoint
  if (height === checkpoint.height) return { head: { height, hash: checkpoint.hash }, removed: 0 }
  if (height > checkpoint.height) {
    throw new AppError('HEAD_MISMATCH', `cannot go back to block ${height}: the index is at block ${checkpoint.height}`)
  }
  if (height < finalizedHeight) {
    throw new AppError('HEAD_MISMATCH', `cannot go back to block ${height}: block ${finalizedHeight} is final`, { height, finalizedHeight })
  }
  await checkUndoable(client, height, checkpoint.height)
  const { rows } = await client.query<{ hash: Buffer }>('SELECT hash FROM blocks WHERE height = $1', [height])
  const row = rows[0]
  if (row === undefined) throw new AppError('NOT_FOUND', `cannot go back to block ${height}: it is not stored`)
  const head = { height, hash: hex(row.hash) }
  await client.query(`${removeFacts(height)} ${restoreState(height)} ${cutRanges(height)}`)
  await writeCheckpoint(client, { ...head, finalizedHeight })
  return { head, removed: checkpoint.height - height }
}

function removeFacts(height: number): string {
  const tables = [...FACT_TABLES.map(({ table }) => table), 'subnet_params']
  return [
    ...tables.map((table) => `DELETE FROM ${table} WHERE ${table === 'blocks' ? 'height' : 'block_height'} > ${height};`),
    `DELETE FROM runtime_versions WHERE first_block > ${height};`,
  ].join('\n')
}

function cutRanges(height: number): string {
  return `
    DELETE FROM indexed_ranges WHERE from_block > ${height};
    UPDATE indexed_ranges SET to_block = ${height} WHERE to_block > ${height};
    DELETE FROM undo WHERE block_height > ${height};`
}
