import type pg from 'pg'
import type { StateChanges } from '../../core/records.js'
import { bytesParameter } from './encode.js'
import {
  accountRow,
  ACCOUNTS,
  delegationRow,
  DELEGATIONS,
  hotkeyRow,
  HOTKEYS,
  neuronRow,
  NEURONS,
  rowSource,
  subnetRow,
  SUBNETS,
  transpose,
  type StateTable,
  type Value,
} from './state-tables.js'
import { sameKey, saveUndo } from './undo.js'

/**
 * Makes the state tables what the chain holds at the batch's end. `undoAt` is the height to keep the old rows under, null for final
 * blocks. Each step is one statement over all its rows, which come in as one array a column: unlike COPY into temporary tables that
 * costs one round trip, leaves nothing to clean up at COMMIT, and the planner knows how many rows there are.
 */
export async function applyState(client: pg.ClientBase, state: StateChanges, block: number, undoAt: number | null): Promise<void> {
  await remove(client, state, undoAt)
  await upsert(client, ACCOUNTS, state.accounts.map(accountRow), undoAt)
  await upsert(
    client,
    SUBNETS,
    state.subnets.map((row) => subnetRow(row, block)),
    undoAt,
  )
  await upsert(client, NEURONS, state.neurons.map(neuronRow), undoAt)
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
  const hotkeys = state.hotkeys.map(hotkeyRow)
  await upsert(client, HOTKEYS, hotkeys, undoAt)
  await followHotkeys(client, hotkeys, undoAt)
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
  const rows = state.delegations.map(delegationRow)
  const kept = rows.filter((_, i) => state.delegations[i]?.amount !== 0n)
  const zero = rows.filter((_, i) => state.delegations[i]?.amount === 0n)
  await upsert(client, DELEGATIONS, kept, undoAt)
  const pair = DELEGATIONS.columns.slice(0, DELEGATIONS.key.length)
  if (zero.length > 0) {
    const which = `USING (${rowSource(pair)}) s WHERE ${sameKey(DELEGATIONS, 't', 's')}`
    await deleteRows(client, DELEGATIONS, which, transpose(zero, pair.length), undoAt)
  }
  if (state.completeDelegations.length > 0) {
    const which = `WHERE t.hotkey = ANY ($1::bytea[]) AND NOT EXISTS (SELECT FROM (${rowSource(pair, 2)}) s WHERE ${sameKey(DELEGATIONS, 't', 's')})`
    const complete = state.completeDelegations.map(bytesParameter)
    await deleteRows(client, DELEGATIONS, which, [complete, ...transpose(kept, pair.length)], undoAt)
  }
}

/** Rows that differ from what is stored replace it; rows that are equal keep the block at which they last changed. */
async function upsert(client: pg.ClientBase, spec: StateTable, rows: Value[][], undoAt: number | null): Promise<void> {
  if (rows.length === 0) return
  const list = (names: readonly string[], alias = ''): string => names.map((name) => `${alias}"${name}"`).join(', ')
  const names = spec.columns.map(({ name }) => name)
  const written = [...spec.values, 'updated_block']
  const before = { from: `changed c LEFT JOIN ${spec.table} t ON ${sameKey(spec, 't', 'c')}`, key: 'c', row: 't' }
  await client.query(
    `WITH changed AS MATERIALIZED (
       SELECT s.* FROM (${rowSource(spec.columns)}) s LEFT JOIN ${spec.table} t ON ${sameKey(spec, 't', 's')}
       WHERE t."${spec.key[0] ?? ''}" IS NULL OR (${list(spec.values, 't.')}) IS DISTINCT FROM (${list(spec.values, 's.')})
     )${undoAt === null ? '' : `, saved AS (${saveUndo(spec, undoAt, before)})`}
     INSERT INTO ${spec.table} (${list(names)}) SELECT ${list(names)} FROM changed
     ON CONFLICT (${list(spec.key)}) DO UPDATE SET ${written.map((name) => `"${name}" = excluded."${name}"`).join(', ')}`,
    transpose(rows, spec.columns.length),
  )
}

/** Stake belongs to hotkeys: all neurons of a hotkey show it, also those that the batch did not read. */
async function followHotkeys(client: pg.ClientBase, hotkeys: Value[][], undoAt: number | null): Promise<void> {
  if (hotkeys.length === 0) return
  const before = { from: `changed c JOIN neurons t ON ${sameKey(NEURONS, 't', 'c')}`, key: 'c', row: 't' }
  await client.query(
    `WITH changed AS MATERIALIZED (
       SELECT t.netuid, t.uid, s.total_stake, s.coldkey, s.updated_block
       FROM (${rowSource(HOTKEYS.columns)}) s JOIN neurons t ON t.hotkey = s.hotkey
       WHERE (t.stake, t.coldkey) IS DISTINCT FROM (s.total_stake, s.coldkey)
     )${undoAt === null ? '' : `, saved AS (${saveUndo(NEURONS, undoAt, before)})`}
     UPDATE neurons t SET stake = c.total_stake, coldkey = c.coldkey, updated_block = greatest(t.updated_block, c.updated_block)
     FROM changed c WHERE ${sameKey(NEURONS, 't', 'c')}`,
    transpose(hotkeys, HOTKEYS.columns.length),
  )
}

/** `which` is what follows DELETE FROM ... t. */
async function deleteRows(client: pg.ClientBase, spec: StateTable, which: string, values: unknown[], undoAt: number | null): Promise<void> {
  const removal = `DELETE FROM ${spec.table} t ${which}`
  if (undoAt === null) await client.query(removal, values)
  else
    await client.query(`WITH gone AS (${removal} RETURNING t.*) ${saveUndo(spec, undoAt, { from: 'gone g', key: 'g', row: 'g' })}`, values)
}
