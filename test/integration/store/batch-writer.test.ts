import { expect, test } from 'vitest'
import { createMetrics } from '../../../src/core/metrics.js'
import { silentLog } from '../../../src/core/log.js'
import { createBatchWriter, type BatchWriter } from '../../../src/store/index.js'
import * as a from '../../support/builders.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { countStatements } from '../../support/statements.js'

const CHAIN = {
  genesisHash: a.bytes32('genesis'),
  name: 'devnet',
  specName: 'node-subtensor',
  ss58Format: 42,
  tokenDecimals: 9,
  tokenSymbol: 'TAO',
}

function writerOn(db: TestDatabase): BatchWriter {
  return createBatchWriter({ pool: db.pool, log: silentLog, metrics: createMetrics() })
}

async function rowsOf<T = Record<string, unknown>>(db: TestDatabase, sql: string): Promise<T[]> {
  return (await db.pool.query(sql)).rows as T[]
}

test('an empty database has no head; after a batch it has the batch’s', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  expect(await writer.head()).toBeNull()
  expect(await writer.apply(a.aBatch({ from: 0, to: 9 }))).toBe('applied')
  expect(await writer.head()).toEqual({ head: a.aHead(9), finalizedHeight: 9 })
  expect(await writer.ranges()).toEqual([{ from: 0, to: 9 }])
  await writer.apply(a.aBatch({ from: 10, to: 12 }))
  expect(await writer.ranges()).toEqual([{ from: 0, to: 12 }])
})

test('the first chain is kept, and another genesis is refused, naming both', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  await writer.claimChain(CHAIN)
  await writer.claimChain({ ...CHAIN, name: 'the same under another name' })
  const other = a.bytes32('other genesis')
  await expect(writer.claimChain({ ...CHAIN, genesisHash: other, name: 'finney' })).rejects.toMatchObject({
    code: 'WRONG_CHAIN',
    message: expect.stringMatching(new RegExp(`devnet.*${CHAIN.genesisHash}.*finney.*${other}`)) as string,
  })
  await writer.apply(a.aBatch({ from: 100, to: 101, prev: null }))
  expect(await rowsOf(db, 'SELECT name, first_block FROM chain')).toEqual([{ name: 'devnet', first_block: '100' }])
})

test('a batch applied twice changes nothing the second time', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  const events = [a.anEvent({ blockHeight: 1, data: '{"amount":"5"}' })]
  const batches = [
    a.aBatch({ from: 0, to: 0 }),
    a.aBatch({ at: 1, facts: { events }, state: { accounts: [a.anAccount({ address: a.key(1), free: 5n, block: 1 })] } }),
    a.aBatch({ at: 2, finalizedHeight: 1, state: { accounts: [a.anAccount({ address: a.key(1), free: 6n, block: 2 })] } }),
  ]
  for (const batch of batches) expect(await writer.apply(batch)).toBe('applied')
  const once = await db.dump()
  for (const batch of batches) expect(await writer.apply(batch)).toBe('already')
  expect(await db.dump()).toBe(once)
  expect(once).toContain('"data":{"amount":"5"}')
})

test('a batch on another head is refused, naming both heads, and leaves nothing behind', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  await writer.apply(a.aBatch({ from: 0, to: 4 }))
  const before = await db.dump()
  const foreign = a.aBatch({ at: 5, branch: 'fork', facts: { events: [a.anEvent({ blockHeight: 5 })] } })
  await expect(writer.apply(foreign)).rejects.toMatchObject({
    code: 'HEAD_MISMATCH',
    message: expect.stringMatching(new RegExp(`block 4 \\(${a.blockHash(4, 'fork')}\\).*block 4 \\(${a.blockHash(4)}\\)`)) as string,
  })
  await expect(writer.apply(a.aBatch({ at: 7 }))).rejects.toMatchObject({ code: 'HEAD_MISMATCH' })
  await expect(writer.apply(a.aBatch({ at: 3, branch: 'fork' }))).rejects.toMatchObject({ code: 'HEAD_MISMATCH' })
  await expect(writer.apply(a.aBatch({ from: 6, to: 6, prev: a.aHead(4) }))).rejects.toMatchObject({ code: 'HEAD_MISMATCH' })
  await expect(writer.apply({ ...a.aBatch({ from: 0, to: 4, branch: 'fork' }) })).rejects.toThrow(/builds on the empty index/)
  expect(await db.dump()).toBe(before)
})

