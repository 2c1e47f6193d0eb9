import { formatTao } from '../../core/units/rao.js'
import { readRegistration } from '../registration/read.js'
import type { RegistrationFacts } from '../registration/facts.js'
import type { ChainState } from '../state.js'
import { refused } from './calls.js'

/**
 * Throws TOO_EXPENSIVE when a place bought with `burned_register`, which takes any price, may cost more than the limit in one of the next blocks. The
 * price is read at the given head, the one that the extrinsic is signed for.
 */
export async function ensureWithinLimit(state: ChainState, netuid: number, limitRao: bigint, lastBlock: number): Promise<void> {
  const facts = await readRegistration(state, { netuid })
  const highest = highestPrice(facts, lastBlock)
  if (highest !== null && highest.price <= limitRao) return
  const price = highest === null ? 'is not bounded on this runtime' : `may be ${formatTao(highest.price)} TAO in block ${highest.block}`
  throw refused('TOO_EXPENSIVE', `the price of a place on subnet ${netuid} ${price}; the limit is ${formatTao(limitRao)}`, {
    kind: 'wait',
    ...(highest !== null && highest.block > state.height + 1 ? { retryAt: highest.block } : {}),
  })
}

/**
 * The highest price until a block, and when. Within an interval it stands still. At the end of one it is multiplied by
 * `(registrations + target) / (2 * target)` at most, and three times the target is all that an interval admits: it doubles at most. Null where that is
 * not the rule.
 */
export function highestPrice(
  { burn, quota, burnDecay, block }: RegistrationFacts,
  lastBlock: number,
): { price: bigint; block: number } | null {
  if (burn === null || quota === null || burnDecay !== null) return null
  const firstEnd = quota.intervalEndsAt
  if (firstEnd > lastBlock) return { price: burn.current, block: block.number + 1 }
  const ends = 1 + Math.floor((lastBlock - firstEnd) / Math.max(quota.intervalBlocks, 1))
  const doubled = burn.current << BigInt(ends)
  const bounded = doubled > burn.max ? burn.max : doubled < burn.min ? burn.min : doubled
  return bounded > burn.current ? { price: bounded, block: firstEnd } : { price: burn.current, block: block.number + 1 }
}
