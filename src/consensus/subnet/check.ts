import type { SparseRows } from '../sparse-rows.js'
import type { SubnetEpochInputs } from '../types.js'

/** uids are u16 on the chain, and sums of that many u16 weights fit its numbers. */
const MOST_UIDS = 32_767

/** Throws a RangeError that says what is wrong with inputs that no chain can hold. */
export function checkSubnetInputs(inputs: SubnetEpochInputs): void {
  const { n } = inputs
  if (!Number.isInteger(n) || n < 0 || n > MOST_UIDS) throw new RangeError(`n is ${n}; it must be an integer in 0..${MOST_UIDS}`)
  for (const name of ['registered', 'stake', 'lastUpdate', 'registeredBlock', 'validatorPermit'] as const) {
    if (inputs[name].length !== n) throw new RangeError(`${name} has ${inputs[name].length} entries; n is ${n}`)
  }
  // A subnet that took the place of a removed one can have its weights still (before spec 144). The chain trips over those of validators only.
  checkRows('weights', inputs.weights, n, n, (uid) => inputs.validatorPermit[uid] !== 1)
  checkRows('bonds', inputs.bonds, n)
}

/** Of a matrix with `rows` rows and columns 0..`columns` - 1. What is in an unread row does not matter. */
export function checkRows(
  name: string,
  { starts, uids, values }: SparseRows,
  rows: number,
  columns = rows,
  isUnread: (row: number) => boolean = () => false,
): void {
  if (starts.length !== rows + 1) throw new RangeError(`${name} has ${starts.length - 1} rows; n is ${rows}`)
  if (starts[0] !== 0 || starts[rows] !== uids.length || uids.length !== values.length) {
    throw new RangeError(
      `${name} has ${uids.length} uids and ${values.length} values for rows that go from ${starts[0]} to ${starts[rows]}`,
    )
  }
  for (let i = 0; i < rows; i++) {
    const start = starts[i] as number
    const end = starts[i + 1] as number
    if (end < start) throw new RangeError(`${name} of uid ${i} start at ${start} and end at ${end}`)
    if (isUnread(i)) continue
    for (let at = start; at < end; at++) {
      if ((uids[at] as number) >= columns) throw new RangeError(`${name} of uid ${i} are on uid ${uids[at]}, but n is ${columns}`)
    }
  }
}
