import { randomBytes } from 'node:crypto'

const COUNTER_MAX = 0xfff

/**
 * Makes UUIDs of version 7 (RFC 9562): 48 bits of unix milliseconds, 12 bits that count within one, 62 random bits. Those of one generator
 * rise, also within a millisecond and when the clock is set back.
 */
export function createUuidV7(now: () => number = Date.now): () => string {
  let last = 0
  let counter = 0
  return () => {
    const time = now()
    if (time > last) {
      last = time
      counter = 0
    } else if (++counter > COUNTER_MAX) {
      last++
      counter = 0
    }
    const bytes = randomBytes(16)
    bytes.writeUIntBE(last, 0, 6)
    bytes.writeUInt16BE(0x7000 | counter, 6)
    bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8)
    const hex = bytes.toString('hex')
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
  }
}

export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
}
