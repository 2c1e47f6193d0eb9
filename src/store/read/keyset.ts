import { columnSql, type Entity } from './entity.js'
import type { SortColumn, SortKey } from './order.js'
import type { Params } from './params.js'

/**
 * SQL for "the row comes after these sort key values" as alternatives, one for each run of columns of one direction: equal in all
 * runs before, after in this one. Each of them is a plain index range. As one OR they would be a scan that skips every row equal in
 * the first run, so a page reads them apart and merges. The null order is Postgres' own: last ascending, first descending.
 */
export function afterBranches(entity: Entity, alias: string, sort: SortKey, values: readonly unknown[], params: Params): string[] {
  const equal: string[] = []
  const branches: string[] = []
  let from = 0
  for (const run of runsOf(entity, sort)) {
    const terms = run.map((column, index) => term(entity, alias, column, values[from + index], params))
    from += run.length
    branches.push([...equal, strictlyAfter(run, terms)].join(' AND '))
    equal.push(...terms.map((t) => t.equal))
  }
  return branches
}

/** The same as one condition; with `orEqual` also the row of these values itself. */
export function afterSql(
  entity: Entity,
  alias: string,
  sort: SortKey,
  values: readonly unknown[],
  params: Params,
  orEqual: boolean,
): string {
  const branches = afterBranches(entity, alias, sort, values, params)
  if (orEqual) branches.push(sort.map((column, index) => term(entity, alias, column, values[index], params).equal).join(' AND '))
  return branches.length === 1 ? (branches[0] ?? 'TRUE') : `(${branches.map((branch) => `(${branch})`).join(' OR ')})`
}

/** Neighbouring columns of one direction without nulls, which compare as one row; a column with nulls is a run of its own. */
function runsOf(entity: Entity, sort: SortKey): SortColumn[][] {
  const runs: SortColumn[][] = []
  let open: SortColumn[] | null = null
  for (const column of sort) {
    const nullable = entity.columns[column.name]?.nullable === true
    if (open !== null && !nullable && open[0]?.direction === column.direction) open.push(column)
    else runs.push((open = [column]))
    if (nullable) open = null
  }
  return runs
}

interface Term {
  sql: string
  value: string
  after: string
  equal: string
}

function strictlyAfter(run: readonly SortColumn[], terms: readonly Term[]): string {
  if (terms.length === 1) return terms[0]?.after ?? 'FALSE'
  const operator = run[0]?.direction === 'asc' ? '>' : '<'
  return `(${terms.map((t) => t.sql).join(', ')}) ${operator} (${terms.map((t) => t.value).join(', ')})`
}

function term(entity: Entity, alias: string, { name, direction }: SortColumn, value: unknown, params: Params): Term {
  const column = entity.columns[name]
  const sql = columnSql(entity, alias, name)
  if (value === null) {
    const after = direction === 'asc' ? 'FALSE' : `${sql} IS NOT NULL`
    return { sql, value: 'NULL', after, equal: `${sql} IS NULL` }
  }
  const parameter = params.add(column?.kind ?? 'text', value)
  const nullsFollow = direction === 'asc' && column?.nullable === true
  const after = `${sql} ${direction === 'asc' ? '>' : '<'} ${parameter}`
  return { sql, value: parameter, after: nullsFollow ? `(${after} OR ${sql} IS NULL)` : after, equal: `${sql} = ${parameter}` }
}
