import pino from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { createMetrics } from '../../../src/core/metrics.js'
import type { PromptUsageRow } from '../../../src/core/prompting.js'
import { decodeSs58 } from '../../../src/core/units/ss58.js'
import { createPool, createPromptUsageLog } from '../../../src/store/index.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { countStatements } from '../../support/statements.js'
import { eventually } from '../../support/waiting.js'
import { wireTo } from '../jobs/rig.js'

type Options = Parameters<typeof createPromptUsageLog>[0]
type UsageLog = ReturnType<typeof createPromptUsageLog>

const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
const BOB = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty'
const NOON = Date.UTC(2026, 10, 24, 12)
const DAY_MS = 24 * 3600 * 1000

let db: TestDatabase
let metrics: ReturnType<typeof createMetrics>
let open: UsageLog[]
let lines: { msg: string; dropped?: number; rows?: number; reason?: string }[]
beforeAll(async () => {
  db = await testDatabase()
})
beforeEach(async () => {
  await db.pool.query('TRUNCATE prompt_usage')
  for (const name of await days()) await db.pool.query(`DROP TABLE ${name}`)
  metrics = createMetrics()
  open = []
  lines = []
})
afterEach(() => Promise.all(open.map((one) => one.close())))
afterAll(() => db?.[Symbol.asyncDispose]())

/** One whose rows go out at once, with a log that is kept. */
function usageLog(options: Partial<Options> = {}): UsageLog {
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line) as (typeof lines)[number]) })
  const made = createPromptUsageLog({ pool: db.pool, log, metrics, flushMs: 5, closeMs: 300, ...options })
  open.push(made)
  return made
}

function aRow(changes: Partial<PromptUsageRow> = {}): PromptUsageRow {
  return {
    requestId: 'r-1',
    at: new Date(NOON),
    customer: 'alice',
    callerHotkey: null,
    route: '/v1/prompt',
    model: null,
    netuid: null,
    uid: null,
    hotkey: null,
    protocol: null,
    returnCode: null,
    outcome: 'refused',
    errorCode: null,
    promptTokens: 0,
    completionTokens: 0,
    answers: 0,
    credits: 0,
    waitedMs: 0,
    ms: 0,
    ...changes,
  }
}

/** Names of the partitions, ascending. */
async function days(): Promise<string[]> {
  const text = "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'prompt_usage'::regclass ORDER BY 1"
  return (await db.pool.query<{ name: string }>(text)).rows.map(({ name }) => name)
}

/** Ids of all requests there are, ascending. */
async function written(): Promise<string[]> {
  const { rows } = await db.pool.query<{ request_id: string }>('SELECT request_id FROM prompt_usage ORDER BY request_id')
  return rows.map((row) => row.request_id)
}

async function countOf(result: string): Promise<number | undefined> {
  const metric = await metrics.getSingleMetric('tao_prompt_usage_rows_total')?.get()
  return metric?.values.find(({ labels }) => labels['result'] === result)?.value
}

test('a row is kept as it was, with keys as bytes', async () => {
  const full = aRow({
    requestId: 'full',
    callerHotkey: ALICE,
    model: 'bittensor/sn1',
    netuid: 1,
    uid: 7,
    hotkey: BOB,
    protocol: 'grpc',
    returnCode: 'Success',
    outcome: 'success',
    promptTokens: 12,
    completionTokens: 34,
    answers: 1,
    credits: 1,
    waitedMs: 1.5,
    ms: 250.25,
  })
  const usage = usageLog()
  usage.add(full)
  usage.add(aRow({ requestId: 'bare', errorCode: 'RATE_LIMITED', model: 'no\0such', at: new Date(NOON + 1) }))
  await usage.close()
  const { rows } = await db.pool.query<Record<string, unknown>>('SELECT * FROM prompt_usage ORDER BY at')
  const [first, second] = rows.map(({ id, ...row }) => {
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/)
    return row
  })
  expect(first).toEqual({
    request_id: 'full',
    at: new Date(NOON),
    customer: 'alice',
    caller_hotkey: Buffer.from(decodeSs58(ALICE).slice(2), 'hex'),
    route: '/v1/prompt',
    model: 'bittensor/sn1',
    netuid: 1,
    uid: 7,
    hotkey: Buffer.from(decodeSs58(BOB).slice(2), 'hex'),
    protocol: 'grpc',
    return_code: 'Success',
    outcome: 'success',
    error_code: null,
    prompt_tokens: 12,
    completion_tokens: 34,
    answers: 1,
    credits: 1,
    waited_ms: 1.5,
    ms: 250.25,
  })
  expect(second).toMatchObject({ request_id: 'bare', model: 'no\ufffdsuch', hotkey: null, caller_hotkey: null, netuid: null, uid: null })
  expect(second).toMatchObject({ return_code: null, protocol: null, error_code: 'RATE_LIMITED' })
})

