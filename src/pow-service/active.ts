import { errorMessage } from '../core/errors.js'
import type { Logger } from '../core/log.js'
import type { Hex } from '../core/records.js'
import { ENDED_STATES, type Registration, type RegistrationStore } from '../core/registrations.js'
import type { Bus } from '../jobs/index.js'
import { publishChange } from './events.js'
import type { PowMetrics } from './metrics.js'
import { isAlive, type Head, type TargetFacts } from './scheduler/facts.js'

/** What is asked of the chain: facts of every subnet of every registration after a head, by registration id and netuid, in few requests. */
export interface ChainPort {
  facts(head: Head, registrations: readonly Registration[]): Promise<Map<string, Map<number, TargetFacts>>>
}

/** Everything about a registration under way. */
export interface Active {
  registration: Registration
  facts: Map<number, TargetFacts>
  /** Subnets that a solution on the head is wanted for. */
  wanted: TargetFacts[]
  /** Whether there are changes that the database has not taken yet. */
  unsaved: boolean
}

export interface ActiveOptions {
  genesisHash: Hex
  store: RegistrationStore
  bus: Bus
  chain: ChainPort
  metrics: PowMetrics
  log: Logger
}

/** The registrations under way, as the database has them and with what the chain says of them. */
export interface ActiveTable {
  all(): Active[]
  get(id: string): Active | undefined
  /** What other processes stored is to be looked at again. */
  markStale(): void
  /** Brings in new registrations and cancelled ones where something is to be looked at, and the facts of a head that is new. */
  refresh(head: Head | null): Promise<void>
  /** Stores a change and tells of it. False when what another process stored meanwhile went before. */
  save(entry: Active, registration: Registration): Promise<boolean>
  /** Whether the chain takes one more solution of a subnet beside those of other registrations that are out. */
  hasRoom(netuid: number, but: Active, head: Head): boolean
}

/** Solutions live for two blocks, each of which takes its own. */
const BLOCKS_OF_ROOM = 2

export function createActiveTable({ genesisHash, store, bus, chain, metrics, log }: ActiveOptions): ActiveTable {
  const entries = new Map<string, Active>()
  let factsAt: string | null = null
  let isStale = true

  async function reload(): Promise<void> {
    const stored = new Map((await store.active(genesisHash)).map((registration) => [registration.id, registration]))
    for (const id of [...entries.keys()]) if (!stored.has(id)) entries.delete(id)
    for (const [id, registration] of stored) {
      const known = entries.get(id)
      if (known === undefined) {
        entries.set(id, { registration, facts: new Map(), wanted: [], unsaved: false })
        factsAt = null
      } else if (registration.version > known.registration.version) Object.assign(known, { registration, unsaved: false })
    }
    isStale = false
  }

  async function readFacts(head: Head): Promise<void> {
    if (factsAt === head.hash) return
    const registrations = [...entries.values()].map(({ registration }) => registration)
    const found = registrations.length === 0 ? new Map<string, Map<number, TargetFacts>>() : await chain.facts(head, registrations)
    for (const [id, entry] of entries) entry.facts = found.get(id) ?? new Map<number, TargetFacts>()
    factsAt = head.hash
  }

  async function save(entry: Active, registration: Registration): Promise<boolean> {
    entry.registration = registration
    entry.unsaved = true
    const saved = await store.save(registration)
    entry.unsaved = false
    if (saved === null) {
      isStale = true
      const stored = await store.get(registration.id, registration.customer)
      if (stored !== null) entry.registration = stored
      if (stored === null || ENDED_STATES.includes(stored.state)) entries.delete(registration.id)
      return false
    }
    entry.registration = saved
    if (ENDED_STATES.includes(saved.state)) {
      entries.delete(saved.id)
      metrics.ended(saved)
      log.info({ registration: saved.id, state: saved.state, reason: saved.reason?.code }, 'registration ended')
    }
    await publishChange(bus, saved).catch((error: unknown) => log.debug({ reason: errorMessage(error) }, 'change not told'))
    return true
  }

  return {
    all: () => [...entries.values()],
    get: (id) => entries.get(id),
    markStale: () => (isStale = true),
    async refresh(head) {
      if (isStale) await reload()
      if (head !== null) await readFacts(head)
    },
    save,
    hasRoom(netuid, but, head) {
      const facts = but.facts.get(netuid)
      const room = Math.min(facts?.left ?? Infinity, (facts?.perBlock ?? Infinity) * BLOCKS_OF_ROOM)
      const isOut = ({ solution }: Registration['targets'][number]): boolean => solution?.netuid === netuid && isAlive(solution, head)
      const others = [...entries.values()].filter((entry) => entry !== but)
      return others.reduce((out, { registration }) => out + registration.targets.filter(isOut).length, 0) < room
    },
  }
}
