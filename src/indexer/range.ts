import type { ChainReader, ChainReading } from '../chain/reader.js'
import type { ChainState } from '../chain/state.js'
import { prefetchNeurons } from '../chain/views/neuron-view.js'
import { readNetuids, ROOT_NETUID, subnetItems, SUBTENSOR } from '../chain/views/subnet-view.js'
import { epochDue } from '../consensus/tokenomics/emission-queue.js'
import { emptyFacts, emptyState, type Facts, type Hex, type StateChanges } from '../core/records.js'
import { addBlockFacts, authorOf } from './block-facts.js'
import type { DecodedBlock } from './decode-block.js'
import { createAuditor, type Auditor } from './audits.js'
import { addAdjustments, addEpoch, epochBlocks, rootEpochs, type LoadedEmission, type StateAt } from './epochs.js'
import { prefetchInputs } from './epoch-inputs.js'
import type { ExtractOptions, ExtractRequest } from './extract.js'
import { addFirstState, sortFacts } from './first-state.js'
import { readNetworkStats } from './network-stats.js'
import { addDrained, addReplaced, addTouches, createDirty, readStateChanges, readWholeState, type Dirty } from './state-changes.js'
import { addTouchedFacts } from './touched-facts.js'
import { touchesOf, type Touches } from './touches.js'

/** What is known of the end of a range when the range after it is extracted: it saves asking, and is never needed. */
export interface RangeEnd {
  netuids: number[]
  /** Owners of the subnets, whom the chain pays in every block. */
  owners: Hex[]
  loaded: LoadedEmission[]
}

export interface RangeInput {
  chain: ChainReader
  reading: ChainReading
  options: ExtractOptions
  blocks: readonly DecodedBlock[]
  /** Hash of the block before the first. */
  parentHash: Hex | null
  before: RangeEnd | undefined
}

export interface Range {
  facts: Facts
  addFacts(): Promise<void>
  state(kind: ExtractRequest['state']): Promise<StateChanges>
  end(state: StateChanges): Promise<RangeEnd>
}

/** Asks for what will be read of a state in any case, in the request of this turn. */
export function prefetchState(state: ChainState, { netuids, owners }: Pick<RangeEnd, 'netuids' | 'owners'>): void {
  const nets = netuids.map((netuid) => [netuid])
  for (const name of [...subnetItems(state.runtime), 'LoadedEmission']) state.prefetch(SUBTENSOR, name, nets)
  const accounts = owners.map((owner) => [owner])
  state.prefetch('System', 'Account', accounts)
  state.prefetch(SUBTENSOR, 'TotalColdkeyStake', accounts)
  state.prefetch('Aura', 'Authorities', [[]])
}

