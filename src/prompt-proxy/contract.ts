/** What the prompt service offers, whoever asks: HTTP and gRPC are faces of it. */
import type { Caller } from '../core/api-keys.js'
import type { Quota } from '../core/limits.js'
import type { DendriteProtocol, PromptMessage, PromptCall, ReturnCodeName } from './dendrite/types.js'

/** `fastest`: hedged, the first good answer wins. `stake`: the target with the most stake first. `best_of`: several are asked and a scorer picks. `all`: every answer. */
export const STRATEGIES = ['fastest', 'stake', 'best_of', 'all'] as const
export type Strategy = (typeof STRATEGIES)[number]

/** A subnet that can be asked, with how it is asked. */
export interface PromptModel {
  /** Such as `bittensor/sn1` or `bittensor/sn1:best_of`. */
  id: string
  netuid: number
  strategy: Strategy
  /** Unix seconds. */
  created: number
  ownedBy: string
}

export interface PromptRequest {
  /** Id of a model. */
  model: string
  messages: readonly PromptMessage[]
  stream: boolean
  sampling?: PromptCall['sampling']
  /** Only these; both may be given, then either will do. */
  uids?: readonly number[]
  hotkeys?: readonly string[]
  /** How many targets are asked at most (`best_of`, `all`). */
  topN?: number
  /** How many of several answers are given at most, best first; the others cost nothing. All of them when absent. */
  keep?: number
  /** In place of the model's own. */
  strategy?: Strategy
  /** For all attempts together, and to the first piece of an answer. */
  timeoutMs: number
  firstTokenMs?: number
  /** Written to while the request is worked on, also when it fails. */
  receipt?: Receipt
}

/** What a request cost its caller, and what is left of the caller's limits. */
export interface Receipt {
  /** Milliseconds that it waited for a place. */
  waitedMs: number
  /** Charged; known when the answer is at its end. */
  credits: number
  /** null where there is no limit. */
  creditsLeft: number | null
  tokens: Pick<Quota, 'limit' | 'remaining' | 'resetSeconds'> | null
}

/** Who answered, for headers and logs. */
export interface AnsweringTarget {
  netuid: number
  uid: number
  hotkey: string
  protocol: DendriteProtocol
}

export interface FailedAttempt extends AnsweringTarget {
  returnCode: ReturnCodeName
  message: string
  ms: number
}

export interface PromptAnswer {
  target: AnsweringTarget
  /** Milliseconds from the request to the first piece. */
  firstPieceMs: number
  /** Attempts that failed before this one. */
  failed: FailedAttempt[]
  /** Pieces of text, the first of which is there already. Throws when the target breaks off: what was given away cannot be taken back. */
  pieces: AsyncIterable<string>
}

export interface PromptResult {
  target: AnsweringTarget
  text: string
  ms: number
}

/** What is known of a target: shown at `/v1/targets`. */
export interface TargetState extends AnsweringTarget {
  /** `ip:port`, IPv6 in brackets. */
  address: string
  version: number
  /** rao. */
  stake: string
  validatorPermit: boolean
  /** Why it is not asked; null when it may be. */
  refusal: string | null
  circuit: 'closed' | 'open' | 'half-open'
  successRate: number | null
  latencyMs: number | null
  p95Ms: number | null
  inFlight: number
  lastReturnCode: ReturnCodeName | null
}

/**
 * Asks targets for callers. Errors are AppErrors: NOT_FOUND for a model there is none of, BAD_INPUT for uids and hotkeys that match nobody, UPSTREAM_DOWN when
 * there is no target or all failed, UPSTREAM_TIMEOUT when the time is over; their detail has `failed`. With admission in front also RATE_LIMITED (tokens, credits, prompts at
 * once; its detail has `reason`) and OVERLOADED when too many wait.
 */
export interface PromptEngine {
  models(): PromptModel[]
  /** Resolves with the first piece of a good answer. */
  prompt(caller: Caller, request: PromptRequest, signal: AbortSignal): Promise<PromptAnswer>
  /** Every answer that came in time, best first, and what failed. Rejects when all failed. */
  promptAll(caller: Caller, request: PromptRequest, signal: AbortSignal): Promise<{ results: PromptResult[]; failed: FailedAttempt[] }>
  targets(): TargetState[]
}
