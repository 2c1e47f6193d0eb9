import type { AuditRecord, Batch, EpochRecord, Facts, Head, StateChanges } from '../../src/core/records.js'
import * as a from './builders.js'

/** Numbers that are the same for the same seed. */
export function randomFrom(seed: number): {
  below(n: number): number
  chance(p: number): boolean
  pick(n: number, outOf: number): number[]
} {
  let state = seed >>> 0
  const next = (): number => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number): number => Math.floor(next() * n)
  return {
    below,
    chance: (p) => next() < p,
    /** Up to n different numbers. */
    pick: (n, outOf) => [...new Set(Array.from({ length: below(n + 1) }, () => below(outOf)))],
  }
}

export interface RandomBatchOptions {
  seed: number
  from: number
  to: number
  prev: Head | null
  finalizedHeight: number
  branch?: string
}

/**
 * A batch that touches every table, over few keys, so that batches keep changing, removing and making again what others made. The
 * same options give the same batch.
 */
export function randomBatch(options: RandomBatchOptions): Batch {
  const { seed, from, to, branch = '' } = options
  const random = randomFrom(seed * 7919 + to * 31 + branch.length)
  return a.aBatch({ ...options, branch, facts: { ...randomFacts(random, from, to) }, state: randomState(random, to) })
}

type Random = ReturnType<typeof randomFrom>

function randomFacts(random: Random, from: number, to: number): Partial<Facts> {
  const heights = Array.from({ length: to - from + 1 }, (_, i) => from + i)
  const some = <T>(make: (blockHeight: number, n: number) => T): T[] => heights.flatMap((h) => random.pick(3, 5).map((n) => make(h, n)))
  const key = (): ReturnType<typeof a.key> => a.key(random.below(8))
  const amount = (): bigint => BigInt(random.below(1_000))
  return {
    extrinsics: some((blockHeight, index) => a.anExtrinsic({ blockHeight, index, signer: key() })),
    calls: some((blockHeight, index) => ({
      ...{
        blockHeight,
        extrinsicIndex: 0,
        index: index + 1,
        parentIndex: 0,
        pallet: 'System',
        call: 'remark',
        args: '{"remark":"\\u0000"}',
      },
      ...{ success: random.chance(0.5), errorPallet: null, errorName: null, origin: key() },
    })),
    events: some((blockHeight, index) => a.anEvent({ blockHeight, index, data: `{"n":${index}}` })),
    transfers: some((blockHeight, eventIndex) => a.aTransfer({ blockHeight, eventIndex, from: key(), to: key(), amount: amount() })),
    stakeEvents: some((blockHeight, eventIndex) => ({
      ...{ blockHeight, eventIndex, extrinsicIndex: null, action: 'ADD' as const, hotkey: key(), coldkey: null, netuid: null },
      ...{ amount: amount(), timestamp: a.blockTime(blockHeight) },
    })),
    neuronRegistrations: some((blockHeight, uid) => ({
      ...{ blockHeight, netuid: 1, uid, hotkey: key(), coldkey: key(), method: 'POW' as const, cost: null, difficulty: 2n ** 64n - 1n },
      ...{ replacedHotkey: null, extrinsicIndex: 1, timestamp: a.blockTime(blockHeight) },
    })),
    neuronDeregistrations: some((blockHeight, uid) => ({
      ...{ blockHeight, netuid: 1, uid, hotkey: key(), coldkey: null, reason: 'REPLACED' as const, timestamp: a.blockTime(blockHeight) },
    })),
    weightSets: some((blockHeight, validatorUid) => ({
      ...{ blockHeight, netuid: 1, validatorUid, hotkey: key(), uids: [0, 1], weights: [random.below(65_536), 1], extrinsicIndex: null },
      timestamp: a.blockTime(blockHeight),
    })),
    endpoints: some((blockHeight, n) => ({
      ...{
        blockHeight,
        netuid: n,
        hotkey: a.key(n),
        kind: 'AXON' as const,
        ip: '::1',
        ipType: 6,
        port: 1,
        protocol: 4,
        version: 4_294_967_295,
      },
      ...{ placeholder1: 0, placeholder2: null },
    })),
    subnetParams: some((blockHeight, n) => ({ netuid: n - 1, name: 'tempo', blockHeight, value: String(random.below(3)) })),
    accountBalances: some((blockHeight, n) => ({
      ...{ address: a.key(n), blockHeight, free: amount(), reserved: 0n, staked: 0n, timestamp: a.blockTime(blockHeight) },
    })),
    epochs: some((blockHeight, netuid) => randomEpoch(random, netuid, blockHeight)),
    epochInputs: some((blockHeight, netuid) => a.epochInputs({ netuid, blockHeight, inputs: Uint8Array.of(random.below(256), netuid) })),
    emissions: some((blockHeight, uid) => ({ netuid: 1, blockHeight, uid, hotkey: key(), server: null, validator: null, total: amount() })),
    neuronSnapshots: some((blockHeight, uid) => ({ ...a.neuronFields({ netuid: 1, uid, hotkey: key() }), blockHeight })),
    networkStats: heights.filter((height) => height % 3 !== 1).map((blockHeight) => a.networkStats({ blockHeight, totalStake: null })),
    runtimeVersions: random.pick(1, 3).map((n) => ({
      ...{ specVersion: n, specName: 'node-subtensor', transactionVersion: null, firstBlock: to, metadataVersion: 14 },
      ...{ metadataHash: a.bytes32('metadata', n), metadata: Uint8Array.of(n) },
    })),
  }
}