/** Decoded blocks on their way to rows. Reads that do not depend on each other are made side by side: what a far node costs is round trips. */
export function createRange({ chain, reading, options, blocks, parentHash, before }: RangeInput): Range {
  const facts = emptyFacts()
  const dirty: Dirty = createDirty()
  const from = (blocks[0] as DecodedBlock).raw.height
  const to = (blocks.at(-1) as DecodedBlock).raw.height
  const touched: Touches[] = blocks.map(touchesOf)
  const states = new Map<number, Promise<ChainState>>()
  /** What epochs of the range, or the one before it, left to be paid out. */
  const loaded: LoadedEmission[] = [...(before?.loaded ?? [])]
  /** Blocks whose totals are taken. */
  const counted = new Set<number>()
  let subnets: Promise<number[]> | undefined

  const stateAt: StateAt = (height) => {
    let state = states.get(height)
    if (!state) {
      const known = height === from - 1 ? parentHash : blocks[height - from]?.raw.hash
      states.set(height, (state = reading.stateAt(height, known ?? undefined)))
    }
    return state
  }

  function timestampOf(height: number): number {
    return (blocks[height - from] as DecodedBlock).timestamp
  }

  /** Subnets after the range: those before it, when no event says otherwise. */
  function netuids(): Promise<number[]> {
    const changed = touched.some((touches) => touches.subnets.size > 0)
    subnets ??= before && !changed ? Promise.resolve(before.netuids) : stateAt(to).then(readNetuids)
    return subnets
  }

  function addLoaded(value: unknown): void {
    if (value !== null) loaded.push(value as LoadedEmission)
  }

  async function addBlocks(): Promise<void> {
    const authorities = ((await (await stateAt(to)).get('Aura', 'Authorities')) as Hex[] | null) ?? []
    for (const block of blocks) addBlockFacts(block, authorOf(block.raw.digest, authorities), facts)
  }

  function noteRuntime(block: DecodedBlock, touches: Touches): void {
    const { runtime, raw } = block
    if (!touches.codeUpdated) chain.noteSameCode(raw.height)
    if (facts.runtimeVersions.some((known) => known.specVersion === runtime.specVersion)) return
    const { specVersion, specName, transactionVersion, metadataVersion, metadataHash, metadata } = runtime
    facts.runtimeVersions.push({
      specVersion,
      specName,
      transactionVersion,
      firstBlock: raw.height,
      metadataVersion,
      metadataHash,
      metadata,
    })
  }

  async function addTouched(block: DecodedBlock, touches: Touches): Promise<void> {
    const { height } = block.raw
    const sampleBalances = height % options.balanceSampleEvery === 0
    const parent = (): Promise<ChainState> => stateAt(height - 1)
    await addTouchedFacts({ state: await stateAt(height), parent, timestamp: block.timestamp, touches, sampleBalances }, facts)
  }

  function sampledHeights(): number[] {
    return blocks.map(({ raw }) => raw.height).filter((height) => height % options.statsEvery === 0)
  }

  /** Totals of a block, once for each: wherever whole metagraphs are stored there are totals to hold them against. */
  async function addStats(height: number): Promise<void> {
    if (counted.has(height)) return
    counted.add(height)
    facts.networkStats.push(await readNetworkStats(await stateAt(height), timestampOf(height)))
  }

  /** Epochs and adjustments of every subnet that existed at the end of the range, or until it was removed in it. */
  async function addEpochs(): Promise<void> {
    const present = await netuids()
    prefetchState(await stateAt(to), { netuids: present, owners: [] })
    const lives = new Map(present.map((netuid) => [netuid, to]))
    touched.forEach((touches, i) => {
      for (const netuid of touches.removedSubnets) if (!lives.has(netuid)) lives.set(netuid, from + i - 1)
    })
    const lived = [...lives].filter(([, last]) => last >= from)
    const roots = lives.has(ROOT_NETUID) ? rootEpochsOf() : Promise.resolve([])
    const nets = [...lives.keys()]
    const runtimeAt = (height: number): DecodedBlock['runtime'] => (blocks[height - from] as DecodedBlock).runtime
    const auditor = createAuditor({ facts, stateAt, runtimeAt, netuids: nets, rootEpochs: roots })
    await Promise.all([
      ...lived.map(([netuid, last]) => addAdjustments(netuid, from, last, stateAt, facts)),
      ...lived.filter(([netuid]) => netuid !== ROOT_NETUID).map(([netuid, last]) => addSubnetEpochs(netuid, last, nets, auditor)),
      addRootEpochs(roots, nets, auditor),
    ])
  }

  async function addSubnetEpochs(netuid: number, last: number, nets: readonly number[], auditor: Auditor): Promise<void> {
    const n = ((await (await stateAt(to)).get(SUBTENSOR, 'SubnetworkN', netuid)) as number | null) ?? 0
    const also = (before: ChainState): void => prefetchInputs(before, netuid, nets, n)
    // The counters of a chain begin at 0, where no epoch ran.
    const [{ epochs, tempo }] = await Promise.all([
      epochBlocks({ netuid, from: Math.max(1, from), to: last, stateAt, also }),
      addLoadedBefore(netuid),
    ])
    await Promise.all(
      epochs.map(async (height) => {
        const [before, state] = await Promise.all([stateAt(height - 1), stateAt(height)])
        prefetchNeurons(state, netuid, n)
        const [left] = await Promise.all([addEpoch(before, state, netuid, timestampOf(height), auditor, facts), addStats(height)])
        addLoaded(left)
      }),
    )
    // An epoch that would have given more than was due writes its results and leaves the counter: the neurons are read again all the same.
    for (let height = from; height <= last; height++) {
      if (epochs.includes(height) || epochDue(netuid, tempo, height))
        dirty.subnets.set(netuid, Math.max(height, dirty.subnets.get(netuid) ?? 0))
    }
  }

  /** What was loaded before the range; for all subnets it is in `before`, when that is known. */
  async function addLoadedBefore(netuid: number): Promise<void> {
    if (!before) addLoaded(await (await stateAt(Math.max(0, from - 1))).get(SUBTENSOR, 'LoadedEmission', netuid))
  }

  function rootEpochsOf(): Promise<number[]> {
    const changes = touched.flatMap((touches, i) => (touches.params.has(ROOT_NETUID) || touches.subnets.has(ROOT_NETUID) ? [from + i] : []))
    return rootEpochs(Math.max(1, from), to, changes, stateAt)
  }

  async function addRootEpochs(heights: Promise<number[]>, nets: readonly number[], auditor: Auditor): Promise<void> {
    await Promise.all((await heights).map((height) => addRootEpoch(height, nets, auditor)))
  }

  async function addRootEpoch(height: number, nets: readonly number[], auditor: Auditor): Promise<void> {
    const [before, state] = await Promise.all([stateAt(height - 1), stateAt(height)])
    const keys = nets.map((netuid) => [netuid])
    const stored = state.stored(SUBTENSOR, 'EmissionValues', keys) as Promise<(bigint | null)[]>
    const outputs = stored.then((values) => ({
      kind: 'root' as const,
      emissionValues: nets.flatMap((netuid, i) => {
        const value = values[i] ?? null
        return value === null ? [] : [{ netuid, value }]
      }),
    }))
    const [present, values] = await Promise.all([
      stored,
      state.json(SUBTENSOR, 'EmissionValues', keys),
      addEpoch(before, state, ROOT_NETUID, timestampOf(height), auditor, facts, outputs),
      addStats(height),
    ])
    if (!state.has(SUBTENSOR, 'EmissionValues')) return
    nets.forEach((netuid, i) => {
      // A subnet that is gone has no value; its default would read as one.
      const value = present[i] === null ? 'null' : (values[i] ?? 'null')
      facts.subnetParams.push({ netuid, name: 'emissionValues', blockHeight: height, value })
    })
  }

  return {
    facts,
    async addFacts() {
      blocks.forEach((block, i) => {
        const touches = touched[i] as Touches
        addTouches(dirty, touches, block.raw.height)
        noteRuntime(block, touches)
      })
      await Promise.all([
        addBlocks(),
        ...blocks.map((block, i) => addTouched(block, touched[i] as Touches)),
        addEpochs(),
        ...sampledHeights().map(addStats),
      ])
      for (const row of facts.neuronDeregistrations) addReplaced(dirty, [row.hotkey], row.blockHeight)
      sortFacts(facts)
    },
    async state(kind) {
      if (kind === 'none') return emptyState()
      const end = await stateAt(to)
      if (kind === 'whole') {
        await addStats(to)
        await addFirstState(end, timestampOf(to), facts)
        return readWholeState(end)
      }
      await addDrained(dirty, end, loaded)
      return readStateChanges(end, dirty, await netuids())
    },
    async end(state) {
      const present = await netuids()
      const end = await stateAt(to)
      const keys = present.map((netuid) => [netuid])
      const left = (await end.many(SUBTENSOR, 'LoadedEmission', keys)) as (LoadedEmission | null)[]
      const owners = new Set(state.subnets.flatMap(({ owner }) => owner ?? []))
      return { netuids: present, owners: [...owners], loaded: left.filter((list) => list !== null) }
    },
  }
}
