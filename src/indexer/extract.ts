import type { ChainReader, ChainReading, RawBlock } from '../chain/reader.js'
import type { ChainState } from '../chain/state.js'
import {
  camelCase,
  readNetuids,
  readNetworkValues,
  readSubnets,
  ROOT_NETUID,
  stableNetworkItems,
  stableSubnetItems,
  subnetItems,
  SUBTENSOR,
} from '../chain/views/subnet-view.js'
import { emptyFacts, emptyState, type Facts, type Head, type Hex, type StateChanges } from '../core/records.js'
import { addBlockFacts, authorOf } from './block-facts.js'
import { decodeBlock, type DecodedBlock } from './decode-block.js'
import { addAdjustments, addSnapshot, counterBlocks, epochDue, rootEpochs, type LoadedEmission, type StateAt } from './epochs.js'
import { readNetworkStats } from './network-stats.js'
import { addDrained, addReplaced, addTouches, createDirty, readStateChanges, readWholeState, type Dirty } from './state-changes.js'
import { addTouchedFacts } from './touched-facts.js'
import { NETWORK, touchesOf, type Touches } from './touches.js'

export interface ExtractOptions {
  /** Network totals are kept at heights that are a multiple of this. */
  statsEvery: number
  /** Accounts that only the chain credits get a balance row at heights that are a multiple of this. */
  balanceSampleEvery: number
}

/** Everything that a range of blocks gives to the store. */
export interface Extracted {
  from: number
  /** null up to block 1, whose parent is the genesis block and settled. */
  parent: Head | null
  head: Head
  facts: Facts
  state: StateChanges
}

export interface ExtractRequest {
  from: number
  to: number
  /** `changes`: what the range changed; `whole`: all the chain holds after the last block (a first batch); `none`: facts only. */
  state: 'changes' | 'whole' | 'none'
}

/**
 * Reads and decodes blocks `from..to` and everything stored about them. Ranges are independent of each other and may be extracted side by side.
 * What is announced by events is read at the block of the event; epochs and adjustments, which no event announces, are found from the chain's own
 * counters; state is read once, after the last block.
 */
export type Extract = (request: ExtractRequest) => Promise<Extracted>

/** What is known of the end of a range when the range after it is extracted: it saves asking, and is never needed. */
interface RangeEnd {
  netuids: number[]
  /** Owners of the subnets, whom the chain pays in every block. */
  owners: Hex[]
  loaded: LoadedEmission[]
}

/** Ends that are kept: while following the head the last one is used, while catching up none is there in time. */
const KEPT_ENDS = 8

export function createExtractor(chain: ChainReader, options: ExtractOptions): Extract {
  const ends = new Map<Hex, RangeEnd>()

  return async ({ from, to, state: kind }) => {
    const heights = Array.from({ length: to - from + 1 }, (_, i) => from + i)
    // The ends of the range first: when they have one runtime, so has the middle.
    const [hashes, before] = await Promise.all([
      Promise.all(heights.map((height) => chain.hashOf(height))),
      from > 0 ? chain.hashOf(from - 1) : null,
      chain.runtimeOf(from),
      chain.runtimeOf(to),
    ])
    const reading = chain.reading()
    const known = before === null ? undefined : ends.get(before)
    const end = await reading.stateAt(to, hashes.at(-1))
    // Asked for in one turn with the last block's events: what will be read of its state in any case.
    if (known && kind === 'changes') prefetchEnd(end, known)
    const raw = await reading.blocks(from, hashes)
    const blocks = await Promise.all(raw.map(async (block) => decodeBlock(block, await chain.runtimeOf(block.height))))
    const range = new Range(chain, reading, options, blocks, before, known)
    await range.addFacts()
    const state = await range.state(kind)
    if (ends.size >= KEPT_ENDS) ends.delete(ends.keys().next().value as Hex)
    ends.set(hashes.at(-1) as Hex, await range.end(state))
    return {
      from,
      parent: from <= 1 ? null : { height: from - 1, hash: (raw[0] as RawBlock).parentHash },
      head: { height: to, hash: hashes.at(-1) as Hex },
      facts: range.facts,
      state,
    }
  }
}

function prefetchEnd(end: ChainState, { netuids, owners }: RangeEnd): void {
  const nets = netuids.map((netuid) => [netuid])
  for (const name of [...subnetItems(end.runtime), 'LoadedEmission']) end.prefetch(SUBTENSOR, name, nets)
  const accounts = owners.map((owner) => [owner])
  end.prefetch('System', 'Account', accounts)
  end.prefetch(SUBTENSOR, 'TotalColdkeyStake', accounts)
  end.prefetch('Aura', 'Authorities', [[]])
}

class Range {
  readonly facts = emptyFacts()
  private readonly from: number
  private readonly to: number
  private readonly states = new Map<number, Promise<ChainState>>()
  private readonly touches: Touches[]
  private readonly dirty: Dirty = createDirty()
  /** What epochs of the range, or the one before it, left to be paid out. */
  private readonly loaded: LoadedEmission[] = []

