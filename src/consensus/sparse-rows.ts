/** A sparse square matrix of u16 as the chain keeps it: for each uid a list of (uid, value) in its own order. Weights and bonds are kept so. */
export interface SparseRows {
  /** Where the row of a uid starts in `uids` and `values`; one more entry than there are rows. */
  readonly starts: Uint32Array
  readonly uids: Uint16Array
  readonly values: Uint16Array
}

/** From one list of `(uid, value)` a row; null is an empty row. */
export function sparseRows(rows: readonly (readonly (readonly [number, number])[] | null)[]): SparseRows {
  const starts = new Uint32Array(rows.length + 1)
  rows.forEach((row, i) => (starts[i + 1] = (starts[i] as number) + (row?.length ?? 0)))
  const size = starts[rows.length] as number
  const uids = new Uint16Array(size)
  const values = new Uint16Array(size)
  let at = 0
  for (const row of rows) {
    for (const [uid, value] of row ?? []) {
      uids[at] = uid
      values[at++] = value
    }
  }
  return { starts, uids, values }
}

/** One row as the list that it was made from. */
export function rowOf(matrix: SparseRows, uid: number): [number, number][] {
  const row: [number, number][] = []
  const end = matrix.starts[uid + 1] ?? 0
  for (let at = matrix.starts[uid] ?? 0; at < end; at++) row.push([matrix.uids[at] as number, matrix.values[at] as number])
  return row
}
