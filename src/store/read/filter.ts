import { AppError } from '../../core/errors.js'
import type { Column } from './column.js'
import { columnSql, type Entity } from './entity.js'
import type { Params } from './params.js'

/** A filter in the dialect: `{column: {operator: value}}`, relations by name, and `and`, `or`, `not`. */
export type Filter = Readonly<Record<string, unknown>>

const COMPARISONS: Readonly<Record<string, string>> = {
  equalTo: '=',
  notEqualTo: '<>',
  lessThan: '<',
  lessThanOrEqualTo: '<=',
  greaterThan: '>',
  greaterThanOrEqualTo: '>=',
}

const MAX_CONDITIONS = 100
const MAX_DEPTH = 6
const MAX_LIST = 500

interface Scope {
  readonly params: Params
  /** Counts over the whole filter, so that a hostile one is refused before it reaches the planner. */
  readonly used: { conditions: number; aliases: number }
  readonly depth: number
}

/** SQL of a filter over the row under an alias; null when it states nothing. */
export function compileFilter(entity: Entity, alias: string, filter: Filter | null | undefined, params: Params): string | null {
  if (filter === null || filter === undefined) return null
  return compileObject(entity, alias, filter, { params, used: { conditions: 0, aliases: 0 }, depth: 0 })
}

/** Columns that the filter fixes to one value wherever it holds. */
export function boundColumns(filter: Filter | null | undefined): Set<string> {
  const bound = new Set<string>()
  for (const [name, value] of Object.entries(filter ?? {})) {
    if (name === 'and' && Array.isArray(value))
      for (const part of value) for (const column of boundColumns(part as Filter)) bound.add(column)
    else if (isObject(value) && value['equalTo'] !== undefined) bound.add(name)
  }
  return bound
}

function compileObject(entity: Entity, alias: string, filter: Filter, scope: Scope): string | null {
  if (scope.depth > MAX_DEPTH) throw new AppError('TOO_COMPLEX', `a filter may be nested ${MAX_DEPTH} deep`)
  const parts: string[] = []
  for (const [name, value] of Object.entries(filter)) {
    if (value === undefined || value === null) continue
    const part = compileEntry(entity, alias, name, value, { ...scope, depth: scope.depth + 1 })
    if (part !== null) parts.push(part)
  }
  return parts.length === 0 ? null : parts.join(' AND ')
}

function compileEntry(entity: Entity, alias: string, name: string, value: unknown, scope: Scope): string | null {
  if (name === 'and' || name === 'or') {
    const parts = (value as Filter[]).map((part) => compileObject(entity, alias, part, scope) ?? 'TRUE')
    return parts.length === 0 ? null : `(${parts.map((part) => `(${part})`).join(name === 'and' ? ' AND ' : ' OR ')})`
  }
  if (name === 'not') {
    const inner = compileObject(entity, alias, value as Filter, scope)
    return inner === null ? null : `NOT (${inner})`
  }
  const column = entity.columns[name]
  if (column?.filterable) return compileOperators(entity, alias, name, column, value as Filter, scope)
  if (entity.ids[name]) return compileIds(entity, alias, name, value as Filter, scope)
  if (entity.relations[name]) return compileRelation(entity, alias, name, value as Filter, scope)
  throw new AppError('BAD_INPUT', `${entity.name} cannot be filtered by ${name}`)
}

/** One step to another list. The row there is found by its key, so the step costs one index look-up a row. */
function compileRelation(entity: Entity, alias: string, name: string, filter: Filter, scope: Scope): string | null {
  const relation = entity.relations[name]
  if (relation === undefined) return null
  const target = relation.entity()
  const inner = `r${(scope.used.aliases += 1)}`
  const condition = compileObject(target, inner, filter, scope)
  if (condition === null) return null
  const on = Object.entries(relation.on).map(([there, here]) => `${columnSql(target, inner, there)} = ${columnSql(entity, alias, here)}`)
  return `EXISTS (SELECT 1 FROM ${target.from} ${inner} WHERE ${on.join(' AND ')} AND (${condition}))`
}

function compileOperators(entity: Entity, alias: string, name: string, column: Column, operators: Filter, scope: Scope): string | null {
  const sql = columnSql(entity, alias, name)
  const parts: string[] = []
  for (const [operator, value] of Object.entries(operators)) {
    if (value === undefined) continue
    if (value === null) throw new AppError('BAD_INPUT', `${name}.${operator} is null; ask for unknown values with isNull: true`)
    countCondition(scope)
    const bounds = name === 'timestamp' && entity.timeFollows !== undefined ? heightBounds(entity, alias, operator, value, scope) : []
    if (bounds.length > 0) parts.push(...bounds)
    else parts.push(compileOperator(sql, column, operator, value, scope))
  }
  return parts.length === 0 ? null : parts.join(' AND ')
}

