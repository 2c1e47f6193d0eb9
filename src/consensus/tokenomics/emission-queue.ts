/** When a subnet's epoch runs, and what each block puts aside for it. */
import type { Generation } from '../types.js'

const U16_MAX = 65_535n

/**
 * Blocks from the start of `block` to the next epoch of a subnet, 0 in the block in which it runs:
 * `tempo - (block + netuid + 1) mod (tempo + 1)`. A tempo of 0 means never, which the chain says with 1000.
 *
 * pallets/subtensor/src/block_step.rs, `blocks_until_next_epoch`, spec 103 (March 2023) to spec 143 (March 2024), the root network included.
 */
export function blocksUntilNextEpoch(netuid: number, tempo: number, block: number): number {
  if (tempo === 0) return 1000
  return tempo - ((block + netuid + 1) % (tempo + 1))
}

/** Whether the epoch of a subnet, or of the root network, runs at the start of `block`. */
export function epochDue(netuid: number, tempo: number, block: number): boolean {
  return blocksUntilNextEpoch(netuid, tempo, block) === 0
}

/**
 * What a block adds to a subnet's PendingEmission: all of its EmissionValues, in rao. There are no subnet owners yet, and netuid 0 is a subnet
 * like others.
 *
 * pallets/subtensor/src/block_step.rs, `generate_emission`, spec 103 (March 2023).
 */
export const queueEmission2023: Generation['queueEmission'] = (emissionValue) => ({ queued: emissionValue, owner: 0n })

/**
 * What a block adds to a subnet's PendingEmission and what it pays to the subnet's owner, in rao:
 *
 *     cut    = emissionValue * ownerCut / 65535, cut to I96F32
 *     owner  = floor(cut)
 *     queued = floor(emissionValue - cut)
 *
 * Both are cut to whole rao by themselves, so one rao of most blocks is given to nobody. `ownerCut` is SubnetOwnerCut of a subnet that has an owner,
 * null for others. The root network is queued nothing.
 *
 * pallets/subtensor/src/block_step.rs, `generate_emission`, spec 143 (March 2024).
 */
export const queueEmission2024: Generation['queueEmission'] = (emissionValue, ownerCut) => {
  if (ownerCut === null) return { queued: emissionValue, owner: 0n }
  const exact = emissionValue << 32n
  const cut = (exact * BigInt(ownerCut)) / U16_MAX
  return { queued: (exact - cut) >> 32n, owner: cut >> 32n }
}
