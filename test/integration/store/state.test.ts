import { expect, test } from 'vitest'
import { createMetrics } from '../../../src/core/metrics.js'
import { silentLog } from '../../../src/core/log.js'
import type { StateChanges } from '../../../src/core/records.js'
import { createBatchWriter } from '../../../src/store/index.js'
import * as a from '../../support/builders.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'

/** Applies one batch per entry, block 0 first. */
async function play(db: TestDatabase, ...states: Partial<StateChanges>[]): Promise<void> {
  const writer = createBatchWriter({ pool: db.pool, log: silentLog, metrics: createMetrics() })
  const head = await writer.head()
  let at = head === null ? 0 : head.head.height + 1
  for (const state of states) await writer.apply(a.aBatch({ at: at++, state }))
}

async function select(db: TestDatabase, sql: string): Promise<unknown[]> {
  const { rows } = await db.pool.query({ text: sql, rowMode: 'array' })
  return rows
}

const hot = a.key(1)
const cold = a.key(2)

test('an account keeps its first block, sums up its total, and moves its updated block only when it changes', async () => {
  await using db = await testDatabase()
  const at = (block: number, free: bigint): Partial<StateChanges> => ({
    accounts: [a.anAccount({ address: cold, free, reserved: 2n, staked: 3n, block })],
  })
  const read = (): Promise<unknown[]> => select(db, 'SELECT total::int, first_seen_block::int, updated_block::int, alive FROM accounts')
  await play(db, at(0, 10n))
  expect(await read()).toEqual([[15, 0, 0, true]])
  await play(db, at(1, 10n))
  expect(await read()).toEqual([[15, 0, 0, true]])
  await play(db, at(2, 11n))
  expect(await read()).toEqual([[16, 0, 2, true]])
})

test('every column of a neuron and of a subnet comes back as it went in', async () => {
  await using db = await testDatabase()
  const axon = '{"ip": "10.0.0.1", "port": 8091}'
  const neuron = a.aNeuron({
    ...{ netuid: 1, uid: 5, hotkey: hot, coldkey: null, stake: 9_000_000_000_000_000_000n, rank: 1, trust: 2, consensus: 3, incentive: 4 },
    ...{ dividends: 5, emission: 6n, validatorTrust: 7, validatorPermit: true, active: false, lastUpdate: 8n, pruningScore: 9 },
    ...{ registeredBlock: 10n, axon, weightUids: [0, 1], weightValues: [65535, 2], bondUids: [3], bondValues: [4], block: 0 },
  })
  const subnet = a.aSubnet({ netuid: 1, owner: null, n: 6, difficulty: 18_446_744_073_709_551_615n, burn: null, params: '{"rho":10}' })
  await play(db, { neurons: [neuron], subnets: [subnet] })
  expect((await db.pool.query('SELECT * FROM neurons')).rows).toEqual([
    {
      ...{ netuid: 1, uid: 5, hotkey: Buffer.from(hot.slice(2), 'hex'), coldkey: null, stake: '9000000000000000000', rank: 1, trust: 2 },
      ...{ consensus: 3, incentive: 4, dividends: 5, emission: '6', validator_trust: 7, validator_permit: true, active: false },
      ...{ last_update: '8', pruning_score: 9, registered_block: '10', axon: JSON.parse(axon) as object, prometheus: null },
      ...{ weight_uids: [0, 1], weight_values: [65535, 2], bond_uids: [3], bond_values: [4], updated_block: '0' },
    },
  ])
  expect((await db.pool.query('SELECT * FROM subnets')).rows).toEqual([
    {
      ...{ netuid: 1, owner: null, n: 6, max_uids: 256, tempo: 99, difficulty: '18446744073709551615', burn: null, emission: '0' },
      ...{ pending_emission: '0', registered_block: '0', last_epoch_block: null, params: { rho: 10 }, updated_block: '0' },
    },
  ])
})

test('neurons follow the stake and owner of their hotkey in every subnet', async () => {
  await using db = await testDatabase()
  const neurons = [1, 2, 3].map((netuid) => a.aNeuron({ netuid, uid: 0, hotkey: netuid === 3 ? cold : hot, coldkey: null, block: 0 }))
  await play(db, { neurons }, { hotkeys: [a.aHotkey({ hotkey: hot, coldkey: cold, totalStake: 7n, block: 1 })] })
  const read = (): Promise<unknown[]> =>
    select(db, 'SELECT netuid, stake::int, coldkey IS NOT NULL, updated_block::int FROM neurons ORDER BY 1')
  expect(await read()).toEqual([
    [1, 7, true, 1],
    [2, 7, true, 1],
    [3, 0, false, 0],
  ])
  await play(db, { hotkeys: [a.aHotkey({ hotkey: hot, coldkey: cold, totalStake: 7n, take: 11_796, block: 2 })] })
  expect(await read()).toContainEqual([1, 7, true, 1])
  expect(await select(db, 'SELECT take, updated_block::int FROM hotkeys')).toEqual([[11_796, 2]])
})

test('a smaller neuron count takes the last rows away, a removed subnet all of its own', async () => {
  await using db = await testDatabase()
  const neurons = [1, 2].flatMap((netuid) => [0, 1, 2].map((uid) => a.aNeuron({ netuid, uid, block: 0 })))
  const subnets = [1, 2].map((netuid) => a.aSubnet({ netuid, n: 3 }))
  const read = (): Promise<unknown[]> => select(db, 'SELECT netuid, uid FROM neurons ORDER BY 1, 2')
  await play(db, { neurons, subnets }, { neuronCounts: [{ netuid: 1, n: 1 }] })
  expect(await read()).toEqual([
    [1, 0],
    [2, 0],
    [2, 1],
    [2, 2],
  ])
  await play(db, { removedSubnets: [2], removedHotkeys: [hot] })
  expect(await read()).toEqual([[1, 0]])
  expect(await select(db, 'SELECT netuid FROM subnets')).toEqual([[1]])
})

test('zero delegations are not kept, and complete lists remove what they do not name', async () => {
  await using db = await testDatabase()
  const pair = (hotkey: number, coldkey: number, amount: bigint, block: number): StateChanges['delegations'][number] =>
    a.aDelegation({ hotkey: a.key(hotkey), coldkey: a.key(coldkey), amount, block })
  const read = (): Promise<unknown[]> => select(db, 'SELECT amount::int, updated_block::int FROM delegations ORDER BY 1')
  await play(db, { delegations: [pair(1, 1, 10n, 0), pair(1, 2, 20n, 0), pair(2, 1, 30n, 0), pair(2, 2, 0n, 0)] })
  expect(await read()).toEqual([
    [10, 0],
    [20, 0],
    [30, 0],
  ])
  await play(db, { delegations: [pair(1, 1, 0n, 1)] })
  expect(await read()).toEqual([
    [20, 0],
    [30, 0],
  ])
  await play(db, { completeDelegations: [a.key(1), a.key(9)], delegations: [pair(1, 3, 40n, 2)] })
  expect(await read()).toEqual([
    [30, 0],
    [40, 2],
  ])
  await play(db, { completeDelegations: [a.key(2)] })
  expect(await read()).toEqual([[40, 2]])
})

test('a hotkey that goes leaves no row', async () => {
  await using db = await testDatabase()
  await play(db, { hotkeys: [a.aHotkey({ hotkey: hot, block: 0 })] }, { removedHotkeys: [hot] })
  expect(await select(db, 'SELECT * FROM hotkeys')).toEqual([])
})
