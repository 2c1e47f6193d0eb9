import type { Hex } from '../../core/records.js'
import { createParams } from './params.js'
import type { ReadSession } from './session.js'

/** The stake of coldkeys on hotkeys, over all subnets, for many pairs at once. */
export async function readOwnStake(session: ReadSession, pairs: readonly (readonly [hotkey: Hex, coldkey: Hex])[]): Promise<bigint[]> {
  const params = createParams()
  const column = (index: 0 | 1) =>
    params.addArray(
      'bytes',
      pairs.map((pair) => pair[index]),
    )
  const text = `SELECT p.ord, (SELECT coalesce(sum(d.amount), 0)::text FROM delegations d WHERE d.hotkey = p.hotkey AND d.coldkey = p.coldkey)
    FROM unnest(${column(0)}, ${column(1)}) WITH ORDINALITY AS p(hotkey, coldkey, ord)`
  const sums = new Array<bigint>(pairs.length).fill(0n)
  for (const [ord, sum] of await session.query({ text, values: params.values })) sums[Number(ord) - 1] = BigInt(sum ?? 0)
  return sums
}
