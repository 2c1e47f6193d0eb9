import { Field, Int, ObjectType } from '../decorators.js'
import { BigIntScalar } from '../scalars.js'

/** The chain's totals beside the sums of what they are totals of, in rao. */

/** Totals of a block as the chain states them, and the sums that the index took over its rows. */
export interface Books {
  balancesIssuance: bigint | null
  totalIssuance: bigint | null
  totalStake: bigint | null
  stakeSum: bigint | null
  hotkeyStakeSum: bigint | null
  balanceSum: bigint | null
  emissionDue: bigint | null
  emissionGiven: bigint | null
}

interface Gaps {
  stakeGap: bigint | null
  balanceGap: bigint | null
  issuanceGap: bigint | null
  emissionGap: bigint | null
}

const OF_INDEX = 'as the index holds it; null where it was not taken.'
const COVERED =
  'the blocks after the networkStats before these up to blockHeight, or from the start of the index where these are the first; ' +
  'null where it was not taken, where a block between is not stored, or where it is not known of one of the epochs.'
const AS_IS = 'Shown as it is: runtimes keep totals by adding to them, and old ones are off. null where a part of it is.'

const BOOK_FIELDS: Record<keyof (Books & Gaps), string> = {
  balancesIssuance: 'Issuance by the Balances pallet: what accounts hold.',
  totalIssuance: 'Issuance by the SubtensorModule pallet: stake included.',
  totalStake: 'All stake, as the chain counts it.',
  stakeSum: `Sum over the stake of every coldkey on every hotkey, ${OF_INDEX}`,
  hotkeyStakeSum: `Sum over the stake that the chain counts for each hotkey, ${OF_INDEX}`,
  balanceSum: `Sum over what every account has, free and reserved, ${OF_INDEX}`,
  stakeGap: `totalStake - stakeSum. ${AS_IS}`,
  balanceGap: `balancesIssuance - balanceSum. ${AS_IS}`,
  issuanceGap: `totalIssuance - (balanceSum + stakeSum); it grows in spec 143, which counts paid out emission twice in its totalIssuance. ${AS_IS}`,
  emissionDue: `What was due to the epochs of subnets in ${COVERED}`,
  emissionGiven: `What the epochs of subnets left to be paid in ${COVERED}`,
  emissionGap:
    'emissionDue - emissionGiven, over the same blocks: a few rao of each epoch, left by rounding, and all that was due to an epoch that gave nothing. null where a part of it is.',
}

/** Gives an object type the fields of `Books` and their gaps. */
export function BookFields(target: abstract new () => object): void {
  for (const [name, description] of Object.entries(BOOK_FIELDS))
    Field(() => BigIntScalar, { nullable: true, description })(target.prototype as object, name)
}

@BookFields
@ObjectType('Reconciliation', {
  simpleResolvers: true,
  description: "The chain's totals at the newest block at which they were summed up.",
})
export class Reconciliation {
  @Field(() => Int)
  blockHeight!: number
}

/** Adds the gaps to a row of totals. */
export function withGaps<T extends Books>(books: T): T & Gaps {
  const { totalStake, balancesIssuance, totalIssuance, stakeSum, balanceSum, emissionDue, emissionGiven } = books
  return {
    ...books,
    stakeGap: minus(totalStake, stakeSum),
    balanceGap: minus(balancesIssuance, balanceSum),
    issuanceGap: minus(totalIssuance, plus(balanceSum, stakeSum)),
    emissionGap: minus(emissionDue, emissionGiven),
  }
}

/** a + b where both are known. */
function plus(a: bigint | null, b: bigint | null): bigint | null {
  return a === null || b === null ? null : a + b
}

/** a - b where both are known. */
export function minus(a: bigint | null, b: bigint | null): bigint | null {
  return a === null || b === null ? null : a - b
}
