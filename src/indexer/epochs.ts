import type { ChainState } from '../chain/state.js'
import { readAllNeurons, uidKeys } from '../chain/views/neuron-view.js'
import { camelCase, ROOT_NETUID, SUBTENSOR } from '../chain/views/subnet-view.js'
import type { StoredOutputs } from '../consensus/audit/index.js'
import { epochDue } from '../consensus/tokenomics/emission-queue.js'
import type { EmissionRecord, Facts, Hex, NeuronFields } from '../core/records.js'
import type { Auditor } from './audits.js'

/** Gives the state after any block of the range. */
export type StateAt = (height: number) => Promise<ChainState>

export interface CounterSearch {
  /** Storage name of the counter. */
  counter: string
  netuid: number
  /** How far apart the blocks are expected to be: what it foretells is asked for at once, what it gets wrong costs a round trip. */
  period: number
  from: number
  to: number
  stateAt: StateAt
  /** Asks for more of the state before a block that is foretold. */
  also?: (before: ChainState) => void
}

/**
 * Blocks `from..to` in which a subnet's counter was set to the block's own number, newest first. The counter at the end tells the last such block,
 * the counter before that block the one before it, and so on: one read for each block found, none for quiet ones.
 */
export async function counterBlocks(search: CounterSearch): Promise<number[]> {
  const { counter, netuid, period, from, to, stateAt } = search
  const found: number[] = []
  for (let at = to; at >= from;) {
    const value = (await (await stateAt(at)).get(SUBTENSOR, counter, netuid)) as bigint | null
    const block = value === null ? -1 : Number(value)
    if (block < from || block > at) break
    if (found.length === 0 && period > 0) await foretell(search, block)
    found.push(block)
    at = block - 1
  }
  return found
}

async function foretell({ counter, netuid, period, from, stateAt, also }: CounterSearch, last: number): Promise<void> {
  const heights: number[] = []
  for (let block = last; block >= from; block -= period) heights.push(block - 1)
  const states = await Promise.all(heights.filter((height) => height >= 0).map(stateAt))
  for (const state of states) {
    if (state.height >= from) state.prefetch(SUBTENSOR, counter, [[netuid]])
    also?.(state)
  }
}

/** Blocks in which a subnet's epoch ran, and the tempo after the last block. */
export async function epochBlocks(
  search: Pick<CounterSearch, 'netuid' | 'from' | 'to' | 'stateAt' | 'also'>,
): Promise<{ epochs: number[]; tempo: number }> {
  const tempo = ((await (await search.stateAt(search.to)).get(SUBTENSOR, 'Tempo', search.netuid)) as number | null) ?? 0
  return { epochs: await counterBlocks({ ...search, counter: 'LastMechansimStepBlock', period: tempo + 1 }), tempo }
}

/** Epochs of the root network have no counter: they are where the formula says, with the tempo that was in force. */
export async function rootEpochs(from: number, to: number, tempoChanges: readonly number[], stateAt: StateAt): Promise<number[]> {
  const end = await stateAt(to)
  if (!end.runtime.hasCall(SUBTENSOR, 'root_register')) return []
  const out: number[] = []
  // Stretches between blocks in which parameters of the root network were set; an epoch runs before its block's extrinsics.
  const starts = [from, ...tempoChanges.filter((height) => height >= from && height < to).map((height) => height + 1)]
  for (const [i, start] of starts.entries()) {
    const stop = (starts[i + 1] ?? to + 1) - 1
    // When nothing was set after the last stretch began, the state at the end, which is read in any case, tells its tempo.
    const state = i === starts.length - 1 && !tempoChanges.includes(to) ? end : await stateAt(Math.max(0, start - 1))
    const tempo = ((await state.get(SUBTENSOR, 'Tempo', ROOT_NETUID)) as number | null) ?? 0
    for (let block = start; block <= stop; block++) if (epochDue(ROOT_NETUID, tempo, block)) out.push(block)
  }
  return out
}

/** The whole metagraph of a subnet after a block. */
export async function addSnapshot(state: ChainState, netuid: number, out: Facts): Promise<NeuronFields[]> {
  const n = (await state.get(SUBTENSOR, 'SubnetworkN', netuid)) as number | null
  const neurons = await readAllNeurons(state, netuid, n ?? 0)
  for (const neuron of neurons) out.neuronSnapshots.push({ ...neuron, blockHeight: state.height })
  return neurons
}

/**
 * An epoch that ran in a block: the metagraph after it, what it gave, and its audit. What the root network's epoch writes is given by the caller; it gives to
 * no neuron. `before` is the state before the block, where the epoch found its neurons. Returns what is loaded to be paid out.
 */
