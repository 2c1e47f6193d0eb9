import { createHash } from 'node:crypto'
import {
  emptyFacts,
  emptyState,
  type AccountState,
  type AuditRecord,
  type Batch,
  type BlockRecord,
  type DelegationState,
  type EpochInputRecord,
  type EpochRecord,
  type EventRecord,
  type ExtrinsicRecord,
  type Facts,
  type Head,
  type Hex,
  type HistoryBatch,
  type HotkeyState,
  type NetworkStatRecord,
  type NeuronFields,
  type NeuronState,
  type StateChanges,
  type SubnetState,
  type TransferRecord,
} from '../../src/core/records.js'

/** 32 bytes that are always the same for the same words. */
export function bytes32(...words: (string | number)[]): Hex {
  return `0x${createHash('sha256').update(words.join(' ')).digest('hex')}`
}

/** The n-th account of the tests. */
export function key(n: number): Hex {
  return bytes32('account', n)
}

export function blockHash(height: number, branch = ''): Hex {
  return bytes32('block', height, branch)
}

export function aHead(height: number, branch = ''): Head {
  return { height, hash: blockHash(height, branch) }
}

/** Blocks come every 12 seconds from a fixed moment on. */
export function blockTime(height: number): number {
  return Date.UTC(2023, 2, 20) + height * 12_000
}

export function aBlock(fields: Partial<BlockRecord> & { height: number }, branch = ''): BlockRecord {
  const { height } = fields
  return {
    hash: blockHash(height, branch),
    parentHash: blockHash(height - 1, branch),
    stateRoot: bytes32('state', height, branch),
    extrinsicsRoot: bytes32('extrinsics', height, branch),
    timestamp: blockTime(height),
    author: null,
    specVersion: 143,
    extrinsicCount: 0,
    eventCount: 0,
    ...fields,
  }
}

export function anExtrinsic(fields: Partial<ExtrinsicRecord> & { blockHeight: number }): ExtrinsicRecord {
  return {
    index: 0,
    hash: bytes32('extrinsic', fields.blockHeight, fields.index ?? 0),
    signer: key(1),
    pallet: 'Balances',
    call: 'transfer',
    args: '{}',
    success: true,
    errorPallet: null,
    errorName: null,
    fee: 125_000n,
    tip: 0n,
    nonce: 0n,
    eraPeriod: 64,
    eraPhase: 3,
    timestamp: blockTime(fields.blockHeight),
    ...fields,
  }
}

export function anEvent(fields: Partial<EventRecord> & { blockHeight: number }): EventRecord {
  return { index: 0, phase: 'ApplyExtrinsic', extrinsicIndex: 0, pallet: 'System', name: 'ExtrinsicSuccess', data: '{}', ...fields }
}

export function aTransfer(fields: Partial<TransferRecord> & { blockHeight: number }): TransferRecord {
  return {
    eventIndex: 0,
    extrinsicIndex: 0,
    from: key(1),
    to: key(2),
    amount: 1_000_000_000n,
    fee: 125_000n,
    timestamp: blockTime(fields.blockHeight),
    ...fields,
  }
}

export function anAudit(fields: Partial<AuditRecord> = {}): AuditRecord {
  return {
    status: 'EXACT',
    reason: null,
    generation: '2024-03',
    inputsHash: bytes32('inputs'),
    differenceCount: 0,
    differences: null,
    ...fields,
  }
}

/** An epoch that was EXACT unless said otherwise. */
export function anEpoch(fields: Partial<Omit<EpochRecord, 'audit'>> & { blockHeight: number; audit?: Partial<AuditRecord> }): EpochRecord {
  return {
    netuid: 1,
    tempo: 99,
    n: 4,
    emissionValue: null,
    emissionDue: null,
    emissionGiven: 0n,
    serverEmission: 0n,
    validatorEmission: 0n,
    totalStake: 0n,
    activeCount: 1,
    validatorCount: 1,
    timestamp: blockTime(fields.blockHeight),
    ...fields,
    audit: anAudit(fields.audit),
  }
}

