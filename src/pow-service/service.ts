import type { Caller } from '../core/api-keys.js'
import { AppError, errorMessage } from '../core/errors.js'
import type { Readiness } from '../core/lifecycle.js'
import type { Logger } from '../core/log.js'
import { ENDED_STATES, type Registration, type RegistrationReason, type RegistrationStore } from '../core/registrations.js'
import type { Hex } from '../core/records.js'
import type { Jobs } from '../jobs/index.js'
import type { PowChain } from './chain-port.js'
import type { PowService, RegistrationEvent, RegistrationInput, RegistrationProgress, RegistrationView } from './contract.js'
import { EVENTS_CHANNEL, publishChange, publishRequest, readEvent, type Load } from './events.js'
import type { PowMetrics } from './metrics.js'
import { quoteOf } from './quote.js'
import type { Head } from './scheduler/facts.js'
import { createWatchers, type News } from './watchers.js'

export interface PowFaceOptions {
  genesisHash: Hex
  store: RegistrationStore
  jobs: Jobs
  chain: PowChain
  /** The newest best block; null before the first. */
  head: () => Head | null
  /** ss58 address of the proxy account; null where proxy mode is not offered. */
  proxyAddress: string | null
  limits: { maxActive: number; maxDeadlineHours: number }
  metrics: PowMetrics
  log: Logger
}

/** The newest progress told of registrations is kept this long. */
const PROGRESS_LIVES_MS = 5_000
/** How long a watcher waits before it looks into the database without having been told of anything. */
const LOOK_MS = 5_000

