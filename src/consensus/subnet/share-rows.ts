import type { SparseRows } from '../sparse-rows.js'
import type { SubnetEpochInputs } from '../types.js'
import { ONE } from './arithmetic.js'
import type { SubnetRules } from './rules.js'

/** A sparse matrix like SparseRows, of shares or of other integers below 2^53. Made once and filled anew by each epoch, so it may be longer than its rows. */
export interface ShareRows {
  starts: Uint32Array
  uids: Uint16Array
  values: Float64Array
}

export function createShareRows(): ShareRows {
  return { starts: new Uint32Array(1), uids: new Uint16Array(0), values: new Float64Array(0) }
}

/** Makes room for `rows` rows and `size` entries. What was in it is lost. */
export function makeRoom(matrix: ShareRows, rows: number, size: number): void {
  if (matrix.starts.length <= rows) matrix.starts = new Uint32Array(rows + 1)
  if (matrix.values.length >= size) return
  const room = Math.ceil(size * 1.5)
  matrix.uids = new Uint16Array(room)
  matrix.values = new Float64Array(room)
}

/** What `entries` makes of a u16. Integers stay as they are: they are only ever divided by each other's sum, where the bits behind the point cancel. */
function reader(entries: SubnetRules['entries']): (value: number) => number {
  // floor(v * 2^32 / 65535), because 2^32 = 65537 * 65535 + 1.
  return entries === 'integers' ? (value) => value : (value) => (value === 65_535 ? ONE : value * 65_537)
}

/**
 * The entries that count, of those that are not 0: none on a uid that was registered since the row's last update, and of weights none of uids without a
 * permit and none on themselves.
 */
export function fillRows(
  into: ShareRows,
  from: SparseRows,
  inputs: SubnetEpochInputs,
  entries: SubnetRules['entries'],
  areWeights: boolean,
): void {
  const { n, lastUpdate, registered, registeredBlock, validatorPermit } = inputs
  const read = reader(entries)
  makeRoom(into, n, from.uids.length)
  const { starts, uids, values } = into
  let size = 0
  for (let i = 0; i < n; i++) {
    starts[i] = size
    if (areWeights && validatorPermit[i] !== 1) continue
    const updated = lastUpdate[i] as number
    const end = from.starts[i + 1] as number
    for (let at = from.starts[i] as number; at < end; at++) {
      const j = from.uids[at] as number
      const value = from.values[at] as number
      if (value === 0 || (areWeights && i === j)) continue
      if (updated <= (registered[j] === 1 ? (registeredBlock[j] as number) : 0)) continue
      uids[size] = j
      values[size++] = read(value)
    }
  }
  starts[n] = size
}

/** Whether a row has two entries on the same uid. The chain refuses such weights. */
export function hasDuplicates({ starts, uids }: SparseRows, n: number): boolean {
  const seenIn = new Int32Array(n)
  for (let i = 0; i < n; i++) {
    const end = starts[i + 1] as number
    for (let at = starts[i] as number; at < end; at++) {
      const j = uids[at] as number
      if (seenIn[j] === i + 1) return true
      seenIn[j] = i + 1
    }
  }
  return false
}
