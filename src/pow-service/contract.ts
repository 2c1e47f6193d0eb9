/** What the service offers, whoever asks: HTTP and gRPC are two faces of it. */
import type { Caller } from '../core/api-keys.js'
import type { Service } from '../core/lifecycle.js'
import type { Hex } from '../core/records.js'
import type { ByteOrder, Registration, RegistrationMode, RegistrationReason, RegistrationState } from '../core/registrations.js'

/** What a customer sends. Values are checked: BAD_INPUT names the field. */
export interface RegistrationInput {
  /** ss58 address; its secret is never asked for. */
  hotkey: string
  netuids: number[]
  /** ss58 address of the owner-to-be; needed by `proxy`, checked against the chain's owner where given. */
  coldkey?: string | undefined
  mode?: RegistrationMode | undefined
  /** ISO 8601; POW_MAX_DEADLINE_HOURS from now when absent. */
  deadline?: string | undefined
  /** Burn mode: the most a registration may cost, in rao. */
  maxCost?: string | undefined
}

/** A registration as its customer sees it: everything but the internals. */
export type RegistrationView = Omit<Registration, 'customer' | 'genesisHash' | 'sent' | 'version'> & {
  progress: RegistrationProgress | null
}

/** How a search goes; null values are not known yet. */
export interface RegistrationProgress {
  /** Hashes a second over all solvers that are on it now; 0 while another hotkey has its turn. */
  hashRate: number
  /** Expected seconds to the next solution, its place in the queue included, and those that 95% of searches need at most. */
  expectedSeconds: number | null
  p95Seconds: number | null
  /** The block whose hash is worked on. */
  blockNumber: number | null
  /** Hotkeys that have their turn before this one. */
  ahead: number
}

export interface RegistrationEvent {
  /** Rises within a registration; what a reconnecting listener names to know whether it missed a state. */
  id: string
  type: 'state' | 'progress'
  registration: RegistrationView
}

export interface Quote {
  netuid: number
  /** The block the numbers were read at. */
  block: { number: number; hash: Hex }
  specVersion: number
  pow: {
    possible: boolean
    reason: RegistrationReason | null
    /** Expected number of hashes. */
    difficulty: string | null
    byteOrder: ByteOrder | null
    /** Hashes a second of all solvers together. */
    hashRate: number
    /** Search alone, and with those that wait before. */
    expectedSeconds: number | null
    p95Seconds: number | null
    waitSeconds: number | null
  }
  /** Registrations of either kind; null in runtimes that do not say. */
  quota: {
    perBlock: number | null
    usedThisBlock: number | null
    perInterval: number | null
    usedThisInterval: number | null
    left: number | null
    intervalEndsAtBlock: number | null
  }
  burn: {
    possible: boolean
    reason: RegistrationReason | null
    /** rao. */
    price: string | null
    /** By the chain's own rule: what the price is at the end of the next intervals if nobody, as many as aimed for, or as many as allowed register. */
    forecast: { block: number; low: string; expected: string; high: string }[]
  }
}

export interface PowService extends Service {
  /** `created` is false when the same was asked for before and is not finished. Refused with the reason (REFUSED) when the chain would never take it. */
  create(caller: Caller, input: RegistrationInput): Promise<{ registration: RegistrationView; created: boolean }>
  /** NOT_FOUND for another customer's, too. */
  get(caller: Caller, id: string): Promise<RegistrationView>
  list(
    caller: Caller,
    query: { state?: RegistrationState; hotkey?: string; limit: number; after?: string },
  ): Promise<{ registrations: RegistrationView[]; more: boolean }>
  cancel(caller: Caller, id: string): Promise<RegistrationView>
  /** The state now, then every change and once a second the progress, until it has ended or the signal aborts. */
  watch(caller: Caller, id: string, signal: AbortSignal): AsyncIterable<RegistrationEvent>
  quote(netuid: number): Promise<Quote>
}