/** What customers can do. Any number of processes may serve; one of them drives the registrations. */
export async function createPowService(options: PowFaceOptions): Promise<PowService> {
  const { genesisHash, store, jobs, chain, limits, metrics, log } = options
  const progress = new Map<string, { progress: RegistrationProgress; version: number; at: number }>()
  const watchers = createWatchers()
  let load: { told: Load; at: number } | null = null
  let closed = false

  function hear(message: unknown): void {
    const event = readEvent(message)
    if (event === null) return
    if (event.type === 'state') return watchers.wake(event.id, 'state')
    const at = Date.now()
    load = { told: event.load, at }
    for (const [id, known] of progress) if (at - known.at > PROGRESS_LIVES_MS) progress.delete(id)
    for (const { id, version, progress: now } of event.of) {
      progress.set(id, { progress: now, version, at })
      watchers.wake(id, 'progress')
    }
  }
  const unsubscribe = await jobs.bus.subscribe(EVENTS_CHANNEL, hear)

  function headNow(): Head {
    const head = options.head()
    if (head === null) throw new AppError('UPSTREAM_DOWN', 'the chain is not connected yet')
    return head
  }

  function progressFor(registration: Registration): RegistrationProgress | null {
    const known = progress.get(registration.id)
    const isCurrent = known !== undefined && Date.now() - known.at <= PROGRESS_LIVES_MS && !ENDED_STATES.includes(registration.state)
    return isCurrent ? known.progress : null
  }

  function view(registration: Registration): RegistrationView {
    // eslint-disable-next-line @typescript-eslint/no-unused-vars -- what customers do not see
    const { customer, genesisHash: _, sent, version, ...shown } = registration
    return { ...shown, progress: progressFor(registration) }
  }

  function refuse(reason: RegistrationReason, detail: Record<string, unknown> = {}): never {
    metrics.refused(reason.code)
    throw new AppError('REFUSED', reason.message, {
      reason: reason.code,
      ...(reason.retryAtBlock && { retryAtBlock: reason.retryAtBlock }),
      ...detail,
    })
  }

  /** What the chain would never take is refused before any work; what only has to wait is taken. */
  async function check({
    hotkey,
    coldkey,
    mode,
    netuids,
  }: {
    hotkey: string
    coldkey: string | null
    mode: Registration['mode']
    netuids: number[]
  }) {
    if (mode === 'proxy' && options.proxyAddress === null) {
      refuse({ code: 'NO_PROXY', message: 'this service has no proxy account; use mode "solve" and sign yourself' })
    }
    if (mode === 'proxy' && coldkey === null) {
      throw new AppError('BAD_INPUT', 'coldkey: wanted in mode "proxy", as it becomes the owner of the hotkey', { field: 'coldkey' })
    }
    const head = headNow()
    const targets = netuids.map((netuid) => ({ netuid }) as Registration['targets'][number])
    const found = await chain.facts(head, [{ id: 'new', hotkey, coldkey, mode, targets }])
    for (const [netuid, { uid, refusal }] of found.get('new') ?? []) {
      if (uid !== null) {
        refuse(
          { code: 'ALREADY_REGISTERED', message: `${hotkey} is uid ${uid} of subnet ${netuid} already` },
          { netuid, block: head.number },
        )
      }
      if (refusal?.final === true) refuse(refusal.reason, { netuid, block: head.number })
    }
  }

  function deadlineOf(given: string | undefined): string {
    const latest = Date.now() + limits.maxDeadlineHours * 3_600_000
    const wanted = given === undefined ? latest : Date.parse(given)
    if (!(wanted > Date.now())) throw new AppError('BAD_INPUT', 'deadline: wanted a time in the future', { field: 'deadline' })
    return new Date(Math.min(wanted, latest)).toISOString()
  }

  async function found(caller: Caller, id: string): Promise<Registration> {
    const registration = await store.get(id, caller.customer)
    if (registration === null) throw new AppError('NOT_FOUND', `there is no registration ${id}`)
    return registration
  }

  return {
    name: 'pow service',
    async create(caller, input: RegistrationInput) {
      const { hotkey, coldkey = null, mode = 'solve', maxCost = null } = input
      const netuids = [...new Set(input.netuids)].sort((a, b) => a - b)
      const deadline = deadlineOf(input.deadline)
      await check({ hotkey, coldkey, mode, netuids })
      const maxActive = caller.limits.activeJobs ?? limits.maxActive
      const asked = { customer: caller.customer, genesisHash, hotkey, coldkey, mode, maxCost, deadline, netuids }
      const { registration: stored, created } = await store.create(asked, maxActive)
      // Asked again with another limit, it is the same registration with that limit.
      const isChanged = !created && stored.maxCost !== maxCost
      const registration = isChanged ? ((await store.save({ ...stored, maxCost })) ?? stored) : stored
      if (created || isChanged) {
        log.info({ registration: registration.id, customer: caller.customer, mode, netuids }, 'registration asked for')
        await publishRequest(jobs.bus, registration.id).catch((error: unknown) =>
          log.debug({ reason: errorMessage(error) }, 'request not told'),
        )
      }
      return { registration: view(registration), created }
    },
    get: async (caller, id) => view(await found(caller, id)),
    async list(caller, query) {
      const { registrations, more } = await store.list({ customer: caller.customer, ...query })
      return { registrations: registrations.map(view), more }
    },
    async cancel(caller, id) {
      const registration = await store.cancel(id, caller.customer)
      if (registration === null) throw new AppError('NOT_FOUND', `there is no registration ${id}`)
      await Promise.all([publishRequest(jobs.bus, id), publishChange(jobs.bus, registration)]).catch((error: unknown) =>
        log.debug({ reason: errorMessage(error) }, 'cancellation not told'),
      )
      return view(registration)
    },
    async *watch(caller, id, signal) {
      let registration: Registration | null = null
      let told: number | null = null
      let news: News = 'state'
      for (let beat = 0; !signal.aborted && !closed; beat++) {
        const woken = watchers.wait(id, LOOK_MS, signal)
        // Progress comes every second to everybody who watches; only another state is worth a look into the database. It may have been told while
        // nobody heard it, so the progress names the version that it is of.
        const isCurrent = news === 'progress' && progress.get(id)?.version === registration?.version
        if (registration === null || !isCurrent) registration = await found(caller, id)
        const isNews = registration.version !== told
        const event: RegistrationEvent = {
          id: `${registration.version}.${beat}`,
          type: isNews ? 'state' : 'progress',
          registration: view(registration),
        }
        if (isNews || event.registration.progress !== null) yield event
        told = registration.version
        if (ENDED_STATES.includes(registration.state)) return
        news = await woken
      }
    },
    async quote(netuid) {
      const head = headNow()
      const subnet = await chain.subnet(head, netuid)
      const isKnown = load !== null && Date.now() - load.at <= PROGRESS_LIVES_MS
      return quoteOf({ head, ...subnet, load: isKnown ? load?.told : undefined, refusal: chain.refusal })
    },
    async ready(): Promise<Readiness> {
      if (options.head() === null) return { ok: false, reasons: ['pow service: no block of the chain yet'] }
      return jobs.ready()
    },
    async close() {
      closed = true
      await unsubscribe()
      watchers.close()
    },
  }
}
