/** What epochs compute is compared with the real runtime in replay.test.ts; here, what they are given and where it goes, where recordings do not reach. */
import { expect, test } from 'vitest'
import { rowOf, sparseRows } from '../../../consensus/sparse-rows.js'
import { MARCH_2024 } from '../../../consensus/generations/march-2024.js'
import type { Generation, RootEpochInputs, SubnetEpochInputs } from '../../../consensus/types.js'
import type { Hex } from '../../../core/records.js'
import { createEpochRunner } from './epoch-runner.js'
import { get, has, put } from './storage.js'
import { createTestChain } from './test-chain.js'

const hotkey = (uid: number): Hex => `0x${uid.toString(16).padStart(4, '0').repeat(16)}`

/** An epoch that gives uid i rank i, i rao as a server and 2i as a validator, and permits and bonds as told. */
function generation({ permits = [] as number[], seen = [] as (SubnetEpochInputs | RootEpochInputs)[] } = {}): Generation {
  return {
    ...MARCH_2024,
    subnetEpoch: (inputs) => {
      seen.push(inputs)
      const uids = Array.from({ length: inputs.n }, (_, uid) => uid)
      const scores = Uint16Array.from(uids)
      return {
        kind: 'subnet',
        active: Uint8Array.from(uids, (uid) => uid % 2),
        rank: scores,
        trust: scores,
        consensus: scores,
        incentive: scores,
        dividends: scores,
        validatorTrust: scores,
        pruningScore: scores,
        validatorPermit: Uint8Array.from(uids, (uid) => Number(permits.includes(uid))),
        emission: BigUint64Array.from(uids, (uid) => 3n * BigInt(uid)),
        serverEmission: BigUint64Array.from(uids, BigInt),
        validatorEmission: BigUint64Array.from(uids, (uid) => 2n * BigInt(uid)),
        bonds: sparseRows(uids.map((uid) => (permits.includes(uid) ? [[0, uid]] : rowOf(inputs.bonds, uid)))),
      }
    },
    rootEpoch: (inputs) => {
      seen.push(inputs)
      return { kind: 'root', ok: true, emissionValues: BigUint64Array.from(inputs.netuids, (netuid) => 100n + BigInt(netuid)) }
    },
  }
}

function chainOf(n: number) {
  const chain = createTestChain()
  const { ctx } = chain
  put(ctx, 'SubnetworkN', 1, n)
  for (let uid = 0; uid < n; uid++) {
    put(ctx, 'Keys', 1, uid, hotkey(uid))
    put(ctx, 'BlockAtRegistration', 1, uid, BigInt(uid))
    put(ctx, 'TotalHotkeyStake', hotkey(uid), 10n * BigInt(uid))
  }
  put(
    ctx,
    'LastUpdate',
    1,
    Array.from({ length: n }, (_, uid) => 1000n + BigInt(uid)),
  )
  put(
    ctx,
    'ValidatorPermit',
    1,
    Array.from({ length: n }, () => false),
  )
  chain.at(2000)
  return chain
}

test('emission is given in the order of the raw keys, in which uid 256 comes before uid 1', () => {
  const { ctx } = chainOf(258)
  const tuples = createEpochRunner(generation()).subnet(ctx, 1, 1000n)
  expect(tuples).toHaveLength(258)
  expect(tuples.slice(0, 4)).toEqual([
    [hotkey(0), 0n, 0n],
    [hotkey(256), 256n, 512n],
    [hotkey(1), 1n, 2n],
    [hotkey(257), 257n, 514n],
  ])
})

test('an epoch gets every uid with its own stake, blocks and rows, whatever the order of the keys', () => {
  const { ctx } = chainOf(258)
  put(ctx, 'Weights', 1, 256, [[1, 7]])
  put(ctx, 'Bonds', 1, 2, [[257, 9]])
  put(ctx, 'Kappa', 1, 11)
  put(ctx, 'BondsMovingAverage', 1, 12n)
  put(ctx, 'ActivityCutoff', 1, 13)
  put(ctx, 'MaxAllowedValidators', 1, 14)
  const seen: (SubnetEpochInputs | RootEpochInputs)[] = []
  createEpochRunner(generation({ seen })).subnet(ctx, 1, 1000n)
  const inputs = seen[0] as SubnetEpochInputs
  expect(inputs).toMatchObject({
    ...{ netuid: 1, block: 2000, n: 258, emission: 1000n },
    ...{ kappa: 11, bondsMovingAverage: 12n, activityCutoff: 13, maxAllowedValidators: 14 },
  })
  expect([...inputs.stake]).toEqual(Array.from({ length: 258 }, (_, uid) => 10n * BigInt(uid)))
  expect([...inputs.registeredBlock]).toEqual(Array.from({ length: 258 }, (_, uid) => uid))
  expect([...inputs.lastUpdate]).toEqual(Array.from({ length: 258 }, (_, uid) => 1000 + uid))
  expect([rowOf(inputs.weights, 256), rowOf(inputs.weights, 1)]).toEqual([[[1, 7]], []])
  expect([rowOf(inputs.bonds, 2), rowOf(inputs.bonds, 257)]).toEqual([[[257, 9]], []])
})

