/**
 * An append-only file of records, each with its length and checksum in front. A process that is killed leaves at most a torn last
 * record, which is cut off when the file is opened again.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'

export interface RecordFile {
  /** Appends payloads in one write. Returns where each begins in the file. */
  append(payloads: Uint8Array[]): number[]
  /** Bytes of the file; those of records are what was appended, at the place `append` or `scan` told. */
  read(offset: number, length: number): Buffer
  close(): void
}

const FRAME_BYTES = 8
const WINDOW_BYTES = 1 << 22

/** Reads bytes that are in the file: those of records before the one that is visited, too. */
export type ReadBytes = RecordFile['read']

/** Opens or creates a file and tells `visit` of every whole record in it, with the place where its payload begins. */
export function openRecordFile(path: string, visit: (payload: Buffer, offset: number, read: ReadBytes) => void): RecordFile {
  const file = openSync(path, 'a+')
  let end = 0
  const size = fstatSync(file).size
  let window: Buffer = Buffer.alloc(0)
  let windowStart = 0

  const at = (offset: number, length: number): Buffer | null => {
    if (offset + length > size) return null
    if (offset < windowStart || offset + length > windowStart + window.length) {
      window = read(offset, Math.min(Math.max(WINDOW_BYTES, length), size - offset))
      windowStart = offset
    }
    return window.subarray(offset - windowStart, offset - windowStart + length)
  }

  function read(offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    let done = 0
    while (done < length) {
      const count = readSync(file, bytes, done, length - done, offset + done)
      if (count === 0) return bytes.subarray(0, done)
      done += count
    }
    return bytes
  }

  for (;;) {
    const frame = at(end, FRAME_BYTES)
    if (frame === null) break
    const length = frame.readUInt32LE(0)
    const checksum = frame.readUInt32LE(4)
    const payload = at(end + FRAME_BYTES, length)
    if (payload === null || crc32(payload) !== checksum) break
    visit(payload, end + FRAME_BYTES, read)
    end += FRAME_BYTES + length
  }
  if (end < size) ftruncateSync(file, end)
  window = Buffer.alloc(0)

  return {
    append: (payloads) => {
      const parts: Uint8Array[] = []
      const offsets: number[] = []
      let next = end
      for (const payload of payloads) {
        const frame = Buffer.alloc(FRAME_BYTES)
        frame.writeUInt32LE(payload.length, 0)
        frame.writeUInt32LE(crc32(payload), 4)
        parts.push(frame, payload)
        offsets.push(next + FRAME_BYTES)
        next += FRAME_BYTES + payload.length
      }
      const all = Buffer.concat(parts)
      for (let done = 0; done < all.length;) done += writeSync(file, all, done)
      end = next
      return offsets
    },
    read,
    close: () => closeSync(file),
  }
}
