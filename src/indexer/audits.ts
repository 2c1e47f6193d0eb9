import type { ChainState } from '../chain/state.js'
import { ROOT_NETUID, SUBTENSOR } from '../chain/views/subnet-view.js'
import { auditInputs, notAuditable, packInputs, type RootAuditInputs, type StoredOutputs } from '../consensus/audit/index.js'
import { generationOf, type RuntimeName } from '../consensus/generations.js'
import type { Generation, SubnetEpochInputs } from '../consensus/types.js'
import type { AuditRecord, Facts } from '../core/records.js'
import { readLoaded, readRootInputs, readSubnetInputs, type Loaded } from './epoch-inputs.js'
import type { StateAt } from './epochs.js'

/** Audits the epochs of a range while it is extracted. */
export interface Auditor {
  /** Recomputes the epoch of a subnet, or of the root network, in a block from the state before it. Its inputs go to `facts`. */
  audit(netuid: number, height: number, outputs: Promise<StoredOutputs>): Promise<{ audit: AuditRecord; emissionDue: bigint | null }>
}

export interface AuditorOptions {
  facts: Facts
  stateAt: StateAt
  runtimeAt: (height: number) => RuntimeName
  /** All subnets that were there at any time in the range. */
  netuids: readonly number[]
  /** Blocks of the range in which the root network's epoch runs. */
  rootEpochs: Promise<readonly number[]>
}

export function createAuditor({ facts, stateAt, runtimeAt, netuids, rootEpochs }: AuditorOptions): Auditor {
  const loaded = remembered(async (height): Promise<Loaded> => readLoaded(await stateAt(height - 1), netuids))
  const roots = remembered(async (height): Promise<RootAuditInputs> => readRootInputs(await stateAt(height - 1), netuids))
  /** What the root network's epoch of a block gives to each subnet; nothing where none runs, or it leaves the values as they were. */
  const rootValues = remembered(async (height): Promise<ReadonlyMap<number, bigint>> => {
    const { rootEpoch } = generationOf(runtimeAt(height)) ?? {}
    if (!rootEpoch || !(await rootEpochs).includes(height)) return new Map()
    const inputs = await roots(height)
    const outputs = rootEpoch(inputs)
    return new Map(outputs.ok ? inputs.netuids.map((netuid, i) => [netuid, outputs.emissionValues[i] as bigint]) : [])
  })

  /** What a subnet is given in a block: the root network's epoch of the same block has set it before. */
  async function emissionValue(before: ChainState, netuid: number): Promise<bigint> {
    const set = (await rootValues(before.height + 1)).get(netuid)
    return set ?? ((await before.get(SUBTENSOR, 'EmissionValues', netuid)) as bigint | null) ?? 0n
  }

  async function readInputs(netuid: number, height: number, generation: Generation): Promise<SubnetEpochInputs | RootAuditInputs> {
    if (netuid === ROOT_NETUID && generation.rootEpoch) return roots(height)
    const before = await stateAt(height - 1)
    return readSubnetInputs(before, netuid, generation, loaded(height), emissionValue(before, netuid))
  }

  return {
    async audit(netuid, height, outputs) {
      const generation = generationOf(runtimeAt(height))
      if (!generation) return { audit: notAuditable('UNKNOWN_GENERATION'), emissionDue: null }
      const inputs = await readInputs(netuid, height, generation).catch(impossible)
      if (inputs === null) return { audit: notAuditable('INPUTS_IMPOSSIBLE', generation.id), emissionDue: null }
      const [packed, chain] = await Promise.all([packInputs(inputs), outputs])
      facts.epochInputs.push({ netuid, blockHeight: height, inputs: packed.bytes })
      return {
        audit: auditInputs(generation, inputs, packed.hash, chain),
        emissionDue: inputs.kind === 'subnet' ? inputs.emission : null,
      }
    },
  }
}

/** An epoch that no rules allow for is no reason to stop indexing; a node that does not answer is. */
function impossible(error: unknown): null {
  if (error instanceof RangeError) return null
  throw error
}

/** Once for each height, however often it is asked for. */
function remembered<T>(read: (height: number) => Promise<T>): (height: number) => Promise<T> {
  const known = new Map<number, Promise<T>>()
  return (height) => {
    let found = known.get(height)
    if (!found) known.set(height, (found = read(height)))
    return found
  }
}
