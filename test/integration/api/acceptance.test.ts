import { afterAll, beforeAll, expect, test } from 'vitest'
import { encodeSs58 } from '../../../src/core/units/ss58.js'
import { key } from '../../support/builders.js'
import { AXON_AT, coldkeyOf, hotkeyOf, LARGE, NEWCOMER, neuronAt, REPLACED_AT, SMALL, type TestApi, testApi, WEIGHTS_AT } from './world.js'

/** The queries an explorer is made of, each on a small and on a large database: same number of statements. */

let small: TestApi
let large: TestApi
beforeAll(async () => {
  small = await testApi({ size: SMALL })
  large = await testApi({ size: LARGE })
})
afterAll(async () => {
  await small?.[Symbol.asyncDispose]()
  await large?.[Symbol.asyncDispose]()
})

/** Asks both, checks that the number of statements is the same and within a bound, and answers the large one's data. */
async function askBoth(query: string, variables: Record<string, unknown> = {}, bound = 12) {
  small.statements.reset()
  await small.data(query, variables)
  const few = small.statements.count
  large.statements.reset()
  const data = await large.data(query, variables)
  expect(large.statements.count, large.statements.texts.join('\n')).toBe(few)
  expect(few).toBeLessThanOrEqual(bound)
  return data
}

test('home: newest blocks, newest transfers and the totals of the network in one request', async () => {
  const data = await askBoth(`{
    blocks(first: 10) { nodes { height hash extrinsicCount eventCount timestamp finalized } }
    transfers(first: 10) { nodes { id from to amount } }
    networkStats(first: 1) { nodes { blockHeight totalStake totalIssuance } }
  }`)
  expect(data.blocks.nodes).toHaveLength(10)
  expect(data.blocks.nodes[0]).toMatchObject({ height: 95, extrinsicCount: 9, finalized: false })
  expect(data.blocks.nodes[3]).toMatchObject({ height: 92, finalized: true })
  expect(data.transfers.nodes[0].to).toBe(encodeSs58(key(1)))
  expect(data.networkStats.nodes[0]).toEqual({ blockHeight: 80, totalStake: '80', totalIssuance: null })
})

test('block page: a block by height or hash with extrinsics, their events and their nested calls', async () => {
  const fields = `height hash extrinsics(first: 50) { totalCount nodes {
    id pallet call success error { pallet name } args
    events(first: 20) { nodes { id name data } }
    calls(first: 20, orderBy: [ID_ASC]) { nodes { id parentId success origin } }
  } }`
  const data = await askBoth(`{ block(height: 40) { ${fields} } }`)
  expect(data.block.extrinsics.totalCount).toBe(9)
  const batch = data.block.extrinsics.nodes.find((node: { id: string }) => node.id === '40-2')
  expect(batch).toMatchObject({ pallet: 'Utility', call: 'batch', args: { n: '40' }, success: true, error: null })
  expect(batch.calls.nodes).toEqual([
    { id: '40-2-1', parentId: null, success: true, origin: encodeSs58(key(2)) },
    { id: '40-2-2', parentId: '40-2-1', success: null, origin: null },
  ])
  expect(data.block.extrinsics.nodes.find((node: { id: string }) => node.id === '40-4').error).toEqual({
    pallet: 'Balances',
    name: 'InsufficientBalance',
  })
  const byHash = await large.data(`query ($hash: Hash!) { block(hash: $hash) { ${fields} } }`, { hash: data.block.hash })
  expect(byHash).toEqual(data)
})

