import { AppError } from '../../core/errors.js'
import { type ColumnKind, decodeValue } from './column.js'
import { decodeCursor, encodeCursor } from './cursor.js'
import { columnSql, type Entity, type Row } from './entity.js'
import { boundColumns, compileFilter, type Filter } from './filter.js'
import { afterBranches, afterSql } from './keyset.js'
import { parseOrder, reverseSort, type SortKey } from './order.js'
import { createParams, type Params } from './params.js'

/** The arguments of a connection field. */
export interface PageArgs {
  first?: number | null
  last?: number | null
  after?: string | null
  before?: string | null
  offset?: number | null
  filter?: Filter | null
  orderBy?: readonly string[] | null
}

/** What of the answer is wanted: counts, the far side of `pageInfo` and heavy columns cost extra. */
export interface PageWants {
  totalCount?: boolean
  /** `hasPreviousPage` going forward, `hasNextPage` going backward. */
  behind?: boolean
  /** Without it only counts are read. */
  rows?: boolean
  heavy?: readonly string[]
}

export interface PageLimits {
  defaultPageSize: number
  maxPageSize: number
  maxOffset: number
}

export interface Page<R> {
  rows: R[]
  /** The cursor of a row of this page. */
  cursorOf: (row: R) => string
  hasNextPage: boolean
  hasPreviousPage: boolean
  totalCount: number | null
  totalCountIsEstimate: boolean
}

/**
 * Rows of other lists that each get a page of their own, in one statement: `keys[i]` are the values of parent i, matched against
 * the columns of each branch. Two branches (sent by, received by) are merged in order without scanning either whole.
 */
export interface Parents {
  readonly branches: readonly (readonly string[])[]
  readonly keys: readonly (readonly unknown[])[]
}

/** A checked page request: everything is parsed, nothing has been read. */
export interface PagePlan {
  readonly entity: Entity
  /** The order rows are answered in. */
  readonly sort: SortKey
  readonly backward: boolean
  readonly size: number
  readonly offset: number
  readonly after: readonly unknown[] | null
  readonly before: readonly unknown[] | null
  readonly filter: Filter | null
  readonly fixed: readonly string[]
}

/** Checks a request against the list and the limits. `fixed` are columns that the parent row fixes. */
export function planPage(entity: Entity, args: PageArgs, limits: PageLimits, fixed: readonly string[] = []): PagePlan {
  const { first = null, last = null } = args
  if (first !== null && last !== null) throw new AppError('BAD_INPUT', 'ask for `first` or `last`, not for both')
  const size = first ?? last ?? limits.defaultPageSize
  const name = last === null ? 'first' : 'last'
  if (!Number.isInteger(size) || size < 0 || size > limits.maxPageSize)
    throw new AppError('BAD_INPUT', `${name}: ${size} is out of range; a page has 0 to ${limits.maxPageSize} rows`, {
      maxPageSize: limits.maxPageSize,
    })
  const offset = args.offset ?? 0
  if (offset < 0 || offset > limits.maxOffset)
    throw new AppError(
      'BAD_INPUT',
      `offset: ${offset} is out of range; up to ${limits.maxOffset} rows may be skipped, page on with \`after\``,
      {
        maxOffset: limits.maxOffset,
      },
    )
  const filter = args.filter ?? null
  compileFilter(entity, 't', filter, createParams())
  const sort = parseOrder(entity, args.orderBy, new Set([...boundColumns(filter), ...fixed]))
  const place = (cursor: string | null | undefined) => (cursor === null || cursor === undefined ? null : decodeCursor(entity, sort, cursor))
  return { entity, sort, backward: last !== null, size, offset, after: place(args.after), before: place(args.before), filter, fixed }
}

export interface Statement {
  text: string
  values: unknown[]
}

/** One statement for the rows of the page, one row more than asked for; for all parents when there are any. */
export function rowsStatement(plan: PagePlan, wants: PageWants, parents: Parents | null): Statement {
  const { entity, offset } = plan
  const params = createParams()
  const scan = plan.backward ? reverseSort(plan.sort) : plan.sort
  const names = selectedColumns(entity, plan.sort, wants)
  const list = names.map((name) => `${columnSql(entity, 't', name)} AS "${name}"`).join(', ')
  const order = scan.map(({ name, direction }) => `${columnSql(entity, 't', name)} ${direction.toUpperCase()}`).join(', ')
  const mergeOrder = scan.map(({ name, direction }) => `x."${name}" ${direction.toUpperCase()}`).join(', ')
  const limit = plan.size + 1
  const wheres = rowConditions(plan, parents, params).map(
    (conditions) => `SELECT ${list} FROM ${entity.from} t${whereSql(conditions)} ORDER BY ${order}`,
  )
  const inner =
    wheres.length === 1
      ? `${wheres[0]} LIMIT ${limit} OFFSET ${offset}`
      : `SELECT * FROM (${wheres.map((where) => `(${where} LIMIT ${limit + offset})`).join(' UNION ALL ')}) x ORDER BY ${mergeOrder} LIMIT ${limit} OFFSET ${offset}`
  if (parents === null) return { text: inner, values: params.values }
  const source = parentSource(entity, parents, params)
  return { text: `SELECT p.ord, x.* FROM ${source} CROSS JOIN LATERAL (${inner}) x ORDER BY p.ord, ${mergeOrder}`, values: params.values }
}

