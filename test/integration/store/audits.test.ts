import pg from 'pg'
import { expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { createMetrics } from '../../../src/core/metrics.js'
import type { AuditRecord, EpochRecord } from '../../../src/core/records.js'
import { createBatchWriter, type BatchWriter } from '../../../src/store/index.js'
import { auditPage, type AuditPageEpoch } from '../../../src/store/read/audits.js'
import { entities, planPage, type Filter } from '../../../src/store/read/index.js'
import { rowsStatement } from '../../../src/store/read/page.js'
import * as a from '../../support/builders.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { countStatements } from '../../support/statements.js'
import { eventually } from '../../support/waiting.js'

function writerOn(db: TestDatabase): BatchWriter {
  return createBatchWriter({ pool: db.pool, log: silentLog, metrics: createMetrics() })
}

const DIFFERS = {
  status: 'DIFFERS',
  differenceCount: 3,
  // The order of the fields is part of what is stored.
  differences: '[{"uid":7,"field":"incentive","chain":"1","computed":"2"}]',
} satisfies Partial<AuditRecord>
const NOT_AUDITABLE = {
  status: 'NOT_AUDITABLE',
  reason: 'UNKNOWN_GENERATION',
  generation: null,
  inputsHash: null,
} satisfies Partial<AuditRecord>

interface Listener extends AsyncDisposable {
  payloads: unknown[]
  /** Waits until everything sent so far has come, which a notice of our own, sent after it, tells. */
  settled(): Promise<unknown[]>
}

async function listen(db: TestDatabase): Promise<Listener> {
  const client = new pg.Client({ connectionString: db.url })
  await client.connect()
  const payloads: unknown[] = []
  let marks = 0
  client.on('notification', ({ channel, payload = '' }) => {
    if (channel === 'mark') marks++
    else payloads.push({ channel, ...(JSON.parse(payload) as object) })
  })
  await client.query('LISTEN taogate_audit; LISTEN mark')
  let sent = 0
  return {
    payloads,
    async settled() {
      await db.pool.query('SELECT pg_notify($1, $2)', ['mark', String(++sent)])
      await eventually('the mark', () => marks === sent)
      return payloads.splice(0)
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
}

test('an epoch is stored with its audit and the bytes of its inputs, as they came', async () => {
  await using db = await testDatabase()
  const inputs = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7) % 256)
  // A view into a larger buffer: only its own bytes count.
  const epochInputs = [a.epochInputs({ blockHeight: 0, inputs: inputs.subarray(1, 60_000) })]
  const epochs = [
    a.anEpoch({ blockHeight: 0, emissionDue: 9n, emissionGiven: 8n, audit: DIFFERS }),
    a.anEpoch({ blockHeight: 0, netuid: 2, emissionGiven: null, audit: NOT_AUDITABLE }),
  ]
  await writerOn(db).apply(a.aBatch({ at: 0, facts: { epochs, epochInputs } }))
  const { rows } = await db.pool.query(
    `SELECT emission_due::int, emission_given::int, inputs_hash, audit_status, audit_reason, audit_generation, audit_difference_count,
       audit_differences::text
     FROM epochs ORDER BY netuid`,
  )
  const none = { audit_difference_count: 0, audit_differences: null }
  expect(rows).toEqual([
    {
      emission_due: 9,
      emission_given: 8,
      inputs_hash: Buffer.from(a.bytes32('inputs').slice(2), 'hex'),
      audit_status: 'DIFFERS',
      audit_reason: null,
      audit_generation: '2024-03',
      audit_difference_count: 3,
      audit_differences: DIFFERS.differences,
    },
    {
      emission_due: null,
      emission_given: null,
      inputs_hash: null,
      audit_status: 'NOT_AUDITABLE',
      audit_reason: 'UNKNOWN_GENERATION',
      audit_generation: null,
      ...none,
    },
  ])
  const stored = await db.pool.query<{ inputs: Buffer; part: string }>('SELECT inputs, tableoid::regclass::text AS part FROM epoch_inputs')
  expect(stored.rows).toEqual([{ inputs: Buffer.from(inputs.subarray(1, 60_000)), part: 'epoch_inputs_p0' }])
  const storage = await db.pool.query(
    "SELECT attstorage FROM pg_attribute WHERE attrelid = 'epoch_inputs_p0'::regclass AND attname = 'inputs'",
  )
  expect(storage.rows).toEqual([{ attstorage: 'e' }])
})

test('epochs that differ are told one by one and the others in one line, once the batch is there and only once', async () => {
  await using db = await testDatabase()
  await using heard = await listen(db)
  const writer = writerOn(db)
  const epochs = [
    a.anEpoch({ blockHeight: 12 }),
    a.anEpoch({ blockHeight: 14, audit: DIFFERS }),
    a.anEpoch({ blockHeight: 15, audit: NOT_AUDITABLE }),
    a.anEpoch({ blockHeight: 15, netuid: 2 }),
    a.anEpoch({ blockHeight: 15, netuid: 3, audit: DIFFERS }),
  ]
  const first = a.aBatch({ from: 10, to: 19, prev: null, facts: { epochs } })
  expect(await writer.apply(first)).toBe('applied')
  const channel = 'taogate_audit'
  expect(await heard.settled()).toEqual([
    { channel, netuid: 1, blockHeight: 14, status: 'DIFFERS', differenceCount: 3 },
    { channel, netuid: 3, blockHeight: 15, status: 'DIFFERS', differenceCount: 3 },
    { channel, from: 12, to: 15, exact: 2, notAuditable: 1 },
  ])

  expect(await writer.apply(first)).toBe('already')
  await writer.apply(a.aBatch({ at: 20 }))
  expect(await heard.settled()).toEqual([])

  // Of a piece of history that is partly there, what is new.
  const history = (from: number, to: number) => {
    const heights = Array.from({ length: to - from + 1 }, (_, i) => from + i)
    return a.aHistoryBatch({ from, to, facts: { epochs: heights.map((blockHeight) => a.anEpoch({ blockHeight, audit: DIFFERS })) } })
  }
  await writer.applyHistory(history(4, 6))
  expect(await heard.settled()).toHaveLength(3)
  await writer.applyHistory(history(3, 7))
  expect(await heard.settled()).toMatchObject([{ blockHeight: 3 }, { blockHeight: 7 }])
})

test('nobody hears of a batch that was not committed', async () => {
  await using db = await testDatabase()
  await using heard = await listen(db)
  const writer = writerOn(db)
  await writer.apply(a.aBatch({ at: 0 }))
  const epochs = [a.anEpoch({ blockHeight: 1, audit: DIFFERS })]
  // The state is written behind the facts: an account twice is refused there.
  const accounts = [1, 2].map((block) => a.anAccount({ address: a.key(1), free: BigInt(block), block }))
  await expect(writer.apply(a.aBatch({ at: 1, facts: { epochs }, state: { accounts } }))).rejects.toThrow()
  expect(await heard.settled()).toEqual([])
  await writer.apply(a.aBatch({ at: 1, facts: { epochs } }))
  expect(await heard.settled()).toMatchObject([{ blockHeight: 1 }])
})

test('a new audit takes the place of the old one, and only of it', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  const epochs = [1, 2, 3].map((netuid) => a.anEpoch({ netuid, blockHeight: 5, serverEmission: 8n }))
  await writer.apply(a.aBatch({ from: 0, to: 5, facts: { epochs } }))
  const before = await db.dump(['epochs'])
  const statements = countStatements(db.pool)
  const again = [
    { netuid: 1, blockHeight: 5, audit: a.anAudit(DIFFERS) },
    { netuid: 2, blockHeight: 5, audit: a.anAudit(NOT_AUDITABLE) },
    { netuid: 9, blockHeight: 5, audit: a.anAudit() },
  ]
  expect(await writer.saveAudits(again)).toBe(2)
  expect(statements.texts.filter((text) => text.includes('UPDATE epochs'))).toHaveLength(1)
  const found = await auditPage(db.pool, { limit: 10 })
  expect(found.map(({ netuid, stored }) => [netuid, stored])).toEqual([
    [1, again[0]?.audit],
    [2, again[1]?.audit],
    [3, a.anAudit()],
  ])
  expect(await writer.saveAudits([1, 2].map((netuid) => ({ netuid, blockHeight: 5, audit: a.anAudit() })))).toBe(2)
  expect(await db.dump(['epochs'])).toBe(before)
  expect(await writer.saveAudits([])).toBe(0)
})