export function epochInputs(fields: Partial<EpochInputRecord> & { blockHeight: number }): EpochInputRecord {
  return { netuid: 1, inputs: Uint8Array.of(0, 0x5c, 0xff), ...fields }
}

export function networkStats(fields: Partial<NetworkStatRecord> & { blockHeight: number }): NetworkStatRecord {
  return {
    timestamp: blockTime(fields.blockHeight),
    balancesIssuance: 1n,
    totalIssuance: 2n,
    totalStake: 3n,
    blockEmission: 4n,
    subnets: 1,
    totals: '{}',
    ...fields,
  }
}

export function anAccount(fields: Partial<AccountState> & { address: Hex; block: number }): AccountState {
  return { free: 0n, reserved: 0n, frozen: 0n, nonce: 0n, staked: 0n, alive: true, ...fields }
}

export function aSubnet(fields: Partial<SubnetState> & { netuid: number }): SubnetState {
  return {
    owner: key(0),
    n: 0,
    maxUids: 256,
    tempo: 99,
    difficulty: 10_000_000n,
    burn: 1_000_000_000n,
    emission: 0n,
    pendingEmission: 0n,
    registeredBlock: 0n,
    lastEpochBlock: null,
    params: '{}',
    ...fields,
  }
}

export function neuronFields(fields: Partial<NeuronFields> & { netuid: number; uid: number }): NeuronFields {
  return {
    hotkey: key(100 + fields.uid),
    coldkey: key(200 + fields.uid),
    stake: 0n,
    rank: 0,
    trust: 0,
    consensus: 0,
    incentive: 0,
    dividends: 0,
    emission: 0n,
    validatorTrust: 0,
    validatorPermit: false,
    active: true,
    lastUpdate: 0n,
    pruningScore: 65_535,
    registeredBlock: 0n,
    axon: null,
    prometheus: null,
    weightUids: [],
    weightValues: [],
    bondUids: [],
    bondValues: [],
    ...fields,
  }
}

export function aNeuron(fields: Partial<NeuronState> & { netuid: number; uid: number; block: number }): NeuronState {
  return { ...neuronFields(fields), block: fields.block }
}

export function aHotkey(fields: Partial<HotkeyState> & { hotkey: Hex; block: number }): HotkeyState {
  return { coldkey: null, take: null, totalStake: 0n, ...fields }
}

export function aDelegation(fields: Partial<DelegationState> & { hotkey: Hex; coldkey: Hex; block: number }): DelegationState {
  return { netuid: -1, amount: 1n, ...fields }
}

export interface BatchOptions {
  /** One block; or give `from` and `to`. */
  at?: number
  from?: number
  to?: number
  /** The default is the block before the first one, and null for block 0. */
  prev?: Head | null
  /** The default makes the whole batch final. */
  finalizedHeight?: number
  branch?: string
  facts?: Partial<Facts>
  state?: Partial<StateChanges>
}

/** A batch with its blocks, and the facts and state given. */
export function aBatch(options: BatchOptions): Batch {
  const { branch = '' } = options
  const from = options.from ?? options.at ?? 0
  const to = options.to ?? options.at ?? from
  return {
    prev: options.prev === undefined ? (from === 0 ? null : aHead(from - 1, branch)) : options.prev,
    next: aHead(to, branch),
    finalizedHeight: options.finalizedHeight ?? to,
    from,
    facts: { ...emptyFacts(), blocks: blocksOf(from, to, branch), ...options.facts },
    state: { ...emptyState(), ...options.state },
  }
}

export function aHistoryBatch(options: { from: number; to: number; facts?: Partial<Facts> }): HistoryBatch {
  const { from, to, facts } = options
  return { from, to, facts: { ...emptyFacts(), blocks: blocksOf(from, to), ...facts } }
}

export function blocksOf(from: number, to: number, branch = ''): BlockRecord[] {
  return Array.from({ length: to - from + 1 }, (_, i) => aBlock({ height: from + i }, branch))
}