  constructor(
    private readonly chain: ChainReader,
    private readonly reading: ChainReading,
    private readonly options: ExtractOptions,
    private readonly blocks: readonly DecodedBlock[],
    private readonly parentHash: Hex | null,
    private readonly before: RangeEnd | undefined,
  ) {
    this.from = (blocks[0] as DecodedBlock).raw.height
    this.to = (blocks.at(-1) as DecodedBlock).raw.height
    this.touches = blocks.map(touchesOf)
  }

  private readonly stateAt: StateAt = (height) => {
    let state = this.states.get(height)
    if (!state) {
      const known = height === this.from - 1 ? this.parentHash : this.blocks[height - this.from]?.raw.hash
      state = this.reading.stateAt(height, known ?? undefined)
      this.states.set(height, state)
    }
    return state
  }

  private timestampOf(height: number): number {
    return (this.blocks[height - this.from] as DecodedBlock).timestamp
  }

  async addFacts(): Promise<void> {
    const { facts } = this
    const authorities = await this.authorities()
    this.blocks.forEach((block, i) => {
      addBlockFacts(block, authorOf(block.raw.digest, authorities), facts)
      addTouches(this.dirty, this.touches[i] as Touches, block.raw.height)
      this.noteRuntime(block, this.touches[i] as Touches)
    })
    await Promise.all([
      ...this.blocks.map((block, i) => this.addTouched(block, this.touches[i] as Touches)),
      this.addEpochs(),
      this.addStats(),
    ])
    for (const row of facts.neuronDeregistrations) addReplaced(this.dirty, [row.hotkey], row.blockHeight)
    sortFacts(facts)
  }

  private async authorities(): Promise<Hex[]> {
    const state = await this.stateAt(this.to)
    return ((await state.get('Aura', 'Authorities')) as Hex[] | null) ?? []
  }

  private noteRuntime(block: DecodedBlock, touches: Touches): void {
    const { runtime, raw } = block
    if (!touches.codeUpdated) this.chain.noteSameCode(raw.height)
    if (this.facts.runtimeVersions.some((known) => known.specVersion === runtime.specVersion)) return
    const { specVersion, specName, transactionVersion, metadataVersion, metadataHash, metadata } = runtime
    this.facts.runtimeVersions.push({
      specVersion,
      specName,
      transactionVersion,
      firstBlock: raw.height,
      metadataVersion,
      metadataHash,
      metadata,
    })
  }

  private async addTouched(block: DecodedBlock, touches: Touches): Promise<void> {
    const { height } = block.raw
    const sampleBalances = height % this.options.balanceSampleEvery === 0
    const state = await this.stateAt(height)
    const parent = (): Promise<ChainState> => this.stateAt(height - 1)
    await addTouchedFacts({ state, parent, timestamp: block.timestamp, touches, sampleBalances }, this.facts)
  }

  private async addStats(): Promise<void> {
    for (const block of this.blocks) {
      const { height } = block.raw
      if (height % this.options.statsEvery === 0)
        this.facts.networkStats.push(await readNetworkStats(await this.stateAt(height), block.timestamp))
    }
  }

  /** Subnets after the range: those before it, when no event says otherwise. */
  private async netuids(): Promise<number[]> {
    const changed = this.touches.some((touches) => touches.subnets.size > 0)
    return this.before && !changed ? this.before.netuids : readNetuids(await this.stateAt(this.to))
  }

  /** Epochs and adjustments of every subnet that existed at the end of the range, or until it was removed in it. */
  private async addEpochs(): Promise<void> {
    const { from, to, facts, stateAt } = this
    const lives = new Map((await this.netuids()).map((netuid) => [netuid, to]))
    this.touches.forEach((touches, i) => {
      for (const netuid of touches.removedSubnets) if (!lives.has(netuid)) lives.set(netuid, from + i - 1)
    })
    const subnets = [...lives].filter(([, last]) => last >= from)
    await Promise.all(
      subnets.map(async ([netuid, last]) => {
        await addAdjustments(netuid, from, last, stateAt, facts)
        if (netuid !== ROOT_NETUID) await this.addSubnetEpochs(netuid, last)
      }),
    )
    if (lives.has(ROOT_NETUID)) await this.addRootEpochs([...lives.keys()])
  }