test('two writers with the same batch: one applies it, the other finds it applied', async () => {
  await using db = await testDatabase()
  const batch = a.aBatch({ from: 0, to: 3, state: { hotkeys: [a.aHotkey({ hotkey: a.key(1), block: 3 })] } })
  const outcomes = await Promise.all([writerOn(db).apply(batch), writerOn(db).apply(batch), writerOn(db).apply(batch)])
  expect(outcomes.sort()).toEqual(['already', 'already', 'applied'])
})

test('text that COPY, text or jsonb columns object to is stored as near as they can hold it', async () => {
  await using db = await testDatabase()
  const awkward = 'tab\t line\n return\r back\\slash \\N \\. "quote" \u{1f916} é'
  const data = JSON.stringify({ awkward, nul: 'a\0b', escapedNul: 'a\\u0000b', half: '\ud800!', pair: '\ud83e\udd16' })
  await writerOn(db).apply(
    a.aBatch({
      at: 0,
      facts: {
        events: [a.anEvent({ blockHeight: 0, pallet: `${awkward}\0`, data }), a.anEvent({ blockHeight: 0, index: 1, data: '"\\u0000"' })],
      },
    }),
  )
  const rows = await rowsOf(db, 'SELECT pallet, data FROM events ORDER BY index')
  expect(rows).toEqual([
    { pallet: `${awkward}\ufffd`, data: { awkward, nul: 'a\ufffdb', escapedNul: 'a\\u0000b', half: '\ufffd!', pair: '\u{1f916}' } },
    { pallet: 'System', data: '\ufffd' },
  ])
})

test('data that does not fit is an error that says which batch, and the batch is not half there', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  await writer.apply(a.aBatch({ at: 0 }))
  const before = await db.dump()
  const twice = [a.anEvent({ blockHeight: 1 }), a.anEvent({ blockHeight: 1 })]
  await expect(writer.apply(a.aBatch({ at: 1, facts: { events: twice } }))).rejects.toThrow(/blocks 1 to 1 were written.*already exists/)
  await expect(writer.apply(a.aBatch({ at: 1, facts: { events: [a.anEvent({ blockHeight: 1, data: '{' })] } }))).rejects.toThrow(
    /invalid input syntax for type json/,
  )
  expect(await db.dump()).toBe(before)
  expect(await writer.apply(a.aBatch({ at: 1 }))).toBe('applied')
})

test('blocks far apart go to partitions of their own, made by whoever comes first', async () => {
  await using db = await testDatabase()
  const history = [0, 999_999, 1_000_000, 4_200_000].map((h) =>
    a.aHistoryBatch({ from: h, to: h, facts: { events: [a.anEvent({ blockHeight: h })] } }),
  )
  await Promise.all(history.map((batch) => writerOn(db).applyHistory(batch)))
  const rows = await rowsOf(db, 'SELECT tableoid::regclass::text AS part, block_height::int AS height FROM events ORDER BY 2')
  expect(rows).toEqual([
    { part: 'events_p0', height: 0 },
    { part: 'events_p0', height: 999_999 },
    { part: 'events_p1', height: 1_000_000 },
    { part: 'events_p4', height: 4_200_000 },
  ])
  expect(await writerOn(db).ranges()).toEqual([
    { from: 0, to: 0 },
    { from: 999_999, to: 1_000_000 },
    { from: 4_200_000, to: 4_200_000 },
  ])
})

