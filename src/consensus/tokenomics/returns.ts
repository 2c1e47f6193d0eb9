/** What stake earns: the figures that the chain itself gives for a delegate, and rates from what was really paid. */
import type { Payout } from '../types.js'

/** Blocks of 12 seconds in 365 days. */
export const BLOCKS_PER_YEAR = 2_628_000

const BLOCKS_PER_DAY = 7200n
/** The double next to 0.82 with 64 bits behind the point; it fits, so the chain has the same. */
const SHARE_OF_NOMINATORS = BigInt(0.82 * 2 ** 53) << 11n

/** A subnet that a delegate is registered in. */
export interface DelegateSeat {
  /** rao that the last epoch gave its uid (Emission). */
  readonly emission: bigint
  readonly tempo: number
}

export interface DelegateReturns {
  /** rao a day, nominators' and its own together (`total_daily_return`). */
  readonly totalDailyReturn: bigint
  /** `return_per_1000`. Read it with care, see `delegateReturns`. */
  readonly returnPer1000: bigint
}

/**
 * What the runtime API says that a delegate returns:
 *
 *     day = sum over seats of emission * (7200 / tempo)
 *     returnPer1000 = day * 0.82 / (totalStake / 1000), 0 without stake
 *
 * in U64F64, both cut to whole numbers. It is a figure, not a measurement: an epoch comes every tempo + 1 blocks and not every tempo, the take is the
 * default one of 2023 (18%) whatever the delegate's is, and `totalStake` is in rao, so that 1000 are 1000 rao, not TAO. It comes out as rao a day for 1000 rao,
 * cut to whole ones, and so as 0 for most delegates. `nominatorEarnings` tells what was paid.
 *
 * pallets/subtensor/src/delegate_info.rs, `get_delegate_by_existing_account`, spec 103 (March 2023) to spec 143 (March 2024). A tempo of 0 is a
 * division by zero, on which the runtime's call fails.
 */
export function delegateReturns(seats: readonly DelegateSeat[], totalStake: bigint): DelegateReturns {
  let day = 0n
  for (const { emission, tempo } of seats) {
    if (tempo === 0) throw new RangeError('a delegate in a subnet of tempo 0 has no daily return: the chain divides by the tempo')
    day = u64f64(day + emission * ((BLOCKS_PER_DAY << 64n) / BigInt(tempo)))
  }
  const perThousand = (totalStake << 64n) / 1000n
  const shared = u64f64((day * SHARE_OF_NOMINATORS) >> 64n)
  return { totalDailyReturn: day >> 64n, returnPer1000: totalStake === 0n ? 0n : u64f64((shared << 64n) / perThousand) >> 64n }
}

function u64f64(bits: bigint): bigint {
  return BigInt.asUintN(128, bits)
}

/** One payment of emission to a hotkey, rao. */
export interface HotkeyPayment {
  readonly server: bigint
  readonly validator: bigint
  /** The delegate's take at the time, of 65,535; null when the hotkey was no delegate. */
  readonly take: number | null
  /** TotalHotkeyStake before it. */
  readonly total: bigint
}

/** What some stake earned, rao. */
export interface Earning {
  readonly earned: bigint
  readonly stake: bigint
}

/**
 * What the stake on a hotkey earned for its nominators with each payment, after the delegate's take: `floor((v - take) * stake / total)` of the whole stake,
 * where `v` is what the generation of `payout` shares (all of it in 2023, the validator's part in 2024). What a delegate is paid besides its own share
 * is not in it.
 */
export function nominatorEarnings(payout: Payout, payments: readonly HotkeyPayment[]): Earning[] {
  return payments.map((payment) => {
    const { shares } = payout({ ...payment, stakes: [payment.total] })
    return { earned: shares[0] ?? 0n, stake: payment.total }
  })
}

/**
 * Rates over a stretch of blocks. They are numbers, not amounts: nothing is paid by them, compounding a part of a period has no exact value, and 53
 * bits are more than the next payment lets them mean. Each quotient is taken from whole rao and becomes a number last.
 */
export interface Rates {
  /** Sum of earned / stake: what was earned if it had been taken out each time. */
  readonly simple: number
  /** Product of (1 + earned / stake), less 1: what stake left alone grew by, as on this chain, where payments are stake. */
  readonly compound: number
  /** `simple * BLOCKS_PER_YEAR / blocks`. */
  readonly apr: number
  /** `(1 + compound)^(BLOCKS_PER_YEAR / blocks) - 1`: the stretch over and over for a year. */
  readonly apy: number
}

/** Rates from all payments of `blocks` blocks. One without stake counts as nothing: there was nobody to earn. */
export function ratesOf(earnings: readonly Earning[], blocks: number): Rates {
  if (!(blocks > 0)) throw new RangeError(`rates of ${blocks} blocks`)
  let simple = 0
  let growth = 0
  for (const { earned, stake } of earnings) {
    if (stake === 0n) continue
    const rate = Number((earned << 64n) / stake) / 2 ** 64
    simple += rate
    growth += Math.log1p(rate)
  }
  const years = blocks / BLOCKS_PER_YEAR
  return { simple, compound: Math.expm1(growth), apr: simple / years, apy: Math.expm1(growth / years) }
}
