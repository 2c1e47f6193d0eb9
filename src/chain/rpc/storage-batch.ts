import { AppError } from '../../core/errors.js'
import type { Hex } from '../../core/records.js'
import { excerpt, isAnswerTooBig, isMethodNotFound } from './errors.js'
import type { RpcClient } from './types.js'

export interface StorageBatcher {
  /** The values of the keys at a block, in the order of the keys; null for a key that is not set. */
  read(blockHash: Hex, keys: readonly Hex[]): Promise<(Hex | null)[]>
  /** All keys with the prefix at a block, in the order of the state. */
  keysPaged(prefix: Hex, blockHash: Hex, pageSize?: number): Promise<Hex[]>
}

type Values = Map<Hex, Hex | null>

interface Batch {
  keys: Set<Hex>
  done: Promise<Values>
}

/** An answer that lacks keys is asked for so many times: a node behind a balancer may have been the wrong one. */
const INCOMPLETE_TRIES = 3

/**
 * Reads storage with few requests: what is asked for one block in one turn of the event loop is read together, each key once.
 * Keys are lower-case hex.
 */
export function createStorageBatcher(rpc: Pick<RpcClient, 'request'>, { maxKeys = 1000 }: { maxKeys?: number } = {}): StorageBatcher {
  const batches = new Map<Hex, Batch>()
  let hasQuery = true

  async function read(blockHash: Hex, keys: readonly Hex[]): Promise<(Hex | null)[]> {
    if (keys.length === 0) return []
    let batch = batches.get(blockHash)
    if (batch === undefined) {
      const asked = new Set<Hex>()
      batch = { keys: asked, done: endOfTurn().then(() => readTogether(blockHash, asked)) }
      batches.set(blockHash, batch)
    }
    for (const key of keys) batch.keys.add(key)
    const values = await batch.done
    return keys.map((key) => values.get(key) as Hex | null)
  }

  async function readTogether(blockHash: Hex, asked: ReadonlySet<Hex>): Promise<Values> {
    batches.delete(blockHash)
    const keys = [...asked]
    const values: Values = new Map()
    const chunks: Promise<void>[] = []
    for (let from = 0; from < keys.length; from += maxKeys) {
      chunks.push(readChunk(blockHash, keys.length <= maxKeys ? keys : keys.slice(from, from + maxKeys), values))
    }
    await Promise.all(chunks)
    return values
  }

  async function readChunk(blockHash: Hex, keys: readonly Hex[], into: Values): Promise<void> {
    if (keys.length === 1 || !hasQuery) return readSingly(blockHash, keys, into)
    try {
      for (let attempt = 1; ; attempt++) {
        const missing = collect(await rpc.request('state_queryStorageAt', [keys, blockHash]), keys, into)
        if (missing === null) return
        if (attempt === INCOMPLETE_TRIES) throw invalid('state_queryStorageAt', blockHash, missing)
      }
    } catch (error) {
      if (isMethodNotFound(error)) {
        hasQuery = false
        return readSingly(blockHash, keys, into)
      }
      if (!isAnswerTooBig(error)) throw error
      const half = keys.length >> 1
      await Promise.all([readChunk(blockHash, keys.slice(0, half), into), readChunk(blockHash, keys.slice(half), into)])
    }
  }

  async function readSingly(blockHash: Hex, keys: readonly Hex[], into: Values): Promise<void> {
    await Promise.all(
      keys.map(async (key) => {
        const value = await rpc.request('state_getStorage', [key, blockHash])
        if (!isValue(value)) throw invalid('state_getStorage', blockHash, `the value of ${key} is ${quote(value)}`)
        into.set(key, value)
      }),
    )
  }

  async function keysPaged(prefix: Hex, blockHash: Hex, pageSize = 1000): Promise<Hex[]> {
    const all: Hex[] = []
    for (;;) {
      const startKey = all.at(-1) ?? null
      const page = await rpc.request('state_getKeysPaged', [prefix, pageSize, startKey, blockHash])
      if (!Array.isArray(page)) throw invalid('state_getKeysPaged', blockHash, `wanted a list of keys, got ${quote(page)}`)
      let last: string = startKey ?? ''
      for (const key of page as unknown[]) {
        // Ascending keys are what makes the paging end; a node that repeats a page would be asked for ever.
        if (typeof key !== 'string' || !key.startsWith(prefix) || key <= last) {
          throw invalid('state_getKeysPaged', blockHash, `${quote(key)} is no key after ${last === '' ? prefix : last}`)
        }
        last = key
        all.push(key as Hex)
      }
      if (page.length < pageSize) return all
    }
  }

  return { read, keysPaged }
}

/** Resolves when all promise callbacks that are due have run, so that what they ask for still joins the batch. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)))
}

/** Takes the values out of an answer. Gives what is wrong with it, or null when it holds every key. */
function collect(answer: unknown, keys: readonly Hex[], into: Values): string | null {
  const changes = changesOf(answer)
  if (changes === null) return `wanted one set of changes, got ${quote(answer)}`
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as Hex
    const change = changes[i]
    // Nodes answer in the order of the question; when one does not, its whole answer is looked through.
    if (!Array.isArray(change) || change[0] !== key) return collectUnordered(changes, keys, into)
    const value: unknown = change[1]
    if (!isValue(value)) return `the value of ${key} is ${quote(value)}`
    into.set(key, value)
  }
  return null
}

function collectUnordered(changes: readonly unknown[], keys: readonly Hex[], into: Values): string | null {
  const found = new Map<unknown, unknown>()
  for (const change of changes) if (Array.isArray(change)) found.set(change[0], change[1])
  for (const key of keys) {
    const value = found.get(key)
    if (value === undefined) return `the answer lacks ${key}, one of ${keys.length} keys`
    if (!isValue(value)) return `the value of ${key} is ${quote(value)}`
    into.set(key, value)
  }
  return null
}

function changesOf(answer: unknown): readonly unknown[] | null {
  if (!Array.isArray(answer) || answer.length !== 1) return null
  const { changes } = (answer[0] ?? {}) as { changes?: unknown }
  return Array.isArray(changes) ? changes : null
}

function isValue(value: unknown): value is Hex | null {
  return value === null || (typeof value === 'string' && value.startsWith('0x'))
}

function invalid(method: string, blockHash: Hex, what: string): AppError {
  return new AppError('UPSTREAM_INVALID', `${method} at ${blockHash}: ${what}`, { method, blockHash })
}

function quote(value: unknown): string {
  return excerpt(JSON.stringify(value) ?? 'nothing', 100)
}