test('account page: balances now and at a block, delegations with their delegates, transfers both ways, neurons', async () => {
  const data = await askBoth(
    `query ($address: Address!) { account(address: $address) {
      address free staked total
      balanceAt(atBlock: 33) { blockHeight free }
      delegations(first: 5) { totalCount nodes { hotkey amount delegate { owner take takeRaw } } }
      transfers(first: 20) { nodes { id from to amount } }
      extrinsics(first: 3) { nodes { id } }
    } }`,
    { address: encodeSs58(key(1)) },
  )
  expect(data.account).toMatchObject({ free: '3000', staked: '1', total: '3001', balanceAt: { blockHeight: 33, free: '330' } })
  expect(data.account.delegations.totalCount).toBe(24)
  expect(data.account.delegations.nodes[0].delegate).toMatchObject({ owner: encodeSs58(coldkeyOf(12)) })
  expect(data.account.transfers.nodes).toHaveLength(20)
  const ids = data.account.transfers.nodes.map((node: { id: string }) => node.id)
  expect(new Set(ids).size).toBe(20)
  const owner = await large.data(
    `query ($address: Address!) { account(address: $address) { neurons { totalCount nodes { uid netuid } } } }`,
    {
      address: coldkeyOf(1),
    },
  )
  // key(200) and so on hold no account of their own here: an account never seen is null.
  expect(owner.account).toBeNull()
})

test('validator page: nominators by amount, registrations with permits, own stake, history', async () => {
  const data = await askBoth(
    `query ($hotkey: Address!) {
      delegate(hotkey: $hotkey) {
        hotkey owner take totalStake ownStake
        nominators(first: 10, orderBy: [AMOUNT_DESC]) { totalCount nodes { coldkey amount } }
        neurons { nodes { netuid uid validatorPermit } }
        snapshots(first: 90, orderBy: [BLOCK_HEIGHT_DESC]) { nodes { blockHeight stake incentive } }
        emissions(first: 90) { nodes { blockHeight total } }
      }
      delegates(first: 3) { nodes { hotkey ownStake nominators(first: 2) { nodes { coldkey } } } }
      validators(first: 3) { totalCount nodes { hotkey neurons { nodes { uid } } } }
    }`,
    { hotkey: hotkeyOf(0) },
    20,
  )
  expect(data.delegate).toMatchObject({ owner: encodeSs58(coldkeyOf(0)), take: 11_796 / 65_535, ownStake: '1' })
  expect(data.delegate.nominators.totalCount).toBe(4)
  expect(data.delegate.neurons.nodes).toEqual([{ netuid: 1, uid: 0, validatorPermit: true }])
  expect(data.delegate.snapshots.nodes.map((node: { blockHeight: number }) => node.blockHeight)).toEqual([80, 60, 40, 20, 0])
  expect(data.validators.totalCount).toBe(12)
})

test('subnet page: parameters now, at a block and over time', async () => {
  const data = await askBoth(`{ subnet(netuid: 1) {
    netuid n owner hyperparams earlier: hyperparams(atBlock: 45)
    hyperparamHistory(filter: { name: { equalTo: "burn" } }) { nodes { blockHeight value } }
    epochs(first: 2) { nodes { blockHeight serverEmission } }
    registrations { nodes { uid hotkey method cost } }
  } }`)
  expect(data.subnet.hyperparams).toEqual({ burn: '60', tempo: 60 })
  expect(data.subnet.earlier).toEqual({ burn: '40', tempo: 40 })
  expect(data.subnet.hyperparamHistory.nodes[0]).toEqual({ blockHeight: 80, value: '80' })
  expect(data.subnet.registrations.nodes).toEqual([{ uid: 3, hotkey: encodeSs58(NEWCOMER), method: 'BURN', cost: '5' }])
})

const METAGRAPH = `query ($at: Int, $orderBy: [NeuronsOrderBy!]) { metagraph(netuid: 1, atBlock: $at) {
  block { height hash } snapshotBlock exact
  neurons(orderBy: $orderBy) { uid hotkey coldkey stake rank raw { rank } lastUpdate registeredBlock axon { ip port version block } weights { uid weight normalised hotkey } bonds { uid bond } }
} }`

