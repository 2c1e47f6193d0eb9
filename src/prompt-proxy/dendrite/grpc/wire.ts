/**
 * Whether bytes are whole fields of protobuf, one after the other. The library cuts a text short that claims more bytes than there are, and takes that
 * for a message.
 */
export function isWholeMessage(bytes: Uint8Array): boolean {
  let at = 0

  /** The next varint, or NaN where there is none. Lengths and tags that matter are far below 2^53. */
  function varint(): number {
    let value = 0
    for (let i = 0; i < MAX_VARINT; i++) {
      const byte = bytes[at++]
      if (byte === undefined) return NaN
      value += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) return value
    }
    return NaN
  }

  while (at < bytes.length) {
    const tag = varint()
    if (!(tag >= FIRST_TAG)) return false
    const kind = tag % 8
    if (kind === 0 && Number.isNaN(varint())) return false
    if (kind === 1) at += 8
    else if (kind === 2) {
      const length = varint()
      at += length
    } else if (kind === 5) at += 4
    else if (kind !== 0) return false
    if (!(at <= bytes.length)) return false
  }
  return true
}

const MAX_VARINT = 10
/** Field numbers begin at 1, and the three low bits are the kind. */
const FIRST_TAG = 8
