import { emptyFacts, type Facts, type NeuronFields } from '../../../src/core/records.js'
import { createMetrics } from '../../../src/core/metrics.js'
import { silentLog } from '../../../src/core/log.js'
import { createReads, type ReadsOptions } from '../../../src/store/read/index.js'
import { createBatchWriter } from '../../../src/store/write/index.js'
import { type ApiDeps, startApi } from '../../../src/api/index.js'
import { loadConfig } from '../../../src/core/config/index.js'
import {
  aBatch,
  aBlock,
  aDelegation,
  aHotkey,
  anAccount,
  anEpoch,
  aNeuron,
  anEvent,
  anExtrinsic,
  aSubnet,
  aTransfer,
  blockTime,
  bytes32,
  key,
  networkStats,
  neuronFields,
} from '../../support/builders.js'
import { type TestDatabase, testDatabase } from '../../support/database.js'
import { countStatements, type StatementCount } from '../../support/statements.js'

/** A small chain with one of everything, made of numbers: what is in it can be told without reading it back. */

export const TEMPO = 20
/** Uid 3 of subnet 1 changes hands here; uid 2 sets weights and its axon follows, all between two epochs. */
export const REPLACED_AT = 47
export const WEIGHTS_AT = 49
export const AXON_AT = 51
export const NEWCOMER = key(900)
export const GENESIS = bytes32('genesis')

export interface WorldSize {
  blocks: number
  /** In each block, beside the one that sets the time. */
  extrinsics: number
  neurons: number
}

export const SMALL: WorldSize = { blocks: 65, extrinsics: 2, neurons: 4 }
export const LARGE: WorldSize = { blocks: 95, extrinsics: 8, neurons: 24 }

export function hotkeyOf(uid: number): ReturnType<typeof key> {
  return key(100 + uid)
}

export function coldkeyOf(uid: number): ReturnType<typeof key> {
  return key(200 + (uid % 3))
}

/** The matrix row of a neuron: it gives each of the next three uids something. */
function row(uid: number, n: number, round: number) {
  const uids = [1, 2, 3].map((step) => (uid + step) % n).sort((a, b) => a - b)
  return { uids, values: uids.map((other) => 1000 + other * 10 + round) }
}

export function neuronAt(uid: number, size: WorldSize, height: number): NeuronFields {
  const round = Math.floor(height / TEMPO)
  const { uids, values } = row(uid, size.neurons, round)
  const replaced = uid === 3 && height >= REPLACED_AT
  return neuronFields({
    netuid: 1,
    uid,
    hotkey: replaced ? NEWCOMER : hotkeyOf(uid),
    coldkey: replaced ? key(901) : coldkeyOf(uid),
    stake: BigInt((uid + 1) * 1_000_000 + height),
    rank: uid * 100 + round,
    trust: uid * 10,
    consensus: uid,
    incentive: (uid * 7919) % 65_536,
    dividends: uid % 2 === 0 ? 30_000 + uid : 0,
    emission: BigInt(uid * 1_000),
    validatorTrust: 65_535,
    validatorPermit: uid % 2 === 0,
    lastUpdate: BigInt(uid === 2 && height >= WEIGHTS_AT ? WEIGHTS_AT : round),
    registeredBlock: BigInt(replaced ? REPLACED_AT : 0),
    axon: JSON.stringify({
      block: 1,
      version: 4_294_967_295,
      ip: `10.0.0.${uid}`,
      port: 8000 + uid,
      ipType: 4,
      protocol: 4,
      placeholder1: 0,
      placeholder2: 0,
    }),
    weightUids: uids,
    weightValues: values,
    bondUids: uids,
    bondValues: values.map((value) => value + 1),
  })
}

function uidsOf(size: WorldSize): number[] {
  return Array.from({ length: size.neurons }, (_, uid) => uid)
}