test('metagraph now: every neuron with its matrices, in any order', async () => {
  const { metagraph } = await askBoth(METAGRAPH, { orderBy: ['RANK_DESC'] }, 4)
  expect(metagraph).toMatchObject({ block: { height: 95 }, snapshotBlock: 95, exact: true })
  expect(metagraph.neurons.map((neuron: { uid: number }) => neuron.uid)).toEqual([...Array(24).keys()].reverse())
  const last = metagraph.neurons.at(-1)
  const truth = neuronAt(0, LARGE, 95)
  expect(last).toMatchObject({
    rank: truth.rank / 65_535,
    raw: { rank: truth.rank },
    stake: String(truth.stake),
    axon: { ip: '10.0.0.0', version: '4294967295' },
  })
  expect(last.weights).toEqual(
    truth.weightUids.map((uid, i) => ({
      ...{ uid, weight: truth.weightValues[i], normalised: (truth.weightValues[i] ?? 0) / 65_535 },
      hotkey: encodeSs58(neuronAt(uid, LARGE, 95).hotkey),
    })),
  )
})

test('metagraph at a block: the snapshot itself is exact, later blocks add what events told, earlier ones are null', async () => {
  const at = async (height: number) => (await askBoth(METAGRAPH, { at: height }, 8)).metagraph
  const exact = await at(40)
  expect(exact).toMatchObject({ block: { height: 40 }, snapshotBlock: 40, exact: true })
  expect(exact.neurons[3].hotkey).toBe(encodeSs58(hotkeyOf(3)))

  const before = await at(REPLACED_AT - 1)
  expect(before).toMatchObject({ snapshotBlock: 40, exact: false })
  expect(before.neurons).toEqual(exact.neurons)

  const replaced = await at(REPLACED_AT)
  expect(replaced.neurons[3]).toMatchObject({
    hotkey: encodeSs58(NEWCOMER),
    coldkey: encodeSs58(key(901)),
    stake: null,
    axon: null,
    registeredBlock: REPLACED_AT,
  })
  // The seat keeps its scores and its row of weights until the next epoch.
  expect(replaced.neurons[3]).toMatchObject({ raw: exact.neurons[3].raw, bonds: exact.neurons[3].bonds })

  const after = await at(AXON_AT)
  expect(after.neurons[2]).toMatchObject({
    lastUpdate: WEIGHTS_AT,
    weights: [
      { uid: 0, weight: 65_535, normalised: 1 },
      { uid: 1, weight: 7 },
    ],
  })
  expect(after.neurons[3].axon).toEqual({ ip: '198.51.100.7', port: 9000, version: '7', block: AXON_AT })
  expect((await large.data(METAGRAPH, { at: 1_000 })).metagraph).toMatchObject({ block: { height: 95 }, exact: true })
  expect((await large.data(`{ metagraph(netuid: 9) { exact } }`)).metagraph).toBeNull()
  expect((await large.data(`{ metagraph(netuid: 2, atBlock: 50) { exact } }`)).metagraph).toBeNull()
})

test('neuron page: one neuron now and then, its past and the history of its uid', async () => {
  const data = await askBoth(
    `{
    now: neuron(netuid: 1, uid: 3) {
      hotkey registrations { nodes { blockHeight hotkey replacedHotkey } } deregistrations { nodes { hotkey reason } }
      snapshots(orderBy: [BLOCK_HEIGHT_DESC]) { nodes { blockHeight incentive trust emission weights { uid weight } } }
      weights { uid hotkey } subnet { tempo } delegate { hotkey }
    }
    then: neuron(netuid: 1, uid: 3, atBlock: 46) { hotkey weights { hotkey } }
  }`,
    {},
    16,
  )
  expect(data.now.hotkey).toBe(encodeSs58(NEWCOMER))
  expect(data.then.hotkey).toBe(encodeSs58(hotkeyOf(3)))
  expect(data.now.registrations.nodes).toEqual([
    { blockHeight: REPLACED_AT, hotkey: encodeSs58(NEWCOMER), replacedHotkey: encodeSs58(hotkeyOf(3)) },
  ])
  expect(data.now.snapshots.nodes.map((node: { blockHeight: number }) => node.blockHeight)).toEqual([80, 60])
  expect(data.now.delegate).toBeNull()
})

