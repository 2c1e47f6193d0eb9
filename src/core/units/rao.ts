import { AppError } from '../errors.js'

/** 1 TAO = 10^9 rao. Amounts are bigint rao everywhere; TAO exists only in text for people. */
export const RAO_PER_TAO = 1_000_000_000n

/** `1500000000n` -> `"1.5"`. Exact, no exponent, no trailing zeros. */
export function formatTao(rao: bigint): string {
  const sign = rao < 0n ? '-' : ''
  const abs = rao < 0n ? -rao : rao
  const fraction = (abs % RAO_PER_TAO).toString().padStart(9, '0').replace(/0+$/, '')
  return `${sign}${abs / RAO_PER_TAO}${fraction === '' ? '' : `.${fraction}`}`
}

/** `"1.5"` -> `1500000000n`. Throws BAD_INPUT for anything but a plain decimal with at most nine places. */
export function parseTao(text: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(text)
  if (match === null) {
    throw new AppError('BAD_INPUT', `"${text.slice(0, 80)}" is not an amount in TAO; wanted a decimal with at most 9 places, such as 1.5`)
  }
  const [, sign, whole = '0', fraction = ''] = match
  const rao = BigInt(whole) * RAO_PER_TAO + BigInt(fraction.padEnd(9, '0'))
  return sign === '-' ? -rao : rao
}
