/** What an epoch starts from and what it leaves behind, in the chain's own units. */
import type { SparseRows } from './sparse-rows.js'

/**
 * What a subnet's epoch in block E reads: the state after block E - 1, with the stake that is paid out at the start of block E (LoadedEmission is
 * drained before any epoch runs) and the emission that is queued in it. Every list has one entry for each of the `n` uids.
 */
export interface SubnetEpochInputs {
  readonly kind: 'subnet'
  readonly netuid: number
  /** E, the block in which the epoch runs. */
  readonly block: number
  readonly tempo: number
  /** Number of uids (SubnetworkN). */
  readonly n: number
  /** Majority ratio, of 65,535. */
  readonly kappa: number
  /** Share of the old bonds in the moving average, of 1,000,000. Nothing on the chain keeps it below that. */
  readonly bondsMovingAverage: bigint
  /** Blocks without an update after which a neuron counts as inactive. */
  readonly activityCutoff: number
  readonly maxAllowedValidators: number
  /** rao to share out: PendingEmission after what this block adds to it. */
  readonly emission: bigint
  /** Whether there is a hotkey under the uid (Keys). One without has no stake and is given nothing. */
  readonly registered: Uint8Array
  /** rao on the hotkey (TotalHotkeyStake), of all coldkeys and subnets; 0 where no hotkey is. */
  readonly stake: BigUint64Array
  /** Block of the neuron's last weights, or of its registration. Block numbers are below 2^53. */
  readonly lastUpdate: Float64Array
  readonly registeredBlock: Float64Array
  /** 1 where the epoch before gave a permit. */
  readonly validatorPermit: Uint8Array
  readonly weights: SparseRows
  readonly bonds: SparseRows
}

/** What the epoch writes. u16 lists are proportions of 65,535 unless said otherwise. */
export interface SubnetEpochOutputs {
  readonly kind: 'subnet'
  readonly active: Uint8Array
  readonly rank: Uint16Array
  readonly trust: Uint16Array
  readonly consensus: Uint16Array
  readonly incentive: Uint16Array
  readonly dividends: Uint16Array
  readonly validatorTrust: Uint16Array
  readonly pruningScore: Uint16Array
  readonly validatorPermit: Uint8Array
  /** rao, what the Emission vector shows. */
  readonly emission: BigUint64Array
  /** rao to be paid to the hotkey as a server; the whole of it in generations that give one sum. Counted where a hotkey is. */
  readonly serverEmission: BigUint64Array
  /** rao to be paid as a validator, shared with nominators; null in generations that give one sum. */
  readonly validatorEmission: BigUint64Array | null
  /** All rows as they are stored after the epoch. Rows of uids that had no permit and got none are those of the inputs. */
  readonly bonds: SparseRows
}

/** What the root network's epoch in block E reads: the state after block E - 1. It runs before LoadedEmission is drained. */
export interface RootEpochInputs {
  readonly kind: 'root'
  readonly block: number
  readonly tempo: number
  /** Number of root validators (SubnetworkN of netuid 0). */
  readonly n: number
  /** Subnets in the order in which the chain goes through NetworksAdded, the root network among them. */
  readonly netuids: readonly number[]
  /** TotalNetworks: the width of the chain's weight matrix. */
  readonly totalNetworks: number
  /** rao per block for all subnets (BlockEmission). */
  readonly blockEmission: bigint
  /** Of netuid 0. */
  readonly rho: number
  readonly kappa: number
  /** rao on the hotkey of each uid. */
  readonly stake: BigUint64Array
  /** Columns are netuids. */
  readonly weights: SparseRows
}

export type RootFailure = 'NO_VALIDATORS' | 'NO_SUBNETS' | 'NO_STAKE' | 'INVALID_NETUIDS' | 'HALTS'

/** The new EmissionValues, in the order of `netuids`, or why the chain leaves them as they are. `HALTS`: the chain could not have made the block. */
export type RootEpochOutputs =
  | { readonly kind: 'root'; readonly ok: true; readonly emissionValues: BigUint64Array }
  | { readonly kind: 'root'; readonly ok: false; readonly failure: RootFailure }

export type EpochInputs = SubnetEpochInputs | RootEpochInputs
export type EpochOutputs = SubnetEpochOutputs | RootEpochOutputs

/** Runtime versions whose epochs are the same, as functions. */
export interface Generation {
  /** Month of the runtime that it was checked against: `2023-03`, `2024-03`. */
  readonly id: string
  /** Runs the epoch of a subnet. Throws a RangeError on inputs that no chain can hold (a weight on a uid that is not there). */
  readonly subnetEpoch: (inputs: SubnetEpochInputs) => SubnetEpochOutputs
  /** null before there was a root network. */
  readonly rootEpoch: ((inputs: RootEpochInputs) => RootEpochOutputs) | null
  /** What one block adds to a subnet's PendingEmission and what its owner gets of `emissionValue` rao; null: no owner. */
  readonly queueEmission: (emissionValue: bigint, ownerCut: number | null) => { queued: bigint; owner: bigint }
  /** How paid out emission is shared between a hotkey's owner and its nominators. */
  readonly payout: Payout
  /** Whether the stake on a hotkey grows by all that it is paid, however it is shared; otherwise rounding loses some. */
  readonly payoutKeepsAll: boolean
}

/** One entry of LoadedEmission about to be paid, and the hotkey it goes to. */
export interface PayoutInputs {
  /** rao. In generations with one sum it is `server`, and `validator` is 0. */
  readonly server: bigint
  readonly validator: bigint
  /** The delegate's take, of 65,535; null when the hotkey is no delegate. */
  readonly take: number | null
  /** rao on the hotkey before (TotalHotkeyStake). */
  readonly total: bigint
  /** rao of each coldkey on the hotkey, the owner's among them, in the chain's order. */
  readonly stakes: readonly bigint[]
}

export interface PayoutOutputs {
  /** rao, of the take alone. */
  readonly take: bigint
  /** rao to each coldkey of `stakes`. */
  readonly shares: readonly bigint[]
  /** rao to the hotkey's owner besides its share: the take, what rounding left where the generation gives it to the owner, and all that is not shared. */
  readonly owner: bigint
  /** rao that nobody gets: what rounding left where the generation drops it. */
  readonly lost: bigint
}

export type Payout = (inputs: PayoutInputs) => PayoutOutputs
