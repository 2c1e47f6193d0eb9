import { MARCH_2023 } from './generations/march-2023.js'
import { MARCH_2024 } from './generations/march-2024.js'
import type { Generation } from './types.js'

const SPEC_NAME = 'node-subtensor'

/**
 * Generations were checked against the runtimes of spec 103 (2023-03-21) and spec 143 (2024-03-15). The others of March 2024 are here because their source
 * says the same: at every commit on the main branch of opentensor/subtensor from dcff392ce (134, 2023-10-09) to e61f70b8d (145, 2024-04-23) the functions of
 * epoch.rs, math.rs, root.rs, block_step.rs, staking.rs and utils.rs that epochs and payouts go through are the ones of 143, but for formatting and one
 * change: from 3f44be0b8 on (2024-03-17; 144, then 143 once more, then 144 again) weights on uids beyond the subnet's size are skipped, over which earlier
 * ones panic. Here they are refused. Spec 146 (2024-04-28) changes the root epoch and the owner's cut. Numbers in between that are not here were never on
 * that branch.
 */
const BY_SPEC_VERSION: ReadonlyMap<number, Generation> = new Map([
  [103, MARCH_2023],
  ...[134, 135, 136, 139, 140, 141, 142, 143, 144, 145].map((specVersion) => [specVersion, MARCH_2024] as const),
])

/** What a runtime calls itself. */
export interface RuntimeName {
  readonly specName: string
  readonly specVersion: number
}

/** The rules of a runtime, or null where they are not known to be those of a runtime that was checked. */
export function generationOf({ specName, specVersion }: RuntimeName): Generation | null {
  return specName === SPEC_NAME ? (BY_SPEC_VERSION.get(specVersion) ?? null) : null
}
