import { afterAll, beforeAll, expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { createMetrics } from '../../../src/core/metrics.js'
import { createBatchWriter } from '../../../src/store/write/index.js'
import { aBatch, aDelegation, aHotkey, anAccount, anEpoch, aSubnet, bytes32, key, networkStats } from '../../support/builders.js'
import { GENESIS, type TestApi, testApi } from './world.js'

/** What recomputing epochs came to, and the chain's totals beside the index's sums, as the API shows them. */

const DIFFERENCES = [
  { uid: 2, field: 'rank', chain: '512', computed: '511' },
  { uid: 7, field: 'validatorPermit', chain: 'true', computed: 'false' },
]
const TOTALS = { balancesIssuance: 1_000n, totalIssuance: 5_000n, totalStake: 700n }
/** More than a signed 64-bit number holds, when it is added to another. */
const HUGE = 2n ** 63n - 1n

let api: TestApi
beforeAll(async () => {
  api = await testApi()
  await fill(api)
})
afterAll(() => api?.[Symbol.asyncDispose]())

async function fill({ db }: TestApi): Promise<void> {
  const writer = createBatchWriter({ pool: db.pool, log: silentLog, metrics: createMetrics() })
  const names = { name: 'Test', specName: 'node-subtensor', ss58Format: 42, tokenDecimals: 9, tokenSymbol: 'TAO' }
  await writer.claimChain({ ...names, genesisHash: GENESIS })
  const before = aBatch({
    from: 0,
    to: 10,
    facts: {
      epochs: [
        anEpoch({ blockHeight: 5, emissionDue: 900n, emissionGiven: 899n, serverEmission: null, validatorEmission: null }),
        anEpoch({ blockHeight: 10, emissionDue: 1_000n, emissionGiven: 900n, serverEmission: 400n, validatorEmission: 500n }),
      ],
      networkStats: [networkStats({ blockHeight: 10, ...TOTALS })],
    },
    state: {
      subnets: [aSubnet({ netuid: 0 }), aSubnet({ netuid: 1 })],
      accounts: [anAccount({ address: key(1), free: 900n, block: 10 }), anAccount({ address: key(2), reserved: 50n, block: 10 })],
      hotkeys: [aHotkey({ hotkey: key(3), totalStake: 690n, block: 10 })],
      completeDelegations: [key(3)],
      delegations: [
        aDelegation({ hotkey: key(3), coldkey: key(1), amount: 600n, block: 10 }),
        aDelegation({ hotkey: key(3), coldkey: key(2), amount: 95n, block: 10 }),
      ],
    },
  })
  const unknown = { status: 'NOT_AUDITABLE', reason: 'UNKNOWN_GENERATION', generation: null, inputsHash: null } as const
  const after = aBatch({
    from: 11,
    to: 20,
    facts: {
      epochs: [
        anEpoch({
          ...{ blockHeight: 15, emissionDue: 500n, emissionGiven: 497n, serverEmission: null, validatorEmission: null },
          audit: { status: 'DIFFERS', differenceCount: 140, differences: JSON.stringify(DIFFERENCES) },
        }),
        anEpoch({ blockHeight: 20, emissionGiven: 7n, audit: unknown }),
        anEpoch({ blockHeight: 20, netuid: 0, emissionGiven: null }),
      ],
      networkStats: [networkStats({ blockHeight: 15, ...TOTALS })],
    },
  })
  for (const batch of [before, after]) await writer.apply(batch)
  // As rows were written before there were audits.
  await db.pool
    .query(`UPDATE epochs SET emission_due = NULL, emission_given = NULL, audit_status = NULL, audit_reason = NULL, audit_generation = NULL,
    inputs_hash = NULL, audit_differences = NULL WHERE block_height = 5`)
}

const AUDIT = 'audit { status reason generation inputsHash differenceCount differences { uid field chain computed } }'

test('an epoch says what recomputing it came to', async () => {
  const { epochs } = await api.data(`{ epochs(orderBy: [BLOCK_HEIGHT_ASC]) { nodes { netuid blockHeight ${AUDIT} } } }`)
  const exact = { status: 'EXACT', reason: null, generation: '2024-03', inputsHash: bytes32('inputs'), differenceCount: 0, differences: [] }
  expect(epochs.nodes).toEqual([
    {
      netuid: 1,
      blockHeight: 5,
      audit: { ...exact, status: 'NOT_AUDITABLE', reason: 'NO_INPUTS', generation: null, inputsHash: null },
    },
    { netuid: 1, blockHeight: 10, audit: exact },
    { netuid: 1, blockHeight: 15, audit: { ...exact, status: 'DIFFERS', differenceCount: 140, differences: DIFFERENCES } },
    { netuid: 0, blockHeight: 20, audit: exact },
    {
      netuid: 1,
      blockHeight: 20,
      audit: { ...exact, status: 'NOT_AUDITABLE', reason: 'UNKNOWN_GENERATION', generation: null, inputsHash: null },
    },
  ])
})

test('what was due and what was given make the gap, unless one of them is not known', async () => {
  const { epochs } = await api.data('{ epochs(orderBy: [BLOCK_HEIGHT_ASC]) { nodes { emissionDue emissionGiven emissionGap } } }')
  expect(epochs.nodes).toEqual([
    { emissionDue: null, emissionGiven: null, emissionGap: null },
    { emissionDue: '1000', emissionGiven: '900', emissionGap: '100' },
    // Of a runtime that hands out one sum.
    { emissionDue: '500', emissionGiven: '497', emissionGap: '3' },
    { emissionDue: null, emissionGiven: null, emissionGap: null },
    { emissionDue: null, emissionGiven: '7', emissionGap: null },
  ])
})

test.each([
  ['auditStatus: { equalTo: "DIFFERS" }', [15]],
  ['auditStatus: { in: ["EXACT", "DIFFERS"] }', [20, 15, 10]],
  ['auditStatus: { equalTo: "EXACT" }, netuid: { equalTo: 1 }', [10]],
  ['auditStatus: { isNull: true }', [5]],
  ['not: { auditStatus: { equalTo: "EXACT" } }', [20, 15]],
  ['auditDifferenceCount: { greaterThan: 100 }', [15]],
  ['auditStatus: { equalTo: "exact" }', []],
])('epochs are found by %s', async (filter, heights) => {
  const { epochs } = await api.data(`{ epochs(filter: { ${filter} }) { totalCount nodes { blockHeight } } }`)
  expect(epochs.nodes.map((node: { blockHeight: number }) => node.blockHeight)).toEqual(heights)
  expect(epochs.totalCount).toBe(heights.length)
})

test('the audits of a subnet are found under it, and by the id of an epoch', async () => {
  const { subnet } = await api.data(
    `{ subnet(netuid: 1) { epochs(filter: { auditStatus: { equalTo: "DIFFERS" } }) { nodes { nodeId ${AUDIT} } } } }`,
  )
  expect(subnet.epochs.nodes).toHaveLength(1)
  const [{ nodeId, audit }] = subnet.epochs.nodes
  expect(audit.differences).toEqual(DIFFERENCES)
  const { node } = await api.data(`query ($id: ID!) { node(id: $id) { ... on Epoch { blockHeight ${AUDIT} } } }`, { id: nodeId })
  expect(node).toEqual({ blockHeight: 15, audit })
})

test('differences are read only with audits, and cost as much as a row of a matrix', async () => {
  api.statements.reset()
  await api.data('{ epochs { nodes { blockHeight emissionDue } } }')
  expect(api.statements.texts.join()).not.toContain('audit_differences')
  api.statements.reset()
  const { body } = await api.ask(`{ epochs(first: 10) { nodes { ${AUDIT} } } }`)
  expect(api.statements.texts.filter((text) => text.includes('audit_differences'))).toHaveLength(1)
  expect(body.extensions.cost.value).toBe(1 + 10 * (1 + 1 + 8))
})

const BOOKS =
  'stakeSum hotkeyStakeSum balanceSum stakeGap balanceGap issuanceGap totalStake balancesIssuance totalIssuance ' +
  'emissionDue emissionGiven emissionGap'
const SUMMED = {
  stakeSum: '695',
  hotkeyStakeSum: '690',
  balanceSum: '950',
  stakeGap: '5',
  balanceGap: '50',
  issuanceGap: '3355',
  totalStake: '700',
  balancesIssuance: '1000',
  totalIssuance: '5000',
  emissionDue: '1900',
  emissionGiven: '1799',
  emissionGap: '101',
}

test('totals stand beside the sums, with the gap as it is; without a sum there is no gap', async () => {
  const { networkStats: stats } = await api.data(`{ networkStats { nodes { blockHeight ${BOOKS} } } }`)
  const nothing = {
    ...{ stakeSum: null, hotkeyStakeSum: null, balanceSum: null, stakeGap: null, balanceGap: null, issuanceGap: null },
  }
  // Emission is of facts, which are known within a batch too.
  const emission = { emissionDue: '500', emissionGiven: '497', emissionGap: '3' }
  expect(stats.nodes).toEqual([
    { ...SUMMED, ...nothing, ...emission, blockHeight: 15 },
    { ...SUMMED, blockHeight: 10 },
  ])
})

test('_metadata has the newest totals with sums, and counts audits, in two statements', async () => {
  api.statements.reset()
  await api.data('{ _metadata { lag } }')
  const plain = api.statements.count
  api.statements.reset()
  const { _metadata } = await api.data(
    `{ _metadata { reconciliation { blockHeight ${BOOKS} } audits { exact differs notAuditable unknown } } }`,
  )
  expect(_metadata).toEqual({
    reconciliation: { ...SUMMED, blockHeight: 10 },
    audits: { exact: 2, differs: 1, notAuditable: 1, unknown: 1 },
  })
  expect(api.statements.count).toBe(plain + 2)
})

test('an empty index has no totals and no audits', async () => {
  await using empty = await testApi()
  const { _metadata } = await empty.data('{ _metadata { reconciliation { stakeGap } audits { exact differs notAuditable unknown } } }')
  expect(_metadata).toEqual({ reconciliation: null, audits: { exact: 0, differs: 0, notAuditable: 0, unknown: 0 } })
})

test('sums and gaps beyond 64 bits, and gaps below zero, are told as they are', async () => {
  await using own = await testApi()
  await fill(own)
  await own.db.pool.query(
    `UPDATE network_stats SET stake_sum = $1, balance_sum = $1, total_issuance = 1, total_stake = 0, emission_due = 3, emission_given = $1::numeric * 2 WHERE block_height = 10`,
    [HUGE],
  )
  const { _metadata } = await own.data('{ _metadata { reconciliation { stakeSum stakeGap issuanceGap emissionGiven emissionGap } } }')
  expect(_metadata.reconciliation).toEqual({
    ...{ stakeSum: String(HUGE), stakeGap: String(-HUGE), issuanceGap: String(1n - 2n * HUGE) },
    ...{ emissionGiven: String(2n * HUGE), emissionGap: String(3n - 2n * HUGE) },
  })
})
