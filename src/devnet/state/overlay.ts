/** What the block being built has written so far, with storage transactions that can be taken back. */
import type { Hex } from '../../core/records.js'
import type { Changes } from './history.js'

/** The state that writes go on top of. */
export interface BaseState {
  get(key: Hex): Uint8Array | undefined
  keys(prefix: string): Hex[]
}

export interface Overlay {
  get(key: Hex): Uint8Array | undefined
  set(key: Hex, value: Uint8Array | null): void
  keys(prefix: string): Hex[]
  /** A point to come back to. */
  mark(): number
  rollback(mark: number): void
  changes(): Changes
}

export function createOverlay(base: BaseState): Overlay {
  const written = new Map<Hex, Uint8Array | null>()
  /** Keys that may have come or gone; all others that were written are where the base has them. */
  const moved = new Set<Hex>()
  /** What each write replaced; `undefined` where the overlay had nothing. */
  const journal: { key: Hex; before: Uint8Array | null | undefined }[] = []

  return {
    get: (key) => {
      const value = written.get(key)
      return value === undefined ? base.get(key) : (value ?? undefined)
    },
    set: (key, value) => {
      const before = written.get(key)
      journal.push({ key, before })
      if (value === null || (before === undefined && base.get(key) === undefined)) moved.add(key)
      written.set(key, value)
    },
    keys: (prefix) => {
      const own: Hex[] = []
      for (const key of moved) if (key.startsWith(prefix) && written.has(key)) own.push(key)
      const below = base.keys(prefix)
      if (own.length === 0) return below
      const all = new Set(below)
      for (const key of own) {
        if (written.get(key) === null) all.delete(key)
        else all.add(key)
      }
      return [...all].sort()
    },
    mark: () => journal.length,
    rollback: (mark) => {
      while (journal.length > mark) {
        const { key, before } = journal.pop() as (typeof journal)[number]
        if (before === undefined) written.delete(key)
        else written.set(key, before)
      }
    },
    changes: () => written,
  }
}
