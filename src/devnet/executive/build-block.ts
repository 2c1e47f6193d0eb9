/** Builds a block: hooks, the timestamp, extrinsics, and the header over what came of them. */
import type { Hex } from '../../core/records.js'
import { BLOCK_HASH_COUNT } from '../runtime/pallets/system.js'
import { Writer } from '../runtime/scale.js'
import { InvalidTransaction, type DispatchOutcome } from '../runtime/types.js'
import { BASE_BLOCK, HOOKS } from '../runtime/weights.js'
import type { Changes, History } from '../state/history.js'
import type { StateBlock } from '../state/block-tree.js'
import { createOverlay } from '../state/overlay.js'
import { applyExtrinsic, type Chain } from './apply.js'
import { createBlockLimits } from './block-limits.js'
import { createExecution, type Execution } from './context.js'
import { decodeExtrinsic, encodeInherent, type Extrinsic } from './extrinsic.js'
import { extrinsicsRoot, hashHeader, slotDigest, type Header } from './header.js'

export interface Candidate {
  extrinsic: Extrinsic
  /** Its signature was found good before; an immortal one stays so. */
  verified: boolean
}

export interface Refusal {
  extrinsic: Extrinsic
  reason: InvalidTransaction
}

export interface BuiltBlock {
  header: Header
  hash: Hex
  extrinsics: Uint8Array[]
  changes: Changes
  /** Outcome of each candidate that is in the block, by its hash. */
  applied: Map<Hex, DispatchOutcome>
  refused: Refusal[]
}

export interface BlockInput {
  chain: Chain
  history: History
  parent: { state: StateBlock; hash: Hex; number: number }
  timestampMs: number
  slotMs: number
  candidates: Candidate[]
  /** Told of a call that broke, which is a defect of a pallet here and a panic of the runtime there. */
  onPanic: (extrinsic: Extrinsic, error: unknown) => void
}

export function buildBlock(input: BlockInput): BuiltBlock {
  const { chain, history, parent } = input
  const { runtime } = chain
  const number = parent.number + 1
  const overlay = createOverlay({
    get: (key) => history.get(parent.state, key),
    keys: (prefix) => history.keys(parent.state, prefix),
  })
  const execution = createExecution({ runtime, overlay, blockNumber: number })
  const limits = createBlockLimits()
  const digest = slotDigest(BigInt(Math.floor(input.timestampMs / input.slotMs)))
  initialise(execution, { number, parentHash: parent.hash, digest })
  limits.charge(BASE_BLOCK)
  limits.charge(HOOKS)
  for (const pallet of runtime.pallets) {
    limits.charge({ refTime: pallet.initializeWeight ?? 0n, proofSize: 0n })
    pallet.onInitialize?.(execution.ctx)
  }

  const extrinsics: Uint8Array[] = []
  const applied = new Map<Hex, DispatchOutcome>()
  const refused: Refusal[] = []
  const timestamp = { pallet: 'Timestamp', call: 'set', args: { now: BigInt(input.timestampMs) } }
  const inherent = decodeExtrinsic(encodeInherent(timestamp, runtime.codecs), runtime.codecs)
  applyExtrinsic(inherent, 0, execution, limits, chain, true)
  extrinsics.push(inherent.bytes)
  for (const { extrinsic, verified } of input.candidates) {
    try {
      applied.set(extrinsic.hash, applyExtrinsic(extrinsic, extrinsics.length, execution, limits, chain, verified))
      extrinsics.push(extrinsic.bytes)
    } catch (error) {
      if (!(error instanceof InvalidTransaction)) input.onPanic(extrinsic, error)
      refused.push({ extrinsic, reason: error instanceof InvalidTransaction ? error : new InvalidTransaction('Call') })
    }
  }

  execution.setPhase({ type: 'Finalization' })
  for (const pallet of runtime.pallets) pallet.onFinalize?.(execution.ctx)
  const consumed = limits.consumed()
  const value = ({ refTime, proofSize }: { refTime: bigint; proofSize: bigint }) => ({ ref_time: refTime, proof_size: proofSize })
  execution.ctx.set('System', 'BlockWeight', [], {
    normal: value(consumed.Normal),
    operational: value(consumed.Operational),
    mandatory: value(consumed.Mandatory),
  })
  finalise(execution, number)
  overlay.set(runtime.storage.item('System', 'Events').key([]), encodeEvents(execution.events))

  const changes = overlay.changes()
  const header: Header = {
    parentHash: parent.hash,
    number,
    stateRoot: history.rootWith(parent.state, changes).root,
    extrinsicsRoot: extrinsicsRoot(extrinsics),
    digest,
  }
  return { header, hash: hashHeader(header, runtime.codecs), extrinsics, changes, applied, refused }
}

function initialise({ ctx }: Execution, { number, parentHash, digest }: { number: number; parentHash: Hex; digest: unknown }): void {
  ctx.set('System', 'Number', [], number)
  ctx.set('System', 'Digest', [], digest)
  ctx.set('System', 'ParentHash', [], parentHash)
  ctx.set('System', 'BlockHash', [number - 1], parentHash)
}

function finalise({ ctx, events }: Execution, number: number): void {
  // The genesis hash stays for ever: immortal extrinsics sign it.
  const expired = number - BLOCK_HASH_COUNT - 1
  if (expired > 0) ctx.remove('System', 'BlockHash', expired)
  ctx.set('System', 'EventCount', [], events.length)
}

function encodeEvents(events: readonly Uint8Array[]): Uint8Array {
  const out = new Writer()
  out.compact(events.length)
  for (const event of events) out.raw(event)
  return out.done()
}