function compileOperator(sql: string, column: Column, operator: string, value: unknown, scope: Scope): string {
  const { params } = scope
  if (operator === 'isNull') return value === true ? `${sql} IS NULL` : `${sql} IS NOT NULL`
  if (operator === 'in' || operator === 'notIn') {
    const list = listOf(value).map((item) => toColumnUnit(column, operator, item))
    const any = `${sql} = ANY(${params.addArray(column.kind, list)})`
    return operator === 'in' ? any : `NOT (${any})`
  }
  if (operator === 'startsWith' || operator === 'includesInsensitive') toColumnUnit(column, operator, value)
  if (operator === 'startsWith') return `starts_with(${sql}, ${params.add('text', value)})`
  if (operator === 'includesInsensitive') return `position(lower(${params.add('text', value)}) IN lower(${sql})) > 0`
  const symbol = COMPARISONS[operator]
  if (symbol === undefined) throw new AppError('BAD_INPUT', `${operator} is not an operator`)
  return `${sql} ${symbol} ${params.add(column.kind, toColumnUnit(column, operator, value))}`
}

function listOf(value: unknown): unknown[] {
  const list = value as unknown[]
  if (list.length > MAX_LIST) throw new AppError('TOO_COMPLEX', `a list in a filter may have ${MAX_LIST} values; ${list.length} came`)
  return list
}

/**
 * Ratios are asked as fractions and stored as u16. A fraction that is no whole u16 is rounded towards the side that keeps the
 * comparison true to the fraction; for equality it matches nothing.
 */
function toColumnUnit(column: Column, operator: string, value: unknown): unknown {
  if (column.kind === 'bigint' && BigInt.asIntN(64, value as bigint) !== value)
    throw new AppError('BAD_INPUT', `${String(value)} is out of range; an amount has 64 bits`)
  if (typeof value === 'string' && value.includes('\0')) throw new AppError('BAD_INPUT', 'text in a filter may not hold a zero byte')
  if (column.kind !== 'ratio') return value
  const scaled = Math.min(Math.max((value as number) * 65_535, -1), 65_536)
  const whole = Math.round(scaled)
  if (Math.abs(scaled - whole) < 1e-6) return whole
  if (operator === 'greaterThan' || operator === 'lessThanOrEqualTo') return Math.floor(scaled)
  if (operator === 'greaterThanOrEqualTo' || operator === 'lessThan') return Math.ceil(scaled)
  return -1
}

/**
 * A time range as the range of heights that it is: block times never go back, and the height has the index that pages are read by.
 * Said as a time as well, the planner would take the two for independent and sort.
 */
function heightBounds(entity: Entity, alias: string, operator: string, value: unknown, scope: Scope): string[] {
  const height = columnSql(entity, alias, entity.timeFollows ?? '')
  const blocks = (comparison: string, order: string, otherwise: string): string =>
    `coalesce((SELECT b.height FROM blocks b WHERE b.timestamp ${comparison} ${scope.params.add('timestamp', value)} ` +
    `ORDER BY b.timestamp ${order}, b.height ${order} LIMIT 1), ${otherwise})`
  const first = (comparison: string) => `${height} >= ${blocks(comparison, 'ASC', '9223372036854775807')}`
  const last = (comparison: string) => `${height} <= ${blocks(comparison, 'DESC', '-1')}`
  switch (operator) {
    case 'greaterThan':
      return [first('>')]
    case 'greaterThanOrEqualTo':
      return [first('>=')]
    case 'lessThan':
      return [last('<')]
    case 'lessThanOrEqualTo':
      return [last('<=')]
    case 'equalTo':
      return [first('>='), last('<=')]
    default:
      return []
  }
}

function compileIds(entity: Entity, alias: string, name: string, operators: Filter, scope: Scope): string | null {
  const columns = entity.ids[name] ?? []
  const row = `(${columns.map((column) => columnSql(entity, alias, column)).join(', ')})`
  const tuple = (id: unknown): string => {
    countCondition(scope)
    return `(${parseIdParts(name, String(id), columns.length)
      .map((part, index) => scope.params.add(entity.columns[columns[index] ?? '']?.kind ?? 'int', part))
      .join(', ')})`
  }
  const parts: string[] = []
  for (const [operator, value] of Object.entries(operators)) {
    if (value === undefined) continue
    if (value === null) throw new AppError('BAD_INPUT', `${name}.${operator} is null; ask for unknown values with isNull: true`)
    if (operator === 'equalTo') parts.push(`${row} = ${tuple(value)}`)
    else if (operator === 'in') parts.push(listOf(value).length === 0 ? 'FALSE' : `${row} IN (${listOf(value).map(tuple).join(', ')})`)
    else if (operator === 'isNull') parts.push(`${columnSql(entity, alias, columns.at(-1) ?? '')} IS ${value === true ? '' : 'NOT '}NULL`)
    else throw new AppError('BAD_INPUT', `${operator} is not an operator of ${name}`)
  }
  return parts.length === 0 ? null : parts.join(' AND ')
}

/** The numbers of an id such as "1200-3": a block height, then indices. */
export function parseIdParts(name: string, id: string, parts: number): number[] {
  const numbers = /^\d{1,10}(-\d{1,10})*$/.test(id) ? id.split('-').map(Number) : []
  if (numbers.length !== parts || numbers.some((number) => number >= 2 ** 31))
    throw new AppError('BAD_INPUT', `${name} "${id.slice(0, 40)}" is not an id; wanted ${parts} numbers with dashes, such as "1200-3"`)
  return numbers
}

function countCondition(scope: Scope): void {
  scope.used.conditions += 1
  if (scope.used.conditions > MAX_CONDITIONS) throw new AppError('TOO_COMPLEX', `a filter may have ${MAX_CONDITIONS} conditions`)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
