import { afterAll, beforeAll, expect, test } from 'vitest'
import { createMetrics } from '../../../src/core/metrics.js'
import { silentLog } from '../../../src/core/log.js'
import { createReads, type Entity, entities, type Filter, type PageArgs, planPage, type Reads } from '../../../src/store/read/index.js'
import { createBatchWriter } from '../../../src/store/write/index.js'
import { aBatch, aHead } from '../../support/builders.js'
import { type TestDatabase, testDatabase } from '../../support/database.js'
import { randomFrom } from '../../support/random-batches.js'
import { blockFacts, seed as seedWorld, SMALL } from './world.js'

/**
 * Random filters, orders and page sizes, read page by page in both directions while blocks arrive, against a model that has all rows
 * in memory and does the obvious thing.
 */

const CASES = 120
const LIMITS = { defaultPageSize: 100, maxPageSize: 100, maxOffset: 10_000 }
const TABLES: readonly Entity[] = [
  entities.transfers,
  entities.extrinsics,
  entities.events,
  entities.calls,
  ...Array.from({ length: 4 }, () => entities.subnets),
  entities.neurons,
  entities.accounts,
  entities.delegations,
  entities.neuronSnapshots,
  entities.weightSets,
  entities.subnetHyperparams,
  entities.emissions,
  entities.blocks,
]

let db: TestDatabase
let reads: Reads
beforeAll(async () => {
  db = await testDatabase()
  await seedWorld(db.pool, SMALL)
  // Many equal and many unknown values: the hard cases of a keyset.
  await db.pool
    .query(`INSERT INTO subnets (netuid, owner, n, max_uids, tempo, difficulty, burn, emission, registered_block, params, updated_block)
    SELECT i, CASE WHEN i % 3 = 0 THEN NULL ELSE '\\x01'::bytea END, i % 4, 256, i % 5, CASE WHEN i % 2 = 0 THEN NULL ELSE i % 7 END,
      CASE WHEN i % 5 < 2 THEN NULL ELSE i % 3 END, CASE WHEN i % 4 = 0 THEN NULL ELSE i % 2 END, CASE WHEN i % 7 < 3 THEN NULL ELSE i END, '{}', 1
    FROM generate_series(10, 49) AS i`)
  reads = createReads({ pool: db.pool })
})
afterAll(() => db?.[Symbol.asyncDispose]())

type Json = string | number | boolean | null
type ModelRow = Record<string, Json>

interface Random {
  /** Both ends included. */
  int(from: number, to: number): number
  pick<T>(list: readonly T[]): T
}

function randomOf(seed: number): Random {
  const { below } = randomFrom(seed)
  return { int: (from, to) => from + below(to - from + 1), pick: (list) => list[below(list.length)] as never }
}

async function allRows(entity: Entity): Promise<ModelRow[]> {
  const { rows } = await db.pool.query<{ row: Record<string, Json> }>(`SELECT to_jsonb(t) AS row FROM ${entity.from} t`)
  return rows.map(({ row }) => Object.fromEntries(Object.entries(entity.columns).map(([name, column]) => [name, row[column.sql] ?? null])))
}

function keyText(entity: Entity, row: Record<string, unknown>): string {
  const plain = (value: unknown) => (typeof value === 'string' && value.startsWith('\\x') ? `0x${value.slice(2)}` : String(value))
  return entity.key.map((name) => plain(row[name])).join('|')
}

function compare(a: Json | undefined, b: Json | undefined): number {
  if (a === b) return 0
  // Nulls are last in ascending order.
  if (a === null || a === undefined) return 1
  if (b === null || b === undefined) return -1
  return a < b ? -1 : 1
}

