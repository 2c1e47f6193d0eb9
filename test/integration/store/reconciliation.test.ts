import { expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { createMetrics } from '../../../src/core/metrics.js'
import type { EpochRecord, Facts, StateChanges } from '../../../src/core/records.js'
import { createBatchWriter, type BatchWriter } from '../../../src/store/index.js'
import { createReads, readAuditTotals, readReconciliation } from '../../../src/store/read/index.js'
import * as a from '../../support/builders.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'

function writerOn(db: TestDatabase): BatchWriter {
  return createBatchWriter({ pool: db.pool, log: silentLog, metrics: createMetrics() })
}

/** height, stake, hotkeys, balances of every row, null as it is. */
async function sumsOf(db: TestDatabase): Promise<unknown[]> {
  const columns = 'block_height::int, stake_sum::text, hotkey_stake_sum::text, balance_sum::text'
  return (await db.pool.query({ text: `SELECT ${columns} FROM network_stats ORDER BY 1`, rowMode: 'array' })).rows
}

/** height, emission due and given of every row. */
async function emissionOf(db: TestDatabase): Promise<unknown[]> {
  const columns = 'block_height::int, emission_due::text, emission_given::text'
  return (await db.pool.query({ text: `SELECT ${columns} FROM network_stats ORDER BY 1`, rowMode: 'array' })).rows
}

async function read(db: TestDatabase) {
  const session = createReads({ pool: db.pool }).session()
  try {
    return { totals: await readReconciliation(session), audits: await readAuditTotals(session) }
  } finally {
    await session.close()
  }
}

/** Two hotkeys, two delegations, two accounts; `more` rao on the first of each. */
function someState(block: number, more = 0n): Partial<StateChanges> {
  return {
    hotkeys: [a.aHotkey({ hotkey: a.key(1), totalStake: 30n + more, block }), a.aHotkey({ hotkey: a.key(2), totalStake: 12n, block })],
    delegations: [
      a.aDelegation({ hotkey: a.key(1), coldkey: a.key(8), amount: 29n + more, block }),
      a.aDelegation({ hotkey: a.key(2), coldkey: a.key(9), amount: 12n, block }),
    ],
    accounts: [
      a.anAccount({ address: a.key(8), free: 100n + more, reserved: 7n, frozen: 50n, block }),
      a.anAccount({ address: a.key(9), free: 1n, block }),
    ],
  }
}

const stats = (...heights: number[]) => ({ networkStats: heights.map((blockHeight) => a.networkStats({ blockHeight })) })

test('the totals of a batch’s last block get the sums of the state there, those within a batch get none', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  await writer.apply(a.aBatch({ from: 0, to: 8, facts: stats(4, 8), state: someState(8) }))
  expect(await sumsOf(db)).toEqual([
    [4, null, null, null],
    [8, '41', '42', '108'],
  ])
  // A batch that changes nothing, one without totals at its end, and one that changes all.
  await writer.apply(a.aBatch({ from: 9, to: 12, facts: stats(12) }))
  await writer.apply(a.aBatch({ from: 13, to: 17, facts: stats(16), state: someState(17, 5n) }))
  await writer.apply(a.aBatch({ from: 18, to: 20, facts: stats(20), state: someState(20, 2n ** 62n) }))
  const all = [
    [4, null, null, null],
    [8, '41', '42', '108'],
    [12, '41', '42', '108'],
    [16, null, null, null],
    [20, String(41n + 2n ** 62n), String(42n + 2n ** 62n), String(108n + 2n ** 62n)],
  ]
  expect(await sumsOf(db)).toEqual(all)
  // More than a BIGINT holds.
  const accounts = [1, 2, 3].map((n) => a.anAccount({ address: a.key(n), free: 2n ** 63n - 1n, block: 24 }))
  await writer.apply(a.aBatch({ from: 21, to: 24, facts: stats(24), state: { accounts } }))
  expect((await read(db)).totals?.balanceSum).toBe(3n * (2n ** 63n - 1n) + 108n + 2n ** 62n)
})

