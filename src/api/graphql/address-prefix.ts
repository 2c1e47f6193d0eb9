import type { Hex } from '../../core/records.js'
import { SS58_FORMAT } from '../../core/units/ss58.js'

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
/** Every address of format 42 has 48 characters: 1 format byte, 32 bytes of account, 2 bytes of checksum. */
const ADDRESS_LENGTH = 48
const CHECKSUM_BITS = 16n
const ACCOUNT_BITS = 256n
const MIN_PREFIX = 4

export interface AccountRange {
  first: Hex
  last: Hex
}

/**
 * The account ids whose address begins with some text. All addresses have one length, so text order is number order, and a prefix
 * is a range of the key: an index serves it. Null for text that no address begins with, and for prefixes too short to mean much.
 */
export function accountsWithPrefix(text: string): AccountRange | null {
  if (/^0x/i.test(text)) return hexRange(text.slice(2).toLowerCase())
  if (text.length < MIN_PREFIX || text.length > ADDRESS_LENGTH || ![...text].every((letter) => ALPHABET.includes(letter))) return null
  const base = BigInt(SS58_FORMAT) << ACCOUNT_BITS
  const top = base + (1n << ACCOUNT_BITS) - 1n
  const low = fromBase58(text.padEnd(ADDRESS_LENGTH, ALPHABET.at(0))) >> CHECKSUM_BITS
  const high = fromBase58(text.padEnd(ADDRESS_LENGTH, ALPHABET.at(-1))) >> CHECKSUM_BITS
  if (high < base || low > top) return null
  return { first: toAccount(low > base ? low - base : 0n), last: toAccount((high < top ? high : top) - base) }
}

function hexRange(digits: string): AccountRange | null {
  if (digits.length < MIN_PREFIX || digits.length > 64 || !/^[0-9a-f]+$/.test(digits)) return null
  return { first: `0x${digits.padEnd(64, '0')}`, last: `0x${digits.padEnd(64, 'f')}` }
}

function fromBase58(text: string): bigint {
  return [...text].reduce((sum, letter) => sum * 58n + BigInt(ALPHABET.indexOf(letter)), 0n)
}

function toAccount(value: bigint): Hex {
  return `0x${value.toString(16).padStart(64, '0')}`
}
