import type { JsonValue } from './column.js'
import { createParams } from './params.js'
import type { ReadSession } from './session.js'

/** The parameters of subnets as they were at a block, from the history of their changes; an empty object where none is known. */
export async function readHyperparamsAt(
  session: ReadSession,
  netuids: readonly number[],
  at: number,
): Promise<Record<string, JsonValue>[]> {
  const params = createParams()
  const text = `SELECT DISTINCT ON (netuid, name) netuid, name, value FROM subnet_params
    WHERE netuid = ANY(${params.addArray('int', netuids)}) AND block_height <= ${params.add('height', at)}
    ORDER BY netuid, name, block_height DESC`
  const found = new Map<number, Record<string, JsonValue>>(netuids.map((netuid) => [netuid, {}]))
  for (const [netuid, name, value] of await session.query({ text, values: params.values })) {
    const values = found.get(Number(netuid))
    if (values !== undefined) values[name ?? ''] = JSON.parse(value ?? 'null') as JsonValue
  }
  return netuids.map((netuid) => found.get(netuid) ?? {})
}

/** The last block at or before a time; null before the first one. */
export async function readHeightAtTime(session: ReadSession, time: Date): Promise<number | null> {
  const params = createParams()
  const text = `SELECT height FROM blocks WHERE timestamp <= ${params.add('timestamp', time)} ORDER BY timestamp DESC, height DESC LIMIT 1`
  const [row] = await session.query({ text, values: params.values })
  return row === undefined ? null : Number(row[0])
}
