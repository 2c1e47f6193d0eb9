/**
 * ss58: the text form of an account id. Inside the program an account id is 32 bytes of hex; ss58 is made and read only at the
 * edges, here. Layout: prefix (1 or 2 bytes) ++ 32 bytes ++ first 2 bytes of blake2b-512("SS58PRE" ++ prefix ++ 32 bytes), in base58.
 */
import { hash } from 'node:crypto'
import { AppError } from '../errors.js'
import type { Hex } from '../records.js'
import { fromHex, toHex } from './bytes.js'

/** Bittensor's format, which is also the generic Substrate one. */
export const SS58_FORMAT = 42

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const ACCOUNT_BYTES = 32
const CHECKSUM_BYTES = 2
/** A leading zero byte is one character, so format 0 with an account of zeros makes the shortest text. */
const MIN_TEXT = 35
const MAX_TEXT = 50
const CHECKSUM_CONTEXT = Buffer.from('SS58PRE')
/** About 20 MB at most: more accounts than finney's active set, yet bounded whatever a chain sends. */
const CACHE_LIMIT = 100_000

const DIGIT_OF = new Int8Array(128).fill(-1)
for (let i = 0; i < ALPHABET.length; i++) DIGIT_OF[ALPHABET.charCodeAt(i)] = i

/** A pure memo of `encodeSs58` for format 42: what it holds changes speed, never an answer. */
const cache = new Map<string, string>()

/** The address of a 32-byte account id. */
export function encodeSs58(accountId: Hex, format: number = SS58_FORMAT): string {
  if (format !== SS58_FORMAT) return encode(accountId, format)
  const hit = cache.get(accountId)
  if (hit !== undefined) return hit
  const address = encode(accountId, format)
  // Dropping everything costs one cold round in 100,000; an LRU would cost something on every hit.
  if (cache.size >= CACHE_LIMIT) cache.clear()
  cache.set(accountId, address)
  return address
}

/** The account id of an address of any ss58 format. Throws BAD_INPUT when the text is no address. */
export function decodeSs58(address: string): Hex {
  const { accountId } = parse(address)
  return toHex(accountId)
}

/** The ss58 format of an address, for messages such as "that is a Polkadot address". Throws BAD_INPUT when it is none. */
export function formatOfSs58(address: string): number {
  return parse(address).format
}

export function isSs58(text: string): boolean {
  try {
    parse(text)
    return true
  } catch {
    return false
  }
}

/** Reads an account id that a user typed: ss58, or 32 bytes of hex. */
export function parseAccountId(text: string): Hex {
  if (!/^0x/i.test(text)) return decodeSs58(text)
  const bytes = fromHex(text)
  if (bytes.length !== ACCOUNT_BYTES) throw new AppError('BAD_INPUT', `an account id has 32 bytes; 0x... of ${bytes.length} bytes came`)
  return toHex(bytes)
}

function encode(accountId: Hex, format: number): string {
  const account = fromHex(accountId)
  if (account.length !== ACCOUNT_BYTES) {
    throw new AppError('BAD_INPUT', `an account id has ${ACCOUNT_BYTES} bytes; ${account.length} came`)
  }
  const prefix = prefixOf(format)
  const full = new Uint8Array(prefix.length + ACCOUNT_BYTES + CHECKSUM_BYTES)
  full.set(prefix)
  full.set(account, prefix.length)
  full.set(checksum(full.subarray(0, prefix.length + ACCOUNT_BYTES)), prefix.length + ACCOUNT_BYTES)
  return toBase58(full)
}

function parse(address: string): { format: number; accountId: Uint8Array } {
  const bytes = address.length >= MIN_TEXT && address.length <= MAX_TEXT ? fromBase58(address) : null
  if (bytes === null) throw notAnAddress(address, `wanted base58 text of ${MIN_TEXT} to ${MAX_TEXT} characters`)
  const prefixLength = (bytes[0] ?? 0) & 0b0100_0000 ? 2 : 1
  if (bytes.length !== prefixLength + ACCOUNT_BYTES + CHECKSUM_BYTES)
    throw notAnAddress(address, 'its length is not that of a 32-byte account')
  const body = bytes.subarray(0, bytes.length - CHECKSUM_BYTES)
  const expected = checksum(body)
  if (bytes[body.length] !== expected[0] || bytes[body.length + 1] !== expected[1]) throw notAnAddress(address, 'its checksum is wrong')
  const format = formatOf(body)
  if (format === null) throw notAnAddress(address, 'its prefix is reserved')
  return { format, accountId: body.subarray(prefixLength) }
}

function notAnAddress(address: string, why: string): AppError {
  return new AppError('BAD_INPUT', `"${address.slice(0, 80)}" is not an ss58 address: ${why}`)
}

function prefixOf(format: number): Uint8Array {
  if (!Number.isInteger(format) || format < 0 || format > 16_383 || format === 46 || format === 47) {
    throw new AppError('BAD_INPUT', `${format} is not an ss58 format; wanted 0 to 16383 without 46 and 47`)
  }
  if (format < 64) return Uint8Array.of(format)
  return Uint8Array.of(((format & 0b1111_1100) >> 2) | 0b0100_0000, (format >> 8) | ((format & 0b11) << 6))
}

function formatOf(body: Uint8Array): number | null {
  const first = body[0] ?? 0
  const second = body[1] ?? 0
  if (first >= 128) return null
  const format = first & 0b0100_0000 ? ((first & 0b0011_1111) << 2) | (second >> 6) | ((second & 0b0011_1111) << 8) : first
  return format === 46 || format === 47 ? null : format
}

function checksum(body: Uint8Array): Uint8Array {
  return hash('blake2b512', Buffer.concat([CHECKSUM_CONTEXT, body]), 'buffer').subarray(0, CHECKSUM_BYTES)
}

/** Words hold five base58 digits: a word times 2^16 stays well inside the integers of a double. */
const WORD = 58 ** 5

function toBase58(bytes: Uint8Array): string {
  const words: number[] = [] // least significant first
  for (let at = 0; at < bytes.length;) {
    // Two bytes a step, one in the first step of an odd length.
    const step = (bytes.length - at) % 2 === 0 ? 2 : 1
    let carry = step === 2 ? (bytes[at] as number) * 256 + (bytes[at + 1] as number) : (bytes[at] as number)
    const scale = step === 2 ? 65_536 : 256
    for (let i = 0; i < words.length; i++) {
      const value = (words[i] as number) * scale + carry
      carry = Math.floor(value / WORD)
      words[i] = value - carry * WORD
    }
    if (carry > 0) words.push(carry)
    at += step
  }
  let digits = ''
  for (let w = 0; w < words.length; w++) {
    let word = words[w] as number
    const isLast = w === words.length - 1
    for (let digit = 0; isLast ? word > 0 : digit < 5; digit++) {
      digits = ALPHABET.charAt(word % 58) + digits
      word = Math.floor(word / 58)
    }
  }
  for (let i = 0; bytes[i] === 0; i++) digits = ALPHABET.charAt(0) + digits
  return digits
}

function fromBase58(text: string): Uint8Array | null {
  const bytes: number[] = []
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    let carry = code < 128 ? (DIGIT_OF[code] as number) : -1
    if (carry < 0) return null
    for (let b = 0; b < bytes.length; b++) {
      carry += (bytes[b] as number) * 58
      bytes[b] = carry & 0xff
      carry >>= 8
    }
    while (carry > 0) {
      bytes.push(carry & 0xff)
      carry >>= 8
    }
  }
  for (let i = 0; text[i] === ALPHABET[0]; i++) bytes.push(0)
  return Uint8Array.from(bytes.reverse())
}
