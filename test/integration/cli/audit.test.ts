import { afterAll, beforeAll, expect, test } from 'vitest'
import { audit, type AuditScope } from '../../../src/cli/audit.js'
import { loadConfig } from '../../../src/core/config/index.js'
import { createLifecycle, DONE } from '../../../src/core/lifecycle.js'
import { silentLog } from '../../../src/core/log.js'
import { createMetrics } from '../../../src/core/metrics.js'
import { startDevnet } from '../../../src/devnet/index.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { indexTo } from '../../support/indexing.js'

/** `taogate audit` over the index of a small devnet. What the tests do to the index they undo. */

const BLOCKS = 90

let db: TestDatabase
let epochs: { netuid: number; height: number }[]
beforeAll(async () => {
  db = await testDatabase()
  const devnet = await startDevnet({ blockMs: null, seed: 'audit', subnets: 2, neurons: 8, log: silentLog })
  try {
    devnet.newBlock({ count: BLOCKS })
    await indexTo(devnet.url, db.pool, BLOCKS)
  } finally {
    await devnet.close()
  }
  const { rows } = await db.pool.query<{ netuid: number; height: number }>(
    'SELECT netuid, block_height::int AS height FROM epochs ORDER BY block_height, netuid',
  )
  epochs = rows
})
afterAll(() => db?.[Symbol.asyncDispose]())

interface Ended {
  status: number | undefined
  lines: string[]
}

async function run(
  options: Partial<AuditScope> & { json?: boolean; url?: string; onLine?: (stop: () => void) => unknown } = {},
): Promise<Ended> {
  const { json = false, url = db.url, onLine, ...scope } = options
  const life = createLifecycle({ log: silentLog })
  const ended: Ended = { status: undefined, lines: [] }
  const context = {
    config: loadConfig({ env: { DATABASE_URL: url } }),
    log: silentLog,
    metrics: createMetrics(),
    life,
    print: (text: string) => {
      ended.lines.push(text)
      onLine?.(() => void life.stop('SIGINT'))
    },
    exitWith: (status: number) => (ended.status = status),
  }
  try {
    await audit(context, { netuid: undefined, from: 0, to: undefined, ...scope }, json)
  } finally {
    await life.stop(DONE)
  }
  return ended
}

/** The last epoch of a subnet, whose audit is looked at by the tests that change something. */
function lastOf(netuid: number): { netuid: number; height: number } {
  const found = epochs.findLast((epoch) => epoch.netuid === netuid)
  if (found === undefined) throw new Error(`no epoch of subnet ${netuid}`)
  return found
}

async function statusOf({ netuid, height }: { netuid: number; height: number }): Promise<unknown> {
  const { rows } = await db.pool.query<{ status: string; reason: string; count: number }>(
    'SELECT audit_status AS status, audit_reason AS reason, audit_difference_count AS count FROM epochs WHERE netuid = $1 AND block_height = $2',
    [netuid, height],
  )
  return rows[0]
}

test('an index that nobody has touched is exact: nothing but the summary, and status 0', async () => {
  expect(new Set(epochs.map(({ netuid }) => netuid))).toEqual(new Set([0, 1, 2]))
  const before = await db.dump(['epochs'])
  expect(await run()).toEqual({
    status: 0,
    lines: [`${epochs.length} epochs: ${epochs.length} exact, 0 differ, 0 not auditable`],
  })
  expect(await db.dump(['epochs'])).toBe(before)
})

test('--netuid, --from and --to choose; --json tells every epoch and then the summary', async () => {
  const { height } = lastOf(1)
  const wanted = epochs.filter((epoch) => epoch.netuid === 1 && epoch.height >= 10 && epoch.height < height)
  expect(wanted.length).toBeGreaterThan(0)
  const { status, lines } = await run({ netuid: 1, from: 10, to: height - 1, json: true })
  const objects = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(objects.slice(0, -1).map((object) => [object['netuid'], object['blockHeight'], object['status']])).toEqual(
    wanted.map((epoch) => [1, epoch.height, 'EXACT']),
  )
  expect(objects.at(-1)).toEqual({
    summary: { epochs: wanted.length, exact: wanted.length, differs: 0, notAuditable: 0, reasons: {}, changed: 0, stopped: false },
  })
  expect(status).toBe(0)
})

test('a value that was changed is found, told with both values, stored, and ends with status 1', async () => {
  const { netuid, height } = lastOf(1)
  const { rows } = await db.pool.query<{ uid: number; chain: number; rank: number }>(
    `UPDATE neuron_snapshots SET rank = (rank + 1) % 65536 WHERE netuid = $1 AND block_height = $2 AND uid = 3
     RETURNING uid, rank AS chain, (rank + 65535) % 65536 AS rank`,
    [netuid, height],
  )
  const changed = rows[0]
  expect(changed).toBeDefined()
  expect(await run({ netuid })).toEqual({
    status: 1,
    lines: [
      `subnet 1, block ${height}: DIFFERS, uid 3 rank: chain ${changed?.chain}, computed ${changed?.rank}`,
      expect.stringMatching(/^\d+ epochs: \d+ exact, 1 differs, 0 not auditable$/),
    ],
  })
  expect(await statusOf({ netuid, height })).toEqual({ status: 'DIFFERS', reason: null, count: 1 })
  await db.pool.query('UPDATE neuron_snapshots SET rank = $3 WHERE netuid = $1 AND block_height = $2 AND uid = 3', [
    netuid,
    height,
    changed?.rank,
  ])
  const again = await run({ json: true })
  expect(again.status).toBe(0)
  expect(JSON.parse(again.lines.at(-1) ?? '')).toMatchObject({ summary: { changed: 1, exact: epochs.length } })
  expect(await statusOf({ netuid, height })).toEqual({ status: 'EXACT', reason: null, count: 0 })
})