/** The conditions of each part of a page: parts have no row in common, and each is one range of an index. */
function rowConditions(plan: PagePlan, parents: Parents | null, params: Params): string[][] {
  const { entity, sort, after, before, backward } = plan
  const ofParents = parents === null ? [[]] : parents.branches.map((_, index) => branchConditions(entity, parents, index, 't'))
  return ofParents.flatMap((parent) => {
    const conditions = [...parent]
    const filter = filterSql(plan, 't', params)
    if (filter !== null) conditions.push(filter)
    // The cursor where the scan starts is split into ranges; the one where it ends only stops it.
    const [start, end] = backward ? [before, after] : [after, before]
    const scan = backward ? reverseSort(sort) : sort
    if (end !== null) conditions.push(afterSql(entity, 't', reverseSort(scan), end, params, false))
    if (start === null) return [conditions]
    return afterBranches(entity, 't', scan, start, params).map((range) => [...conditions, range])
  })
}

/** One statement that says, for each parent, whether there are rows on the far side of the page's starting cursor. */
export function behindStatement(plan: PagePlan, parents: Parents | null): Statement | null {
  const cursor = plan.backward ? plan.before : plan.after
  if (cursor === null) return null
  const params = createParams()
  const sort = plan.backward ? plan.sort : reverseSort(plan.sort)
  const conditions = () =>
    [filterSql(plan, 't', params), afterSql(plan.entity, 't', sort, cursor, params, true)].filter((part) => part !== null)
  return perParent(plan, parents, params, conditions, (source) => `SELECT EXISTS (SELECT 1 FROM ${source})`)
}

/** One statement that counts the rows of the filter, for each parent, up to a cap. Cursors do not change the total. */
export function countStatement(plan: PagePlan, parents: Parents | null, cap: number): Statement {
  const params = createParams()
  const conditions = () => [filterSql(plan, 't', params)].filter((part) => part !== null)
  return perParent(plan, parents, params, conditions, (source) => `SELECT count(*) FROM (SELECT 1 FROM ${source} LIMIT ${cap + 1}) c`)
}

/** The planner's own guess at the number of rows: cheap whatever the size. */
export function estimateStatement(plan: PagePlan): Statement {
  const params = createParams()
  const where = whereSql([filterSql(plan, 't', params)].filter((part) => part !== null))
  return { text: `EXPLAIN (FORMAT JSON) SELECT 1 FROM ${plan.entity.from} t${where}`, values: params.values }
}

/** A value for each parent: the same select with the parent's row in reach. `conditions` is called once for each branch. */
function perParent(
  plan: PagePlan,
  parents: Parents | null,
  params: Params,
  conditions: () => string[],
  select: (source: string) => string,
): Statement {
  const { entity } = plan
  if (parents === null) return { text: `SELECT 0, (${select(`${entity.from} t${whereSql(conditions())}`)})`, values: params.values }
  const source = parentSource(entity, parents, params)
  const branches = parents.branches.map(
    (_, index) => `SELECT 1 FROM ${entity.from} t${whereSql([...branchConditions(entity, parents, index, 't'), ...conditions()])}`,
  )
  return { text: `SELECT p.ord, (${select(`(${branches.join(' UNION ALL ')}) u`)}) FROM ${source}`, values: params.values }
}

function whereSql(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`
}

function filterSql(plan: PagePlan, alias: string, params: Params): string | null {
  const sql = compileFilter(plan.entity, alias, plan.filter, params)
  return sql === null ? null : `(${sql})`
}

function parentSource(entity: Entity, parents: Parents, params: Params): string {
  const columns = parents.branches[0] ?? []
  const arrays = columns.map((name, index) =>
    params.addArray(
      kindOf(entity, name),
      parents.keys.map((key) => key[index] ?? null),
    ),
  )
  return `unnest(${arrays.join(', ')}) WITH ORDINALITY AS p(${columns.map((_, index) => `k${index}`).join(', ')}, ord)`
}

function branchConditions(entity: Entity, parents: Parents, index: number, alias: string): string[] {
  const match = (columns: readonly string[]) => columns.map((name, k) => `${columnSql(entity, alias, name)} = p.k${k}`)
  // A row that an earlier branch has already given is left out of this one.
  const earlier = parents.branches.slice(0, index).map((columns) => `NOT (${match(columns).join(' AND ')})`)
  return [...match(parents.branches[index] ?? []), ...earlier]
}

function kindOf(entity: Entity, name: string): ColumnKind {
  return entity.columns[name]?.kind ?? 'text'
}

/** Names of the columns that a page reads: all light ones, those of its order, and the heavy ones asked for. */
export function selectedColumns(entity: Entity, sort: SortKey, wants: PageWants): string[] {
  const needed = new Set([...entity.key, ...sort.map(({ name }) => name), ...(wants.heavy ?? [])])
  return Object.entries(entity.columns)
    .filter(([name, column]) => !column.heavy || needed.has(name))
    .map(([name]) => name)
}

/** Turns what Postgres sent for `names` into a row. */
export function decodeRow<E extends Entity>(entity: E, names: readonly string[], values: readonly (string | null)[], from = 0): Row<E> {
  const row: Record<string, unknown> = {}
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string
    row[name] = decodeValue(kindOf(entity, name), values[from + i] ?? null)
  }
  return row as Row<E>
}

/** Cuts the extra row off, turns a backward page round and says what lies on either side. */
export function assemblePage<R>(plan: PagePlan, found: R[], behind: boolean): Omit<Page<R>, 'totalCount' | 'totalCountIsEstimate'> {
  const more = found.length > plan.size
  const rows = more ? found.slice(0, plan.size) : found
  if (plan.backward) rows.reverse()
  const skipped = behind || (plan.offset > 0 && rows.length > 0)
  return {
    rows,
    cursorOf: (row) => encodeCursor(plan.entity, plan.sort, row as Record<string, unknown>),
    hasNextPage: plan.backward ? skipped : more,
    hasPreviousPage: plan.backward ? more : skipped,
  }
}
