import type { DecodedCall } from '../chain/codec/calls.js'
import type { DecodedEvent } from '../chain/codec/events.js'
import type { DecodedExtrinsic } from '../chain/codec/extrinsics.js'
import { hexBytes } from '../chain/codec/reader.js'
import type { RawBlock } from '../chain/reader.js'
import type { ErrorName, Runtime } from '../chain/runtime.js'
import { AppError } from '../core/errors.js'
import type { Hex } from '../core/records.js'
import { callOutcomes, type CallOutcome } from './call-outcomes.js'

/** A block with everything in it decoded. */
export interface DecodedBlock {
  raw: RawBlock
  runtime: Runtime
  /** Unix milliseconds, from `Timestamp.set`; 0 for the genesis block, which has none. */
  timestamp: number
  extrinsics: BlockExtrinsic[]
  events: DecodedEvent[]
}

export interface BlockExtrinsic {
  index: number
  decoded: DecodedExtrinsic
  success: boolean
  error: ErrorName | null
  fee: bigint | null
  /** Events of this extrinsic's phase. */
  events: DecodedEvent[]
  /** The outer call first, then nested ones in depth-first order. */
  calls: FlatCall[]
}

export interface FlatCall {
  index: number
  parentIndex: number
  call: DecodedCall
  outcome: CallOutcome
  /** Account it is made for; null for root and for unsigned. */
  origin: Hex | null
}

/** Decodes a block with the runtime that executed it. Pure. Throws `UPSTREAM_INVALID` for bytes that are not what the metadata says. */
export function decodeBlock(raw: RawBlock, runtime: Runtime): DecodedBlock {
  const events = raw.events === null ? [] : runtime.decodeEvents(hexBytes(raw.events))
  const byExtrinsic: DecodedEvent[][] = raw.extrinsics.map(() => [])
  for (const event of events) if (event.extrinsicIndex !== null) byExtrinsic[event.extrinsicIndex]?.push(event)
  const extrinsics = raw.extrinsics.map((bytes, index) => decodeOne(runtime, bytes, index, byExtrinsic[index] ?? []))
  return { raw, runtime, timestamp: timestampOf(raw, extrinsics), extrinsics, events }
}

function decodeOne(runtime: Runtime, bytes: Hex, index: number, events: DecodedEvent[]): BlockExtrinsic {
  const decoded = decodeOrKeep(runtime, bytes)
  const failed = events.find((e) => e.pallet === 'System' && e.name === 'ExtrinsicFailed')
  const error = failed ? runtime.errorName(failed.values()[0]) : null
  // A failed extrinsic has its own event; anything else counts as done, inherents of runtimes without an event for them too.
  const success = failed === undefined
  const outer: CallOutcome = { success, error }
  const signer = decoded.signature?.signer ?? null
  return {
    index,
    decoded,
    success,
    error,
    fee: feeOf(events, signer),
    events,
    calls: callOutcomes(runtime, decoded.call, outer, signer, events),
  }
}

/** An extrinsic that the metadata cannot read is kept as bytes: a block is never lost for one of its extrinsics. */
function decodeOrKeep(runtime: Runtime, bytes: Hex): DecodedExtrinsic {
  const raw = hexBytes(bytes)
  try {
    return runtime.decodeExtrinsic(raw)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const hash = runtime.hash(raw)
    const args = JSON.stringify({ raw: bytes, problem: error.message })
    return { hash, call: { pallet: 'Unknown', call: 'unknown', args, inner: [], values: () => ({}) }, signature: null }
  }
}

function timestampOf(raw: RawBlock, extrinsics: BlockExtrinsic[]): number {
  const set = extrinsics.find((x) => x.decoded.call.pallet === 'Timestamp' && x.decoded.call.call === 'set')
  if (set) return Number(set.decoded.call.values().now)
  if (raw.height === 0) return 0
  throw new AppError('UPSTREAM_INVALID', `block ${raw.height} has no time stamp`, { height: raw.height, hash: raw.hash })
}

/** What the signer paid, tip included: told by an event since 2022, before that by what was withdrawn first. */
function feeOf(events: DecodedEvent[], signer: Hex | null): bigint | null {
  if (signer === null) return null
  const paid = events.find((e) => e.pallet === 'TransactionPayment' && e.name === 'TransactionFeePaid')
  return paid ? BigInt(paid.values()[1] as bigint | number) : null
}
