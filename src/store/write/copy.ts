import { once } from 'node:events'
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
  const done = once(stream, 'finish')
  // Handled below; while chunks are written nobody waits for it yet.
  done.catch(() => undefined)
  let chunk = ''
  for (const row of rows) {
    chunk += encode(row)
    if (chunk.length < CHUNK_CHARS) continue
    if (!stream.write(chunk)) await Promise.race([once(stream, 'drain'), done])
    chunk = ''
  }
  stream.end(chunk)
  await done
}