test('bonds are written for those with a permit, emptied for those who lost it, and left alone for the others', () => {
  const { ctx } = chainOf(4)
  put(ctx, 'ValidatorPermit', 1, [true, true, false, false])
  put(ctx, 'Bonds', 1, 0, [[3, 5]])
  put(ctx, 'Bonds', 1, 3, [[2, 8]])
  createEpochRunner(generation({ permits: [1] })).subnet(ctx, 1, 1000n)
  expect([0, 1, 3].map((uid) => get(ctx, 'Bonds', 1, uid))).toEqual([[], [[0, 1]], [[2, 8]]])
  expect([0, 1, 2].map((uid) => has(ctx, 'Bonds', 1, uid))).toEqual([true, true, false])
  expect(get(ctx, 'ValidatorPermit', 1)).toEqual([false, true, false, false])
  expect(get(ctx, 'Active', 1)).toEqual([false, true, false, true])
  expect(get(ctx, 'Emission', 1)).toEqual([0n, 3n, 6n, 9n])
  for (const item of ['Rank', 'Trust', 'Consensus', 'Incentive', 'Dividends', 'ValidatorTrust', 'PruningScores'] as const) {
    expect(get(ctx, item, 1), item).toEqual([0, 1, 2, 3])
  }
})

test('a place without a hotkey is in the lists and gets nothing', () => {
  const chain = chainOf(3)
  chain.state.delete(chain.keyOf('SubtensorModule', 'Keys', 1, 1))
  const seen: (SubnetEpochInputs | RootEpochInputs)[] = []
  const tuples = createEpochRunner(generation({ seen })).subnet(chain.ctx, 1, 1000n)
  expect(tuples.map(([to]) => to)).toEqual([hotkey(0), hotkey(2)])
  const inputs = seen[0] as SubnetEpochInputs
  expect([[...inputs.registered], [...inputs.stake], [...inputs.registeredBlock]]).toEqual([
    [1, 0, 1],
    [0n, 0n, 20n],
    [0, 0, 2],
  ])
})

test('the root epoch says what each subnet gets, in the order of the raw keys', () => {
  const { ctx } = chainOf(0)
  for (const netuid of [0, 1, 256]) put(ctx, 'NetworksAdded', netuid, true)
  put(ctx, 'TotalNetworks', 3)
  const seen: (SubnetEpochInputs | RootEpochInputs)[] = []
  createEpochRunner(generation({ seen })).root(ctx)
  expect(seen[0]).toMatchObject({ kind: 'root', netuids: [0, 256, 1], totalNetworks: 3, blockEmission: 1_000_000_000n })
  expect([0, 1, 256].map((netuid) => get(ctx, 'EmissionValues', netuid))).toEqual([100n, 101n, 356n])
})

test('what the root epoch refuses changes nothing, and what would stop the chain stops the block', () => {
  const { ctx } = chainOf(0)
  put(ctx, 'NetworksAdded', 1, true)
  put(ctx, 'EmissionValues', 1, 5n)
  const failing = (failure: 'NO_STAKE' | 'HALTS') =>
    createEpochRunner({ ...MARCH_2024, rootEpoch: () => ({ kind: 'root', ok: false, failure }) })
  failing('NO_STAKE').root(ctx)
  expect(get(ctx, 'EmissionValues', 1)).toBe(5n)
  expect(() => failing('HALTS').root(ctx)).toThrow('halts the chain')
})

test('weights of a uid that the subnet does not have stop the block', () => {
  const { ctx } = chainOf(2)
  put(ctx, 'Weights', 1, 2, [[0, 1]])
  expect(() => createEpochRunner(MARCH_2024).subnet(ctx, 1, 1000n)).toThrow(new RangeError('uid 2 in a network of 2'))
})
