/** One face for the wire protocols by which a dendrite asks an axon for a completion. */
import type { StopSignal } from '../stop-signal.js'

/** A message of a conversation, oldest first. Roles are `system`, `user` and `assistant`. */
export interface PromptMessage {
  role: string
  content: string
}

/** How an axon is spoken to. */
export const PROTOCOLS = ['grpc', 'http', 'epistula'] as const
export type DendriteProtocol = (typeof PROTOCOLS)[number]

/** An axon as the metagraph has it, with an address that may be dialled. */
export interface AxonTarget {
  netuid: number
  uid: number
  /** ss58, format 42: what requests are signed for. */
  hotkey: string
  /** IPv4 or IPv6 text, without brackets. */
  ip: string
  port: number
  /** The version integer that the axon published: decides details of its protocol. */
  version: number
}

export interface PromptCall {
  messages: readonly PromptMessage[]
  /** The model that is asked for, where the protocol can say one. */
  model?: string
  /** Whether tokens are wanted as they come. A protocol without streams gives its whole answer as one piece. */
  stream: boolean
  /** Sampling settings that the protocol may pass on, as in the OpenAI API. */
  sampling?: { temperature?: number; topP?: number; maxTokens?: number; stop?: readonly string[]; seed?: number }
  /** For the whole call. */
  timeoutMs: number
  /** Most bytes of an answer. */
  maxBytes: number
  /** Ends the call all the way down. */
  signal: StopSignal
}

/**
 * What became of a call, by the return codes of the network (`ReturnCode` of SDK 5.x). Everything but SUCCESS is a failure; an empty completion is
 * EMPTY_RESPONSE whatever the axon calls it.
 */
export const RETURN_CODES = {
  NO_RETURN: 0,
  SUCCESS: 1,
  TIMEOUT: 2,
  BACKOFF: 3,
  UNAVAILABLE: 4,
  NOT_IMPLEMENTED: 5,
  EMPTY_REQUEST: 6,
  EMPTY_RESPONSE: 7,
  INVALID_RESPONSE: 8,
  INVALID_REQUEST: 9,
  NUCLEUS_FULL: 18,
  REQUEST_INCOMPATIBLE_VERSION: 19,
  SENDER_UNKNOWN: 21,
  UNKNOWN_EXCEPTION: 22,
  UNAUTHENTICATED: 23,
  BAD_ENDPOINT: 24,
  BLACKLISTED: 25,
} as const
export type ReturnCodeName = keyof typeof RETURN_CODES

/** A call that failed. The message is for logs and operators: what an axon wrote is in it, cut short. */
export class DendriteError extends Error {
  override readonly name = 'DendriteError'

  constructor(
    readonly returnCode: ReturnCodeName,
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause })
  }
}

/** Speaks one protocol to any number of axons; keeps and shares their connections. */
export interface Dendrite {
  readonly protocol: DendriteProtocol
  /**
   * The completion, in pieces of text whose characters are whole. Throws DendriteError; whatever was wrong with an answer is found before it is
   * given away, as far as the protocol lets it. Ending the iteration early ends the call.
   */
  prompt(target: AxonTarget, call: PromptCall): AsyncIterable<string>
  close(): Promise<void>
}