test("the root network's emission values are audited too", async () => {
  const { height } = lastOf(0)
  const touched = await db.pool.query(
    `UPDATE subnet_params SET value = to_jsonb(((value #>> '{}')::bigint + 5)::text) WHERE netuid = 2 AND name = 'emissionValues'
     AND block_height = (SELECT max(block_height) FROM subnet_params WHERE netuid = 2 AND name = 'emissionValues' AND block_height <= $1)`,
    [height],
  )
  expect(touched.rowCount).toBe(1)
  const { status, lines } = await run({ netuid: 0, from: height, to: height })
  expect(lines[0]).toMatch(new RegExp(`^subnet 0, block ${height}: DIFFERS, uid 2 emissionValue: chain \\d+, computed \\d+$`))
  expect(status).toBe(1)
  await db.pool.query(
    `UPDATE subnet_params SET value = to_jsonb(((value #>> '{}')::bigint - 5)::text) WHERE netuid = 2 AND name = 'emissionValues'
     AND block_height = (SELECT max(block_height) FROM subnet_params WHERE netuid = 2 AND name = 'emissionValues' AND block_height <= $1)`,
    [height],
  )
  expect((await run()).status).toBe(0)
})

test('inputs that were damaged or are gone, and a runtime that nobody knows, are no differences: status 0 with the reasons', async () => {
  const [first, second, third] = epochs.filter(({ netuid }) => netuid === 2)
  if (first === undefined || second === undefined || third === undefined) throw new Error('too few epochs')
  const { pool } = db
  const place = (epoch: { netuid: number; height: number }) => [epoch.netuid, epoch.height]
  await pool.query('CREATE TABLE kept AS SELECT * FROM epoch_inputs WHERE netuid = 2')
  await pool.query(
    'UPDATE epoch_inputs SET inputs = set_byte(inputs, 20, get_byte(inputs, 20) # 1) WHERE netuid = $1 AND block_height = $2',
    place(first),
  )
  await pool.query('DELETE FROM epoch_inputs WHERE netuid = $1 AND block_height = $2', place(second))
  await pool.query('UPDATE blocks SET spec_version = spec_version + 1000 WHERE height = $1', [third.height])
  const { status, lines } = await run({ netuid: 2 })
  await pool.query('UPDATE blocks SET spec_version = spec_version - 1000 WHERE height = $1', [third.height])
  await pool.query('DELETE FROM epoch_inputs WHERE netuid = 2')
  await pool.query('INSERT INTO epoch_inputs SELECT * FROM kept')
  await pool.query('DROP TABLE kept')
  const { rows } = await pool.query('SELECT 1 FROM epochs WHERE inputs_hash IS NULL')
  expect(rows, 'the hashes outlive their inputs').toEqual([])
  expect(status).toBe(0)
  expect(lines.slice(0, 3)).toEqual([
    `subnet 2, block ${first.height}: NOT_AUDITABLE, INPUTS_CORRUPT`,
    `subnet 2, block ${second.height}: NOT_AUDITABLE, NO_INPUTS`,
    `subnet 2, block ${third.height}: NOT_AUDITABLE, UNKNOWN_GENERATION`,
  ])
  expect(lines.at(-1)).toMatch(/, 0 differ, 3 not auditable \(INPUTS_CORRUPT 1, NO_INPUTS 1, UNKNOWN_GENERATION 1\)$/)
})

test('epochs that were stored before there were audits are given a status', async () => {
  await db.pool.query('UPDATE epochs SET audit_status = NULL, audit_generation = NULL')
  const { status, lines } = await run({ json: true })
  expect(status).toBe(0)
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ summary: { exact: epochs.length, changed: epochs.length } })
  expect(await statusOf(lastOf(1))).toEqual({ status: 'EXACT', reason: null, count: 0 })
})

test('a stop in the middle keeps what was done, says so, and does not look like a verdict', async () => {
  await db.pool.query('UPDATE epochs SET audit_status = NULL')
  let seen = 0
  const { status, lines } = await run({ json: true, onLine: (stop) => ++seen === 2 && stop() })
  expect(status).toBe(130)
  expect(lines).toHaveLength(3)
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ summary: { epochs: 2, changed: 2, stopped: true } })
  const { rows } = await db.pool.query<{ known: number }>('SELECT count(audit_status)::int AS known FROM epochs')
  expect(rows[0]?.known).toBe(2)
  expect((await run()).status).toBe(0)
})

test('flags that name nothing are refused, and told what there is', async () => {
  const last = Math.max(...epochs.map(({ height }) => height))
  const first = Math.min(...epochs.map(({ height }) => height))
  await expect(run({ netuid: 77 })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: '--netuid 77: no epoch of it is indexed; the index has the subnets 0, 1, 2',
  })
  await expect(run({ from: last + 1 })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: `--from ${last + 1}: no epoch is indexed there; there are some from block ${first} to ${last}`,
  })
  const one = lastOf(2).height
  const ofTwo = epochs.filter(({ netuid }) => netuid === 2)
  await expect(run({ netuid: 2, from: one + 1, to: one + 2 })).rejects.toMatchObject({
    message: `--from ${one + 1} --to ${one + 2}: no epoch of subnet 2 is indexed there; there are some from block ${ofTwo[0]?.height} to ${one}`,
  })
  await using nothing = await testDatabase()
  await expect(run({ url: nothing.url })).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: /^no epoch is indexed yet/ })
})
