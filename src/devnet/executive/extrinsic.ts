/** Extrinsics of version 4: reading them, and checking what their signer signed. */
import { blake2AsHex, blake2AsU8a, signatureVerify, sr25519Verify } from '@polkadot/util-crypto'
import type { Hex } from '../../core/records.js'
import { lookupAddress } from '../runtime/codec.js'
import type { Codecs } from '../runtime/codec.js'
import { bytesCodec, encodeWith, hexBytes, Reader, ScaleError, Writer } from '../runtime/scale.js'
import type { CallValue } from '../runtime/types.js'
import { SPEC_VERSION, TRANSACTION_VERSION } from '../runtime/version.js'

const UNSIGNED = 4
const SIGNED = 0x84
/** Longer payloads are signed by their hash. */
const MAX_PLAIN_PAYLOAD = 256

export interface Era {
  period: number
  phase: number
}

export interface Signature {
  signer: Hex
  type: string
  bytes: Hex
  /** Null is for ever. */
  era: Era | null
  nonce: number
  tip: bigint
  /** The signed extensions' bytes and the call's, as they came: what the payload is made of. */
  extra: Uint8Array
}

export interface Extrinsic {
  /** With the length in front, as it lies in a block. */
  bytes: Uint8Array
  hash: Hex
  call: CallValue
  callBytes: Uint8Array
  /** Null for inherents. */
  signature: Signature | null
}

export function decodeExtrinsic(bytes: Uint8Array, codecs: Codecs): Extrinsic {
  const outer = new Reader(bytes)
  const body = outer.raw(outer.length())
  outer.end()
  const input = new Reader(body)
  const version = input.byte()
  let signature: Signature | null = null
  if (version === SIGNED) {
    const signer = lookupAddress(codecs.of('MultiAddress').read(input))
    if (signer === undefined) throw new ScaleError('the signer is not an account')
    const { type, value } = codecs.of('MultiSignature').read(input) as { type: string; value: Hex }
    const extraStart = input.position
    const era = readEra(input)
    const nonce = Number(input.compact())
    const tip = input.compact()
    signature = { signer, type, bytes: value, era, nonce, tip, extra: body.slice(extraStart, input.position) }
  } else if (version !== UNSIGNED) throw new ScaleError(`extrinsic version ${version & 0x7f} is not 4`)
  const callBytes = body.slice(input.position)
  const call = codecs.of('RuntimeCall').read(input) as CallValue
  input.end()
  return { bytes, hash: blake2AsHex(bytes, 256), call, callBytes, signature }
}

/** An unsigned extrinsic, for inherents. */
export function encodeInherent(call: CallValue, codecs: Codecs): Uint8Array {
  const out = new Writer()
  out.byte(UNSIGNED)
  codecs.of('RuntimeCall').write(out, call)
  return encodeWith(bytesCodec, out.done())
}

interface SignedCall {
  call: CallValue
  signer: Hex
  nonce: number
  tip?: bigint
  genesisHash: Hex
  /** Immortal when absent. */
  mortality?: { era: Era; birthHash: Hex }
}

/** Assembles a signed extrinsic; `sign` gets the payload and returns 64 bytes of sr25519. */
export function encodeSigned(
  { call, signer, nonce, tip = 0n, genesisHash, mortality }: SignedCall,
  sign: (payload: Uint8Array) => Uint8Array,
  codecs: Codecs,
): Uint8Array {
  const callBytes = codecs.encode('RuntimeCall', call)
  const extra = new Writer()
  if (mortality === undefined) extra.byte(0)
  else extra.raw(eraBytes(mortality.era))
  extra.compact(nonce)
  extra.compact(tip)
  const extraBytes = extra.done()
  const out = new Writer()
  out.byte(SIGNED)
  codecs.of('MultiAddress').write(out, { type: 'Id', value: signer })
  out.byte(1)
  out.raw(sign(payloadOf(callBytes, extraBytes, genesisHash, mortality?.birthHash ?? genesisHash)))
  out.raw(extraBytes)
  out.raw(callBytes)
  return encodeWith(bytesCodec, out.done())
}

/** Number of the block whose hash a mortal extrinsic signs, seen from `current`. */
export function birthBlock(era: Era, current: number): number {
  return Math.floor((Math.max(current, era.phase) - era.phase) / era.period) * era.period + era.phase
}

/** Whether the signature is the signer's, given the hash of its birth block. */
export function isSignatureGood(extrinsic: Extrinsic, genesisHash: Hex, birthHash: Hex): boolean {
  const { signature } = extrinsic
  if (signature === null) return true
  const payload = payloadOf(extrinsic.callBytes, signature.extra, genesisHash, birthHash)
  const bytes = hexBytes(signature.bytes)
  const signer = hexBytes(signature.signer)
  try {
    if (signature.type === 'Sr25519') return sr25519Verify(payload, bytes, signer)
    const prefix = signature.type === 'Ed25519' ? 0 : 2
    return signatureVerify(payload, Buffer.concat([Uint8Array.of(prefix), bytes]), signer).isValid
  } catch {
    // Points that are none and the like.
    return false
  }
}

function payloadOf(callBytes: Uint8Array, extra: Uint8Array, genesisHash: Hex, birthHash: Hex): Uint8Array {
  const additional = Buffer.alloc(8)
  additional.writeUInt32LE(SPEC_VERSION, 0)
  additional.writeUInt32LE(TRANSACTION_VERSION, 4)
  const payload = Buffer.concat([callBytes, extra, additional, hexBytes(genesisHash), hexBytes(birthHash)])
  return payload.length > MAX_PLAIN_PAYLOAD ? blake2AsU8a(payload, 256) : payload
}

function eraBytes({ period, phase }: Era): Uint8Array {
  const encoded = Math.log2(period) - 1 + (Math.floor(phase / Math.max(period >> 12, 1)) << 4)
  return Uint8Array.of(encoded & 0xff, encoded >> 8)
}

function readEra(input: Reader): Era | null {
  const first = input.byte()
  if (first === 0) return null
  const encoded = first | (input.byte() << 8)
  const period = 2 << (encoded % 16)
  const phase = (encoded >> 4) * Math.max(period >> 12, 1)
  if (period < 4 || phase >= period) throw new ScaleError('the era is not one')
  return { period, phase }
}