  private async addSubnetEpochs(netuid: number, last: number): Promise<void> {
    const { from, facts, stateAt } = this
    // What was loaded before the range is in `before`, for all subnets.
    if (!this.before) this.addLoaded(await (await stateAt(Math.max(0, from - 1))).get(SUBTENSOR, 'LoadedEmission', netuid))
    const epochs = await counterBlocks('LastMechansimStepBlock', netuid, from, last, stateAt)
    for (const height of epochs) {
      const state = await stateAt(height)
      this.addLoaded(await state.get(SUBTENSOR, 'LoadedEmission', netuid))
      await addSnapshot(state, netuid, this.timestampOf(height), true, facts)
    }
    // An epoch that would have given more than was due writes its results and leaves the counter: the neurons are read again all the same.
    const tempo = ((await (await stateAt(last)).get(SUBTENSOR, 'Tempo', netuid)) as number | null) ?? 0
    for (let height = from; height <= last; height++) {
      if (epochs.includes(height) || epochDue(netuid, tempo, height))
        this.dirty.subnets.set(netuid, Math.max(height, this.dirty.subnets.get(netuid) ?? 0))
    }
  }

  private async addRootEpochs(netuids: readonly number[]): Promise<void> {
    const { from, to, facts, stateAt } = this
    const changes = this.touches.flatMap((touches, i) =>
      touches.params.has(ROOT_NETUID) || touches.subnets.has(ROOT_NETUID) ? [from + i] : [],
    )
    for (const height of await rootEpochs(Math.max(1, from), to, changes, stateAt)) {
      const state = await stateAt(height)
      await addSnapshot(state, ROOT_NETUID, this.timestampOf(height), true, facts)
      const values = await state.json(
        SUBTENSOR,
        'EmissionValues',
        netuids.map((netuid) => [netuid]),
      )
      netuids.forEach((netuid, i) =>
        facts.subnetParams.push({ netuid, name: 'emissionValues', blockHeight: height, value: values[i] ?? 'null' }),
      )
    }
  }

  private addLoaded(value: unknown): void {
    if (value !== null) this.loaded.push(value as LoadedEmission)
  }

  async state(kind: ExtractRequest['state']): Promise<StateChanges> {
    if (kind === 'none') return emptyState()
    const end = await this.stateAt(this.to)
    if (kind === 'whole') {
      await this.addFirstState(end)
      return readWholeState(end)
    }
    if (this.before) this.loaded.push(...this.before.loaded)
    await addDrained(this.dirty, end, this.loaded)
    return readStateChanges(end, this.dirty, await this.netuids())
  }

  async end(state: StateChanges): Promise<RangeEnd> {
    const netuids = await this.netuids()
    const end = await this.stateAt(this.to)
    const loaded = (await end.many(
      SUBTENSOR,
      'LoadedEmission',
      netuids.map((netuid) => [netuid]),
    )) as (LoadedEmission | null)[]
    const owners = new Set(state.subnets.flatMap(({ owner }) => owner ?? []))
    return { netuids, owners: [...owners], loaded: loaded.filter((list) => list !== null) }
  }

  /** History starts somewhere: parameters, metagraphs and neurons as they were at the first block indexed. */
  private async addFirstState(end: ChainState): Promise<void> {
    const { facts } = this
    const { height } = end
    const timestamp = this.timestampOf(height)
    const netuids = await readNetuids(end)
    const stable = new Set(stableSubnetItems(end.runtime).map(camelCase))
    for (const { netuid, params } of await readSubnets(end, netuids)) {
      for (const [name, value] of params) if (stable.has(name)) facts.subnetParams.push({ netuid, name, blockHeight: height, value })
    }
    for (const [name, value] of await readNetworkValues(end, stableNetworkItems(end.runtime))) {
      facts.subnetParams.push({ netuid: NETWORK, name, blockHeight: height, value })
    }
    const inSnapshots = new Set(facts.neuronSnapshots.map((row) => row.netuid))
    for (const netuid of netuids) if (!inSnapshots.has(netuid)) await addSnapshot(end, netuid, timestamp, false, facts)
    const registered = new Set(facts.neuronRegistrations.map((row) => `${row.netuid}/${row.uid}`))
    for (const { netuid, uid, hotkey, coldkey } of facts.neuronSnapshots) {
      if (registered.has(`${netuid}/${uid}`)) continue
      const unknown = { cost: null, difficulty: null, replacedHotkey: null, extrinsicIndex: null }
      facts.neuronRegistrations.push({ blockHeight: height, netuid, uid, hotkey, coldkey, method: 'GENESIS', ...unknown, timestamp })
    }
    sortFacts(facts)
  }
}

/** Blocks are read side by side; rows go in by height, so that the tables do not depend on which answer came first. */
function sortFacts(facts: Facts): void {
  for (const rows of Object.values(facts) as { blockHeight?: number; netuid?: number; uid?: number }[][]) {
    rows.sort((a, b) => (a.blockHeight ?? 0) - (b.blockHeight ?? 0) || (a.netuid ?? 0) - (b.netuid ?? 0) || (a.uid ?? 0) - (b.uid ?? 0))
  }
  // A parameter may have been read for two reasons at one block; the value is the same.
  facts.subnetParams = [...new Map(facts.subnetParams.map((row) => [`${row.blockHeight}/${row.netuid}/${row.name}`, row])).values()]
}