/** Facts of one block. The signer, call and success of an extrinsic follow from its place. */
export function blockFacts(height: number, size: WorldSize): Facts {
  const facts = emptyFacts()
  facts.extrinsics.push(
    anExtrinsic({ blockHeight: height, index: 0, signer: null, pallet: 'Timestamp', call: 'set', fee: null, tip: null, nonce: null }),
  )
  for (let index = 1; index <= size.extrinsics; index++) addExtrinsic(facts, height, index)
  facts.blocks.push(
    aBlock({
      height,
      extrinsicCount: facts.extrinsics.length,
      eventCount: facts.events.length,
      author: height % 5 === 0 ? null : key(height % 3),
    }),
  )
  facts.accountBalances.push({
    address: key(1),
    blockHeight: height,
    free: BigInt(height * 10),
    reserved: 0n,
    staked: 5n,
    timestamp: blockTime(height),
  })
  if (height % TEMPO === 0) addEpoch(facts, height, size)
  if (height === REPLACED_AT) addReplacement(facts)
  if (height === WEIGHTS_AT) {
    const weights = { netuid: 1, validatorUid: 2, hotkey: hotkeyOf(2), uids: [0, 1], weights: [65_535, 7], extrinsicIndex: 1 }
    facts.weightSets.push({ ...weights, blockHeight: height, timestamp: blockTime(height) })
  }
  if (height === AXON_AT) {
    const axon = { ip: '198.51.100.7', ipType: 4, port: 9000, protocol: 4, version: 7, placeholder1: 0, placeholder2: 0 }
    facts.endpoints.push({ ...axon, netuid: 1, hotkey: NEWCOMER, kind: 'AXON', blockHeight: height })
  }
  return facts
}

function addExtrinsic(facts: Facts, height: number, index: number): void {
  const transfer = index % 2 === 1
  const success = (height + index) % 4 !== 0
  const failure = success ? { errorPallet: null, errorName: null } : { errorPallet: 'Balances', errorName: 'InsufficientBalance' }
  const call = transfer ? { pallet: 'Balances', call: 'transfer' } : { pallet: 'Utility', call: 'batch' }
  facts.extrinsics.push(
    anExtrinsic({ blockHeight: height, index, signer: key(1 + (height % 3)), ...call, success, ...failure, args: `{"n":"${height}"}` }),
  )
  const eventIndex = facts.events.length
  if (transfer && success) {
    facts.events.push(
      anEvent({
        blockHeight: height,
        index: eventIndex,
        extrinsicIndex: index,
        pallet: 'Balances',
        name: 'Transfer',
        data: `{"n":"${height}"}`,
      }),
    )
    facts.transfers.push(
      aTransfer({
        blockHeight: height,
        eventIndex,
        extrinsicIndex: index,
        from: key(1 + (height % 3)),
        to: key(1),
        amount: BigInt((height * 37) % 11) * 1_000n,
      }),
    )
    facts.stakeEvents.push({
      ...{
        blockHeight: height,
        eventIndex,
        extrinsicIndex: index,
        action: 'ADD',
        hotkey: hotkeyOf(height % 4),
        coldkey: key(1 + (height % 3)),
      },
      ...{ netuid: null, amount: BigInt(height), timestamp: blockTime(height) },
    })
  }
  facts.events.push(
    anEvent({
      blockHeight: height,
      index: facts.events.length,
      extrinsicIndex: index,
      name: success ? 'ExtrinsicSuccess' : 'ExtrinsicFailed',
    }),
  )
  if (transfer) return
  const nested = {
    blockHeight: height,
    extrinsicIndex: index,
    pallet: 'System',
    call: 'remark',
    args: '{}',
    success,
    ...failure,
    origin: key(1 + (height % 3)),
  }
  facts.calls.push(
    { ...nested, index: 1, parentIndex: 0 },
    { ...nested, index: 2, parentIndex: 1, success: null, errorPallet: null, errorName: null, origin: null },
  )
}

function addEpoch(facts: Facts, height: number, size: WorldSize): void {
  const uids = uidsOf(size)
  const sum = BigInt(uids.length)
  const given = { emissionValue: 1n, serverEmission: sum, validatorEmission: sum, totalStake: 9n }
  facts.epochs.push(anEpoch({ ...given, blockHeight: height, tempo: TEMPO, n: uids.length, activeCount: uids.length }))
  for (const uid of uids) {
    const neuron = neuronAt(uid, size, height)
    facts.neuronSnapshots.push({ ...neuron, blockHeight: height })
    facts.emissions.push({
      netuid: 1,
      blockHeight: height,
      uid,
      hotkey: neuron.hotkey,
      server: BigInt(uid),
      validator: 1n,
      total: BigInt(uid + 1),
    })
  }
  facts.subnetParams.push(
    { netuid: 1, name: 'burn', blockHeight: height, value: `"${height}"` },
    { netuid: 1, name: 'tempo', blockHeight: height, value: String(height) },
  )
  const totals = { balancesIssuance: BigInt(height), totalIssuance: null, totalStake: BigInt(height), blockEmission: 1n, subnets: 2 }
  facts.networkStats.push(networkStats({ ...totals, blockHeight: height }))
}