/** SQL's three-valued logic: null is unknown. */
function holds(filter: Record<string, unknown>, row: ModelRow): boolean | null {
  const parts = Object.entries(filter).map(([name, value]) => {
    if (name === 'and') return (value as Record<string, unknown>[]).map((part) => holds(part, row)).reduce(both, true)
    if (name === 'or') return (value as Record<string, unknown>[]).map((part) => holds(part, row)).reduce(either, false)
    if (name === 'not') return invert(holds(value as Record<string, unknown>, row))
    return Object.entries(value as Record<string, Json | Json[]>)
      .map(([operator, operand]) => operate(operator, row[name] ?? null, operand))
      .reduce(both, true)
  })
  return parts.reduce(both, true)
}

const both = (a: boolean | null, b: boolean | null) => (a === false || b === false ? false : a === null || b === null ? null : true)
const either = (a: boolean | null, b: boolean | null) => (a === true || b === true ? true : a === null || b === null ? null : false)
const invert = (a: boolean | null) => (a === null ? null : !a)

function operate(operator: string, value: Json, operand: Json | Json[]): boolean | null {
  if (operator === 'isNull') return (value === null) === operand
  if (value === null) return null
  if (operator === 'in') return (operand as Json[]).includes(value)
  if (operator === 'notIn') return !(operand as Json[]).includes(value)
  if (operator === 'startsWith') return (value as string).startsWith(operand as string)
  if (operator === 'includesInsensitive') return (value as string).toLowerCase().includes((operand as string).toLowerCase())
  const order = compare(value, operand as Json)
  const results: Record<string, boolean> = {
    equalTo: order === 0,
    notEqualTo: order !== 0,
    lessThan: order < 0,
    lessThanOrEqualTo: order <= 0,
    greaterThan: order > 0,
    greaterThanOrEqualTo: order >= 0,
  }
  return results[operator] ?? null
}

const RANGE = ['lessThan', 'lessThanOrEqualTo', 'greaterThan', 'greaterThanOrEqualTo']

/** A random filter in the model's values. */
function randomFilter(random: Random, entity: Entity, rows: ModelRow[], depth = 0): Record<string, unknown> {
  const shape = random.int(0, 5)
  if (depth < 2 && shape === 0) return { not: randomFilter(random, entity, rows, depth + 1) }
  if (depth < 2 && shape <= 2) {
    const parts = Array.from({ length: random.int(1, 3) }, () => randomFilter(random, entity, rows, depth + 1))
    return { [shape === 1 ? 'and' : 'or']: parts }
  }
  const columns = Object.entries(entity.columns).filter(([, column]) => column.filterable)
  const [name, column] = random.pick(columns)
  const value = random.pick(rows)[name] ?? null
  if (value === null || random.int(0, 9) === 0) return { [name]: { isNull: random.int(0, 1) === 0 } }
  if (random.int(0, 3) === 0) return { [name]: { [random.pick(['in', 'notIn'])]: [value, random.pick(rows)[name] ?? value] } }
  if (column.kind === 'text' && random.int(0, 1) === 0) {
    return { [name]: { [random.pick(['startsWith', 'includesInsensitive'])]: String(value).slice(0, 3) } }
  }
  const ranged = ['bool', 'bytes', 'text'].includes(column.kind) ? [] : RANGE
  return { [name]: { [random.pick(['equalTo', 'notEqualTo', ...ranged, ...ranged])]: value } }
}

/** The same filter in the values that the read side takes. */
function toEngine(entity: Entity, filter: Record<string, unknown>): Filter {
  return Object.fromEntries(
    Object.entries(filter).map(([name, value]) => {
      if (name === 'not') return [name, toEngine(entity, value as Record<string, unknown>)]
      if (name === 'and' || name === 'or') return [name, (value as Record<string, unknown>[]).map((part) => toEngine(entity, part))]
      const kind = entity.columns[name]?.kind
      const convert = (operand: unknown): unknown => {
        if (Array.isArray(operand)) return operand.map(convert)
        if (typeof operand === 'boolean') return operand
        if (kind === 'bytes') return `0x${String(operand).slice(2)}`
        if (kind === 'bigint' || kind === 'numeric') return BigInt(operand as number)
        if (kind === 'timestamp') return new Date(operand as string)
        if (kind === 'ratio') return (operand as number) / 65_535
        return operand
      }
      return [name, Object.fromEntries(Object.entries(value as object).map(([operator, operand]) => [operator, convert(operand)]))]
    }),
  )
}