function randomEpoch(random: Random, netuid: number, blockHeight: number): EpochRecord {
  const emission = {
    emissionDue: random.chance(0.9) ? BigInt(random.below(1_000)) : null,
    emissionGiven: BigInt(random.below(1_000)),
    serverEmission: BigInt(random.below(1_000)),
  }
  return a.anEpoch({ netuid, blockHeight, ...emission, audit: randomAudit(random) })
}

function randomAudit(random: Random): Partial<AuditRecord> {
  if (random.chance(0.2)) return { status: 'NOT_AUDITABLE', reason: 'UNKNOWN_GENERATION', generation: null, inputsHash: null }
  if (random.chance(0.6)) return {}
  return { status: 'DIFFERS', differenceCount: 1, differences: `[{"uid":${random.below(9)},"field":"rank","chain":"1","computed":"2"}]` }
}

function randomState(random: Random, block: number): StateChanges {
  const amount = (): bigint => BigInt(random.below(4))
  const removedSubnets = random.pick(1, 3)
  const netuids = [0, 1, 2].filter((netuid) => !removedSubnets.includes(netuid) && random.chance(0.5))
  const removedHotkeys = random.pick(2, 6)
  const hotkeys = random.pick(3, 6).filter((n) => !removedHotkeys.includes(n))
  return {
    accounts: random
      .pick(4, 8)
      .map((n) => a.anAccount({ address: a.key(n), free: amount(), staked: amount(), alive: random.chance(0.8), block })),
    subnets: netuids.map((netuid) => a.aSubnet({ netuid, tempo: random.below(3), params: `{"tempo":${random.below(2)}}` })),
    removedSubnets,
    neurons: netuids.flatMap((netuid) =>
      random
        .pick(4, 6)
        .map((uid) => a.aNeuron({ netuid, uid, hotkey: a.key(random.below(6)), rank: random.below(3), weightUids: [uid], block })),
    ),
    neuronCounts: netuids.map((netuid) => ({ netuid, n: random.below(7) })),
    hotkeys: hotkeys.map((n) =>
      a.aHotkey({ hotkey: a.key(n), coldkey: a.key(n + 10), totalStake: amount(), take: random.below(2), block }),
    ),
    removedHotkeys: removedHotkeys.map(a.key),
    completeDelegations: random.pick(2, 6).map(a.key),
    delegations: random
      .pick(6, 18)
      .map((n) => a.aDelegation({ hotkey: a.key(n % 6), coldkey: a.key(Math.floor(n / 6)), amount: amount(), block })),
  }
}
