import type { SparseRows } from '../sparse-rows.js'
import type { SubnetEpochInputs } from '../types.js'
import { divide, ONE, shareToU16 } from './arithmetic.js'
import type { SubnetRules } from './rules.js'
import type { ShareRows } from './share-rows.js'

/** Rows of those with a new permit are written, of those who lost theirs emptied, others left alone. */
export function storedBonds(rules: SubnetRules, bonds: ShareRows, inputs: SubnetEpochInputs, newPermits: Uint8Array): SparseRows {
  const { n, validatorPermit, bonds: before } = inputs
  const size = bonds.starts[n] as number
  const largest = new Float64Array(n).fill(rules.storedBonds === 'shares' ? ONE : 0)
  if (rules.storedBonds === 'column-maximum') {
    for (let at = 0; at < size; at++)
      largest[bonds.uids[at] as number] = Math.max(largest[bonds.uids[at] as number] as number, bonds.values[at] as number)
  }
  const starts = new Uint32Array(n + 1)
  const uids = new Uint16Array(size + before.uids.length)
  const values = new Uint16Array(size + before.uids.length)
  let end = 0
  for (let i = 0; i < n; i++) {
    if (newPermits[i] === 1) {
      const rowEnd = bonds.starts[i + 1] as number
      for (let at = bonds.starts[i] as number; at < rowEnd; at++) {
        const j = bonds.uids[at] as number
        const value = bonds.values[at] as number
        uids[end] = j
        values[end++] = shareToU16(value === 0 ? 0 : divide(value, largest[j] as number))
      }
    } else if (validatorPermit[i] !== 1) {
      const from = before.starts[i] as number
      const to = before.starts[i + 1] as number
      uids.set(before.uids.subarray(from, to), end)
      values.set(before.values.subarray(from, to), end)
      end += to - from
    }
    starts[i + 1] = end
  }
  return { starts, uids: uids.slice(0, end), values: values.slice(0, end) }
}
