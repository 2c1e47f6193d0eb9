/**
 * The state of every block: for each storage key the list of its values, by the block that wrote them. A read at a block takes the
 * last value written by one of its ancestors. Nothing is ever forgotten; old values move to the chain's log on disk when there is one.
 */
import { blake2AsU8a } from '@polkadot/util-crypto'
import type { Hex } from '../../core/records.js'
import { toHex } from '../../core/units/bytes.js'
import { hexBytes } from '../runtime/scale.js'
import { createBlockTree, isAncestorOrSelf, type StateBlock } from './block-tree.js'

/** Keys written by a block; null where it removed one. */
export type Changes = ReadonlyMap<Hex, Uint8Array | null>

/** Where the values of written changes can be read again. */
export interface ValueSource {
  read(offset: number): Uint8Array
}

export interface History {
  /** A block on top of `parent`, null for the first. `offsets` says where each value lies in the source, if there is one. */
  add(parent: StateBlock | null, changes: Changes, offsets?: ReadonlyMap<Hex, number>): StateBlock
  /** A block that was added in an earlier life: the places of its values in the source, null for removals, and its sum. */
  restore(parent: StateBlock | null, places: ReadonlyMap<Hex, number | null>, sum: bigint): StateBlock
  /** Changes the state of a block in place, without a trace in its header. */
  patch(block: StateBlock, changes: Changes): void
  get(block: StateBlock, key: Hex): Uint8Array | undefined
  /** Keys that start with `prefix`, in order, after `after` if that is given. */
  keys(block: StateBlock, prefix: string, after?: string, limit?: number): Hex[]
  /** Digest of a block's state with these changes on top, and the sum that it is made of. */
  rootWith(block: StateBlock | null, changes: Changes): { root: Hex; sum: bigint }
  block(sequence: number): StateBlock
}

/** A value, a removal, or the place of a value in the source. */
type Cell = Uint8Array | null | number

interface Versions {
  sequences: number[]
  cells: Cell[]
}

/** A value in memory that is in the source as well. */
interface Moved {
  versions: Versions
  index: number
  value: Uint8Array
  offset: number
}

/** Blocks whose values stay in memory although the source has them. */
const KEPT_BLOCKS = 128
const MODULUS = 1n << 256n