const RUNTIME = {
  specName: 'node-subtensor',
  transactionVersion: 1,
  metadataVersion: 14,
  metadataHash: a.bytes32('m'),
  metadata: new Uint8Array(1),
}

/** Epochs of netuids 0 to 2 in every tenth block, in two runtimes and in batches of ten. */
async function storeEpochs(db: TestDatabase): Promise<EpochRecord[]> {
  const writer = writerOn(db)
  const all: EpochRecord[] = []
  for (let to = 0; to <= 50; to += 10) {
    const epochs = [0, 1, 2].map((netuid) => a.anEpoch({ netuid, blockHeight: to, emissionDue: netuid === 0 ? null : BigInt(to) }))
    all.push(...epochs)
    const neurons = epochs.flatMap(({ netuid }) => [0, 1].map((uid) => ({ ...a.neuronFields({ netuid, uid }), blockHeight: to })))
    const blocks = a.blocksOf(Math.max(0, to - 9), to).map((block) => ({ ...block, specVersion: to < 30 ? 103 : 143 }))
    await writer.apply(
      a.aBatch({
        from: Math.max(0, to - 9),
        to,
        facts: {
          blocks,
          epochs,
          epochInputs: epochs.filter(({ netuid }) => netuid !== 2).map(({ netuid }) => a.epochInputs({ netuid, blockHeight: to })),
          neuronSnapshots: neurons.map((row) => (row.uid === 0 ? row : aBondedNeuron(row))),
          emissions: [
            {
              netuid: 1,
              blockHeight: to,
              uid: 1,
              hotkey: a.key(101),
              server: BigInt(to),
              validator: 2n ** 62n,
              total: 2n ** 62n + BigInt(to),
            },
            { netuid: 2, blockHeight: to, uid: 0, hotkey: a.key(100), server: null, validator: null, total: 7n },
          ],
          // A value is a row only where it changes: that of subnet 1 in block 20, that of subnet 2 in every epoch; 3 goes in block 40.
          subnetParams: [
            { netuid: 1, name: 'emissionValues', blockHeight: to, value: to < 20 ? '5' : '"18446744073709551615"' },
            { netuid: 2, name: 'emissionValues', blockHeight: to, value: `"${to}"` },
            { netuid: 3, name: 'emissionValues', blockHeight: to, value: to < 40 ? '1' : 'null' },
            { netuid: 1, name: 'tempo', blockHeight: to, value: '99' },
          ],
          runtimeVersions: [{ ...RUNTIME, specVersion: to < 30 ? 103 : 143, firstBlock: to }],
        },
      }),
    )
  }
  return all
}

