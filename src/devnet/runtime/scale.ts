/** SCALE primitives. Written for the devnet because it must refuse what a node refuses: short input, and bytes left over. */
import type { Hex } from '../../core/records.js'
import { toHex } from '../../core/units/bytes.js'

export class ScaleError extends Error {
  override readonly name = 'ScaleError'
}

export interface Codec<T = unknown> {
  write(out: Writer, value: T): void
  read(input: Reader): T
}

export class Writer {
  private bytes = new Uint8Array(256)
  private length = 0

  private room(count: number): number {
    const at = this.length
    this.length += count
    if (this.length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(this.length, this.bytes.length * 2))
      grown.set(this.bytes.subarray(0, at))
      this.bytes = grown
    }
    return at
  }

  byte(value: number): void {
    const at = this.room(1)
    this.bytes[at] = value
  }

  raw(value: Uint8Array): void {
    const at = this.room(value.length)
    this.bytes.set(value, at)
  }

  /** Little-endian unsigned integer of up to six bytes. */
  uint(value: number, size: number): void {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * size)) throw new ScaleError(`${String(value)} is not a u${8 * size}`)
    const at = this.room(size)
    let rest = value
    for (let i = 0; i < size; i++) {
      this.bytes[at + i] = rest & 0xff
      rest = Math.floor(rest / 256)
    }
  }

  bigUint(value: bigint, size: number): void {
    if (typeof value !== 'bigint' || value < 0n || value >> BigInt(8 * size) !== 0n)
      throw new ScaleError(`${String(value)} is not a u${8 * size}`)
    const at = this.room(size)
    let rest = value
    for (let i = 0; i < size; i++) {
      this.bytes[at + i] = Number(rest & 0xffn)
      rest >>= 8n
    }
  }

  compact(value: number | bigint): void {
    const big = BigInt(value)
    if (big < 0n) throw new ScaleError(`${big} is negative`)
    if (big < 1n << 6n) this.byte(Number(big) << 2)
    else if (big < 1n << 14n) this.uint((Number(big) << 2) | 1, 2)
    else if (big < 1n << 30n) this.uint(Number(big) * 4 + 2, 4)
    else {
      let size = 4
      while (big >> BigInt(8 * size) !== 0n) size++
      this.byte(((size - 4) << 2) | 3)
      this.bigUint(big, size)
    }
  }

  get size(): number {
    return this.length
  }

  done(): Uint8Array {
    return this.bytes.slice(0, this.length)
  }
}

export class Reader {
  private at = 0

  constructor(private readonly bytes: Uint8Array) {}

  raw(count: number): Uint8Array {
    if (this.at + count > this.bytes.length) throw new ScaleError('the input ends too early')
    const part = this.bytes.subarray(this.at, this.at + count)
    this.at += count
    return part
  }

  byte(): number {
    return this.raw(1)[0] as number
  }

  uint(size: number): number {
    const part = this.raw(size)
    let value = 0
    for (let i = size - 1; i >= 0; i--) value = value * 256 + (part[i] as number)
    return value
  }

  bigUint(size: number): bigint {
    const part = this.raw(size)
    let value = 0n
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(part[i] as number)
    return value
  }

  compact(): bigint {
    const first = this.byte()
    const mode = first & 3
    if (mode === 0) return BigInt(first >> 2)
    if (mode === 1) return BigInt((first >> 2) | (this.byte() << 6))
    if (mode === 2) return BigInt((first >> 2) + this.uint(3) * 64)
    return this.bigUint((first >> 2) + 4)
  }

  /** Length of a sequence. No item is shorter than nothing, so a length beyond the input is a lie unless items are empty. */
  length(): number {
    const value = this.compact()
    if (value > BigInt(this.bytes.length)) throw new ScaleError(`a sequence of ${value} items does not fit the input`)
    return Number(value)
  }

  get position(): number {
    return this.at
  }

  get remaining(): number {
    return this.bytes.length - this.at
  }

  end(): void {
    if (this.remaining > 0) throw new ScaleError(`${this.remaining} bytes are left over`)
  }
}

export function encodeWith<T>(codec: Codec<T>, value: T): Uint8Array {
  const out = new Writer()
  codec.write(out, value)
  return out.done()
}

export function decodeWith<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const input = new Reader(bytes)
  const value = codec.read(input)
  input.end()
  return value
}

export function hexBytes(hex: Hex): Buffer {
  return Buffer.from(hex.slice(2), 'hex')
}

export function uintCodec(size: number): Codec<number> {
  return { write: (out, value) => out.uint(value, size), read: (input) => input.uint(size) }
}

export function bigUintCodec(size: number): Codec<bigint> {
  return { write: (out, value) => out.bigUint(value, size), read: (input) => input.bigUint(size) }
}

export const boolCodec: Codec<boolean> = {
  write: (out, value) => out.byte(value ? 1 : 0),
  read: (input) => {
    const byte = input.byte()
    if (byte > 1) throw new ScaleError(`${byte} is not a bool`)
    return byte === 1
  },
}

/** Fixed bytes, as hex in the runtime. */
export function fixedBytesCodec(size: number): Codec<Hex> {
  return {
    write: (out, value) => {
      const bytes = typeof value === 'string' ? hexBytes(value) : value
      if (bytes.length !== size) throw new ScaleError(`${String(value)} is not ${size} bytes`)
      out.raw(bytes)
    },
    read: (input) => toHex(input.raw(size)),
  }
}

/** A copy, because the value outlives the input. */
export const bytesCodec: Codec<Uint8Array> = {
  write: (out, value) => {
    out.compact(value.length)
    out.raw(value)
  },
  read: (input) => input.raw(input.length()).slice(),
}

export const textCodec: Codec<string> = {
  write: (out, value) => bytesCodec.write(out, Buffer.from(value)),
  read: (input) => Buffer.from(bytesCodec.read(input)).toString(),
}

export function compactNumberCodec(): Codec<number> {
  return {
    write: (out, value) => out.compact(value),
    read: (input) => Number(input.compact()),
  }
}

export const compactBigCodec: Codec<bigint> = {
  write: (out, value) => out.compact(value),
  read: (input) => input.compact(),
}

export function vecCodec<T>(item: Codec<T>): Codec<T[]> {
  return {
    write: (out, list) => {
      out.compact(list.length)
      for (const value of list) item.write(out, value)
    },
    read: (input) => {
      const list: T[] = []
      const count = input.length()
      for (let i = 0; i < count; i++) list.push(item.read(input))
      return list
    },
  }
}

export function optionCodec<T>(item: Codec<T>): Codec<T | undefined> {
  return {
    write: (out, value) => {
      out.byte(value === undefined ? 0 : 1)
      if (value !== undefined) item.write(out, value)
    },
    read: (input) => (boolCodec.read(input) ? item.read(input) : undefined),
  }
}

export function tupleCodec(items: Codec[]): Codec<unknown[]> {
  return {
    write: (out, values) => {
      if (values.length !== items.length) throw new ScaleError(`${values.length} values came for a tuple of ${items.length}`)
      items.forEach((item, i) => item.write(out, values[i]))
    },
    read: (input) => items.map((item) => item.read(input)),
  }
}

export function arrayCodec(item: Codec, count: number): Codec<unknown[]> {
  return tupleCodec(Array.from({ length: count }, () => item))
}