export function createHistory(source?: ValueSource): History {
  const tree = createBlockTree()
  const versions = new Map<Hex, Versions>()
  let sortedKeys: Hex[] = []
  let unsortedKeys: Hex[] = []
  /** Sum of the hashes of all entries, by block: see `rootWith`. */
  const sums: bigint[] = []
  const evictable: Moved[][] = []

  function versionAt(list: Versions, block: StateBlock): number {
    let low = 0
    let high = list.sequences.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((list.sequences[middle] as number) <= block.sequence) low = middle + 1
      else high = middle
    }
    for (let i = low - 1; i >= 0; i--) {
      if (isAncestorOrSelf(tree.at(list.sequences[i] as number), block)) return i
    }
    return -1
  }

  function cellAt(key: Hex, block: StateBlock): Cell | undefined {
    const list = versions.get(key)
    if (list === undefined) return undefined
    const index = versionAt(list, block)
    return index < 0 ? undefined : list.cells[index]
  }

  function get(block: StateBlock, key: Hex): Uint8Array | undefined {
    const cell = cellAt(key, block)
    if (cell === undefined || cell === null) return undefined
    if (typeof cell !== 'number') return cell
    if (source === undefined) throw new Error('a stored value without a store')
    return source.read(cell)
  }

  function write(block: StateBlock, changes: ReadonlyMap<Hex, Cell>, offsets?: ReadonlyMap<Hex, number>): void {
    const moved: Moved[] = []
    for (const [key, value] of changes) {
      let list = versions.get(key)
      if (list === undefined) {
        versions.set(key, (list = { sequences: [], cells: [] }))
        unsortedKeys.push(key)
      }
      // In place only for patches of a block that is not the newest; else at the end.
      let at = list.sequences.length
      while (at > 0 && (list.sequences[at - 1] as number) > block.sequence) at--
      if (at === list.sequences.length) {
        list.sequences.push(block.sequence)
        list.cells.push(value)
      } else {
        list.sequences.splice(at, 0, block.sequence)
        list.cells.splice(at, 0, value)
      }
      const offset = offsets?.get(key)
      if (offset !== undefined && value instanceof Uint8Array) moved.push({ versions: list, index: at, value, offset })
    }
    if (offsets !== undefined) evict(moved)
  }

  function evict(moved: Moved[]): void {
    evictable.push(moved)
    if (evictable.length <= KEPT_BLOCKS) return
    for (const { versions: list, index, value, offset } of evictable.shift() ?? []) {
      // A patch may have shifted the list; then the value simply stays in memory.
      if (list.cells[index] === value) list.cells[index] = offset
    }
  }

  function sortKeys(): void {
    if (unsortedKeys.length === 0) return
    unsortedKeys.sort(compareKeys)
    const merged: Hex[] = []
    let i = 0
    for (const key of unsortedKeys) {
      while (i < sortedKeys.length && (sortedKeys[i] as Hex) < key) merged.push(sortedKeys[i++] as Hex)
      merged.push(key)
    }
    while (i < sortedKeys.length) merged.push(sortedKeys[i++] as Hex)
    sortedKeys = merged
    unsortedKeys = []
  }

  function sumWith(block: StateBlock | null, changes: Changes): bigint {
    let sum = block === null ? 0n : (sums[block.sequence] as bigint)
    for (const [key, value] of changes) {
      const before = block === null ? undefined : get(block, key)
      if (before !== undefined) sum -= entryHash(key, before)
      if (value !== null) sum += entryHash(key, value)
    }
    return ((sum % MODULUS) + MODULUS) % MODULUS
  }

  return {
    add: (parent, changes, offsets) => {
      const sum = sumWith(parent, changes)
      const block = tree.add(parent)
      sums[block.sequence] = sum
      write(block, changes, offsets)
      return block
    },
    restore: (parent, places, sum) => {
      const block = tree.add(parent)
      sums[block.sequence] = sum
      write(block, places)
      return block
    },
    patch: (block, changes) => {
      sums[block.sequence] = sumWith(block, changes)
      write(block, changes)
    },
    get,
    keys: (block, prefix, after, limit = Infinity) => {
      sortKeys()
      const from = after !== undefined && after >= prefix ? after : prefix
      const found: Hex[] = []
      for (let i = lowerBound(sortedKeys, from); i < sortedKeys.length && found.length < limit; i++) {
        const key = sortedKeys[i] as Hex
        if (!key.startsWith(prefix)) break
        if (key === after) continue
        const cell = cellAt(key, block)
        if (cell !== undefined && cell !== null) found.push(key)
      }
      return found
    },
    /**
     * Not a Merkle trie root, so no proofs: blake2b-256 of the sum, modulo 2^256, of blake2b-256 of each entry. It is a digest of the
     * whole state whatever the order of writes, and costs two hashes a changed key instead of one for each key there is.
     */
    rootWith: (block, changes) => {
      const sum = sumWith(block, changes)
      return { root: toHex(blake2AsU8a(sumBytes(sum), 256)), sum }
    },
    block: (sequence) => tree.at(sequence),
  }
}

function compareKeys(a: Hex, b: Hex): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function lowerBound(list: Hex[], key: string): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((list[middle] as string) < key) low = middle + 1
    else high = middle
  }
  return low
}

function entryHash(key: Hex, value: Uint8Array): bigint {
  const keyBytes = hexBytes(key)
  const entry = Buffer.alloc(4 + keyBytes.length + value.length)
  // The key's length in front, so that no other split of the same bytes has the same hash.
  entry.writeUInt32LE(keyBytes.length)
  keyBytes.copy(entry, 4)
  entry.set(value, 4 + keyBytes.length)
  return BigInt(toHex(blake2AsU8a(entry, 256)))
}

function sumBytes(sum: bigint): Uint8Array {
  return Buffer.from(sum.toString(16).padStart(64, '0'), 'hex')
}
