import type pg from 'pg'
import type { StateChanges } from '../../core/records.js'
import { copyRows } from './copy.js'
import { bytesParameter } from './encode.js'
import {
  ACCOUNTS,
  DELEGATIONS,
  encodeAccount,
  encodeDelegation,
  encodeHotkey,
  encodeNeuron,
  encodeSubnet,
  HOTKEYS,
  NEURONS,
  stageColumns,
  STATE_TABLES,
  SUBNETS,
  type StateTable,
} from './state-tables.js'
import { sameKey, saveUndo } from './undo.js'

/** Made once a connection. */
export const STAGE_STATE_DDL = STATE_TABLES.map(
  ({ table, stage }) => `CREATE TEMP TABLE IF NOT EXISTS ${stage} (LIKE ${table}) ON COMMIT DELETE ROWS;`,
).join('\n')

/**
 * Makes the state tables what the chain holds at the batch's end. `undoAt` is the height to keep the old rows under, null for final
 * blocks. Each step is one statement over all its rows, and is left out when it has none.
 */
export async function applyState(client: pg.ClientBase, state: StateChanges, block: number, undoAt: number | null): Promise<void> {
  await remove(client, state, undoAt)
  await upsert(client, ACCOUNTS, state.accounts, encodeAccount, undoAt)
  await upsert(client, SUBNETS, state.subnets, (row) => encodeSubnet(row, block), undoAt)
  await upsert(client, NEURONS, state.neurons, encodeNeuron, undoAt)
  if (state.neuronCounts.length > 0) {
    const pairs = [state.neuronCounts.map((c) => c.netuid), state.neuronCounts.map((c) => c.n)]
    await deleteRows(
      client,
      NEURONS,
      'USING unnest($1::int[], $2::int[]) c (netuid, n) WHERE t.netuid = c.netuid AND t.uid >= c.n',
      pairs,
      undoAt,
    )
  }
  await upsert(client, HOTKEYS, state.hotkeys, encodeHotkey, undoAt)
  if (state.hotkeys.length > 0) await client.query(followHotkeys(undoAt))
  await applyDelegations(client, state, undoAt)
}

/** First, so that what is removed and made again within one batch ends as the new row. */
async function remove(client: pg.ClientBase, state: StateChanges, undoAt: number | null): Promise<void> {
  if (state.removedSubnets.length > 0) {
    for (const spec of [SUBNETS, NEURONS])
      await deleteRows(client, spec, 'WHERE t.netuid = ANY ($1::int[])', [state.removedSubnets], undoAt)
  }
  if (state.removedHotkeys.length > 0) {
    await deleteRows(client, HOTKEYS, 'WHERE t.hotkey = ANY ($1::bytea[])', [state.removedHotkeys.map(bytesParameter)], undoAt)
  }
}

async function applyDelegations(client: pg.ClientBase, state: StateChanges, undoAt: number | null): Promise<void> {
  const { stage } = DELEGATIONS
  await upsert(client, DELEGATIONS, state.delegations, encodeDelegation, undoAt, 's.amount <> 0')
  if (state.delegations.length > 0) {
    await deleteRows(client, DELEGATIONS, `USING ${stage} s WHERE ${sameKey(DELEGATIONS, 't', 's')} AND s.amount = 0`, [], undoAt)
  }
  if (state.completeDelegations.length > 0) {
    const unlisted = `WHERE t.hotkey = ANY ($1::bytea[]) AND NOT EXISTS (SELECT FROM ${stage} s WHERE ${sameKey(DELEGATIONS, 't', 's')})`
    await deleteRows(client, DELEGATIONS, unlisted, [state.completeDelegations.map(bytesParameter)], undoAt)
  }
}

async function upsert<R>(
  client: pg.ClientBase,
  spec: StateTable,
  rows: readonly R[],
  encode: (row: R) => string,
  undoAt: number | null,
  only = 'true',
): Promise<void> {
  if (rows.length === 0) return
  await copyRows(client, { table: spec.stage, columns: stageColumns(spec) }, rows, encode)
  await client.query(upsertSql(spec, undoAt, only))
}

/** Rows that differ from what is stored replace it; rows that are equal keep the block at which they last changed. */
function upsertSql(spec: StateTable, undoAt: number | null, only: string): string {
  const list = (names: readonly string[], alias?: string): string =>
    names.map((name) => (alias === undefined ? `"${name}"` : `${alias}."${name}"`)).join(', ')
  const columns = stageColumns(spec)
  const written = [...spec.values, 'updated_block']
  const saved =
    undoAt === null
      ? ''
      : `, saved AS (${saveUndo(spec, undoAt, { from: `changed c LEFT JOIN ${spec.table} t ON ${sameKey(spec, 't', 'c')}`, key: 'c', row: 't' })})`
  return `
    WITH changed AS MATERIALIZED (
      SELECT s.* FROM ${spec.stage} s LEFT JOIN ${spec.table} t ON ${sameKey(spec, 't', 's')}
      WHERE ${only} AND (t."${spec.key[0] ?? ''}" IS NULL OR (${list(spec.values, 't')}) IS DISTINCT FROM (${list(spec.values, 's')}))
    )${saved}
    INSERT INTO ${spec.table} (${list(columns)}) SELECT ${list(columns)} FROM changed
    ON CONFLICT (${list(spec.key)}) DO UPDATE SET ${written.map((name) => `"${name}" = excluded."${name}"`).join(', ')}`
}

/** Stake belongs to hotkeys: all neurons of a hotkey show it, also those that the batch did not read. */
function followHotkeys(undoAt: number | null): string {
  const saved =
    undoAt === null
      ? ''
      : `, saved AS (${saveUndo(NEURONS, undoAt, { from: `changed c JOIN neurons t ON ${sameKey(NEURONS, 't', 'c')}`, key: 'c', row: 't' })})`
  return `
    WITH changed AS MATERIALIZED (
      SELECT t.netuid, t.uid, s.total_stake, s.coldkey, s.updated_block
      FROM ${HOTKEYS.stage} s JOIN neurons t ON t.hotkey = s.hotkey
      WHERE (t.stake, t.coldkey) IS DISTINCT FROM (s.total_stake, s.coldkey)
    )${saved}
    UPDATE neurons t SET stake = c.total_stake, coldkey = c.coldkey, updated_block = greatest(t.updated_block, c.updated_block)
    FROM changed c WHERE ${sameKey(NEURONS, 't', 'c')}`
}

/** `which` is what follows DELETE FROM ... t. */
async function deleteRows(client: pg.ClientBase, spec: StateTable, which: string, values: unknown[], undoAt: number | null): Promise<void> {
  const removal = `DELETE FROM ${spec.table} t ${which}`
  if (undoAt === null) await client.query(removal, values)
  else
    await client.query(`WITH gone AS (${removal} RETURNING t.*) ${saveUndo(spec, undoAt, { from: 'gone g', key: 'g', row: 'g' })}`, values)
}
