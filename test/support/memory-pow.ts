import { once, EventEmitter } from 'node:events'
import { NO_LIMITS, type ApiKeyReader, type Caller } from '../../src/core/api-keys.js'
import { AppError } from '../../src/core/errors.js'
import { type Access, createAccess } from '../../src/core/http/index.js'
import { ENDED_STATES } from '../../src/core/registrations.js'
import type { PowService, Quote, RegistrationEvent, RegistrationInput, RegistrationView } from '../../src/pow-service/contract.js'

const HASH = `0x${'ab'.repeat(32)}` as const
const EPOCH = Date.parse('2024-03-01T00:00:00.000Z')

export interface MemoryPow extends PowService {
  /** Changes a registration and tells those who watch. */
  change(id: string, patch: Partial<RegistrationView>, type?: 'state' | 'progress'): void
  /** Streams that are being watched now. */
  watchers(): number
  /** What the next call of a method throws instead of answering. */
  failNext(error: unknown): void
}

interface Kept {
  customer: string
  view: RegistrationView
  version: number
}

/** The service without a chain, solvers or a database: registrations go nowhere unless a test changes them. Ids and times are the same each run. */
export function memoryPow(): MemoryPow {
  const kept = new Map<string, Kept>()
  const changes = new EventEmitter({ captureRejections: false }).setMaxListeners(0)
  let watching = 0
  let planned: { error: unknown } | undefined
  let clock = 0

  function now(): string {
    return new Date(EPOCH + 1000 * clock++).toISOString()
  }

  function unlessPlanned(): void {
    const plan = planned
    planned = undefined
    if (plan !== undefined) throw plan.error
  }

  function mine({ customer }: Caller, id: string): Kept {
    unlessPlanned()
    const found = kept.get(id)
    if (found?.customer !== customer) throw new AppError('NOT_FOUND', `there is no registration ${id}`)
    return found
  }

  function change(id: string, patch: Partial<RegistrationView>, type: 'state' | 'progress' = 'state'): void {
    const one = kept.get(id)
    if (one === undefined) throw new Error(`no ${id}`)
    one.view = { ...one.view, ...patch, updatedAt: now() }
    one.version++
    changes.emit(id, type)
  }

  function started(caller: Caller, input: RegistrationInput): { registration: RegistrationView; created: boolean } {
    unlessPlanned()
    if (input.netuids.includes(0)) {
      throw new AppError('REFUSED', 'subnet 0 is the root network', { reason: 'ROOT_SUBNET', netuid: 0 })
    }
    const { hotkey, netuids, coldkey = null, mode = 'solve', maxCost = null } = input
    const active = [...kept.values()].filter(({ customer, view }) => customer === caller.customer && view.endedAt === null)
    const key = JSON.stringify([hotkey, mode, netuids])
    const same = active.find(({ view }) => JSON.stringify([view.hotkey, view.mode, view.targets.map(({ netuid }) => netuid)]) === key)
    if (same !== undefined) return { registration: same.view, created: false }
    const maxActive = caller.limits.activeJobs ?? 1000
    if (active.length >= maxActive) throw new AppError('RATE_LIMITED', 'too many registrations are under way', { maxActive })
    const createdAt = now()
    const registration: RegistrationView = {
      ...{ id: `r${kept.size + 1}`, hotkey, coldkey, mode, maxCost, state: 'queued', reason: null, attempts: 0, solutions: 0 },
      targets: netuids.map((netuid) => ({
        ...{ netuid, state: 'pending', reason: null, solution: null, offer: null, uid: null, registeredBlock: null },
      })),
      ...{ deadline: input.deadline ?? '2099-01-01T00:00:00.000Z', createdAt, updatedAt: createdAt, endedAt: null, progress: null },
    }
    kept.set(registration.id, { customer: caller.customer, view: registration, version: 1 })
    return { registration, created: true }
  }

  return {
    name: 'memory',
    ready: () => Promise.resolve({ ok: true }),
    close: () => Promise.resolve(),
    change,
    watchers: () => watching,
    failNext: (error) => (planned = { error }),
    create: async (caller, input) => started(caller, input),
    get: async (caller, id) => mine(caller, id).view,
    async list(caller, { state, hotkey, limit, after }) {
      unlessPlanned()
      const all = [...kept.values()].filter(({ customer }) => customer === caller.customer).map(({ view }) => view)
      const wanted = all.reverse().filter((view) => (state ?? view.state) === view.state && (hotkey ?? view.hotkey) === view.hotkey)
      const from = after === undefined ? 0 : wanted.findIndex(({ id }) => id === after) + 1
      return { registrations: wanted.slice(from, from + limit), more: wanted.length > from + limit }
    },
    async cancel(caller, id) {
      const one = mine(caller, id)
      if (one.view.endedAt === null) change(id, { state: 'cancelled', endedAt: now() })
      return one.view
    },
    async *watch(caller, id, signal) {
      const one = mine(caller, id)
      const event = (type: RegistrationEvent['type']): RegistrationEvent => ({ id: String(one.version), type, registration: one.view })
      watching++
      try {
        let type: RegistrationEvent['type'] = 'state'
        while (!signal.aborted) {
          const { version } = one
          yield event(type)
          if (ENDED_STATES.includes(one.view.state)) return
          type = one.version === version ? ((await once(changes, id, { signal })) as [RegistrationEvent['type']])[0] : 'state'
        }
      } finally {
        watching--
      }
    },
    async quote(netuid) {
      unlessPlanned()
      return quoteOf(netuid)
    },
  }
}