function aBondedNeuron<T extends object>(row: T): T & object {
  return {
    ...row,
    rank: 1,
    trust: 2,
    consensus: 3,
    incentive: 4,
    dividends: 5,
    validatorTrust: 6,
    pruningScore: 7,
    validatorPermit: true,
    ...BONDED,
  }
}
const BONDED = { active: false, emission: 2n ** 60n, registeredBlock: 9n, bondUids: [0, 1, 255], bondValues: [65_535, 0, 3] }

async function pagesOf(db: TestDatabase, request: Omit<Parameters<typeof auditPage>[1], 'after'>): Promise<AuditPageEpoch[][]> {
  const pages: AuditPageEpoch[][] = []
  for (let after: AuditPageEpoch | null = null; ;) {
    const page = await auditPage(db.pool, { ...request, after })
    if (page.length === 0) return pages
    pages.push(page)
    after = page.at(-1) ?? null
  }
}

test('epochs are read in the order of the chain, page by page, with all that an audit needs', async () => {
  await using db = await testDatabase()
  const places = (await storeEpochs(db)).map(({ netuid, blockHeight }) => ({ netuid, blockHeight }))
  const placesOf = (pages: AuditPageEpoch[][]) => pages.flat().map(({ netuid, blockHeight }) => ({ netuid, blockHeight }))
  for (const limit of [1, 4, 100]) {
    const pages = await pagesOf(db, { limit })
    expect(placesOf(pages)).toEqual(places)
    for (const page of pages.slice(0, -1)) expect(page).toHaveLength(limit)
  }
  expect(placesOf(await pagesOf(db, { limit: 2, netuid: 1 }))).toEqual(places.filter(({ netuid }) => netuid === 1))
  expect(placesOf(await pagesOf(db, { limit: 4, from: 10, to: 30 }))).toEqual(
    places.filter(({ blockHeight }) => blockHeight >= 10 && blockHeight <= 30),
  )
  expect(await pagesOf(db, { limit: 4, from: 51 })).toEqual([])

  const [root, one, two] = await auditPage(db.pool, { limit: 3, from: 20 })
  const plain = { registeredBlock: 0n, active: true, validatorPermit: false, emission: 0n, rank: 0, trust: 0, consensus: 0, incentive: 0 }
  const zero = { uid: 0, ...plain, dividends: 0, validatorTrust: 0, pruningScore: 65_535, bondUids: [], bondValues: [] }
  const scores = { rank: 1, trust: 2, consensus: 3, incentive: 4, dividends: 5, validatorTrust: 6, pruningScore: 7 }
  const neurons = [zero, { uid: 1, ...scores, validatorPermit: true, ...BONDED }]
  const shared = { blockHeight: 20, specName: 'node-subtensor', specVersion: 103, tempo: 99, n: 4, neurons }
  const audited = { stored: a.anAudit(), inputsHash: a.bytes32('inputs'), inputs: Buffer.of(0, 0x5c, 0xff) }
  const values = [
    { netuid: 1, value: 2n ** 64n - 1n },
    { netuid: 2, value: 20n },
    { netuid: 3, value: 1n },
  ]
  expect(root).toEqual({ netuid: 0, ...shared, ...audited, emissionDue: null, emissions: [], emissionValues: values })
  const emission = { uid: 1, server: 20n, validator: 2n ** 62n, total: 2n ** 62n + 20n }
  expect(one).toEqual({ netuid: 1, ...shared, ...audited, emissionDue: 20n, emissions: [emission], emissionValues: [] })
  const unsplit = { uid: 0, server: null, validator: null, total: 7n }
  expect(two).toEqual({ netuid: 2, ...shared, ...audited, inputs: null, emissionDue: 20n, emissions: [unsplit], emissionValues: [] })

  const roots = (await auditPage(db.pool, { limit: 100, netuid: 0 })).map((epoch) => [
    epoch.specVersion,
    epoch.emissionValues.map((v) => v.value),
  ])
  expect(roots).toEqual([
    [103, [5n, 0n, 1n]],
    [103, [5n, 10n, 1n]],
    [103, [2n ** 64n - 1n, 20n, 1n]],
    [143, [2n ** 64n - 1n, 30n, 1n]],
    [143, [2n ** 64n - 1n, 40n]],
    [143, [2n ** 64n - 1n, 50n]],
  ])
})