test('weights: who gives weight to a uid now and at a block, and the rows of one validator over time', async () => {
  const data = await askBoth(`{
    weights(filter: { netuid: { equalTo: 1 }, minerUid: { equalTo: 1 } }, orderBy: [WEIGHT_DESC]) {
      totalCount nodes { validatorUid validatorHotkey weight normalised blockHeight }
    }
    bonds(first: 3, filter: { netuid: { equalTo: 1 }, validatorUid: { equalTo: 0 } }) { nodes { minerUid bond blockHeight } }
    metagraph(netuid: 1, atBlock: 50) { weights(minerUid: 0, validatorUid: 2) { validatorUid validatorHotkey uid weight hotkey } }
    weightSets(filter: { netuid: { equalTo: 1 }, validatorUid: { equalTo: 2 } }) { nodes { blockHeight weights { uid weight } } }
  }`)
  expect(data.weights.totalCount).toBe(3)
  expect(data.weights.nodes[0]).toMatchObject({ weight: 1014, normalised: 1014 / 65_535 })
  expect(data.bonds.nodes).toHaveLength(3)
  expect(data.metagraph.weights).toEqual([
    { validatorUid: 2, validatorHotkey: encodeSs58(hotkeyOf(2)), uid: 0, weight: 65_535, hotkey: encodeSs58(hotkeyOf(0)) },
  ])
  expect(data.weightSets.nodes).toEqual([
    {
      blockHeight: WEIGHTS_AT,
      weights: [
        { uid: 0, weight: 65_535 },
        { uid: 1, weight: 7 },
      ],
    },
  ])
})

test('extrinsics by pallet, call, signer, success and time, paged to the end and all the way back', async () => {
  const query = `query ($first: Int, $last: Int, $after: Cursor, $before: Cursor, $signer: Address!) {
    extrinsics(first: $first, last: $last, after: $after, before: $before, filter: {
      pallet: { equalTo: "Balances" }, call: { equalTo: "transfer" }, signer: { equalTo: $signer }, success: { equalTo: true },
      timestamp: { greaterThanOrEqualTo: "2023-03-20T00:02:00Z", lessThan: "2023-03-20T00:18:00Z" }
    }) { nodes { id } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
  }`
  const signer = encodeSs58(key(2))
  await askBoth(query, { first: 5, signer })
  const forward: string[] = []
  let page = (await large.data(query, { first: 5, signer })).extrinsics
  expect(page.pageInfo.hasPreviousPage).toBe(false)
  forward.push(...page.nodes.map((node: { id: string }) => node.id))
  while (page.pageInfo.hasNextPage === true) {
    page = (await large.data(query, { first: 5, signer, after: page.pageInfo.endCursor })).extrinsics
    expect(page.pageInfo.hasPreviousPage).toBe(true)
    forward.push(...page.nodes.map((node: { id: string }) => node.id))
  }
  expect(forward).toHaveLength(page.totalCount)
  expect(forward.length).toBeGreaterThan(20)
  // Block times are 12 s apart: 10 up to 89.
  expect(forward.every((id) => Number(id.split('-')[0]) >= 10 && Number(id.split('-')[0]) < 90)).toBe(true)
  let backward: string[] = page.nodes.map((node: { id: string }) => node.id)
  while (page.pageInfo.hasPreviousPage === true) {
    page = (await large.data(query, { last: 5, signer, before: page.pageInfo.startCursor })).extrinsics
    backward = [...page.nodes.map((node: { id: string }) => node.id), ...backward]
  }
  expect(backward).toEqual(forward)
})

test('100 blocks with their extrinsics and events take no more statements than one', async () => {
  const query = (first: number) =>
    `{ blocks(first: ${first}) { nodes { height extrinsics(first: 9) { nodes { id events(first: 3) { nodes { id extrinsic { id } block { hash } } } } } } } }`
  large.statements.reset()
  await large.data(query(1))
  const one = large.statements.count
  large.statements.reset()
  const data = await large.data(query(90))
  expect(large.statements.count).toBe(one)
  expect(data.blocks.nodes).toHaveLength(90)
})
