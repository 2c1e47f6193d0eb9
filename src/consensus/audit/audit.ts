/** Recomputes an epoch and says whether the chain came to the same. */
import type { AuditRecord, Hex } from '../../core/records.js'
import { generationOf, type RuntimeName } from '../generations.js'
import type { Generation } from '../types.js'
import { compareRoot, compareSubnet, type AuditDifference, type StoredOutputs } from './compare.js'
import { unpackInputs, type AuditInputs } from './inputs.js'

/**
 * Why an epoch cannot be recomputed. `UNKNOWN_GENERATION`: taogate does not know the rules of the block's runtime. `NO_INPUTS`: they were not stored.
 * `NO_OUTPUTS`: what the epoch wrote is not stored. `INPUTS_CORRUPT`: the stored bytes are not those that were hashed. `INPUTS_IMPOSSIBLE`: no chain can hold
 * such inputs.
 */
export type AuditReason = 'UNKNOWN_GENERATION' | 'NO_INPUTS' | 'NO_OUTPUTS' | 'INPUTS_CORRUPT' | 'INPUTS_IMPOSSIBLE'

/** More differences of one epoch than these are counted, not kept. */
const KEPT_DIFFERENCES = 100

export function notAuditable(reason: AuditReason, generation: string | null = null, inputsHash: Hex | null = null): AuditRecord {
  return { status: 'NOT_AUDITABLE', reason, generation, inputsHash, differenceCount: 0, differences: null }
}

/** Runs the epoch of `inputs` by the rules of a generation and compares it with what the chain stored. */
export function auditInputs(generation: Generation, inputs: AuditInputs, inputsHash: Hex, chain: StoredOutputs): AuditRecord {
  let found: AuditDifference[] | null
  try {
    found = differences(generation, inputs, chain)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return notAuditable('INPUTS_IMPOSSIBLE', generation.id, inputsHash)
  }
  if (found === null) return notAuditable('NO_OUTPUTS', generation.id, inputsHash)
  return {
    status: found.length === 0 ? 'EXACT' : 'DIFFERS',
    reason: null,
    generation: generation.id,
    inputsHash,
    differenceCount: found.length,
    differences: found.length === 0 ? null : JSON.stringify(found.slice(0, KEPT_DIFFERENCES)),
  }
}

/** Null where the stored outputs are not of the kind that the inputs are. */
function differences(generation: Generation, inputs: AuditInputs, chain: StoredOutputs): AuditDifference[] | null {
  if (inputs.kind === 'subnet') {
    return chain.kind === 'subnet' && (chain.neurons.length > 0 || inputs.n === 0)
      ? compareSubnet(inputs, generation.subnetEpoch(inputs), chain)
      : null
  }
  return chain.kind === 'root' && generation.rootEpoch ? compareRoot(inputs, generation.rootEpoch(inputs), chain) : null
}

export interface StoredEpoch {
  readonly runtime: RuntimeName
  /** As packed when the epoch was indexed; null when they were not stored. */
  readonly inputs: Uint8Array | null
  readonly inputsHash: Hex | null
  readonly chain: StoredOutputs
}

/**
 * The audit of an epoch from what is stored of it. The hash stays, whatever comes of it: should inputs that are missing come back, it is what they are checked
 * with.
 */
export function auditStored({ runtime, inputs: packed, inputsHash, chain }: StoredEpoch): AuditRecord {
  const generation = generationOf(runtime)
  if (!generation) return notAuditable('UNKNOWN_GENERATION', null, inputsHash)
  if (packed === null || inputsHash === null) return notAuditable('NO_INPUTS', generation.id, inputsHash)
  const inputs = unpackInputs(packed, inputsHash)
  return inputs ? auditInputs(generation, inputs, inputsHash, chain) : notAuditable('INPUTS_CORRUPT', generation.id, inputsHash)
}
