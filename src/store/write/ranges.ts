import type pg from 'pg'

/** Blocks whose facts are stored, first and last included. */
export interface BlockRange {
  from: number
  to: number
}

export async function readRanges(client: pg.ClientBase | pg.Pool): Promise<BlockRange[]> {
  const { rows } = await client.query<{ from_block: string; to_block: string }>(
    'SELECT from_block, to_block FROM indexed_ranges ORDER BY from_block',
  )
  return rows.map((row) => ({ from: Number(row.from_block), to: Number(row.to_block) }))
}

/** Adds a range and merges it with those it overlaps or touches. */
export async function addRange(client: pg.ClientBase, { from, to }: BlockRange): Promise<void> {
  await client.query(
    `WITH touching AS (
       DELETE FROM indexed_ranges WHERE from_block <= $2::bigint + 1 AND to_block >= $1::bigint - 1 RETURNING from_block, to_block
     )
     INSERT INTO indexed_ranges (from_block, to_block)
     SELECT least($1::bigint, min(from_block)), greatest($2::bigint, max(to_block)) FROM touching`,
    [from, to],
  )
}

/** The range that `added` makes together with the ranges it overlaps or touches. */
export function mergedWith(ranges: readonly BlockRange[], added: BlockRange): BlockRange {
  const touching = ranges.filter(({ from, to }) => from <= added.to + 1 && to >= added.from - 1)
  return { from: Math.min(added.from, ...touching.map((r) => r.from)), to: Math.max(added.to, ...touching.map((r) => r.to)) }
}

/** Whether a height lies in one of the ranges. */
export function covers(ranges: readonly BlockRange[], height: number): boolean {
  return ranges.some(({ from, to }) => from <= height && height <= to)
}

/** The parts of `wanted` that no range covers. */
export function missingIn(ranges: readonly BlockRange[], wanted: BlockRange): BlockRange[] {
  const missing: BlockRange[] = []
  let next = wanted.from
  for (const { from, to } of [...ranges].sort((a, b) => a.from - b.from)) {
    if (to < next) continue
    if (from > wanted.to) break
    if (from > next) missing.push({ from: next, to: from - 1 })
    next = to + 1
  }
  if (next <= wanted.to) missing.push({ from: next, to: wanted.to })
  return missing
}
