/** Block headers: their SCALE form, their hash, and the slot that their digest names. */
import { blake2AsHex, blake2AsU8a } from '@polkadot/util-crypto'
import type { Hex } from '../../core/records.js'
import { toHex } from '../../core/units/bytes.js'
import { AURA_ENGINE_ID } from '../runtime/pallets/timestamp.js'
import type { Codecs } from '../runtime/codec.js'
import { hexBytes, Reader, Writer } from '../runtime/scale.js'

export interface DigestLog {
  type: string
  value: [string, Uint8Array]
}

export interface Header {
  parentHash: Hex
  number: number
  stateRoot: Hex
  extrinsicsRoot: Hex
  digest: { logs: DigestLog[] }
}

/**
 * The slot, as Aura's author claims it. There is no seal behind it: nobody would check one, and sr25519 signatures are random, so
 * the same chain would have other hashes each time.
 */
export function slotDigest(slot: bigint): { logs: DigestLog[] } {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(slot)
  return { logs: [{ type: 'PreRuntime', value: [AURA_ENGINE_ID, bytes] }] }
}

export function encodeHeader(header: Header, codecs: Codecs): Uint8Array {
  const out = new Writer()
  out.raw(hexBytes(header.parentHash))
  out.compact(header.number)
  out.raw(hexBytes(header.stateRoot))
  out.raw(hexBytes(header.extrinsicsRoot))
  codecs.of('Digest').write(out, header.digest)
  return out.done()
}

export function decodeHeader(bytes: Uint8Array, codecs: Codecs): Header {
  const input = new Reader(bytes)
  const header = {
    parentHash: toHex(input.raw(32)),
    number: Number(input.compact()),
    stateRoot: toHex(input.raw(32)),
    extrinsicsRoot: toHex(input.raw(32)),
    digest: codecs.of('Digest').read(input) as Header['digest'],
  }
  input.end()
  return header
}

export function hashHeader(header: Header, codecs: Codecs): Hex {
  return blake2AsHex(encodeHeader(header, codecs), 256)
}

/** Not a trie root either: blake2b-256 over the extrinsics' hashes in order. */
export function extrinsicsRoot(extrinsics: Uint8Array[]): Hex {
  return blake2AsHex(Buffer.concat(extrinsics.map((extrinsic) => blake2AsU8a(extrinsic, 256))), 256)
}