test('rows go to the partition of their day in UTC, which is made when the first one comes, from any number of processes at once', async () => {
  const logs = [usageLog(), usageLog({ metrics: createMetrics() }), usageLog({ metrics: createMetrics() })]
  for (const [n, one] of logs.entries())
    for (const at of [NOON - DAY_MS, NOON, Date.UTC(2026, 10, 24, 23, 59, 59, 999), Date.UTC(2026, 10, 25)])
      one.add(aRow({ requestId: `${n}-${at}`, at: new Date(at) }))
  await Promise.all(logs.map((one) => one.close()))
  expect(await days()).toEqual(['prompt_usage_d20261123', 'prompt_usage_d20261124', 'prompt_usage_d20261125'])
  const { rows } = await db.pool.query('SELECT tableoid::regclass::text AS day, count(*)::int AS n FROM prompt_usage GROUP BY 1 ORDER BY 1')
  expect(rows.map((row: { n: number }) => row.n)).toEqual([3, 6, 3])
  const { rows: indexes } = await db.pool.query<{ indexdef: string }>(
    "SELECT indexdef FROM pg_indexes WHERE tablename = 'prompt_usage_d20261124' ORDER BY 1",
  )
  expect(indexes.map(({ indexdef }) => /\(.*\)$/.exec(indexdef)?.[0])).toEqual(['(customer, at)', '(at, id)'])
})

test('rows are written many at once, and a full batch does not wait for its time', async () => {
  const usage = usageLog({ flushMs: 600_000 })
  usage.add(aRow({ requestId: 'first' }))
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect(await written()).toEqual([])
  const statements = countStatements(db.pool)
  statements.reset()
  for (let n = 0; n < 1999; n++) usage.add(aRow({ requestId: `r-${n}` }))
  await eventually('all are written', async () => (await written()).length === 2000)
  expect(statements.texts.filter((text) => text.includes('INSERT INTO prompt_usage'))).toHaveLength(4)
  expect(await countOf('written')).toBe(2000)
})

test('requests with the same id in the same moment are all kept', async () => {
  const usage = usageLog()
  for (let n = 0; n < 3; n++) usage.add(aRow({ requestId: 'same' }))
  await usage.close()
  expect(await written()).toEqual(['same', 'same', 'same'])
})