function randomOrder(random: Random, entity: Entity): string[] {
  const free = Object.entries(entity.orders).filter(([, order]) => order.needs.length === 0)
  const any = Object.keys(entity.orders)
  const way = () => random.pick(['ASC', 'DESC'])
  const first = `${random.pick(free)[0]}_${way()}`
  return random.int(0, 1) === 0 ? [first] : [first, `${random.pick(any)}_${way()}`]
}

/** The obvious thing: sort everything by what was asked and then by the key as the list documents it. */
function modelOrder(entity: Entity, orderBy: string[], rows: ModelRow[]): ModelRow[] {
  const terms: { name: string; sign: number }[] = []
  for (const text of orderBy) {
    const [, name = '', way] = /^(.+)_(ASC|DESC)$/.exec(text) ?? []
    const sign = way === 'DESC' ? -1 : 1
    for (const column of entity.orders[name]?.columns ?? []) terms.push({ name: column, sign })
  }
  const first = /^(.+)_(ASC|DESC)$/.exec(orderBy[0] ?? '') ?? []
  const tie = (first[2] === 'DESC' ? -1 : 1) * (entity.orders[first[1] ?? '']?.tie === 'opposite' ? -1 : 1)
  const all = [...terms, ...entity.key.map((name) => ({ name, sign: tie }))]
  return rows.toSorted((a, b) => {
    for (const { name, sign } of all) {
      const order = compare(a[name], b[name]) * sign
      if (order !== 0) return order
    }
    return 0
  })
}

async function readPage(entity: Entity, args: PageArgs) {
  const session = reads.session()
  try {
    return await session.page({ ...planPage(entity, args, LIMITS), entity }, { behind: true, totalCount: true })
  } finally {
    await session.close()
  }
}

let height = SMALL.blocks
async function nextBlock(): Promise<void> {
  const writer = createBatchWriter({ pool: db.pool, log: silentLog, metrics: createMetrics() })
  const facts = blockFacts(height + 1, SMALL)
  await writer.apply({ ...aBatch({ at: height + 1, prev: aHead(height) }), facts })
  height += 1
}

test(`${CASES} random lists, paged both ways while blocks arrive, equal the model`, { timeout: 120_000 }, async () => {
  const seed = Number(process.env['PAGING_SEED'] ?? 20_261_122)
  for (let number = 0; number < CASES; number++) {
    const random = randomOf(seed + number)
    const entity = random.pick(TABLES)
    const rows = await allRows(entity)
    const filter = random.int(0, 3) === 0 ? {} : randomFilter(random, entity, rows)
    const orderBy = randomOrder(random, entity)
    const size = random.pick([1, 2, 3, 7, random.int(1, 40)])
    if (rows.length / size > 60) continue
    const truth = modelOrder(
      entity,
      orderBy,
      rows.filter((row) => holds(filter, row) === true),
    ).map((row) => keyText(entity, row))
    const known = new Set(rows.map((row) => keyText(entity, row)))
    const args = { filter: toEngine(entity, filter), orderBy }
    const label = `seed ${seed + number}: ${entity.name} ${JSON.stringify({ filter, orderBy, size })}`

    const first = await readPage(entity, { ...args, first: size })
    expect(first.totalCount, label).toBe(truth.length)
    expect(first.hasPreviousPage, label).toBe(false)

    let seen: string[] = []
    let page = first
    let last = page
    for (;;) {
      seen.push(...page.rows.map((row) => keyText(entity, row)))
      last = page.rows.length > 0 ? page : last
      if (!page.hasNextPage) break
      if (random.int(0, 9) === 0 && height < SMALL.blocks + 25) await nextBlock()
      const tail = page.rows.at(-1)
      if (tail === undefined) throw new Error(`an empty page says there is more. ${label}`)
      page = await readPage(entity, { ...args, first: size, after: page.cursorOf(tail) })
      expect(page.hasPreviousPage, label).toBe(true)
    }
    expect(
      seen.filter((key) => known.has(key)),
      label,
    ).toEqual(truth)

    // And back from the last page, with pages of another size.
    const back = random.int(1, 40)
    seen = last.rows.map((row) => keyText(entity, row))
    let head = last.rows[0]
    let cursorOf = last.cursorOf
    for (;;) {
      if (head === undefined) break
      const before = await readPage(entity, { ...args, last: back, before: cursorOf(head) })
      seen = [...before.rows.map((row) => keyText(entity, row)), ...seen]
      if (before.rows.length > 0) expect(before.hasNextPage, label).toBe(true)
      if (!before.hasPreviousPage) break
      head = before.rows[0]
      cursorOf = before.cursorOf
    }
    expect(
      seen.filter((key) => known.has(key)),
      label,
    ).toEqual(truth)

    const offset = random.int(0, truth.length)
    const skipped = await readPage(entity, { ...args, first: size, offset })
    if (height === SMALL.blocks)
      expect(
        skipped.rows.map((row) => keyText(entity, row)),
        label,
      ).toEqual(truth.slice(offset, offset + size))
  }
})

