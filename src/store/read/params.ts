import { type ColumnKind, encodeValue, SQL_TYPE } from './column.js'

/** The parameters of one statement, numbered in the order they are added. */
export interface Params {
  readonly values: unknown[]
  /** Adds a value and returns its placeholder with the cast of its kind. */
  add(kind: ColumnKind, value: unknown): string
  addArray(kind: ColumnKind, values: readonly unknown[]): string
}

export function createParams(): Params {
  const values: unknown[] = []
  return {
    values,
    add(kind, value) {
      values.push(encodeValue(kind, value))
      return `$${values.length}::${SQL_TYPE[kind]}`
    },
    addArray(kind, list) {
      values.push(list.map((value) => encodeValue(kind, value)))
      return `$${values.length}::${SQL_TYPE[kind]}[]`
    },
  }
}
