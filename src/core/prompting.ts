/** What the prompt service reads from the index and keeps in the database: plain records, and who provides them. */

/** A neuron of the indexed metagraph, as far as the choice of targets needs it. */
export interface PromptNeuron {
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

/** What the index knows of a hotkey that calls. */
export interface CallerStanding {
  /** Whether it is a neuron of any subnet. */
  isRegistered: boolean
  /** Its stake, in rao: the whole of it where the chain keeps one, else the most it has on one subnet. */
  stake: bigint
}

export interface PromptReads {
  /** All neurons of these subnets. */
  neurons(netuids: readonly number[]): Promise<PromptNeuron[]>
  /** `hotkey`: ss58 of any format. */
  standing(hotkey: string): Promise<CallerStanding>
}

/** `refused`: nobody was asked, for the request was wrong or too much. `failed`, `timeout`: no answer, or one that broke off. `cancelled`: the caller hung up. */
export const PROMPT_OUTCOMES = ['success', 'refused', 'failed', 'timeout', 'cancelled'] as const
export type PromptOutcome = (typeof PROMPT_OUTCOMES)[number]

/** One request as it is kept: nothing of what was asked or answered. */
export interface PromptUsageRow {
  requestId: string
  /** When it came. */
  at: Date
  customer: string
  /** ss58, where the caller has shown to hold one. */
  callerHotkey: string | null
  /** Path of the route, or name of the method. */
  route: string
  model: string | null
  /** Who answered, or was the last to fail. */
  netuid: number | null
  uid: number | null
  hotkey: string | null
  protocol: string | null
  /** Name of the network's return code. */
  returnCode: string | null
  outcome: PromptOutcome
  /** Code of the error, where it failed. */
  errorCode: string | null
  promptTokens: number
  completionTokens: number
  answers: number
  credits: number
  /** Waited for a place, and all in all. */
  waitedMs: number
  ms: number
}

/** Keeps rows, some time later and many at once: a request never waits for it. */
export interface PromptUsageLog {
  /** Never throws. Beyond a bound, rows are dropped and counted while the database is away. */
  add(row: PromptUsageRow): void
}

/** Credits that were set aside for a request. */
export interface CreditHold {
  /** What is left of the month's credits, without those that are set aside. */
  remaining: number
  /** Charges so many of those that were set aside (0: none), and frees the others. Never rejects: what cannot be written now is tried again. */
  settle(credits: number): Promise<void>
}

/** Monthly credits of customers, exact over any number of instances. */
export interface CreditLedger {
  /**
   * Sets `credits` aside for a request, out of `limit` for this month (UTC). What a process that died had set aside is free again after a while. RATE_LIMITED with
   * `{reason: 'insufficient_quota', limit, retryAfterSeconds}` in its detail when fewer are left.
   */
  hold(customer: string, limit: number, credits: number): Promise<CreditHold>
}
