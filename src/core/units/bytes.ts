import { AppError } from '../errors.js'
import type { Hex } from '../records.js'

export type { Hex } from '../records.js'

/** Lower-case hex with `0x`. Buffer's own routine is the fastest one in Node; the view is not copied. */
export function toHex(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`
}

/** The bytes of a hex string, with or without `0x`, any case. Throws BAD_INPUT for anything else, odd lengths included. */
export function fromHex(hex: string): Uint8Array {
  const digits = hex.startsWith('0x') || hex.startsWith('0X') ? hex.slice(2) : hex
  // Buffer stops silently at the first bad digit, so a short result is how it says no.
  const decoded = Buffer.from(digits, 'hex')
  if (digits.length % 2 !== 0 || decoded.length * 2 !== digits.length) {
    throw new AppError('BAD_INPUT', `"${shorten(hex)}" is not hex; wanted an even number of hex digits after 0x`)
  }
  // A fresh array: small Buffers share a pool, and callers may keep or transfer the memory.
  return new Uint8Array(decoded)
}

export function isHex(text: string, byteLength?: number): text is Hex {
  if (byteLength !== undefined && text.length !== 2 + byteLength * 2) return false
  return text.length % 2 === 0 && /^0x[0-9a-f]*$/i.test(text)
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}

function shorten(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`
}
