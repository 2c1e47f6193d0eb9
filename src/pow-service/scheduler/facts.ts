import type { Hex } from '../../core/records.js'
import type { ByteOrder, RegistrationReason } from '../../core/registrations.js'

/** The newest best block: what work is bound to. */
export interface Head {
  number: number
  hash: Hex
  parentHash: Hex
  specVersion: number
}

/** What the chain holds after the head of one hotkey on one subnet. */
export interface TargetFacts {
  netuid: number
  /** The hotkey's place, when it has one. */
  uid: number | null
  /** Why the chain would refuse the registration now; a final reason does not pass by itself. */
  refusal: { reason: RegistrationReason; final: boolean } | null
  difficulty: bigint | null
  byteOrder: ByteOrder | null
  /** Price of burning, in rao. */
  burn: bigint | null
  /** Registrations of the subnet that the chain takes in one block, and still takes in this interval; null where it does not say. */
  perBlock: number | null
  left: number | null
  /** Whether the runtime has the call that keeps a price limit. */
  hasRegisterLimit: boolean
}

/** Work on block b is taken in the two blocks after it. Source: `pallets/subtensor/src/registration.rs`, spec 120 to 393: `current - b < 3`. */
export const WORK_LIVES_BLOCKS = 2

export function validIn(blockNumber: number): [number, number] {
  return [blockNumber + 1, blockNumber + WORK_LIVES_BLOCKS]
}

/** Whether work on a block may still be included after the head, and the block is still on the chain. */
export function isAlive(work: { blockNumber: number; blockHash: Hex }, head: Head): boolean {
  if (work.blockNumber === head.number) return work.blockHash === head.hash
  return work.blockNumber === head.number - 1 && work.blockHash === head.parentHash
}
