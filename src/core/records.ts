/**
 * The plain records that travel from the indexer to the store. One record = one row of `prisma/schema.prisma`, under the same
 * names; see there for units. Keys and hashes are lower-case hex with `0x` (`Hex`), amounts are bigint rao, JSON travels as text
 * that is already JSON, because it goes to COPY without being parsed again.
 */

/** Lower-case hex with a `0x` prefix. 32 bytes for account ids and hashes. */
export type Hex = `0x${string}`
/** Text that is valid JSON. Integers above 32 bits are decimal strings in it, accounts ss58. */
export type JsonText = string

/** What a chain says it is. */
export interface ChainIdentity {
  genesisHash: Hex
  name: string
  specName: string
  ss58Format: number
  tokenDecimals: number
  tokenSymbol: string
}

export interface Head {
  height: number
  hash: Hex
}

export interface BlockRecord {
  height: number
  hash: Hex
  parentHash: Hex
  stateRoot: Hex
  extrinsicsRoot: Hex
  /** Unix milliseconds. */
  timestamp: number
  author: Hex | null
  specVersion: number
  extrinsicCount: number
  eventCount: number
}

export interface ExtrinsicRecord {
  blockHeight: number
  index: number
  hash: Hex
  signer: Hex | null
  pallet: string
  call: string
  args: JsonText
  success: boolean
  errorPallet: string | null
  errorName: string | null
  fee: bigint | null
  tip: bigint | null
  nonce: bigint | null
  eraPeriod: number | null
  eraPhase: number | null
  timestamp: number
}

export interface CallRecord {
  blockHeight: number
  extrinsicIndex: number
  index: number
  parentIndex: number
  pallet: string
  call: string
  args: JsonText
  success: boolean | null
  errorPallet: string | null
  errorName: string | null
  origin: Hex | null
}

export type Phase = 'Initialization' | 'ApplyExtrinsic' | 'Finalization'

export interface EventRecord {
  blockHeight: number
  index: number
  phase: Phase
  extrinsicIndex: number | null
  pallet: string
  name: string
  data: JsonText
}

export interface TransferRecord {
  blockHeight: number
  eventIndex: number
  extrinsicIndex: number | null
  from: Hex
  to: Hex
  amount: bigint
  fee: bigint | null
  timestamp: number
}

export type StakeAction = 'ADD' | 'REMOVE' | 'MOVE'

export interface StakeEventRecord {
  blockHeight: number
  eventIndex: number
  extrinsicIndex: number | null
  action: StakeAction
  hotkey: Hex
  coldkey: Hex | null
  netuid: number | null
  amount: bigint
  timestamp: number
}

export type RegistrationMethod = 'POW' | 'BURN' | 'ROOT' | 'SUDO' | 'GENESIS'

export interface NeuronRegistrationRecord {
  blockHeight: number
  netuid: number
  uid: number
  hotkey: Hex
  coldkey: Hex | null
  method: RegistrationMethod
  cost: bigint | null
  difficulty: bigint | null
  replacedHotkey: Hex | null
  extrinsicIndex: number | null
  timestamp: number
}

export interface NeuronDeregistrationRecord {
  blockHeight: number
  netuid: number
  uid: number
  hotkey: Hex
  coldkey: Hex | null
  reason: 'REPLACED' | 'SUBNET_REMOVED'
  timestamp: number
}

export interface WeightSetRecord {
  blockHeight: number
  netuid: number
  validatorUid: number
  hotkey: Hex
  uids: number[]
  weights: number[]
  extrinsicIndex: number | null
  timestamp: number
}

export interface EndpointRecord {
  blockHeight: number
  netuid: number
  hotkey: Hex
  kind: 'AXON' | 'PROMETHEUS'
  ip: string
  ipType: number
  port: number
  protocol: number | null
  version: number
  placeholder1: number | null
  placeholder2: number | null
}

export interface SubnetParamRecord {
  /** -1 = of the whole network. */
  netuid: number
  name: string
  blockHeight: number
  value: JsonText
}

export interface AccountBalanceRecord {
  address: Hex
  blockHeight: number
  free: bigint
  reserved: bigint
  staked: bigint | null
  timestamp: number
}

/** What recomputing an epoch came to. `NOT_AUDITABLE`: it could not be recomputed, and why is said beside. */
export type AuditStatus = 'EXACT' | 'DIFFERS' | 'NOT_AUDITABLE'

export interface AuditRecord {
  status: AuditStatus
  /** Code of what stood in the way; null unless NOT_AUDITABLE. */
  reason: string | null
  /** Which rules were used (`2024-03`); null where none are known. */
  generation: string | null
  /** SHA-256 of the canonical bytes of the inputs; null when they could not be read. */
  inputsHash: Hex | null
  differenceCount: number
  /** The first of them, `[{uid, field, chain, computed}]`; null when there are none. */
  differences: JsonText | null
}

export interface EpochRecord {
  netuid: number
  blockHeight: number
  tempo: number
  n: number
  emissionValue: bigint | null
  /** rao that were due to the epoch; null when its inputs could not be read, and of the root network. */
  emissionDue: bigint | null
  /** rao that the epoch left to be paid; null of the root network. */
  emissionGiven: bigint | null
  /** Parts of it; null in runtimes that hand out one sum. */
  serverEmission: bigint | null
  validatorEmission: bigint | null
  totalStake: bigint | null
  activeCount: number
  validatorCount: number
  audit: AuditRecord
  timestamp: number
}

export interface EpochInputRecord {
  netuid: number
  blockHeight: number
  /** Canonical bytes of the inputs, compressed. */
  inputs: Uint8Array
}

