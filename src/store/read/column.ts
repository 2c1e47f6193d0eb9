import pg from 'pg'
import type { Hex } from '../../core/records.js'

/**
 * The kinds of column that the read side knows, and the one place where SQL values become the program's values and back: 32-byte
 * keys are `Hex`, amounts bigint, heights numbers, `ratio` a raw u16 (x / 65535).
 */
export type ColumnKind = 'int' | 'height' | 'bigint' | 'numeric' | 'ratio' | 'text' | 'bool' | 'bytes' | 'timestamp' | 'json' | 'ints'

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }

interface ValueOfKind {
  int: number
  height: number
  bigint: bigint
  numeric: bigint
  ratio: number
  text: string
  bool: boolean
  bytes: Hex
  timestamp: Date
  json: JsonValue
  ints: number[]
}

export interface Column<K extends ColumnKind = ColumnKind, N extends boolean = boolean> {
  readonly kind: K
  /** The column's name in SQL. */
  readonly sql: string
  readonly nullable: N
  /** Left out of a page unless it is asked for: matrices and JSON. */
  readonly heavy: boolean
  readonly filterable: boolean
}

export type ColumnValue<C> = C extends Column<infer K, infer N> ? ValueOfKind[K] | (N extends true ? null : never) : never

interface ColumnOptions {
  heavy?: boolean
  filterable?: boolean
}

export function column<K extends ColumnKind>(kind: K, sql: string, options: ColumnOptions = {}): Column<K, false> {
  const plain = kind !== 'json' && kind !== 'ints'
  return { kind, sql, nullable: false, heavy: options.heavy ?? !plain, filterable: plain && (options.filterable ?? true) }
}

export function nullable<K extends ColumnKind>(kind: K, sql: string, options: ColumnOptions = {}): Column<K, true> {
  return { ...column(kind, sql, options), nullable: true }
}

/** The SQL type a parameter of this kind is cast to, so that the planner never guesses. */
export const SQL_TYPE: Record<ColumnKind, string> = {
  int: 'int4',
  height: 'int8',
  bigint: 'int8',
  numeric: 'numeric',
  ratio: 'int4',
  text: 'text',
  bool: 'bool',
  bytes: 'bytea',
  timestamp: 'timestamptz',
  json: 'jsonb',
  ints: 'int4[]',
}

type Decode = (text: string) => unknown

const parseTimestamp = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ) as (text: string) => Date

const DECODE: Record<ColumnKind, Decode> = {
  int: Number,
  height: Number,
  bigint: BigInt,
  numeric: BigInt,
  ratio: Number,
  text: (text) => text,
  bool: (text) => text === 't',
  bytes: (text) => `0x${text.slice(2)}`,
  timestamp: parseTimestamp,
  json: (text) => JSON.parse(text) as unknown,
  ints: (text) => JSON.parse(`[${text.slice(1, -1)}]`) as unknown,
}

/** Turns a column's text, as Postgres sends it, into its value. */
export function decodeValue(kind: ColumnKind, text: string | null): unknown {
  return text === null ? null : DECODE[kind](text)
}

/** Turns a value into what the driver sends as a parameter of `SQL_TYPE[kind]`. */
export function encodeValue(kind: ColumnKind, value: unknown): unknown {
  if (value === null) return null
  if (kind === 'bytes') return bytesParam(value as Hex)
  if (typeof value === 'bigint') return value.toString()
  return value
}

export function bytesParam(hex: Hex): Buffer {
  return Buffer.from(hex.slice(2), 'hex')
}

/** Leaves every value as text: `decodeValue` knows the kinds, whatever parsers the pool was given. */
export const RAW_TYPES: pg.CustomTypesConfig = {
  getTypeParser: () => (value: string) => value,
}
