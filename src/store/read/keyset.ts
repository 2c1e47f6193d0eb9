import { columnSql, type Entity } from './entity.js'
import type { SortColumn, SortKey } from './order.js'
import type { Params } from './params.js'

/**
 * SQL for "the row comes after these sort key values" (or at them, with `orEqual`), under Postgres' own null order: last in
 * ascending order, first in descending order.
 */
export function afterSql(
  entity: Entity,
  alias: string,
  sort: SortKey,
  values: readonly unknown[],
  params: Params,
  orEqual: boolean,
): string {
  const terms = sort.map((column, index) => term(entity, alias, column, values[index], params))
  const uniform = sort.every(({ name, direction }) => direction === sort[0]?.direction && entity.columns[name]?.nullable === false)
  if (uniform) {
    const operator = `${sort[0]?.direction === 'asc' ? '>' : '<'}${orEqual ? '=' : ''}`
    return `(${terms.map((t) => t.sql).join(', ')}) ${operator} (${terms.map((t) => t.value).join(', ')})`
  }
  let condition = orEqual ? 'TRUE' : 'FALSE'
  for (const t of terms.toReversed()) condition = `(${t.after} OR (${t.equal} AND ${condition}))`
  // The first column's bound is implied, but only said like this can it start an index scan.
  const bound = terms[0]?.bound
  return bound === undefined ? condition : `${bound} AND ${condition}`
}

function term(entity: Entity, alias: string, { name, direction }: SortColumn, value: unknown, params: Params) {
  const column = entity.columns[name]
  const sql = columnSql(entity, alias, name)
  if (value === null) {
    const after = direction === 'asc' ? 'FALSE' : `${sql} IS NOT NULL`
    return { sql, value: 'NULL', after, equal: `${sql} IS NULL`, bound: undefined }
  }
  const parameter = params.add(column?.kind ?? 'text', value)
  const operator = direction === 'asc' ? '>' : '<'
  const nullsFollow = direction === 'asc' && column?.nullable === true
  return {
    sql,
    value: parameter,
    after: nullsFollow ? `(${sql} > ${parameter} OR ${sql} IS NULL)` : `${sql} ${operator} ${parameter}`,
    equal: `${sql} = ${parameter}`,
    bound: nullsFollow ? undefined : `${sql} ${operator}= ${parameter}`,
  }
}
