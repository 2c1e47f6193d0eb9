/** How the emission of a hotkey is shared between its owner and its nominators. */
import { I64F64 } from '../fixed.js'
import type { Payout, PayoutInputs } from '../types.js'

const U16_MAX = 65_535n

/**
 * One sum to a hotkey, in rao:
 *
 *     take     = floor(emission * trunc64(take / 65535))
 *     share(c) = floor((emission - take) * trunc64(stake(c) / total)), 0 when total is 0
 *     owner    = take
 *     lost     = emission - take - sum of the shares
 *
 * where trunc64 cuts a quotient to I64F64. What rounding leaves is dropped: it was counted as issued, and is on no account. Below zero, it was given
 * without having been there. A hotkey that is no delegate leaves everything to its owner.
 *
 * pallets/subtensor/src/block_step.rs, `emit_inflation_through_hotkey_account`, spec 103 (March 2023).
 */
export const payout2023: Payout = (inputs) => {
  const emission = inputs.server + inputs.validator
  if (inputs.take === null) return allToOwner(inputs)
  const { take, shares, rest } = share(inputs, inputs.take, emission)
  return { take, shares, owner: take, lost: rest }
}

/**
 * What a hotkey earned as a server and as a validator, in rao:
 *
 *     take     = floor(validator * trunc64(take / 65535))
 *     share(c) = floor((validator - take) * trunc64(stake(c) / total)), 0 when total is 0
 *     rest     = validator - take - sum of the shares
 *     owner    = take + rest + server
 *
 * where trunc64 cuts a quotient to I64F64 and sums are u64 that wrap. Nothing is lost. A hotkey that is no delegate leaves everything to its owner.
 *
 * pallets/subtensor/src/block_step.rs, `emit_inflation_through_hotkey_account`, spec 143 (March 2024).
 */
export const payout2024: Payout = (inputs) => {
  const { server, validator } = inputs
  if (inputs.take === null) return allToOwner(inputs)
  const { take, shares, rest } = share(inputs, inputs.take, validator)
  return { take, shares, owner: u64(take + rest) + server, lost: 0n }
}

function allToOwner({ server, validator, stakes }: PayoutInputs): ReturnType<Payout> {
  return { take: 0n, shares: stakes.map(() => 0n), owner: u64(server + validator), lost: 0n }
}

/** `rest` is below zero where the stakes sum to more than the total: an accident that the chain's books do not rule out. */
function share(inputs: PayoutInputs, takeShare: number, amount: bigint): { take: bigint; shares: bigint[]; rest: bigint } {
  const take = proportion(BigInt(takeShare), U16_MAX, amount)
  const shared = u64(amount - take)
  const shares = inputs.stakes.map((stake) => (inputs.total === 0n ? 0n : proportion(stake, inputs.total, shared)))
  return { take, shares, rest: shares.reduce((left, part) => left - part, shared) }
}

/** `amount * (part / whole)` with the quotient cut to I64F64 before it is multiplied; whole rao of it. */
function proportion(part: bigint, whole: bigint, amount: bigint): bigint {
  const quotient = I64F64.div(I64F64.from(part), I64F64.from(whole))
  return u64(I64F64.mul(I64F64.from(amount), quotient) >> 64n)
}

function u64(value: bigint): bigint {
  return BigInt.asUintN(64, value)
}