async function countOf(table: string): Promise<number> {
  const { rows } = await db.pool.query<{ count: string }>(`SELECT count(*) FROM ${table}`)
  return Number(rows[0]?.count)
}

test('above the exact limit the total is an estimate that says so', async () => {
  const rough = createReads({ pool: db.pool, exactCountLimit: 20 })
  const session = rough.session()
  const plan = planPage(entities.extrinsics, {}, LIMITS)
  const page = await session.page({ ...plan, entity: entities.extrinsics }, { totalCount: true, rows: false })
  const small = await session.page({ ...planPage(entities.epochs, {}, LIMITS), entity: entities.epochs }, { totalCount: true, rows: false })
  await session.close()
  expect(page.totalCountIsEstimate).toBe(true)
  expect(page.totalCount).toBeGreaterThan(100)
  expect(page.rows).toEqual([])
  expect(small).toMatchObject({ totalCount: await countOf('epochs'), totalCountIsEstimate: false })
})

test('every read of a session sees the same block, whatever is written meanwhile', async () => {
  const session = reads.session()
  const before = await session.head()
  await nextBlock()
  const page = await session.page({ ...planPage(entities.blocks, { first: 1 }, LIMITS), entity: entities.blocks }, {})
  expect(page.rows[0]?.height).toBe(before?.height)
  await session.close()
  const later = reads.session()
  expect((await later.head())?.height).toBe((before?.height ?? 0) + 1)
  await later.close()
})

test('every column of the read side is in the database with the type and nullability it says', async () => {
  const types: Record<string, string> = {
    ...{ int: 'integer', height: 'bigint', bigint: 'bigint', numeric: 'numeric', ratio: 'integer', text: 'text', bool: 'boolean' },
    ...{ bytes: 'bytea', timestamp: 'timestamp with time zone', json: 'json', ints: 'ARRAY' },
  }
  const { rows } = await db.pool.query<{ place: string; type: string; nullable: boolean }>(
    `SELECT table_name || '.' || column_name AS place, replace(data_type, 'jsonb', 'json') AS type, is_nullable = 'YES' AS nullable FROM information_schema.columns WHERE table_schema = 'public'`,
  )
  const actual = new Map(rows.map(({ place, type, nullable }) => [place, { type, nullable }]))
  for (const entity of Object.values(entities)) {
    const table = entity.from.startsWith('(') ? null : entity.from
    if (table === null) continue
    for (const column of Object.values(entity.columns)) {
      const nullable = column.nullable || column.kind === 'ints' ? expect.any(Boolean) : false
      expect(actual.get(`${table}.${column.sql}`), `${table}.${column.sql}`).toEqual({
        type: types[column.kind],
        nullable: column.nullable ? true : nullable,
      })
    }
  }
})
