/** What differs between the generations of a subnet's epoch. The rest is the same in all of them. */
export interface SubnetRules {
  /** How the u16 of weights and bonds are read: as they are, or divided by 65,535 (and cut off) first. */
  readonly entries: 'integers' | 'proportions'
  /** Whose stake counts for consensus: all active neurons', or only those active ones' that hold a permit. */
  readonly activeStake: 'active' | 'active-validators'
  /** Bonds of a column are stored as shares of their sum, or scaled so that the largest is 65,535. */
  readonly storedBonds: 'shares' | 'column-maximum'
  /** Pruning scores are shares of the emission, or scaled so that the largest is 65,535. */
  readonly pruningScores: 'shares' | 'maximum'
  /** One sum per neuron, or what it earns as a server and as a validator. */
  readonly emission: 'one-sum' | 'server-and-validator'
}