/** Whatever service there is when it is asked: so that tests with a service each can share a server. */
export function powOf(current: () => PowService): PowService {
  return {
    name: 'current',
    ready: () => current().ready(),
    close: () => current().close(),
    create: (caller, input) => current().create(caller, input),
    get: (caller, id) => current().get(caller, id),
    list: (caller, query) => current().list(caller, query),
    cancel: (caller, id) => current().cancel(caller, id),
    watch: (caller, id, signal) => current().watch(caller, id, signal),
    quote: (netuid) => current().quote(netuid),
  }
}

/** A quote whose values, and which of them are missing, come from the netuid. */
function quoteOf(netuid: number): Quote {
  const some = <T>(bit: number, value: T): T | null => ((netuid >> bit) & 1 ? value : null)
  const reason = { code: 'POW_REMOVED', message: 'gone: spec ≥ 401' }
  return {
    netuid,
    block: { number: 4_294_967_295 - netuid, hash: HASH },
    specVersion: 143,
    pow: {
      ...{ possible: netuid % 2 === 1, reason: some(0, reason), difficulty: some(1, '18446744073709551615'), byteOrder: some(2, 'big') },
      ...{ hashRate: netuid * 1.5e9, expectedSeconds: some(3, 0), p95Seconds: some(4, 0.1), waitSeconds: some(5, 1e9) },
    },
    quota: {
      ...{ perBlock: some(6, 1), usedThisBlock: some(7, 0), perInterval: some(8, 6), usedThisInterval: some(9, 0), left: some(10, 6) },
      intervalEndsAtBlock: some(11, 100),
    },
    burn: {
      ...{ possible: netuid % 3 === 0, reason: some(12, { ...reason, retryAtBlock: netuid }), price: some(13, '0') },
      forecast: Array.from({ length: netuid % 4 }, (_, at) => ({
        block: at,
        low: '0',
        expected: '1000000000',
        high: '18446744073709551615',
      })),
    },
  }
}

/** Access as the services have it, with keys `alice` and `bob`, `poor` (one registration at once) and `prompts` (the wrong scope). */
export function testAccess({
  open = false,
  requestsPerMinute = 100_000,
}: { open?: boolean | 'loopback'; requestsPerMinute?: number } = {}): Access {
  const keys: ApiKeyReader = {
    isKey: () => true,
    async caller(key, scope) {
      if (!['alice', 'bob', 'poor', 'prompts'].includes(key)) throw new AppError('UNAUTHORIZED', 'the API key is not known')
      if (key === 'prompts' && scope !== 'prompt') throw new AppError('FORBIDDEN', `the API key does not open ${scope}`)
      return { customer: key, limits: { ...NO_LIMITS, activeJobs: key === 'poor' ? 1 : null } }
    },
  }
  return createAccess({ keys, open, requestsPerMinute, wrongKeysPerMinute: 1_000_000 })
}
