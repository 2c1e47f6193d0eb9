/**
 * The inputs of an epoch as bytes: what is stored beside an epoch, so that it can be recomputed later, and what its hash is taken of. One inputs has
 * one encoding: u8 version (1), u8 kind (1 subnet, 2 root), and the fields in the order of the layouts below, all numbers little-endian. Lists have an entry
 * for each of the `n` uids and no length of their own, but for `netuids`, which begins with a u16 that says how many there are, `before` among them. A
 * matrix is n x u32 length of the row, then u16 uids of all rows, then u16 values of all rows.
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

type Field = 'u16' | 'u64' | 'block' | 'flags' | 'u64s' | 'blocks' | 'netuids' | 'values' | 'matrix'

const SUBNET_LAYOUT: Record<keyof Omit<SubnetEpochInputs, 'kind'>, Field> = {
  netuid: 'u16',
  block: 'block',
  tempo: 'u16',
  n: 'u16',
  kappa: 'u16',
  bondsMovingAverage: 'u64',
  activityCutoff: 'u16',
  maxAllowedValidators: 'u16',
  emission: 'u64',
  registered: 'flags',
  stake: 'u64s',
  lastUpdate: 'blocks',
  registeredBlock: 'blocks',
  validatorPermit: 'flags',
  weights: 'matrix',
  bonds: 'matrix',
}

const ROOT_LAYOUT: Record<keyof Omit<RootAuditInputs, 'kind'>, Field> = {
  block: 'block',
  tempo: 'u16',
  n: 'u16',
  netuids: 'netuids',
  before: 'values',
  totalNetworks: 'u16',
  blockEmission: 'u64',
  rho: 'u16',
  kappa: 'u16',
  stake: 'u64s',
  weights: 'matrix',
}

const LAYOUTS = { subnet: SUBNET_LAYOUT, root: ROOT_LAYOUT }

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
  for (const [name, field] of Object.entries<Field>(LAYOUTS[inputs.kind])) write(out, field, inputs[name as keyof AuditInputs])
  return out.bytes()
}

/** Throws a RangeError on bytes that are not the encoding of any inputs. */
export function decodeInputs(bytes: Uint8Array): AuditInputs {
  const from = new ByteReader(bytes)
  const version = from.u8()
  if (version !== VERSION) throw new RangeError(`inputs of version ${version}`)
  const code = from.u8()
  const kind = code === KIND.subnet ? 'subnet' : code === KIND.root ? 'root' : null
  if (kind === null) throw new RangeError(`inputs of kind ${code}`)
  const inputs: Record<string, unknown> = { kind }
  for (const [name, field] of Object.entries<Field>(LAYOUTS[kind])) inputs[name] = read(from, field, inputs as unknown as Sizes)
  from.end()
  return inputs as unknown as AuditInputs
}

/** What has been read of the inputs when a list comes that it is as long as. */
interface Sizes {
  n: number
  netuids: readonly number[]
}

function write(out: ByteWriter, field: Field, value: unknown): void {
  switch (field) {
    case 'u16':
      return out.u16(value as number)
    case 'u64':
      return out.u64(value as bigint)
    case 'block':
      return out.u64(BigInt(value as number))
    case 'flags':
      return out.raw(value as Uint8Array)
    case 'u64s':
    case 'values':
      return out.u64s(value as BigUint64Array)
    case 'blocks':
      return out.blocks(value as Float64Array)
    case 'netuids':
      out.u16((value as number[]).length)
      return out.u16s(Uint16Array.from(value as number[]))
    case 'matrix':
      return writeMatrix(out, value as SparseRows)
  }
}

function read(from: ByteReader, field: Field, { n, netuids }: Sizes): unknown {
  switch (field) {
    case 'u16':
      return from.u16()
    case 'u64':
      return from.u64()
    case 'block':
      return from.block()
    case 'flags':
      return from.flags(n)
    case 'u64s':
      return from.u64s(n)
    case 'blocks':
      return from.blocks(n)
    case 'netuids':
      return [...from.u16s(from.u16())]
    case 'values':
      return from.u64s(netuids.length)
    case 'matrix':
      return readMatrix(from, n)
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
