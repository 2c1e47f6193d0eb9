import type { ChainState } from '../chain/state.js'
import { readAllNeurons } from '../chain/views/neuron-view.js'
import { camelCase, ROOT_NETUID, SUBTENSOR } from '../chain/views/subnet-view.js'
import type { EmissionRecord, Facts, Hex, NeuronFields } from '../core/records.js'

/** Gives the state after any block of the range. */
export type StateAt = (height: number) => Promise<ChainState>

/**
 * Blocks `from..to` in which a subnet's counter was set to the block's own number, newest first. The counter at the end tells the last such block,
 * the counter before that block the one before it, and so on: one read for each block found, none for quiet ones. `period` is how far apart they
 * are expected to be: what it foretells is asked for at once, what it gets wrong costs a round trip.
 */
export async function counterBlocks(
  counter: string,
  netuid: number,
  period: number,
  from: number,
  to: number,
  stateAt: StateAt,
): Promise<number[]> {
  const found: number[] = []
  for (let at = to; at >= from;) {
    const value = (await (await stateAt(at)).get(SUBTENSOR, counter, netuid)) as bigint | null
    const block = value === null ? -1 : Number(value)
    if (block < from || block > at) break
    if (found.length === 0 && period > 0) await foretell(counter, netuid, period, from, block, stateAt)
    found.push(block)
    at = block - 1
  }
  return found
}

async function foretell(counter: string, netuid: number, period: number, from: number, last: number, stateAt: StateAt): Promise<void> {
  const heights: number[] = []
  for (let block = last; block > from; block -= period) heights.push(block - 1)
  const states = await Promise.all(heights.map(stateAt))
  for (const state of states) state.prefetch(SUBTENSOR, counter, [[netuid]])
}

/** Blocks in which a subnet's epoch ran, and the tempo after the last block. */
export async function epochBlocks(
  netuid: number,
  from: number,
  to: number,
  stateAt: StateAt,
): Promise<{ epochs: number[]; tempo: number }> {
  const tempo = ((await (await stateAt(to)).get(SUBTENSOR, 'Tempo', netuid)) as number | null) ?? 0
  return { epochs: await counterBlocks('LastMechansimStepBlock', netuid, tempo + 1, from, to, stateAt), tempo }
}

/**
 * Whether the epoch of a subnet is due in a block: `(block + netuid + 1) mod (tempo + 1) = tempo`, never with tempo 0 (pallets/subtensor/src/block_step.rs,
 * `blocks_until_next_epoch`, March 2023 on).
 */
export function epochDue(netuid: number, tempo: number, block: number): boolean {
  return tempo > 0 && (block + netuid + 1) % (tempo + 1) === tempo
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

/** The whole metagraph of a subnet after a block, with the sums of the epoch when one ran there. Gives what is loaded to be paid out. */
export async function addSnapshot(
  state: ChainState,
  netuid: number,
  timestamp: number,
  epoch: boolean,
  out: Facts,
): Promise<LoadedEmission | null> {
  const [n, tempo, emissionValue, loaded] = await Promise.all([
    state.get(SUBTENSOR, 'SubnetworkN', netuid) as Promise<number | null>,
    state.get(SUBTENSOR, 'Tempo', netuid) as Promise<number | null>,
    state.get(SUBTENSOR, 'EmissionValues', netuid) as Promise<bigint | null>,
    state.get(SUBTENSOR, 'LoadedEmission', netuid) as Promise<LoadedEmission | null>,
  ])
  const neurons = await readAllNeurons(state, netuid, n ?? 0)
  for (const neuron of neurons) out.neuronSnapshots.push({ ...neuron, blockHeight: state.height })
  if (!epoch) return loaded
  const emissions = emissionRecords(loaded ?? [], neurons, netuid, state.height)
  out.emissions.push(...emissions)
  out.epochs.push({
    netuid,
    blockHeight: state.height,
    tempo: tempo ?? 0,
    n: n ?? 0,
    emissionValue,
    serverEmission: sumOf(emissions, (e) => e.server),
    validatorEmission: sumOf(emissions, (e) => e.validator),
    totalStake: neurons.every((neuron) => neuron.stake !== null) ? neurons.reduce((sum, neuron) => sum + (neuron.stake ?? 0n), 0n) : null,
    activeCount: neurons.filter((neuron) => neuron.active).length,
    validatorCount: neurons.filter((neuron) => neuron.validatorPermit).length,
    timestamp,
  })
  return loaded
}

/** Tuples of `(hotkey, amount)` in 2023, of `(hotkey, server, validator)` after. */
export type LoadedEmission = ([Hex, bigint] | [Hex, bigint, bigint])[]

function emissionRecords(loaded: LoadedEmission, neurons: readonly NeuronFields[], netuid: number, blockHeight: number): EmissionRecord[] {
  const uidOf = new Map(neurons.map((neuron) => [neuron.hotkey, neuron.uid]))
  const rows = new Map<number, EmissionRecord>()
  for (const [hotkey, first, second] of loaded) {
    const uid = uidOf.get(hotkey)
    // What an earlier epoch left for a hotkey that is gone by now was that epoch's to record.
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
  const blocks = await counterBlocks('LastAdjustmentBlock', netuid, interval, from, to, stateAt)
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
