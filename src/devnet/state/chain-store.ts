/** All blocks with their states, and which of them are the head; on disk too when there is a folder for it. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../core/errors.js'
import type { Hex } from '../../core/records.js'
import { decodeHeader, encodeHeader, hashHeader, type Header } from '../executive/header.js'
import type { Codecs } from '../runtime/codec.js'
import { blockRecord, decodeBody, headRecord, patchRecord, settingsRecord, visitRecord } from './block-records.js'
import type { StateBlock } from './block-tree.js'
import { createHistory, type Changes, type History } from './history.js'
import { openRecordFile, type ReadBytes, type RecordFile } from './record-file.js'

export interface Block {
  readonly hash: Hex
  readonly number: number
  readonly header: Header
  readonly parent: Block | null
  readonly state: StateBlock
  extrinsics(): Uint8Array[]
}

export interface ChainStore {
  readonly history: History
  readonly best: Block
  readonly finalized: Block
  readonly genesis: Block
  isEmpty(): boolean
  byHash(hash: Hex): Block | undefined
  /** On the best chain. */
  byNumber(number: number): Block | undefined
  add(block: { parent: Block | null; header: Header; extrinsics: Uint8Array[]; changes: Changes }): Block
  setHead(head: { best: Block; finalized: Block }): void
  patch(block: Block, changes: Changes): void
  close(): void
}

export interface ChainStoreOptions {
  codecs: Codecs
  /** Absent keeps everything in memory. */
  dataDir?: string
  /** What the chain is made from; a folder that holds a chain of other settings is refused. */
  settings: string
}

const FILE_NAME = 'chain.log'
/** Blocks whose extrinsics stay in memory although they are in the file. */
const KEPT_BODIES = 64

export function openChainStore({ codecs, dataDir, settings }: ChainStoreOptions): ChainStore {
  let file: RecordFile | undefined
  /** Of the file, also while it is being opened: values that were set by hand are compared with those before them. */
  let read: ReadBytes = () => {
    throw new Error('this chain has no file')
  }
  const history = createHistory({ read: (offset) => read(offset + 4, read(offset, 4).readUInt32LE(0)) })
  const bySequence: Block[] = []
  const byHash = new Map<Hex, Block>()
  const canonical: Block[] = []
  const bodies = new Map<Hex, Uint8Array[]>()
  let best: Block | undefined
  let finalized: Block | undefined
  let foundSettings: string | undefined

  function enter(state: StateBlock, parent: Block | null, header: Header, extrinsics: () => Uint8Array[]): Block {
    const block: Block = { hash: hashHeader(header, codecs), number: header.number, header, parent, state, extrinsics }
    bySequence[state.sequence] = block
    byHash.set(block.hash, block)
    return block
  }

  function at(sequence: number): Block {
    return bySequence[sequence] as Block
  }

  /** Numbers follow the best chain: from its head down to where the list agrees. */
  function follow(head: Block): void {
    canonical.length = Math.min(canonical.length, head.number + 1)
    let block: Block | null = head
    while (block !== null && canonical[block.number] !== block) {
      canonical[block.number] = block
      block = block.parent
    }
  }

  function bodyReader(hash: Hex, place: { offset: number; length: number } | undefined, extrinsics?: Uint8Array[]): () => Uint8Array[] {
    if (extrinsics !== undefined && place === undefined) return () => extrinsics
    if (extrinsics !== undefined) {
      bodies.set(hash, extrinsics)
      for (const old of bodies.keys()) {
        if (bodies.size <= KEPT_BODIES) break
        bodies.delete(old)
      }
    }
    const { offset, length } = place as { offset: number; length: number }
    return () => bodies.get(hash) ?? decodeBody((file as RecordFile).read(offset, length))
  }

  if (dataDir !== undefined) {
    mkdirSync(dataDir, { recursive: true })
    file = openRecordFile(join(dataDir, FILE_NAME), (payload, offset, readBytes) => {
      read = readBytes
      visitRecord(payload, offset, {
        settings: (text) => (foundSettings = text),
        block: (found) => {
          const parent = found.parent === null ? null : at(found.parent)
          const header = decodeHeader(found.header, codecs)
          const state = history.restore(parent?.state ?? null, found.places, found.sum)
          enter(state, parent, header, bodyReader(hashHeader(header, codecs), found.body))
        },
        patch: (sequence, changes) => history.patch(history.block(sequence), changes),
        head: (head) => {
          best = at(head.best)
          finalized = at(head.finalized)
        },
      })
    })
    // A new file had no record to be told of.
    read = file.read
    if (foundSettings === undefined) file.append([settingsRecord(settings)])
    else if (foundSettings !== settings) {
      file.close()
      throw new AppError(
        'CONFIG_INVALID',
        `${dataDir} holds a devnet made with ${foundSettings}, not with ${settings}; use those settings, or another data folder, or remove it`,
      )
    }
    if (best !== undefined) follow(best)
  }

  const some = (block: Block | undefined): Block => {
    if (block === undefined) throw new Error('the chain has no block yet')
    return block
  }

  return {
    history,
    get best() {
      return some(best)
    },
    get finalized() {
      return some(finalized)
    },
    get genesis() {
      return some(canonical[0])
    },
    isEmpty: () => best === undefined,
    byHash: (hash) => byHash.get(hash),
    byNumber: (number) => canonical[number],
    add: ({ parent, header, extrinsics, changes }) => {
      const hash = hashHeader(header, codecs)
      const known = byHash.get(hash)
      if (known !== undefined) return known
      const parentState = parent?.state ?? null
      if (file === undefined) return enter(history.add(parentState, changes), parent, header, bodyReader(hash, undefined, extrinsics))
      const { sum } = history.rootWith(parentState, changes)
      const record = blockRecord({ parent: parentState?.sequence ?? null, header: encodeHeader(header, codecs), extrinsics, sum, changes })
      const [offset = 0] = file.append([record.payload])
      const places = new Map([...record.places].map(([key, place]) => [key, offset + place]))
      const body = { offset: offset + record.body.offset, length: record.body.length }
      return enter(history.add(parentState, changes, places), parent, header, bodyReader(hash, body, extrinsics))
    },
    setHead: (head) => {
      best = head.best
      finalized = head.finalized
      follow(best)
      file?.append([headRecord({ best: best.state.sequence, finalized: finalized.state.sequence })])
    },
    patch: (block, changes) => {
      history.patch(block.state, changes)
      file?.append([patchRecord(block.state.sequence, changes)])
    },
    close: () => file?.close(),
  }
}