function addReplacement(facts: Facts): void {
  const place = { netuid: 1, uid: 3, blockHeight: REPLACED_AT, timestamp: blockTime(REPLACED_AT) }
  facts.neuronRegistrations.push({
    ...{ ...place, hotkey: NEWCOMER, coldkey: key(901), method: 'BURN', cost: 5n, difficulty: null },
    ...{ replacedHotkey: hotkeyOf(3), extrinsicIndex: 1 },
  })
  facts.neuronDeregistrations.push({ ...place, hotkey: hotkeyOf(3), coldkey: coldkeyOf(3), reason: 'REPLACED' })
}

export function mergeFacts(parts: readonly Facts[]): Facts {
  const all = emptyFacts()
  for (const part of parts)
    for (const [name, rows] of Object.entries(part)) (all[name as keyof Facts] as unknown[]).push(...(rows as unknown[]))
  return all
}

/** Writes blocks 0 to `size.blocks`, the state at the end included. */
export async function seed(pool: TestDatabase['pool'], size: WorldSize): Promise<void> {
  const writer = createBatchWriter({ pool, log: silentLog, metrics: createMetrics() })
  await writer.claimChain({
    genesisHash: GENESIS,
    name: 'Test',
    specName: 'node-subtensor',
    ss58Format: 42,
    tokenDecimals: 9,
    tokenSymbol: 'TAO',
  })
  const facts = mergeFacts(Array.from({ length: size.blocks + 1 }, (_, height) => blockFacts(height, size)))
  const block = size.blocks
  const accounts = Array.from({ length: 40 }, (_, n) =>
    anAccount({ address: key(n), free: BigInt((n * 31) % 7) * 1_000n, staked: BigInt(n), block }),
  )
  const hotkeys = uidsOf(size).map((uid) =>
    aHotkey({
      hotkey: hotkeyOf(uid),
      coldkey: coldkeyOf(uid),
      take: uid % 3 === 2 ? null : 11_796,
      totalStake: neuronAt(uid, size, block).stake,
      block,
    }),
  )
  const delegations = uidsOf(size).flatMap((uid) =>
    [1, 2, 3, 200 + (uid % 3)].map((n) =>
      aDelegation({ hotkey: hotkeyOf(uid), coldkey: key(n), amount: BigInt((n * uid) % 13) + 1n, block }),
    ),
  )
  const subnets = [
    aSubnet({ netuid: 0, owner: null, burn: null, emission: null }),
    aSubnet({ netuid: 1, n: size.neurons, lastEpochBlock: 60n, params: '{"burn":"60","tempo":60}' }),
    aSubnet({ netuid: 2, owner: key(5), emission: null }),
    aSubnet({ netuid: 3, owner: null, emission: 5n }),
  ]
  const neurons = uidsOf(size).map((uid) => aNeuron({ ...neuronAt(uid, size, block), block }))
  await writer.apply(
    aBatch({
      from: 0,
      to: block,
      finalizedHeight: block - 3,
      facts,
      state: { accounts, hotkeys, delegations, subnets, neurons, neuronCounts: [{ netuid: 1, n: size.neurons }] },
    }),
  )
  await pool.query('ANALYZE')
}

export interface Answer {
  status: number
  headers: Headers
  // The tests say with their expectations what the shape is.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any
}

export interface TestApi extends AsyncDisposable {
  url: string
  db: TestDatabase
  statements: StatementCount
  ask(query: string, variables?: Record<string, unknown>): Promise<Answer>
  /** Like `ask`, for queries that must succeed. */
  data(query: string, variables?: Record<string, unknown>): Promise<Answer['body']>
}

/** The whole API over a database of its own, on a free port. */
export async function testApi(
  options: { size?: WorldSize; config?: Partial<ApiDeps['config']>; reads?: Partial<ReadsOptions>; deps?: Partial<ApiDeps> } = {},
): Promise<TestApi> {
  const db = await testDatabase()
  if (options.size !== undefined) await seed(db.pool, options.size)
  const statements = countStatements(db.pool)
  const config = { ...loadConfig({ env: {} }).api, port: 0, ...options.config }
  const reads = createReads({ pool: db.pool, timeoutMs: config.queryTimeoutMs, ...options.reads })
  const api = await startApi({ config, log: silentLog, metrics: createMetrics(), reads, version: '1.2.3', ...options.deps })
  statements.reset()
  const ask = async (query: string, variables?: Record<string, unknown>): Promise<Answer> => {
    const response = await fetch(`${api.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    })
    return { status: response.status, headers: response.headers, body: await response.json() }
  }
  return {
    url: api.url,
    db,
    statements,
    ask,
    async data(query, variables) {
      const { body } = await ask(query, variables)
      if (body.errors !== undefined) throw new Error(JSON.stringify(body.errors))
      return body.data
    },
    async [Symbol.asyncDispose]() {
      await api.close()
      await db[Symbol.asyncDispose]()
    },
  }
}