test('rows wait while the database is away and are written once each when it is back', async () => {
  await using wire = await wireTo(db.url)
  const pool = createPool({ url: wire.url, applicationName: 'tests', maxConnections: 2, log: silentLog })
  const usage = usageLog({ pool })
  usage.add(aRow({ requestId: '0' }))
  await eventually('the first', async () => (await written()).length === 1)
  wire.cut()
  for (let n = 1; n < 8; n++) {
    usage.add(aRow({ requestId: `${n}` }))
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  expect(await written()).toEqual(['0'])
  wire.mend()
  await eventually('all', async () => (await written()).length === 8)
  expect(await written()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7'])
  expect(await countOf('dropped')).toBe(0)
  expect(lines.map(({ msg }) => msg)).toEqual(['the prompt usage log cannot be written; trying again'])
  await usage.close()
  await pool.end()
})

test('a row that was written while the answer was lost is there once', async () => {
  const lossy = Object.create(db.pool) as typeof db.pool
  let lost = 0
  lossy.query = (async (...args: Parameters<typeof db.pool.query>) => {
    await (db.pool.query(...args) as unknown as Promise<unknown>)
    if (lost++ === 0) throw Object.assign(new Error('gone'), { code: 'ECONNRESET' })
  }) as typeof db.pool.query
  const usage = usageLog({ pool: lossy })
  usage.add(aRow({ requestId: 'once' }))
  await usage.close()
  expect(lost).toBe(2)
  expect(await written()).toEqual(['once'])
})

test('beyond ten thousand waiting rows the oldest are dropped, counted, and told once a minute', async () => {
  const away = createPool({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'tests', maxConnections: 1, log: silentLog })
  let time = NOON
  const flaky = Object.create(db.pool) as typeof db.pool
  let isAway = true
  flaky.query = ((...args: Parameters<typeof db.pool.query>) => (isAway ? away : db.pool).query(...args)) as typeof db.pool.query
  flaky.connect = (() => (isAway ? away : db.pool).connect()) as typeof db.pool.connect
  const usage = usageLog({ pool: flaky, now: () => time })
  for (let n = 0; n < 12_000; n++) usage.add(aRow({ requestId: String(n).padStart(5, '0') }))
  await eventually('the first attempt has failed', () => lines.some(({ msg }) => msg.includes('trying again')))
  expect(await metrics.getSingleMetric('tao_prompt_usage_waiting_rows')?.get()).toMatchObject({ values: [{ value: 10_000 }] })
  expect(await countOf('dropped')).toBe(2000)
  const told = (): (number | undefined)[] => lines.filter(({ msg }) => msg.includes('were dropped')).map(({ dropped }) => dropped)
  expect(told()).toHaveLength(1)
  time += 60_000
  usage.add(aRow({ requestId: '12000' }))
  expect(told().reduce<number>((sum, n) => sum + (n ?? 0), 0)).toBe(2001)
  isAway = false
  await usage.close()
  const ids = await written()
  expect([ids.length, ids[0], ids.at(-1)]).toEqual([10_000, '02001', '12000'])
  await away.end()
})

test('a row that the database refuses is dropped alone', async () => {
  const usage = usageLog({ flushMs: 50 })
  for (let n = 0; n < 9; n++) usage.add(aRow({ requestId: `${n}` }))
  usage.add(aRow({ requestId: 'large', promptTokens: 2 ** 31 }))
  usage.add(aRow({ requestId: 'no address', hotkey: 'x' }))
  usage.add(aRow({ requestId: 'no time', at: new Date(NaN) }))
  for (let n = 9; n < 12; n++) usage.add(aRow({ requestId: `${n}` }))
  await usage.close()
  expect(await written()).toHaveLength(12)
  expect(await countOf('dropped')).toBe(3)
  expect(await countOf('written')).toBe(12)
})

test('rows are not dropped for what may be mended: a table that is not there yet', async () => {
  await db.pool.query('ALTER TABLE prompt_usage RENAME TO elsewhere')
  const usage = usageLog({ closeMs: 5000 })
  usage.add(aRow({ requestId: 'patient' }))
  await eventually('an attempt has failed', () => lines.some(({ reason }) => reason?.includes('does not exist') === true))
  await db.pool.query('ALTER TABLE elsewhere RENAME TO prompt_usage')
  await usage.close()
  expect(await written()).toEqual(['patient'])
})

test('pruning drops the days that are over, whole, and one that another process dropped is made again when it is needed', async () => {
  let time = NOON
  const here = usageLog({ keepDays: 2, now: () => time })
  const there = usageLog({ metrics: createMetrics() })
  for (const back of [0, 1, 2, 3, 4]) there.add(aRow({ requestId: `${back}`, at: new Date(NOON - back * DAY_MS) }))
  await eventually('all are written', async () => (await written()).length === 5)
  expect(await here.prune()).toBe(2)
  expect(await written()).toEqual(['0', '1', '2'])
  expect(await here.prune()).toBe(0)

  there.add(aRow({ requestId: 'late', at: new Date(NOON - 4 * DAY_MS) }))
  await there.close()
  expect(await written()).toEqual(['0', '1', '2', 'late'])
  time += 30 * DAY_MS
  await Promise.all([here.prune(), usageLog({ metrics: createMetrics(), keepDays: 2, now: () => time }).prune()])
  expect(await days()).toEqual([])
})

test('pruning gives way to who reads the table for long', { timeout: 15_000 }, async () => {
  const usage = usageLog({ keepDays: 0, now: () => NOON })
  usage.add(aRow({ at: new Date(NOON - DAY_MS) }))
  await eventually('it is written', async () => (await written()).length === 1)
  const reader = await db.pool.connect()
  await reader.query('BEGIN; SELECT count(*) FROM prompt_usage')
  expect(await usage.prune()).toBe(0)
  await reader.query('COMMIT')
  reader.release()
  expect(await usage.prune()).toBe(1)
})

test('closing gives up when the database stays away, and says how many rows were lost', async () => {
  const away = createPool({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'tests', maxConnections: 1, log: silentLog })
  const usage = usageLog({ pool: away })
  for (let n = 0; n < 3; n++) usage.add(aRow())
  await Promise.all([usage.close(), usage.close()])
  usage.add(aRow())
  expect(lines.at(-1)).toMatchObject({ dropped: 3, reason: 'the database is away, and the service ends' })
  expect(await countOf('dropped')).toBe(4)
  await away.end()
})
