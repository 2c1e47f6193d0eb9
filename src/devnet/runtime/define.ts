/** Short forms for pallet definitions. */
import {
  DispatchError,
  type CallDefinition,
  type EventDefinition,
  type FieldDefinition,
  type StorageDefinition,
  type Hasher,
} from './types.js'

/** `'who: AccountId, free: u64'` or, without names, `'u16, AccountId'`. */
export function fields(text: string): FieldDefinition[] {
  return splitTopLevel(text).map((part) => {
    const named = /^([a-z_][a-z0-9_]*):\s*(.+)$/s.exec(part)
    return named === null ? { type: part } : { name: named[1] as string, type: named[2] as string }
  })
}

export function args(text: string): { name: string; type: string }[] {
  return fields(text).map(({ name, type }) => {
    if (name === undefined) throw new Error(`argument "${type}" has no name`)
    return { name, type }
  })
}

/** Events in the order of their indices, each `'Name'` or `'Name(field: Type, ...)'`. */
export function events(...list: string[]): EventDefinition[] {
  return list.map((text, index) => ({ index, ...signature(text, fields) }))
}

/** A call that the layout has and the devnet does not execute: it fails as if its origin were never right. */
export function refusedCall(index: number, text: string): CallDefinition {
  const { name, fields: list } = signature(text, args)
  return {
    index,
    name,
    args: list,
    weight: 0n,
    class: 'Normal',
    paysFee: true,
    dispatch: () => {
      throw new DispatchError({ type: 'BadOrigin' })
    },
  }
}

/** A storage item that reads as `fallback` when unset. */
export function item(name: string, value: string, fallback: unknown): StorageDefinition {
  return { name, value, modifier: 'Default', fallback }
}

export function optionalItem(name: string, value: string): StorageDefinition {
  return { name, value, modifier: 'Optional' }
}

export function map(name: string, keys: [Hasher, string][], value: string, fallback: unknown): StorageDefinition {
  return { name, keys: keys.map(([hasher, type]) => ({ hasher, type })), value, modifier: 'Default', fallback }
}

export function optionalMap(name: string, keys: [Hasher, string][], value: string): StorageDefinition {
  return { name, keys: keys.map(([hasher, type]) => ({ hasher, type })), value, modifier: 'Optional' }
}

function signature<T>(text: string, parse: (text: string) => T[]): { name: string; fields: T[] } {
  const match = /^(\w+)(?:\((.*)\))?$/s.exec(text)
  if (match === null) throw new Error(`"${text}" is no signature`)
  return { name: match[1] as string, fields: match[2] === undefined ? [] : parse(match[2]) }
}

function splitTopLevel(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i <= text.length; i++) {
    const char = text[i]
    if (char !== undefined && '<([{'.includes(char)) depth++
    if (char !== undefined && '>)]}'.includes(char)) depth--
    if (char === undefined || (char === ',' && depth === 0)) {
      const part = text.slice(start, i).trim()
      if (part !== '') parts.push(part)
      start = i + 1
    }
  }
  return parts
}
