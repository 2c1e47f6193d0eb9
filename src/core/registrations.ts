/** Registrations that customers asked for: what the service stores, drives and shows. Amounts are decimal strings in rao, times ISO 8601 in UTC, addresses ss58. */
import type { Hex } from './records.js'

/** `solve`: the customer signs; `proxy`: the service sends through a Registration proxy of the hotkey; `burn`: the customer pays, told when. */
export const REGISTRATION_MODES = ['solve', 'proxy', 'burn'] as const
export type RegistrationMode = (typeof REGISTRATION_MODES)[number]

/**
 * `queued`: not looked at yet. `waiting`: nothing can be done now, `reason` says why. `solving`: the solvers are on it, or it has its turn with others.
 * `ready`: there is something to send (a solution, or a price within the limit). The rest are ends.
 */
export const REGISTRATION_STATES = ['queued', 'waiting', 'solving', 'ready', 'registered', 'failed', 'cancelled', 'expired'] as const
export type RegistrationState = (typeof REGISTRATION_STATES)[number]
export const ENDED_STATES: readonly RegistrationState[] = ['registered', 'failed', 'cancelled', 'expired']

/** Why something cannot be done now, or ever. */
export interface RegistrationReason {
  code: string
  message: string
  /** The block at which to look again, where that is known. */
  retryAtBlock?: number
}

/** How a chain reads the 32 bytes of a seal as a number. */
export type ByteOrder = 'big' | 'little'

/** Work that the chain takes for a short while. */
export interface PowSolution {
  netuid: number
  blockNumber: number
  blockHash: Hex
  /** u64. */
  nonce: string
  /** The seal, 32 bytes. */
  work: Hex
  /** The difficulty it was checked against. */
  difficulty: string
  byteOrder: ByteOrder
  /** First and last block that may include it. */
  validIn: [number, number]
  foundAt: string
}

/** The price is within the limit: send now. */
export interface BurnOffer {
  netuid: number
  /** Price at `atBlock`, in rao. */
  price: string
  atBlock: number
  /** The call that keeps the limit on the chain itself, where the runtime has it. */
  call: 'register_limit' | 'burned_register'
}

/** One subnet of a registration. */
export interface RegistrationTarget {
  netuid: number
  state: 'pending' | 'ready' | 'registered' | 'failed'
  reason: RegistrationReason | null
  /** The newest solution, as long as it is fresh. */
  solution: PowSolution | null
  offer: BurnOffer | null
  uid: number | null
  registeredBlock: number | null
}

export interface Registration {
  id: string
  customer: string
  genesisHash: Hex
  hotkey: string
  coldkey: string | null
  mode: RegistrationMode
  /** Burn mode: the most a registration may cost, in rao. */
  maxCost: string | null
  state: RegistrationState
  reason: RegistrationReason | null
  targets: RegistrationTarget[]
  /** Blocks that were searched on. */
  attempts: number
  /** Solutions that were handed out. */
  solutions: number
  /** Extrinsics sent in proxy mode, newest last: what must be looked for before another one is sent. */
  sent: { netuid: number; hash: Hex; nonce: number; validUntil: number }[]
  deadline: string
  createdAt: string
  updatedAt: string
  endedAt: string | null
  /** Raised by every change. */
  version: number
}

export type NewRegistration = Pick<Registration, 'customer' | 'genesisHash' | 'hotkey' | 'coldkey' | 'mode' | 'maxCost' | 'deadline'> & {
  netuids: number[]
}

export interface RegistrationQuery {
  /** Only this customer's. */
  customer: string
  state?: RegistrationState
  hotkey?: string
  limit: number
  /** Id of the last one of the page before. */
  after?: string
}

/** Where registrations are kept. Every method may be called again after an error that left its outcome unknown. */
export interface RegistrationStore {
  /**
   * Stores a new registration in state `queued`, or gives back the unfinished one of this customer and chain for the same hotkey, mode and
   * netuids. RATE_LIMITED when the customer has `maxActive` unfinished ones already.
   */
  create(registration: NewRegistration, maxActive: number): Promise<{ registration: Registration; created: boolean }>
  /** null when there is none of that id, or it is another customer's. */
  get(id: string, customer: string): Promise<Registration | null>
  /** Newest first. */
  list(query: RegistrationQuery): Promise<{ registrations: Registration[]; more: boolean }>
  /** All unfinished ones of a chain, oldest first. */
  active(genesisHash: Hex): Promise<Registration[]>
  /** Writes what changed; null, and nothing written, when the stored version is not the given one. The result has the next version. */
  save(registration: Registration): Promise<Registration | null>
  /** Ends an unfinished one as `cancelled`; an ended one is given back as it is. null when there is none. */
  cancel(id: string, customer: string): Promise<Registration | null>
}
