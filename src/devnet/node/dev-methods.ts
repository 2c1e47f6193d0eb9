/** dev_*: what only a development node does: blocks on demand, state set by hand, time travel, another head. */
import type { Hex } from '../../core/records.js'
import { createFromJson } from '../runtime/json-values.js'
import type { Block } from '../state/chain-store.js'
import type { Author } from './author.js'
import { bytesParam, hexParam, isGiven, numberParam } from './params.js'
import { invalidParams, RpcError } from './rpc-error.js'
import type { Method } from './rpc-server.js'
import { blockOrThrow } from './state-methods.js'

interface NewBlockParams {
  count?: unknown
  to?: unknown
  transactions?: unknown
  /** Hash of the block to build on; the best one when absent. */
  parent?: unknown
}

export function devMethods(author: Author): Record<string, Method> {
  const { store, chain } = author
  const fromJson = createFromJson(chain.runtime.pallets)

  function newBlock({ count, to, transactions, parent }: NewBlockParams): Hex {
    const head = isGiven(parent) ? blockOrThrow(author, parent) : store.best
    const wanted = isGiven(to) ? numberParam(to, 'to') - head.number : isGiven(count) ? numberParam(count, 'count') : 1
    let block: Block = head
    let extrinsics = Array.isArray(transactions) ? transactions.map((one) => bytesParam(one, 'transactions')) : undefined
    for (let i = 0; i < wanted; i++) {
      block = author.newBlock({ parent: block, extrinsics: extrinsics ?? (isGiven(parent) ? [] : undefined) })
      extrinsics = extrinsics === undefined ? undefined : []
    }
    return block.hash
  }

  function rawChanges(list: unknown[]): Map<Hex, Uint8Array | null> {
    return new Map(list.map((entry) => [hexParam((entry as unknown[])[0], 'key'), nullable((entry as unknown[])[1])]))
  }

  function nullable(value: unknown): Uint8Array | null {
    return isGiven(value) ? bytesParam(value, 'value') : null
  }

  function namedChanges(pallets: Record<string, Record<string, unknown>>): Map<Hex, Uint8Array | null> {
    const changes = new Map<Hex, Uint8Array | null>()
    for (const [palletName, items] of Object.entries(pallets)) {
      const pallet = chain.runtime.pallets.find(({ name }) => sameName(name, palletName))
      if (pallet === undefined) throw invalidParams(`there is no pallet ${palletName}`)
      for (const [itemName, given] of Object.entries(items)) {
        const definition = pallet.storage.find(({ name }) => sameName(name, itemName))
        if (definition === undefined) throw invalidParams(`${pallet.name} has no storage item ${itemName}`)
        const item = chain.runtime.storage.item(pallet.name, definition.name)
        const set = (keys: unknown[], value: unknown) =>
          changes.set(
            item.key(keys),
            value === null ? null : chain.runtime.codecs.encode(definition.value, fromJson(definition.value, value)),
          )
        const { keys: keyTypes } = definition
        if (keyTypes === undefined) set([], given)
        else {
          for (const [keys, value] of given as [unknown[], unknown][]) {
            set(
              keyTypes.map(({ type }, i) => fromJson(type, keys[i])),
              value,
            )
          }
        }
      }
    }
    return changes
  }

  return {
    dev_newBlock: ([params]) => newBlock(params ?? {}),
    dev_setStorage: ([values, at]) => {
      const block = blockOrThrow(author, at)
      let changes: Map<Hex, Uint8Array | null>
      try {
        changes = Array.isArray(values) ? rawChanges(values) : namedChanges(values as Record<string, Record<string, unknown>>)
      } catch (error) {
        throw error instanceof RpcError ? error : invalidParams(error instanceof Error ? error.message : String(error))
      }
      author.patch(block, changes)
      return block.hash
    },
    dev_timeTravel: ([to]) => {
      const ms = typeof to === 'number' ? to : Date.parse(String(to))
      if (!Number.isSafeInteger(ms)) throw invalidParams('wanted a date, or milliseconds since 1970')
      author.setNextTimestamp(ms)
      return ms
    },
    /** A block hash, a number on the best chain, or so many blocks back as a negative number. */
    dev_setHead: ([to]) => {
      const block = typeof to === 'number' ? store.byNumber(to < 0 ? store.best.number + to : to) : blockOrThrow(author, to)
      if (block === undefined) throw invalidParams(`there is no block ${String(to)}`)
      author.setHead(block)
      return block.hash
    },
  }
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.replaceAll('_', '').toLowerCase()
}
