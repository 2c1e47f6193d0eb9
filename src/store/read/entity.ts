import type { Column, ColumnValue } from './column.js'

export type Direction = 'asc' | 'desc'

/** A value of the `orderBy` enum without its `_ASC` or `_DESC`. */
export interface Order {
  readonly columns: readonly string[]
  /**
   * Direction of the key columns appended as tie-break: `opposite` where the index is (column DESC, key ASC), so that both
   * directions are one index scan.
   */
  readonly tie: 'same' | 'opposite'
  /** The order is cheap only when the filter (or the parent) fixes one of these columns; otherwise it is refused. */
  readonly needs: readonly string[]
}

/** A step to one row of another list, for filters. */
export interface ToOne {
  readonly entity: () => Entity
  /** Column there -> column here. */
  readonly on: Readonly<Record<string, string>>
}

export type Columns = Readonly<Record<string, Column>>

export interface Entity<C extends Columns = Columns> {
  /** Plural, as in the root field; part of every cursor. */
  readonly name: string
  /** A table, or a subquery in parentheses. */
  readonly from: string
  readonly columns: C
  /** Unique; the last tie-break of every order, in index order. */
  readonly key: readonly string[]
  readonly orders: Readonly<Record<string, Order>>
  readonly defaultOrder: readonly string[]
  readonly relations: Readonly<Record<string, ToOne>>
  /** Filters on ids made of several columns, such as `extrinsicId` = "height-index". */
  readonly ids: Readonly<Record<string, readonly string[]>>
  /** Set where `timestamp` is that of the block at this height: time ranges are then read as ranges of height. */
  readonly timeFollows?: string
}

/** A row of a list. Heavy columns are there only when the page asked for them. */
export type Row<E> = E extends Entity<infer C> ? { -readonly [K in keyof C]: ColumnValue<C[K]> } : never

type EntityInput<C extends Columns> = Pick<Entity<C>, 'name' | 'from' | 'columns' | 'defaultOrder'> & {
  key: readonly (keyof C & string)[]
  orders: Readonly<Record<string, Order>>
} & Partial<Pick<Entity<C>, 'relations' | 'ids' | 'timeFollows'>>

export function defineEntity<const C extends Columns>(input: EntityInput<C>): Entity<C> {
  const orders = 'ID' in input.orders ? input.orders : { ID: by(input.key), ...input.orders }
  return { relations: {}, ids: {}, ...input, orders }
}

export function by(columns: string | readonly string[], options: Partial<Pick<Order, 'tie' | 'needs'>> = {}): Order {
  return { columns: typeof columns === 'string' ? [columns] : columns, tie: options.tie ?? 'same', needs: options.needs ?? [] }
}

/** SQL of a column of the row under an alias. */
export function columnSql(entity: Entity, alias: string, name: string): string {
  const found = entity.columns[name]
  if (found === undefined) throw new Error(`${entity.name} has no column ${name}`)
  return `${alias}."${found.sql}"`
}