test('a parameter gets a row only where it changes, whatever the batches', async () => {
  const at = (blockHeight: number, value: string, name = 'tempo'): { netuid: number; name: string; blockHeight: number; value: string } => {
    return { netuid: 1, name, blockHeight, value }
  }
  const changes = [
    at(0, '99'),
    at(0, '1', 'burn'),
    at(1, '99'),
    at(2, '360'),
    at(3, '360'),
    at(3, 'null', 'burn'),
    at(4, '99'),
    at(5, '99'),
  ]
  const dumps: string[] = []
  for (const sizes of [[6], [1, 1, 1, 1, 1, 1], [2, 3, 1]]) {
    await using db = await testDatabase()
    let from = 0
    for (const size of sizes) {
      const to = from + size - 1
      const subnetParams = changes.filter((c) => c.blockHeight >= from && c.blockHeight <= to)
      await writerOn(db).apply(a.aBatch({ from, to, facts: { subnetParams } }))
      from = to + 1
    }
    dumps.push(await db.dump(['subnet_params']))
  }
  expect(new Set(dumps).size).toBe(1)
  const rows = (dumps[0] ?? '')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line) as { name: string; block_height: number; value: unknown })
  expect(rows.map((r) => [r.name, r.block_height, r.value])).toEqual([
    ['burn', 0, 1],
    ['burn', 3, null],
    ['tempo', 0, 99],
    ['tempo', 2, 360],
    ['tempo', 4, 99],
  ])
})

test('a runtime version keeps the lowest block it was seen at', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  const version = (firstBlock: number): Parameters<typeof a.aBatch>[0]['facts'] => ({
    runtimeVersions: [
      {
        specVersion: 143,
        specName: 'node-subtensor',
        transactionVersion: 1,
        firstBlock,
        metadataVersion: 14,
        metadataHash: a.bytes32('metadata'),
        metadata: Uint8Array.of(0x6d, 0, 0xff),
      },
    ],
  })
  await writer.apply(a.aBatch({ from: 50, to: 59, prev: null, facts: version(50) }))
  await writer.apply(a.aBatch({ at: 60, facts: version(60) }))
  await writer.applyHistory(a.aHistoryBatch({ from: 20, to: 29, facts: version(20) }))
  const rows = await rowsOf(db, 'SELECT first_block::int, metadata FROM runtime_versions')
  expect(rows).toEqual([{ first_block: 20, metadata: Buffer.from([0x6d, 0, 0xff]) }])
})

test('the number of statements is the same for ten rows and for a thousand', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  const statements = countStatements(db.pool)
  const counts: number[] = []
  await writer.apply(a.aBatch({ at: 0 }))
  for (const [height, n] of [
    [1, 10],
    [2, 1_000],
  ] as const) {
    statements.reset()
    const numbers = Array.from({ length: n }, (_, i) => i)
    await writer.apply(
      a.aBatch({
        at: height,
        finalizedHeight: 0,
        facts: {
          events: numbers.map((index) => a.anEvent({ blockHeight: height, index })),
          epochs: numbers.map((netuid) => a.anEpoch({ netuid, blockHeight: height, audit: netuid % 2 === 0 ? { status: 'DIFFERS' } : {} })),
          epochInputs: numbers.map((netuid) => a.epochInputs({ netuid, blockHeight: height })),
          networkStats: [a.networkStats({ blockHeight: height })],
          subnetParams: numbers.map((i) => ({ netuid: 1, name: `p${i}`, blockHeight: height, value: String(height) })),
        },
        state: {
          accounts: numbers.map((i) => a.anAccount({ address: a.key(i), free: BigInt(height), block: height })),
          neurons: numbers.map((uid) => a.aNeuron({ netuid: 1, uid, block: height, rank: height })),
          neuronCounts: [{ netuid: 1, n }],
          hotkeys: numbers.map((i) => a.aHotkey({ hotkey: a.key(i), totalStake: BigInt(height), block: height })),
          completeDelegations: numbers.map((i) => a.key(i)),
          delegations: numbers.map((i) => a.aDelegation({ hotkey: a.key(i), coldkey: a.key(1), amount: BigInt(height), block: height })),
          removedSubnets: numbers.map((i) => i + 10),
          removedHotkeys: numbers.map((i) => a.key(i + 100_000)),
        },
      }),
    )
    counts.push(statements.count)
  }
  expect(counts[1]).toBe(counts[0])
  expect(counts[0]).toBeLessThan(40)
})