export interface EmissionRecord {
  netuid: number
  blockHeight: number
  uid: number
  hotkey: Hex
  /** null in runtimes that hand out one sum. */
  server: bigint | null
  validator: bigint | null
  total: bigint
}

/** What a neuron is at a block: the fields that `neurons` and `neuron_snapshots` share. */
export interface NeuronFields {
  netuid: number
  uid: number
  hotkey: Hex
  coldkey: Hex | null
  /** null in runtimes whose stake is not read. */
  stake: bigint | null
  rank: number
  trust: number
  consensus: number
  incentive: number
  dividends: number
  emission: bigint
  validatorTrust: number
  validatorPermit: boolean
  active: boolean
  lastUpdate: bigint
  pruningScore: number
  registeredBlock: bigint
  /** `{block, version, ip, port, ipType, protocol, placeholder1, placeholder2}`; ip in text form. */
  axon: JsonText | null
  prometheus: JsonText | null
  weightUids: number[]
  weightValues: number[]
  bondUids: number[]
  bondValues: number[]
}

export interface NeuronSnapshotRecord extends NeuronFields {
  blockHeight: number
}

export interface NetworkStatRecord {
  blockHeight: number
  timestamp: number
  balancesIssuance: bigint | null
  totalIssuance: bigint | null
  totalStake: bigint | null
  blockEmission: bigint | null
  subnets: number | null
  totals: JsonText
}

export interface RuntimeVersionRecord {
  specVersion: number
  specName: string
  transactionVersion: number | null
  firstBlock: number
  metadataVersion: number
  metadataHash: Hex
  metadata: Uint8Array
}

/** What blocks add once. Every list is in chain order. */
export interface Facts {
  blocks: BlockRecord[]
  extrinsics: ExtrinsicRecord[]
  calls: CallRecord[]
  events: EventRecord[]
  transfers: TransferRecord[]
  stakeEvents: StakeEventRecord[]
  neuronRegistrations: NeuronRegistrationRecord[]
  neuronDeregistrations: NeuronDeregistrationRecord[]
  weightSets: WeightSetRecord[]
  endpoints: EndpointRecord[]
  subnetParams: SubnetParamRecord[]
  accountBalances: AccountBalanceRecord[]
  epochs: EpochRecord[]
  epochInputs: EpochInputRecord[]
  emissions: EmissionRecord[]
  neuronSnapshots: NeuronSnapshotRecord[]
  networkStats: NetworkStatRecord[]
  runtimeVersions: RuntimeVersionRecord[]
}

export interface AccountState {
  address: Hex
  free: bigint
  reserved: bigint
  /** The larger of what is frozen for fees and for the rest, in runtimes that tell them apart. */
  frozen: bigint
  nonce: bigint
  /** null in runtimes whose stake is not read. */
  staked: bigint | null
  /** false when the chain has no such account (any more). */
  alive: boolean
  /** Last block of the batch that touched the account; the batch's end for silent changes. */
  block: number
}

export interface SubnetState {
  netuid: number
  owner: Hex | null
  n: number
  maxUids: number
  tempo: number
  difficulty: bigint | null
  burn: bigint | null
  emission: bigint | null
  pendingEmission: bigint | null
  registeredBlock: bigint | null
  lastEpochBlock: bigint | null
  params: JsonText
}

export interface NeuronState extends NeuronFields {
  block: number
}

export interface HotkeyState {
  hotkey: Hex
  coldkey: Hex | null
  /** u16; null when the hotkey is no delegate. */
  take: number | null
  /** null in runtimes whose stake is not read. */
  totalStake: bigint | null
  block: number
}

export interface DelegationState {
  hotkey: Hex
  coldkey: Hex
  netuid: number
  amount: bigint
  block: number
}

/** What the chain holds at the end of a batch, of everything that the batch may have changed. */
export interface StateChanges {
  accounts: AccountState[]
  subnets: SubnetState[]
  /** Subnets that no longer exist; their neurons go too. */
  removedSubnets: number[]
  /** All rows of the neurons that changed. */
  neurons: NeuronState[]
  /** Number of neurons in each subnet of `neurons`; rows with a higher uid are removed. */
  neuronCounts: { netuid: number; n: number }[]
  hotkeys: HotkeyState[]
  removedHotkeys: Hex[]
  /** Hotkeys whose complete list of delegations is in `delegations`: pairs not in it are removed. */
  completeDelegations: Hex[]
  /** Zero amounts remove the pair. */
  delegations: DelegationState[]
}

/** One transaction of the live index. `prev` is the head it builds on, null for the first batch. */
export interface Batch {
  prev: Head | null
  next: Head
  /** Number of the highest finalised block known when the batch was made. Blocks above it get undo data. */
  finalizedHeight: number
  /** First block of this batch; blocks are contiguous up to `next`. */
  from: number
  facts: Facts
  state: StateChanges
}

/** One transaction of a backfill behind the live index: facts only. */
export interface HistoryBatch {
  from: number
  to: number
  facts: Facts
}

export function emptyFacts(): Facts {
  return {
    blocks: [],
    extrinsics: [],
    calls: [],
    events: [],
    transfers: [],
    stakeEvents: [],
    neuronRegistrations: [],
    neuronDeregistrations: [],
    weightSets: [],
    endpoints: [],
    subnetParams: [],
    accountBalances: [],
    epochs: [],
    epochInputs: [],
    emissions: [],
    neuronSnapshots: [],
    networkStats: [],
    runtimeVersions: [],
  }
}

export function emptyState(): StateChanges {
  return {
    accounts: [],
    subnets: [],
    removedSubnets: [],
    neurons: [],
    neuronCounts: [],
    hotkeys: [],
    removedHotkeys: [],
    completeDelegations: [],
    delegations: [],
  }
}
