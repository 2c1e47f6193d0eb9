/** Little-endian numbers in and out of bytes. Lists are copied whole, which wants a little-endian machine. */

const FIRST_SIZE = 4096

export class ByteWriter {
  private buffer = Buffer.allocUnsafe(FIRST_SIZE)
  private size = 0

  u8(value: number): void {
    const at = this.room(1)
    this.buffer.writeUInt8(value, at)
  }

  u16(value: number): void {
    const at = this.room(2)
    this.buffer.writeUInt16LE(value, at)
  }

  u32(value: number): void {
    const at = this.room(4)
    this.buffer.writeUInt32LE(value, at)
  }

  u64(value: bigint): void {
    const at = this.room(8)
    this.buffer.writeBigUInt64LE(value, at)
  }

  raw(bytes: Uint8Array): void {
    const at = this.room(bytes.length)
    this.buffer.set(bytes, at)
  }

  u16s(values: Uint16Array): void {
    this.raw(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  }

  u64s(values: BigUint64Array): void {
    this.raw(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  }

  blocks(values: Float64Array): void {
    for (const value of values) this.u64(BigInt(value))
  }

  /** A copy of what was written. */
  bytes(): Uint8Array {
    return Uint8Array.from(this.buffer.subarray(0, this.size))
  }

  /** Makes room for `count` bytes and returns where they go. The buffer may be another one after it. */
  private room(count: number): number {
    const at = this.size
    this.size += count
    if (this.size > this.buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.size, this.buffer.length * 2))
      larger.set(this.buffer.subarray(0, at))
      this.buffer = larger
    }
    return at
  }
}

/** Every read throws a RangeError when the bytes are over, or hold what cannot be. */
export class ByteReader {
  private readonly buffer: Buffer
  private at = 0

  constructor(bytes: Uint8Array) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  u8(): number {
    return this.buffer.readUInt8(this.take(1))
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

  block(): number {
    const value = Number(this.u64())
    if (!Number.isSafeInteger(value)) throw new RangeError(`block ${value}`)
    return value
  }

  flags(count: number): Uint8Array {
    const flags = this.copy(count)
    for (const flag of flags) if (flag > 1) throw new RangeError(`flag ${flag}`)
    return flags
  }

  u16s(count: number): Uint16Array {
    return new Uint16Array(this.copy(count * 2).buffer)
  }

  u64s(count: number): BigUint64Array {
    return new BigUint64Array(this.copy(count * 8).buffer)
  }

  blocks(count: number): Float64Array {
    const blocks = new Float64Array(count)
    for (let i = 0; i < count; i++) blocks[i] = this.block()
    return blocks
  }

  end(): void {
    if (this.at !== this.buffer.length) throw new RangeError(`${this.buffer.length - this.at} bytes too many`)
  }

  private copy(count: number): Uint8Array<ArrayBuffer> {
    const at = this.take(count)
    const copy = new Uint8Array(count)
    copy.set(this.buffer.subarray(at, at + count))
    return copy
  }

  private take(count: number): number {
    const at = this.at
    if (at + count > this.buffer.length) throw new RangeError(`${at + count - this.buffer.length} bytes too few`)
    this.at += count
    return at
  }
}
