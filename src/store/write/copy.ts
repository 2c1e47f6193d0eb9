import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'

/** Large enough that a chunk costs little, small enough that a batch is never held twice in memory. */
const CHUNK_CHARS = 256 * 1024

/** Streams rows into a table with one COPY. Nothing is sent when there are none. */
export async function copyRows<R>(
  client: pg.ClientBase,
  target: { table: string; columns: readonly string[] },
  rows: readonly R[],
  encode: (row: R) => string,
): Promise<void> {
  if (rows.length === 0) return
  const columns = target.columns.map((column) => `"${column}"`).join(', ')
  const stream = client.query(copyFrom(`COPY "${target.table}" (${columns}) FROM STDIN`))
  await pipeline(Readable.from(chunks(rows, encode), { objectMode: false, highWaterMark: CHUNK_CHARS }), stream)
}

function* chunks<R>(rows: readonly R[], encode: (row: R) => string): Generator<string> {
  let chunk = ''
  for (const row of rows) {
    chunk += encode(row)
    if (chunk.length >= CHUNK_CHARS) {
      yield chunk
      chunk = ''
    }
  }
  if (chunk !== '') yield chunk
}
