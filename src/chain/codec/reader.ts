import { AppError } from '../../core/errors.js'
import type { Hex } from '../../core/records.js'

/**
 * A cursor over SCALE bytes. Reading past the end throws `UPSTREAM_INVALID`: the bytes come from a node and are not trusted.
 * `calls` collects the runtime calls met while a call's arguments are written out, see `call-decoder.ts`.
 */
export class Reader {
  pos = 0
  readonly buffer: Buffer

  constructor(readonly bytes: Uint8Array) {
    this.buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  static ofHex(hex: Hex): Reader {
    return new Reader(hexBytes(hex))
  }

  get left(): number {
    return this.bytes.length - this.pos
  }

  /** Moves over `n` bytes and gives the position they start at. */
  take(n: number): number {
    const at = this.pos
    if (n > this.bytes.length - at) throw truncated(at, n, this.bytes.length)
    this.pos = at + n
    return at
  }

  u8(): number {
    return this.bytes[this.take(1)] as number
  }
  u16(): number {
    return this.buffer.readUInt16LE(this.take(2))
  }
  u32(): number {
    return this.buffer.readUInt32LE(this.take(4))
  }
  u64(): bigint {
    return this.buffer.readBigUInt64LE(this.take(8))
  }
  u128(): bigint {
    const at = this.take(16)
    return this.buffer.readBigUInt64LE(at) | (this.buffer.readBigUInt64LE(at + 8) << 64n)
  }
  u256(): bigint {
    const low = this.u128()
    return low | (this.u128() << 128n)
  }

  /** A compact length or small number. Numbers above 2^30 are refused: no length of the chain is that large. */
  compactLength(): number {
    const first = this.u8()
    const mode = first & 3
    if (mode === 0) return first >>> 2
    if (mode === 1) return (first >>> 2) | (this.u8() << 6)
    if (mode === 2) {
      this.pos--
      return this.u32() >>> 2
    }
    throw new AppError('UPSTREAM_INVALID', 'a SCALE length above 2^30', { position: this.pos })
  }

  compact(): bigint {
    const mode = (this.bytes[this.pos] ?? 0) & 3
    if (mode !== 3) return BigInt(this.compactLength())
    const length = (this.u8() >>> 2) + 4
    const at = this.take(length)
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.bytes[at + i] as number)
    return value
  }

  hex(length: number): Hex {
    const at = this.take(length)
    return `0x${this.buffer.toString('hex', at, at + length)}`
  }

  slice(length: number): Uint8Array {
    const at = this.take(length)
    return this.bytes.subarray(at, at + length)
  }

  text(length: number): string {
    const at = this.take(length)
    return this.buffer.toString('utf8', at, at + length)
  }

  hexBetween(from: number, to: number): Hex {
    return `0x${this.buffer.toString('hex', from, to)}`
  }
}

function truncated(at: number, wanted: number, size: number): AppError {
  return new AppError('UPSTREAM_INVALID', `SCALE data ends too early: ${wanted} bytes wanted at ${at} of ${size}`, { at, wanted, size })
}

/** The bytes of hex that a node gave. Most values are a few bytes long, so what is made for each of them counts: they are not copied again. */
export function hexBytes(hex: Hex): Buffer {
  const bytes = Buffer.from(hex.slice(2), 'hex')
  // Buffer stops silently at the first bad digit, so a short result is how it says no.
  if (bytes.length * 2 === hex.length - 2) return bytes
  throw new AppError('UPSTREAM_INVALID', 'the node gave a value that is not hex', { excerpt: hex.slice(0, 80) })
}
