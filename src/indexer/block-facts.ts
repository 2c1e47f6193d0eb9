import { SUBTENSOR } from '../chain/views/subnet-view.js'
import type { CallRecord, Facts, Hex } from '../core/records.js'
import type { BlockExtrinsic, DecodedBlock } from './decode-block.js'
import { stakeParties } from './touches.js'

/** Rows that follow from a block alone: blocks, extrinsics, calls, events, transfers, stake events. Pure. */
export function addBlockFacts(block: DecodedBlock, author: Hex | null, out: Facts): void {
  const { raw, timestamp } = block
  out.blocks.push({
    height: raw.height,
    hash: raw.hash,
    parentHash: raw.parentHash,
    stateRoot: raw.stateRoot,
    extrinsicsRoot: raw.extrinsicsRoot,
    timestamp,
    author,
    specVersion: block.runtime.specVersion,
    extrinsicCount: block.extrinsics.length,
    eventCount: block.events.length,
  })
  for (const extrinsic of block.extrinsics) addExtrinsic(block, extrinsic, out)
  for (const event of block.events) {
    const { index, phase, extrinsicIndex, pallet, name, data } = event
    out.events.push({ blockHeight: raw.height, index, phase, extrinsicIndex, pallet, name, data })
    if (pallet === 'Balances' && name === 'Transfer') {
      const [from, to, amount] = event.values() as [Hex, Hex, bigint]
      const extrinsic = extrinsicIndex === null ? undefined : block.extrinsics[extrinsicIndex]
      const fee = extrinsic?.decoded.signature?.signer === from ? extrinsic.fee : null
      out.transfers.push({ blockHeight: raw.height, eventIndex: index, extrinsicIndex, from, to, amount, fee, timestamp })
    } else if (pallet === SUBTENSOR && (name === 'StakeAdded' || name === 'StakeRemoved')) {
      const { hotkey, coldkey, netuid, amount } = stakeParties(event.values(), event, block)
      const action = name === 'StakeAdded' ? 'ADD' : 'REMOVE'
      out.stakeEvents.push({
        blockHeight: raw.height,
        eventIndex: index,
        extrinsicIndex,
        action,
        hotkey,
        coldkey,
        netuid,
        amount,
        timestamp,
      })
    }
  }
}

function addExtrinsic(block: DecodedBlock, extrinsic: BlockExtrinsic, out: Facts): void {
  const { decoded, index, success, error, fee, calls } = extrinsic
  const blockHeight = block.raw.height
  out.extrinsics.push({
    blockHeight,
    index,
    hash: decoded.hash,
    signer: decoded.signature?.signer ?? null,
    pallet: decoded.call.pallet,
    call: decoded.call.call,
    args: decoded.call.args,
    success,
    errorPallet: error?.pallet ?? null,
    errorName: error?.name ?? null,
    fee,
    tip: decoded.signature?.tip ?? null,
    nonce: decoded.signature?.nonce ?? null,
    eraPeriod: decoded.signature?.era?.period ?? null,
    eraPhase: decoded.signature?.era?.phase ?? null,
    timestamp: block.timestamp,
  })
  for (const flat of calls.slice(1)) {
    const record: CallRecord = {
      blockHeight,
      extrinsicIndex: index,
      index: flat.index,
      parentIndex: flat.parentIndex,
      pallet: flat.call.pallet,
      call: flat.call.call,
      args: flat.call.args,
      success: flat.outcome.success,
      errorPallet: flat.outcome.error?.pallet ?? null,
      errorName: flat.outcome.error?.name ?? null,
      origin: flat.origin,
    }
    out.calls.push(record)
  }
}

/** Account of the authority whose slot a block was made in, from its Aura pre-runtime digest: `6 "aura" <slot u64>`. */
export function authorOf(digest: readonly Hex[], authorities: readonly Hex[]): Hex | null {
  const AURA_PRE_RUNTIME = '0x0661757261'
  const item = digest.find((log) => log.startsWith(AURA_PRE_RUNTIME))
  if (!item || authorities.length === 0) return null
  const slot = Buffer.from(item.slice(AURA_PRE_RUNTIME.length + 2), 'hex')
  if (slot.length !== 8) return null
  return authorities[Number(slot.readBigUInt64LE() % BigInt(authorities.length))] ?? null
}