/** An epoch that gave two rao less than was due. */
const paying = (netuid: number, blockHeight: number, due: bigint): EpochRecord =>
  a.anEpoch({ netuid, blockHeight, emissionDue: due, emissionGiven: due - 2n })
const rootEpoch = (blockHeight: number): EpochRecord => a.anEpoch({ netuid: 0, blockHeight, emissionDue: null, emissionGiven: null })

test('emission due and given are of the blocks after the totals before, wherever in a batch those are', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  const epochs = [paying(1, 0, 10n), paying(2, 3, 20n), paying(1, 4, 40n), paying(1, 5, 80n), rootEpoch(6), paying(2, 8, 160n)]
  await writer.apply(a.aBatch({ from: 0, to: 8, facts: { epochs, ...stats(4, 8) } }))
  // A batch without totals, and one that has none of its own epochs in their last block.
  await writer.apply(a.aBatch({ from: 9, to: 10, facts: { epochs: [paying(1, 9, 320n)] } }))
  await writer.apply(a.aBatch({ from: 11, to: 12, facts: { epochs: [paying(1, 11, 640n)], ...stats(12) } }))
  await writer.apply(a.aBatch({ from: 13, to: 16, facts: stats(16) }))
  await writer.apply(a.aBatch({ from: 17, to: 20, facts: { epochs: [paying(1, 18, 2n ** 63n - 1n), paying(2, 18, 3n)], ...stats(20) } }))
  expect(await emissionOf(db)).toEqual([
    [4, '70', '64'],
    [8, '240', '236'],
    [12, '960', '956'],
    [16, '0', '0'],
    [20, String(2n ** 63n + 2n), String(2n ** 63n - 2n)],
  ])
  expect((await read(db)).totals).toMatchObject({ blockHeight: 20, emissionDue: 2n ** 63n + 2n, emissionGiven: 2n ** 63n - 2n })
})

test('the first totals have all emission from the start of the index', async () => {
  await using db = await testDatabase()
  const epochs = [paying(1, 50, 10n), paying(1, 55, 20n), paying(2, 60, 40n)]
  await writerOn(db).apply(a.aBatch({ prev: null, from: 50, to: 60, facts: { epochs, ...stats(60) } }))
  expect(await emissionOf(db)).toEqual([[60, '70', '64']])
})

test('while an epoch does not say what was due or given there is no such sum; of the root network nothing is asked', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  const unknown = a.anEpoch({ netuid: 3, blockHeight: 1, emissionDue: null, emissionGiven: 7n })
  await writer.apply(a.aBatch({ from: 0, to: 2, facts: { epochs: [rootEpoch(1), paying(1, 1, 10n), unknown], ...stats(2) } }))
  await writer.apply(a.aBatch({ from: 3, to: 4, facts: { epochs: [rootEpoch(3), paying(1, 4, 20n)], ...stats(4) } }))
  await writer.apply(a.aBatch({ from: 5, to: 6, facts: { epochs: [paying(1, 5, 40n)] } }))
  // As epochs of before there were audits are.
  await db.pool.query('UPDATE epochs SET emission_due = NULL, emission_given = NULL WHERE block_height = 5')
  await writer.apply(a.aBatch({ from: 7, to: 8, facts: { epochs: [paying(1, 7, 80n)], ...stats(8) } }))
  expect(await emissionOf(db)).toEqual([
    [2, null, '15'],
    [4, '20', '18'],
    [8, null, null],
  ])
})

test('where blocks between two totals are not stored there is no sum of emission', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  await writer.applyHistory(a.aHistoryBatch({ from: 0, to: 3, facts: { epochs: [paying(1, 1, 10n), paying(1, 3, 20n)], ...stats(2) } }))
  await writer.apply(a.aBatch({ prev: null, from: 5, to: 8, facts: { epochs: [paying(1, 6, 40n)], ...stats(8) } }))
  await writer.apply(a.aBatch({ from: 9, to: 12, facts: { epochs: [paying(1, 10, 80n)], ...stats(12) } }))
  expect(await emissionOf(db)).toEqual([
    [2, '10', '8'],
    [8, null, null],
    [12, '80', '78'],
  ])
})

