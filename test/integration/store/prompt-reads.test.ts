import { afterAll, beforeAll, expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { createMetrics } from '../../../src/core/metrics.js'
import { decodeSs58, encodeSs58 } from '../../../src/core/units/ss58.js'
import { endpointJson } from '../../../src/chain/views/neuron-view.js'
import { createBatchWriter, createPool } from '../../../src/store/index.js'
import { createPromptReads } from '../../../src/store/read/index.js'
import * as a from '../../support/builders.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { countStatements } from '../../support/statements.js'

const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
const BOB = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty'
/** Half of u64: what no number of JavaScript holds. */
const HUGE = 9_223_372_036_854_775_807n

let db: TestDatabase
let reads: ReturnType<typeof createPromptReads>
beforeAll(async () => {
  db = await testDatabase()
  reads = createPromptReads({ pool: db.pool })
  const axon = (ip: bigint, ipType: number): string | null =>
    endpointJson({ block: 3n, version: 750, ip, port: 8091, ipType, protocol: 4, placeholder1: 0, placeholder2: 0 })
  const at = { block: 0 }
  const neurons = [
    a.aNeuron({
      ...{ ...at, netuid: 1, uid: 0, hotkey: decodeSs58(ALICE), axon: axon(0xcb007105n, 4), stake: HUGE, lastUpdate: 4_000_000_000n },
      ...{ validatorPermit: true, active: true, incentive: 65_535, validatorTrust: 1234 },
    }),
    a.aNeuron({ ...at, netuid: 1, uid: 1, hotkey: decodeSs58(BOB), axon: axon((0x20010db8n << 96n) + 1n, 6), stake: 5n }),
    a.aNeuron({ ...at, netuid: 1, uid: 2, axon: null, stake: null, validatorPermit: false, active: false }),
    a.aNeuron({ ...at, netuid: 1, uid: 3, axon: axon(1n << 40n, 4) }),
    a.aNeuron({ ...at, netuid: 2, uid: 0, hotkey: decodeSs58(BOB), stake: 7n, axon: axon(0n, 4) }),
    a.aNeuron({ ...at, netuid: 3, uid: 0, hotkey: decodeSs58(ALICE) }),
  ]
  const hotkeys = [
    a.aHotkey({ ...at, hotkey: decodeSs58(ALICE), totalStake: 99n }),
    a.aHotkey({ ...at, hotkey: a.key(77), totalStake: 3n }),
  ]
  const writer = createBatchWriter({ pool: db.pool, log: silentLog, metrics: createMetrics() })
  await writer.apply(a.aBatch({ at: 0, state: { neurons, hotkeys } }))
  // Where stake is per subnet it differs from the whole.
  await db.pool.query('UPDATE neurons SET stake = $1 WHERE netuid = 1 AND uid = 0', [HUGE])
})
afterAll(() => db?.[Symbol.asyncDispose]())

test('the neurons of the subnets asked for come in their order, in one statement that leaves the matrices alone', async () => {
  const statements = countStatements(db.pool)
  statements.reset()
  const found = await reads.neurons([2, 1, 2])
  expect(statements.count).toBe(1)
  expect(statements.texts[0]).not.toMatch(/\*|weight|bond/)
  expect(found.map(({ netuid, uid }) => [netuid, uid])).toEqual([
    [1, 0],
    [1, 1],
    [1, 2],
    [1, 3],
    [2, 0],
  ])
  expect(await reads.neurons([])).toEqual([])
  expect(await reads.neurons([9])).toEqual([])
})

test('a neuron comes as the chain has it', async () => {
  const [first, second] = await reads.neurons([1])
  expect(first).toEqual({
    netuid: 1,
    uid: 0,
    hotkey: ALICE,
    ip: 0xcb007105n,
    ipType: 4,
    port: 8091,
    version: 750,
    stake: HUGE,
    validatorPermit: true,
    active: true,
    lastUpdate: 4_000_000_000n,
    incentive: 65_535,
    validatorTrust: 1234,
  })
  expect(second).toMatchObject({ hotkey: BOB, ip: (0x20010db8n << 96n) + 1n, ipType: 6 })
})

test('what serves nowhere, has an address that is none, or whose stake is not known, has zeros or the number as it is', async () => {
  const [, , silent, strange] = await reads.neurons([1])
  expect(silent).toMatchObject({ ip: 0n, ipType: 4, port: 0, version: 0, stake: 0n, validatorPermit: false, active: false })
  expect(strange).toMatchObject({ ip: 1n << 40n, ipType: 4, port: 8091 })
  expect(await reads.neurons([2])).toMatchObject([{ ip: 0n, port: 8091 }])
})

test('the standing of a hotkey is its whole stake, else the most it has on a subnet, whatever format its address is in', async () => {
  expect(await reads.standing(ALICE)).toEqual({ isRegistered: true, stake: 99n })
  expect(await reads.standing(encodeSs58(decodeSs58(ALICE), 0))).toEqual({ isRegistered: true, stake: 99n })
  expect(await reads.standing(BOB)).toEqual({ isRegistered: true, stake: 7n })
  expect(await reads.standing(encodeSs58(a.key(77)))).toEqual({ isRegistered: false, stake: 3n })
  expect(await reads.standing(encodeSs58(a.key(78)))).toEqual({ isRegistered: false, stake: 0n })
  await expect(reads.standing('nobody')).rejects.toMatchObject({ code: 'BAD_INPUT' })
})

test('a database that is away is said to be', async () => {
  const away = createPool({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'tests', maxConnections: 1, log: silentLog })
  const none = createPromptReads({ pool: away })
  await expect(none.neurons([1])).rejects.toMatchObject({ code: 'DATABASE_DOWN' })
  await expect(none.standing(ALICE)).rejects.toMatchObject({ code: 'DATABASE_DOWN' })
  await away.end()
})
