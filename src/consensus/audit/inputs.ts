/**
 * The inputs of an epoch as bytes: what is stored beside an epoch, so that it can be recomputed later, and what its hash is taken of. One inputs has
 * one encoding. All numbers little-endian:
 *
 *     u8 version (1), u8 kind (1 subnet, 2 root)
 *     subnet: u16 netuid, u64 block, u16 tempo, u16 n, u16 kappa, u64 bondsMovingAverage, u16 activityCutoff, u16 maxAllowedValidators, u64 emission,
 *             n x u8 registered, n x u64 stake, n x u64 lastUpdate, n x u64 registeredBlock, n x u8 validatorPermit, weights, bonds
 *     root:   u64 block, u16 tempo, u16 n, u16 k, k x u16 netuids, k x u64 emission values before, u16 totalNetworks, u64 blockEmission, u16 rho,
 *             u16 kappa, n x u64 stake, weights
 *     a matrix: n x u32 length of the row, then u16 uids of all rows, then u16 values of all rows
 */
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { deflateRaw, inflateRawSync } from 'node:zlib'
import type { Hex } from '../../core/records.js'
import type { SparseRows } from '../sparse-rows.js'
import type { RootEpochInputs, SubnetEpochInputs } from '../types.js'
import { ByteReader, ByteWriter } from './bytes.js'

/** The inputs of a root epoch, and the emission values that stay when it fails, by `netuids`. */
export interface RootAuditInputs extends RootEpochInputs {
  readonly before: BigUint64Array
}

export type AuditInputs = SubnetEpochInputs | RootAuditInputs

const VERSION = 1
const KIND = { subnet: 1, root: 2 } as const
/** No epoch comes near: 4096 uids with full weights and bonds are 134 MB. It bounds what damaged bytes can make of themselves. */
const MOST_BYTES = 256 << 20

export interface PackedInputs {
  /** Compressed encoding. */
  readonly bytes: Uint8Array
  /** SHA-256 of the encoding. */
  readonly hash: Hex
}

const deflate = promisify(deflateRaw)

/** Compresses off the main thread. */
export async function packInputs(inputs: AuditInputs): Promise<PackedInputs> {
  const encoded = encodeInputs(inputs)
  return { bytes: await deflate(encoded, { level: 1 }), hash: hashOf(encoded) }
}

/** Null when the bytes are not what was packed: they do not inflate, have another hash, or are no inputs. */
export function unpackInputs(packed: Uint8Array, hash: Hex): AuditInputs | null {
  try {
    const encoded = inflateRawSync(packed, { maxOutputLength: MOST_BYTES })
    return hashOf(encoded) === hash ? decodeInputs(encoded) : null
  } catch {
    return null
  }
}

function hashOf(encoded: Uint8Array): Hex {
  return `0x${createHash('sha256').update(encoded).digest('hex')}`
}

export function encodeInputs(inputs: AuditInputs): Uint8Array {
  const out = new ByteWriter()
  out.u8(VERSION)
  out.u8(KIND[inputs.kind])
  if (inputs.kind === 'subnet') writeSubnet(out, inputs)
  else writeRoot(out, inputs)
  return out.bytes()
}

/** Throws a RangeError on bytes that are not the encoding of any inputs. */
export function decodeInputs(bytes: Uint8Array): AuditInputs {
  const from = new ByteReader(bytes)
  const version = from.u8()
  if (version !== VERSION) throw new RangeError(`inputs of version ${version}`)
  const kind = from.u8()
  if (kind !== KIND.subnet && kind !== KIND.root) throw new RangeError(`inputs of kind ${kind}`)
  const inputs = kind === KIND.subnet ? readSubnet(from) : readRoot(from)
  from.end()
  return inputs
}

function writeSubnet(out: ByteWriter, inputs: SubnetEpochInputs): void {
  out.u16(inputs.netuid)
  out.u64(BigInt(inputs.block))
  out.u16(inputs.tempo)
  out.u16(inputs.n)
  out.u16(inputs.kappa)
  out.u64(inputs.bondsMovingAverage)
  out.u16(inputs.activityCutoff)
  out.u16(inputs.maxAllowedValidators)
  out.u64(inputs.emission)
  out.raw(inputs.registered)
  out.u64s(inputs.stake)
  out.blocks(inputs.lastUpdate)
  out.blocks(inputs.registeredBlock)
  out.raw(inputs.validatorPermit)
  writeMatrix(out, inputs.weights)
  writeMatrix(out, inputs.bonds)
}

function readSubnet(from: ByteReader): SubnetEpochInputs {
  const netuid = from.u16()
  const block = from.block()
  const tempo = from.u16()
  const n = from.u16()
  return {
    kind: 'subnet',
    netuid,
    block,
    tempo,
    n,
    kappa: from.u16(),
    bondsMovingAverage: from.u64(),
    activityCutoff: from.u16(),
    maxAllowedValidators: from.u16(),
    emission: from.u64(),
    registered: from.flags(n),
    stake: from.u64s(n),
    lastUpdate: from.blocks(n),
    registeredBlock: from.blocks(n),
    validatorPermit: from.flags(n),
    weights: readMatrix(from, n),
    bonds: readMatrix(from, n),
  }
}

function writeRoot(out: ByteWriter, inputs: RootAuditInputs): void {
  out.u64(BigInt(inputs.block))
  out.u16(inputs.tempo)
  out.u16(inputs.n)
  out.u16(inputs.netuids.length)
  out.u16s(Uint16Array.from(inputs.netuids))
  out.u64s(inputs.before)
  out.u16(inputs.totalNetworks)
  out.u64(inputs.blockEmission)
  out.u16(inputs.rho)
  out.u16(inputs.kappa)
  out.u64s(inputs.stake)
  writeMatrix(out, inputs.weights)
}

function readRoot(from: ByteReader): RootAuditInputs {
  const block = from.block()
  const tempo = from.u16()
  const n = from.u16()
  const k = from.u16()
  return {
    kind: 'root',
    block,
    tempo,
    n,
    netuids: [...from.u16s(k)],
    before: from.u64s(k),
    totalNetworks: from.u16(),
    blockEmission: from.u64(),
    rho: from.u16(),
    kappa: from.u16(),
    stake: from.u64s(n),
    weights: readMatrix(from, n),
  }
}

function writeMatrix(out: ByteWriter, { starts, uids, values }: SparseRows): void {
  for (let uid = 0; uid + 1 < starts.length; uid++) out.u32((starts[uid + 1] as number) - (starts[uid] as number))
  out.u16s(uids)
  out.u16s(values)
}

function readMatrix(from: ByteReader, n: number): SparseRows {
  const starts = new Uint32Array(n + 1)
  let size = 0
  for (let uid = 0; uid < n; uid++) starts[uid + 1] = size += from.u32()
  return { starts, uids: from.u16s(size), values: from.u16s(size) }
}