test('emission does not depend on the order and the pieces in which blocks are stored', async () => {
  const due = (height: number): bigint => 2n ** BigInt(height)
  const facts = (from: number, to: number): Partial<Facts> => {
    const heights = Array.from({ length: to - from + 1 }, (_, i) => from + i)
    return {
      // An epoch in every block, totals in every fifth.
      epochs: heights.map((height) => paying(1 + (height % 2), height, due(height) + 2n)),
      ...stats(...heights.filter((height) => height % 5 === 0)),
    }
  }
  const orders: [number, number][][] = [
    [[1, 39]],
    [
      [1, 19],
      [20, 39],
    ],
    // From above and from below, with a gap that closes last, and one that has no totals of its own.
    [
      [31, 39],
      [1, 12],
      [22, 30],
      [13, 14],
      [15, 21],
    ],
    [
      [36, 39],
      [4, 4],
      [6, 9],
      [1, 39],
    ],
  ]
  for (const order of orders) {
    await using db = await testDatabase()
    const writer = writerOn(db)
    await writer.apply(a.aBatch({ prev: null, from: 40, to: 47, facts: facts(40, 47) }))
    expect(await emissionOf(db)).toEqual([
      [40, String(due(40) + 2n), String(due(40))],
      [45, String(due(46) - due(41) + 10n), String(due(46) - due(41))],
    ])
    for (const [from, to] of order) await writer.applyHistory(a.aHistoryBatch({ from, to, facts: facts(from, to) }))
    await writer.apply(a.aBatch({ from: 48, to: 50, facts: facts(48, 50) }))
    const expected = [5, 10, 15, 20, 25, 30, 35, 40, 45, 50].map((height) => {
      const given = due(height + 1) - due(height - 4)
      return [height, String(given + 10n), String(given)]
    })
    expect(await emissionOf(db)).toEqual(expected)
  }
})

test('while there is a gap above them, totals have no emission, and have it once the gap is closed', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  await writer.apply(a.aBatch({ prev: null, from: 20, to: 24, facts: { epochs: [paying(1, 21, 10n)], ...stats(22, 24) } }))
  const above = [24, '0', '0']
  expect(await emissionOf(db)).toEqual([[22, '10', '8'], above])
  // Totals below, with blocks in between that may have had epochs.
  await writer.applyHistory(a.aHistoryBatch({ from: 5, to: 9, facts: { epochs: [paying(1, 6, 20n), paying(1, 9, 40n)], ...stats(8) } }))
  expect(await emissionOf(db)).toEqual([[8, '20', '18'], [22, null, null], above])
  await writer.applyHistory(a.aHistoryBatch({ from: 10, to: 14, facts: { epochs: [paying(1, 14, 80n)] } }))
  expect(await emissionOf(db)).toEqual([[8, '20', '18'], [22, null, null], above])
  await writer.applyHistory(a.aHistoryBatch({ from: 15, to: 19, facts: { epochs: [paying(1, 15, 160n)] } }))
  expect(await emissionOf(db)).toEqual([[8, '20', '18'], [22, '290', '282'], above])
})

test('history that reaches up to the live index counts from the totals it has', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  await writer.applyHistory(a.aHistoryBatch({ from: 0, to: 4, facts: { epochs: [paying(1, 1, 10n), paying(1, 3, 20n)], ...stats(2) } }))
  await writer.apply(a.aBatch({ prev: null, from: 5, to: 8, facts: { epochs: [paying(1, 6, 40n)], ...stats(8) } }))
  expect(await emissionOf(db)).toEqual([
    [2, '10', '8'],
    [8, '60', '56'],
  ])
})