test('a page takes the same statements whatever is on it', async () => {
  await using db = await testDatabase()
  await storeEpochs(db)
  const statements = countStatements(db.pool)
  const counts: number[] = []
  for (const limit of [1, 18]) {
    statements.reset()
    await auditPage(db.pool, { limit })
    counts.push(statements.count)
  }
  expect(counts).toEqual([6, 6])
})

test('mismatches are found through indexes of their own, and epochs are counted without being read', async () => {
  await using db = await testDatabase()
  await db.pool.query(`
    INSERT INTO epochs (netuid, block_height, tempo, n, active_count, validator_count, timestamp, audit_status, audit_difference_count)
    SELECT 1, h, 99, 4, 1, 1, now(), CASE WHEN h % 10 = 0 THEN 'DIFFERS' ELSE 'EXACT' END, CASE WHEN h % 10 = 0 THEN 1 ELSE 0 END
    FROM generate_series(1, 10000) h`)
  await db.pool.query('VACUUM ANALYZE epochs')
  const limits = { defaultPageSize: 100, maxPageSize: 100, maxOffset: 100 }
  const planOf = async (statement: { text: string; values: unknown[] }): Promise<string> =>
    JSON.stringify((await db.pool.query({ ...statement, text: `EXPLAIN ${statement.text}` })).rows)
  const planWith = (filter: Filter) => planOf(rowsStatement(planPage(entities.epochs, { filter }, limits), {}, null))
  expect(await planWith({ auditStatus: { equalTo: 'DIFFERS' } })).toContain('epochs_differs_idx')
  expect(await planWith({ auditDifferenceCount: { greaterThan: 0 } })).toContain('epochs_difference_count_idx')
  // A table as small as this one would be read whole.
  const answers = (await db.pool.query(
    'SET enable_seqscan = off; EXPLAIN SELECT audit_status, count(*) FROM epochs GROUP BY audit_status',
  )) as unknown
  expect(JSON.stringify((answers as pg.QueryResult[])[1]?.rows)).toContain('Index Only Scan using epochs_audit_status_idx')
})
