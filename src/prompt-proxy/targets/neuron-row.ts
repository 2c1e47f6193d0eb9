/** A neuron of the indexed metagraph, as far as the choice of targets needs it. */
export interface NeuronRow {
  netuid: number
  uid: number
  /** ss58, format 42. */
  hotkey: string
  /** As the chain has it: a number, with its type (4 or 6) beside it. 0: it does not serve. */
  ip: bigint
  ipType: number
  /** 0: it does not serve. */
  port: number
  /** Version integer that the axon published. */
  version: number
  /** Stake that counts on the subnet, in rao. */
  stake: bigint
  validatorPermit: boolean
  /** Whether it set weights within the subnet's activity cutoff. */
  active: boolean
  /** Block of its last weights. */
  lastUpdate: bigint
  /** u16: 65535 is 1. */
  incentive: number
  /** u16: 65535 is 1. */
  validatorTrust: number
}
