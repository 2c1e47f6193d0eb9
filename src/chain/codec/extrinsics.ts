import { AppError } from '../../core/errors.js'
import type { Hex } from '../../core/records.js'
import { toHex } from '../../core/units/bytes.js'
import type { CallDecoder, DecodedCall } from './calls.js'
import type { Decoders, EnumValue } from './decoders.js'
import { blake2b256 } from './hashing.js'
import type { TypeLookup } from './lookup.js'
import { Reader } from './reader.js'

export interface DecodedExtrinsic {
  hash: Hex
  call: DecodedCall
  signature: ExtrinsicSignature | null
}

export interface ExtrinsicSignature {
  /** 32-byte account; null for signers that are no account id. */
  signer: Hex | null
  nonce: bigint | null
  tip: bigint | null
  /** null = immortal. */
  era: { period: number; phase: number } | null
}

const FORMAT_SIGNED = 0b1000_0000
const FORMAT_GENERAL = 0b0100_0000
const VERSION_MASK = 0b0011_1111

/** Decodes opaque extrinsics of formats 4 (bare, signed) and 5 (bare, general). `bytes` start with the compact length. */
export function createExtrinsicDecoder(
  lookup: TypeLookup,
  decoders: Decoders,
  calls: CallDecoder,
): (bytes: Uint8Array) => DecodedExtrinsic {
  const { extrinsic } = lookup.metadata
  const { address, signature } = lookup.extrinsic
  const extensions = extrinsic.extensionsByVersion[0] ?? Object.values(extrinsic.extensions)

  function readSigned(reader: Reader): ExtrinsicSignature {
    const signer = accountOf(decoders.value(address)(reader))
    decoders.value(signature)(reader)
    return { signer, ...readExtensions(reader, extensions) }
  }

  function readExtensions(reader: Reader, list: typeof extensions): Omit<ExtrinsicSignature, 'signer'> {
    const out: Omit<ExtrinsicSignature, 'signer'> = { nonce: null, tip: null, era: null }
    for (const { identifier, type } of list) {
      // The registry spells an era as an enum of 256 variants; on the wire it is one byte or two.
      if (identifier === 'CheckMortality' || identifier === 'CheckEra') out.era = readEra(reader)
      else {
        const value = decoders.value(type)(reader)
        if (identifier === 'CheckNonce') out.nonce = BigInt(value as number | bigint)
        else if (identifier.startsWith('Charge')) out.tip = tipOf(value)
      }
    }
    return out
  }

  return (bytes) => {
    const reader = new Reader(bytes)
    const length = reader.compactLength()
    if (length !== reader.left) throw new AppError('UPSTREAM_INVALID', `an extrinsic says ${length} bytes and has ${reader.left}`)
    const format = reader.u8()
    const version = format & VERSION_MASK
    if (version !== 4 && version !== 5) throw new AppError('UPSTREAM_INVALID', `unknown extrinsic version ${version}`)
    let signed: ExtrinsicSignature | null = null
    if (format & FORMAT_SIGNED) signed = readSigned(reader)
    else if (format & FORMAT_GENERAL) {
      const list = extrinsic.extensionsByVersion[reader.u8()] ?? extensions
      signed = { signer: null, ...readExtensions(reader, list) }
    }
    const call = calls.decode(reader)
    if (reader.left !== 0) throw new AppError('UPSTREAM_INVALID', `${reader.left} bytes left after the call ${call.pallet}.${call.call}`)
    return { hash: toHex(blake2b256(bytes)), call, signature: signed }
  }
}

function accountOf(address: unknown): Hex | null {
  if (typeof address === 'string') return address.length === 66 ? (address as Hex) : null
  const { type, value } = address as EnumValue
  return (type === 'Id' || type === 'Address32') && typeof value === 'string' ? (value as Hex) : null
}

function tipOf(value: unknown): bigint | null {
  if (typeof value === 'bigint' || typeof value === 'number') return BigInt(value)
  const tip = (value as { tip?: number | bigint } | null)?.tip
  return tip === undefined ? null : BigInt(tip)
}

/** Mortal era: a two-byte word holds log2(period) - 1 in its low four bits and the quantised phase above. */
function readEra(reader: Reader): { period: number; phase: number } | null {
  const first = reader.u8()
  if (first === 0) return null
  const word = first | (reader.u8() << 8)
  const period = 2 << (word & 15)
  const quantum = Math.max(period >> 12, 1)
  return { period, phase: (word >> 4) * quantum }
}
