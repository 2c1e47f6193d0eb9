/** How targets are chosen and how their health is kept. All are optional to the registry; these are the defaults. */
export interface TargetSettings {
  /** Subnets that may be asked. */
  netuids: readonly number[]
  /** Addresses of this machine and of private networks may be dialled. */
  allowPrivate: boolean
  /** Only hotkeys with a validator permit. */
  requireValidatorPermit: boolean
  /** rao. */
  minStake: bigint
  /** ss58. Asked whatever their permit and stake; those that would not be chosen without this are asked only where a request names them. */
  pinnedHotkeys: readonly string[]
  /** ss58 of the hotkeys that requests are signed with: asking them would be asking ourselves. */
  ownHotkeys: readonly string[]
  /** How much stake counts: weights go with stake in TAO to this power. */
  stakeExponent: number
  /** Latency, in milliseconds, at which a target weighs half of what one without any would. */
  referenceLatencyMs: number
  /** Attempts that one target may have in flight. */
  maxInFlight: number
  /** Failures in a row that open a circuit. */
  openAfter: number
  /** Success rate below which a circuit opens, once there were `openAfter · 3` outcomes. */
  openBelowRate: number
  /** How much one outcome moves the averages, in (0, 1]. */
  smoothing: number
  /** Time in which half of what is known of a target's success rate is forgotten, without new outcomes. */
  forgetMs: number
  refreshMs: number
  /** How often probes are sent; a target without an outcome for this long is probed. */
  probeMs: number
  /** Probes under way at once. */
  maxProbes: number
}

const RAO_PER_TAO = 1_000_000_000n

export const TARGET_DEFAULTS: Omit<TargetSettings, 'netuids'> = {
  allowPrivate: false,
  requireValidatorPermit: true,
  minStake: 1_000n * RAO_PER_TAO,
  pinnedHotkeys: [],
  ownHotkeys: [],
  stakeExponent: 0.5,
  referenceLatencyMs: 2_000,
  maxInFlight: 4_096,
  openAfter: 3,
  openBelowRate: 0.25,
  smoothing: 0.2,
  forgetMs: 600_000,
  refreshMs: 60_000,
  probeMs: 30_000,
  maxProbes: 4,
}
