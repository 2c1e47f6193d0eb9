import type { Hex } from '../core/records.js'

/** What reading state needs of a node. */
export interface StorageReads {
  read(blockHash: Hex, keys: readonly Hex[]): Promise<(Hex | null)[]>
  keysPaged(prefix: Hex, blockHash: Hex): Promise<Hex[]>
}

interface BlockReads {
  values: Map<Hex, Hex | null>
  /** Keys that have been asked for, with the end of their request. */
  pending: Map<Hex, Promise<void>>
}

const DONE = Promise.resolve()

/** Asks for each key of each block once. Meant for the reads of one range, and to be dropped with it: nothing is ever forgotten. */
export function cacheReads(reads: StorageReads): StorageReads {
  const blocks = new Map<Hex, BlockReads>()
  const lists = new Map<string, Promise<Hex[]>>()

  function ask(blockHash: Hex, missing: readonly Hex[], { values, pending }: BlockReads): void {
    const done = reads.read(blockHash, missing).then(
      (answers) => {
        for (const [i, key] of missing.entries()) {
          values.set(key, answers[i] ?? null)
          pending.delete(key)
        }
      },
      (error: unknown) => {
        // Asked for again, it is asked of the node again.
        for (const key of missing) pending.delete(key)
        throw error
      },
    )
    for (const key of missing) pending.set(key, done)
  }

  return {
    async read(blockHash, keys) {
      let block = blocks.get(blockHash)
      if (!block) blocks.set(blockHash, (block = { values: new Map(), pending: new Map() }))
      const { values, pending } = block
      const missing = keys.filter((key) => !values.has(key) && !pending.has(key))
      if (missing.length > 0) ask(blockHash, missing, block)
      await Promise.all(new Set(keys.map((key) => pending.get(key) ?? DONE)))
      return keys.map((key) => values.get(key) ?? null)
    },
    keysPaged(prefix, blockHash) {
      const id = `${blockHash}${prefix}`
      let list = lists.get(id)
      if (!list) {
        lists.set(id, (list = reads.keysPaged(prefix, blockHash)))
        list.catch(() => lists.delete(id))
      }
      return list
    },
  }
}
