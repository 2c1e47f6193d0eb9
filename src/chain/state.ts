import type { Hex, JsonText } from '../core/records.js'
import type { KeyArg, StorageItem } from './codec/storage-item.js'
import type { Runtime } from './runtime.js'
import type { StorageReads } from './storage-cache.js'

/**
 * The storage of one block, read through the runtime that wrote it. Reads made in the same turn travel in one request. An item that the runtime
 * does not have reads as null everywhere, so that callers ask for what they want and need not know the era.
 */
export interface ChainState {
  readonly height: number
  readonly hash: Hex
  readonly runtime: Runtime
  has(pallet: string, item: string): boolean
  /** Fetches values that will be read later, in the request of this turn. Its failure is that of the later read. */
  prefetch(pallet: string, item: string, args: readonly (readonly KeyArg[])[]): void
  /** The value; its default when unset; null when unset and optional, or when there is no such item. */
  get(pallet: string, item: string, ...args: KeyArg[]): Promise<unknown>
  many(pallet: string, item: string, args: readonly (readonly KeyArg[])[]): Promise<unknown[]>
  /** Like `many`, but null wherever nothing is stored, defaults or not. */
  stored(pallet: string, item: string, args: readonly (readonly KeyArg[])[]): Promise<unknown[]>
  /** Values as JSON text, defaults filled in; `null` where there is no such item. */
  json(pallet: string, item: string, args: readonly (readonly KeyArg[])[]): Promise<JsonText[]>
  /** Arguments of all keys under a prefix of arguments. */
  keys(pallet: string, item: string, ...prefix: KeyArg[]): Promise<unknown[][]>
  /** Everything under a prefix of arguments. */
  entries(pallet: string, item: string, ...prefix: KeyArg[]): Promise<{ args: unknown[]; value: unknown }[]>
}

export function createChainState(storage: StorageReads, runtime: Runtime, height: number, hash: Hex): ChainState {
  function raw(item: StorageItem, args: readonly (readonly KeyArg[])[]): Promise<(Hex | null)[]> {
    return args.length === 0
      ? Promise.resolve([])
      : storage.read(
          hash,
          args.map((a) => item.key(...a)),
        )
  }
  const find = (pallet: string, name: string): StorageItem | null => runtime.item(pallet, name)
  const nothing = (args: readonly unknown[]): null[] => args.map(() => null)

  return {
    height,
    hash,
    runtime,
    has: (pallet, name) => find(pallet, name) !== null,
    prefetch(pallet, name, args) {
      const item = find(pallet, name)
      if (item) raw(item, args).catch(() => undefined)
    },
    async get(pallet, name, ...args) {
      const item = find(pallet, name)
      return item ? item.value((await raw(item, [args]))[0] ?? null) : null
    },
    async many(pallet, name, args) {
      const item = find(pallet, name)
      return item ? (await raw(item, args)).map((data) => item.value(data)) : nothing(args)
    },
    async stored(pallet, name, args) {
      const item = find(pallet, name)
      return item ? (await raw(item, args)).map((data) => (data === null ? null : item.value(data))) : nothing(args)
    },
    async json(pallet, name, args) {
      const item = find(pallet, name)
      return item ? (await raw(item, args)).map((data) => item.json(data)) : args.map(() => 'null')
    },
    async keys(pallet, name, ...prefix) {
      const item = find(pallet, name)
      return item ? (await storage.keysPaged(item.key(...prefix), hash)).map((key) => item.args(key)) : []
    },
    async entries(pallet, name, ...prefix) {
      const item = find(pallet, name)
      if (!item) return []
      const keys = await storage.keysPaged(item.key(...prefix), hash)
      const values = await storage.read(hash, keys)
      return keys.map((key, i) => ({ args: item.args(key), value: item.value(values[i] ?? null) }))
    },
  }
}
