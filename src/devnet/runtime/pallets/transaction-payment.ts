/** Fees: one rao a byte, one rao per 10^9 of weight, and whatever tip is given. They are burned. */
import type { Hex } from '../../../core/records.js'
import { events, item } from '../define.js'
import { InvalidTransaction, type Context, type DispatchInfo, type DispatchOk, type PalletDefinition } from '../types.js'
import { actuallyPays, actualWeight, BASE_EXTRINSIC, MAX_BLOCK } from '../weights.js'
import { depositIntoExisting, withdraw } from './balances-currency.js'

const BILLION = 1_000_000_000n

export interface FeeParts {
  base: bigint
  length: bigint
  weight: bigint
}

/** A billionth of the weight, to the nearest, halves down. */
function weightFee(refTime: bigint): bigint {
  const capped = refTime < MAX_BLOCK.refTime ? refTime : MAX_BLOCK.refTime
  const rest = capped % BILLION
  return capped / BILLION + (rest * 2n > BILLION ? 1n : 0n)
}

/** Null where the call pays nothing. The multiplier is one and never changes on this chain. */
export function feeParts(length: number, refTime: bigint, pays: boolean): FeeParts | null {
  if (!pays) return null
  return { base: weightFee(BASE_EXTRINSIC.refTime), length: BigInt(length), weight: weightFee(refTime) }
}

export function feeOf(length: number, refTime: bigint, pays: boolean): bigint {
  const parts = feeParts(length, refTime, pays)
  return parts === null ? 0n : parts.base + parts.length + parts.weight
}

/** Takes the announced fee before the call runs. Returns what was taken. */
export function chargeFee(ctx: Context, who: Hex, length: number, info: DispatchInfo, tip: bigint): bigint {
  const fee = feeOf(length, info.weight.refTime, info.paysFee) + tip
  try {
    withdraw(ctx, who, fee, true)
  } catch {
    throw new InvalidTransaction('Payment')
  }
  return fee
}

/** Gives back what the call did not cost. */
export function settleFee(
  ctx: Context,
  who: Hex,
  length: number,
  info: DispatchInfo,
  post: DispatchOk | undefined,
  tip: bigint,
  paid: bigint,
): void {
  const actual = feeOf(length, actualWeight(info, post).refTime, actuallyPays(info, post)) + tip
  const refund = paid - actual
  // An account that died meanwhile gets nothing back, and has then paid everything.
  const refunded = refund > 0n && depositIntoExisting(ctx, who, refund)
  ctx.emit('TransactionPayment', 'TransactionFeePaid', who, refund > 0n && !refunded ? paid : actual, tip)
}

export function transactionPaymentPallet(): PalletDefinition {
  return {
    name: 'TransactionPayment',
    index: 6,
    types: [
      { name: 'FixedU128', path: ['sp_arithmetic', 'fixed_point', 'FixedU128'], fields: [{ type: 'u128' }] },
      {
        name: 'Releases',
        path: ['pallet_transaction_payment', 'Releases'],
        variants: ['V1Ancient', 'V2'].map((name, index) => ({ name, index })),
      },
    ],
    storage: [item('NextFeeMultiplier', 'FixedU128', 10n ** 18n), item('StorageVersion', 'Releases', { type: 'V1Ancient' })],
    calls: [],
    events: events('TransactionFeePaid(who: AccountId, actual_fee: u64, tip: u64)'),
    errors: [],
    constants: [{ name: 'OperationalFeeMultiplier', type: 'u8', value: 1 }],
  }
}