test('history has no state to sum; totals that history stored get theirs when the live index comes by', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  await writer.applyHistory(a.aHistoryBatch({ from: 0, to: 10, facts: stats(5, 10) }))
  expect(await sumsOf(db)).toEqual([
    [5, null, null, null],
    [10, null, null, null],
  ])
  expect((await read(db)).totals).toBeNull()
  await writer.apply(a.aBatch({ from: 0, to: 10, facts: stats(5, 10), state: someState(10) }))
  expect(await sumsOf(db)).toEqual([
    [5, null, null, null],
    [10, '41', '42', '108'],
  ])
})

test('while a stake is unknown there are no sums of stake; balances are known all the same', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  const unknown = a.aHotkey({ hotkey: a.key(3), totalStake: null, block: 1 })
  await writer.apply(a.aBatch({ at: 0, facts: stats(0) }))
  await writer.apply(a.aBatch({ at: 1, facts: stats(1), state: { ...someState(1), hotkeys: [unknown] } }))
  await writer.apply(a.aBatch({ at: 2, facts: stats(2), state: { removedHotkeys: [a.key(3)] } }))
  await writer.apply(
    a.aBatch({ at: 3, facts: stats(3), state: { accounts: [a.anAccount({ address: a.key(7), free: 2n, staked: null, block: 3 })] } }),
  )
  expect(await sumsOf(db)).toEqual([
    [0, '0', '0', '0'],
    [1, null, null, '108'],
    [2, '41', '0', '108'],
    [3, null, null, '110'],
  ])
})

test('blocks that are undone take their sums along, and come again with the same', async () => {
  await using db = await testDatabase()
  const writer = writerOn(db)
  const batches = [0, 1, 2].map((at) => {
    const epochs = [paying(1, at, BigInt(10 * at + 10))]
    return a.aBatch({ at, finalizedHeight: 0, facts: { epochs, ...stats(at) }, state: someState(at, BigInt(at)) })
  })
  for (const batch of batches) await writer.apply(batch)
  const before = await db.dump()
  await writer.rollbackTo(1)
  expect(await sumsOf(db)).toEqual([
    [0, '41', '42', '108'],
    [1, '42', '43', '109'],
  ])
  await writer.apply(batches[2] ?? a.aBatch({ at: 2 }))
  expect(await db.dump()).toBe(before)
  expect(await emissionOf(db)).toEqual([
    [0, '10', '8'],
    [1, '20', '18'],
    [2, '30', '28'],
  ])
})

test('the newest totals with sums are read, and all epochs counted by what came of them', async () => {
  await using db = await testDatabase()
  expect(await read(db)).toEqual({ totals: null, audits: { exact: 0, differs: 0, notAuditable: 0, unknown: 0 } })
  const epochs = [
    ...[1, 2, 3].map((netuid) => a.anEpoch({ netuid, blockHeight: 2 })),
    a.anEpoch({ netuid: 4, blockHeight: 2, audit: { status: 'DIFFERS', differenceCount: 1 } }),
    ...[5, 6].map((netuid) => a.anEpoch({ netuid, blockHeight: 2, audit: { status: 'NOT_AUDITABLE', reason: 'NO_INPUTS' } })),
  ]
  const writer = writerOn(db)
  await writer.apply(a.aBatch({ from: 0, to: 4, facts: { epochs, ...stats(4) }, state: someState(4) }))
  await writer.apply(a.aBatch({ from: 5, to: 9, facts: stats(8) }))
  await db.pool.query('UPDATE epochs SET audit_status = NULL WHERE netuid = 3')
  expect(await read(db)).toEqual({
    totals: {
      ...{ blockHeight: 4, balancesIssuance: 1n, totalIssuance: 2n, totalStake: 3n },
      ...{ stakeSum: 41n, hotkeyStakeSum: 42n, balanceSum: 108n, emissionDue: null, emissionGiven: 0n },
    },
    audits: { exact: 2, differs: 1, notAuditable: 2, unknown: 1 },
  })
})