export async function addEpoch(
  before: ChainState,
  state: ChainState,
  netuid: number,
  timestamp: number,
  auditor: Auditor,
  out: Facts,
  rootOutputs?: Promise<StoredOutputs>,
): Promise<LoadedEmission | null> {
  const outputs = readOutputs(before, state, netuid, out)
  const [n, tempo, emissionValue, { neurons, emissions, loaded }, { audit, emissionDue }] = await Promise.all([
    state.get(SUBTENSOR, 'SubnetworkN', netuid) as Promise<number | null>,
    state.get(SUBTENSOR, 'Tempo', netuid) as Promise<number | null>,
    state.get(SUBTENSOR, 'EmissionValues', netuid) as Promise<bigint | null>,
    outputs,
    auditor.audit(netuid, state.height, rootOutputs ?? outputs.then(({ stored }) => stored)),
  ])
  out.emissions.push(...emissions)
  out.epochs.push({
    netuid,
    blockHeight: state.height,
    tempo: tempo ?? 0,
    n: n ?? 0,
    emissionValue,
    emissionDue,
    emissionGiven: rootOutputs ? null : emissions.reduce((sum, { total }) => sum + total, 0n),
    serverEmission: sumOf(emissions, (e) => e.server),
    validatorEmission: sumOf(emissions, (e) => e.validator),
    totalStake: neurons.every((neuron) => neuron.stake !== null) ? neurons.reduce((sum, neuron) => sum + (neuron.stake ?? 0n), 0n) : null,
    activeCount: neurons.filter((neuron) => neuron.active).length,
    validatorCount: neurons.filter((neuron) => neuron.validatorPermit).length,
    audit,
    timestamp,
  })
  return loaded
}

interface Outputs {
  neurons: NeuronFields[]
  emissions: EmissionRecord[]
  loaded: LoadedEmission | null
  /** The same as the audit sees it. */
  stored: StoredOutputs
}

async function readOutputs(before: ChainState, state: ChainState, netuid: number, out: Facts): Promise<Outputs> {
  const [neurons, loaded, hotkeysBefore] = await Promise.all([
    addSnapshot(state, netuid, out),
    state.get(SUBTENSOR, 'LoadedEmission', netuid) as Promise<LoadedEmission | null>,
    readHotkeys(before, netuid),
  ])
  // Who is paid is who had the uid when the epoch ran; who got a new hotkey by a swap in the same block is paid on that one.
  const uidOf = new Map(neurons.map(({ hotkey, uid }) => [hotkey, uid]))
  hotkeysBefore.forEach((hotkey, uid) => hotkey !== null && uidOf.set(hotkey, uid))
  const emissions = emissionRecords(loaded ?? [], uidOf, netuid, state.height)
  return { neurons, emissions, loaded, stored: { kind: 'subnet', neurons, payments: emissions } }
}

/** By uid; null where there is none. */
async function readHotkeys(state: ChainState, netuid: number): Promise<(Hex | null)[]> {
  const n = ((await state.get(SUBTENSOR, 'SubnetworkN', netuid)) as number | null) ?? 0
  return (await state.stored(SUBTENSOR, 'Keys', uidKeys(netuid, n))) as (Hex | null)[]
}

/** Tuples of `(hotkey, amount)` in 2023, of `(hotkey, server, validator)` after. */
export type LoadedEmission = ([Hex, bigint] | [Hex, bigint, bigint])[]

function emissionRecords(loaded: LoadedEmission, uidOf: ReadonlyMap<Hex, number>, netuid: number, blockHeight: number): EmissionRecord[] {
  const rows = new Map<number, EmissionRecord>()
  for (const [hotkey, first, second] of loaded) {
    const uid = uidOf.get(hotkey)
    // What an earlier epoch left was that epoch's to record.
    if (uid === undefined || rows.has(uid)) continue
    const split = second !== undefined
    rows.set(uid, {
      netuid,
      blockHeight,
      uid,
      hotkey,
      server: split ? first : null,
      validator: split ? second : null,
      total: first + (second ?? 0n),
    })
  }
  return [...rows.values()].sort((a, b) => a.uid - b.uid)
}

function sumOf(rows: readonly EmissionRecord[], pick: (row: EmissionRecord) => bigint | null): bigint | null {
  let sum: bigint | null = rows.length === 0 ? 0n : null
  for (const row of rows) {
    const value = pick(row)
    if (value !== null) sum = (sum ?? 0n) + value
  }
  return sum
}

/** What the chain sets by itself at the end of a registration interval. */
const ADJUSTED = ['Burn', 'Difficulty']

/** Burn and difficulty after each adjustment in the range. */
export async function addAdjustments(netuid: number, from: number, to: number, stateAt: StateAt, out: Facts): Promise<void> {
  const interval = ((await (await stateAt(to)).get(SUBTENSOR, 'AdjustmentInterval', netuid)) as number | null) ?? 0
  const blocks = await counterBlocks({ counter: 'LastAdjustmentBlock', netuid, period: interval, from, to, stateAt })
  await Promise.all(
    blocks.map(async (blockHeight) => {
      const state = await stateAt(blockHeight)
      const values = await Promise.all(ADJUSTED.map((name) => state.json(SUBTENSOR, name, [[netuid]])))
      ADJUSTED.forEach((name, i) => {
        if (state.has(SUBTENSOR, name))
          out.subnetParams.push({ netuid, name: camelCase(name), blockHeight, value: values[i]?.[0] ?? 'null' })
      })
    }),
  )
}
