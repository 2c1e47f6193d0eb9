/** The records of a chain on disk: its settings, its blocks with what they wrote, changes made in place, and the head. */
import type { Hex } from '../../core/records.js'
import { toHex } from '../../core/units/bytes.js'
import { bytesCodec, hexBytes, Reader, Writer } from '../runtime/scale.js'
import type { Changes } from './history.js'

const SETTINGS = 0
const BLOCK = 1
const PATCH = 2
const HEAD = 3
const NO_PARENT = 0xffff_ffff

export interface BlockRecord {
  /** Sequence number; null for the first block. */
  parent: number | null
  header: Uint8Array
  extrinsics: Uint8Array[]
  /** See `History`. */
  sum: bigint
  changes: Changes
}

/** A block as it is found again: values and extrinsics stay in the file. */
export interface FoundBlock {
  parent: number | null
  header: Uint8Array
  sum: bigint
  body: { offset: number; length: number }
  /** Place of each value; null for a removal. */
  places: Map<Hex, number | null>
}

export interface RecordVisitor {
  settings(text: string): void
  block(block: FoundBlock): void
  patch(sequence: number, changes: Changes): void
  head(head: { best: number; finalized: number }): void
}

export function settingsRecord(text: string): Uint8Array {
  return Buffer.concat([Uint8Array.of(SETTINGS), Buffer.from(text)])
}

export function headRecord({ best, finalized }: { best: number; finalized: number }): Uint8Array {
  const out = new Writer()
  out.byte(HEAD)
  out.uint(best, 4)
  out.uint(finalized, 4)
  return out.done()
}

export function patchRecord(sequence: number, changes: Changes): Uint8Array {
  const out = new Writer()
  out.byte(PATCH)
  out.uint(sequence, 4)
  writeChanges(out, changes)
  return out.done()
}

/** The record, and where in it each value lies. */
export function blockRecord(block: BlockRecord): {
  payload: Uint8Array
  places: Map<Hex, number>
  body: { offset: number; length: number }
} {
  const out = new Writer()
  out.byte(BLOCK)
  out.uint(block.parent ?? NO_PARENT, 4)
  out.bigUint(block.sum, 32)
  bytesCodec.write(out, block.header)
  const body = encodeBody(block.extrinsics)
  out.uint(body.length, 4)
  const bodyPlace = { offset: out.size, length: body.length }
  out.raw(body)
  const places = writeChanges(out, block.changes)
  return { payload: out.done(), places, body: bodyPlace }
}

export function visitRecord(payload: Buffer, offset: number, visitor: RecordVisitor): void {
  const input = new Reader(payload)
  switch (input.byte()) {
    case SETTINGS:
      visitor.settings(payload.subarray(1).toString())
      return
    case BLOCK: {
      const parent = input.uint(4)
      const sum = input.bigUint(32)
      const header = bytesCodec.read(input)
      const length = input.uint(4)
      const body = { offset: offset + input.position, length }
      input.raw(length)
      const places = new Map<Hex, number | null>()
      readChanges(input, (key, place, value) => places.set(key, value === null ? null : offset + place))
      visitor.block({ parent: parent === NO_PARENT ? null : parent, header, sum, body, places })
      return
    }
    case PATCH: {
      const sequence = input.uint(4)
      const changes = new Map<Hex, Uint8Array | null>()
      readChanges(input, (key, _, value) => changes.set(key, value === null ? null : value.slice()))
      visitor.patch(sequence, changes)
      return
    }
    case HEAD:
      visitor.head({ best: input.uint(4), finalized: input.uint(4) })
  }
}

export function decodeBody(bytes: Uint8Array): Uint8Array[] {
  const input = new Reader(bytes)
  return Array.from({ length: Number(input.compact()) }, () => bytesCodec.read(input))
}

function encodeBody(extrinsics: Uint8Array[]): Uint8Array {
  const out = new Writer()
  out.compact(extrinsics.length)
  for (const extrinsic of extrinsics) bytesCodec.write(out, extrinsic)
  return out.done()
}

/** Each value has its length in front, so that its place is enough to read it. */
function writeChanges(out: Writer, changes: Changes): Map<Hex, number> {
  const places = new Map<Hex, number>()
  out.uint(changes.size, 4)
  for (const [key, value] of changes) {
    bytesCodec.write(out, hexBytes(key))
    out.byte(value === null ? 0 : 1)
    if (value === null) continue
    places.set(key, out.size)
    out.uint(value.length, 4)
    out.raw(value)
  }
  return places
}

function readChanges(input: Reader, each: (key: Hex, place: number, value: Uint8Array | null) => void): void {
  const count = input.uint(4)
  for (let i = 0; i < count; i++) {
    const key = toHex(input.raw(input.length()))
    const present = input.byte() === 1
    const place = input.position
    each(key, place, present ? input.raw(input.uint(4)) : null)
  }
}
