import { errorMessage, isRetryable } from '../core/errors.js'
import type { Logger } from '../core/log.js'
import { ENDED_STATES, type PowSolution, type Registration, type RegistrationStore } from '../core/registrations.js'
import { fromHex, toHex } from '../core/units/bytes.js'
import { parseAccountId } from '../core/units/ss58.js'
import type { Bus } from '../jobs/index.js'
import { publishChange, publishProgress, CHANGES_CHANNEL } from './events.js'
import type { PowMetrics } from './metrics.js'
import type { Power } from './power/power.js'
import { progressOf, waitOf } from './progress.js'
import type { ProxySender } from './proxy-sender.js'
import { advance, type Advanced } from './scheduler/advance.js'
import { isAlive, validIn, type Head, type TargetFacts } from './scheduler/facts.js'
import { createTurns } from './scheduler/turns.js'
import { meets, preimageOf, sealOf } from './solver/seal.js'

/** What the coordinator asks of the chain. */
export interface ChainPort {
  /** Facts of every subnet of every registration after a head, in few requests. Keys are registration ids, then netuids. */
  facts(head: Head, registrations: readonly Registration[]): Promise<Map<string, Map<number, TargetFacts>>>
}

export interface CoordinatorOptions {
  genesisHash: `0x${string}`
  store: RegistrationStore
  bus: Bus
  chain: ChainPort
  startPower(onHit: (orderId: string, nonce: bigint) => Promise<void>): Promise<Power>
  proxy: ProxySender | null
  maxSolutions: number
  metrics: PowMetrics
  log: Logger
  /** Milliseconds between two looks at deadlines, progress and the table of registrations. */
  tickMs?: number
}

export interface Coordinator {
  /** Tells a new best block. */
  head(head: Head): void
  /** Tells that the node has been silent for too long for work on its last block to be of use, or is back. */
  silent(isSilent: boolean): void
  close(): Promise<void>
}

/** Everything about a registration under way. */
interface Active {
  registration: Registration
  facts: Map<number, TargetFacts>
  wanted: TargetFacts[]
  /** Changes that the database has not taken yet. */
  unsaved: boolean
}

/** What is searched now. */
interface Turn {
  orderId: string
  registrationId: string
  head: Head
  preimage: Uint8Array
  difficulty: bigint
}

/** Registrations whose progress goes into one message. */
const PROGRESS_AT_ONCE = 20
const TICKS_A_LOOK = 5

/**
 * Drives the registrations of one chain; one process at a time does. Everything happens in steps, one after the other: a head, a hit, a change by a
 * customer, a tick. What a step decides is stored before anyone is told of it; a step that fails is made again with the next one.
 */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { genesisHash, store, bus, chain, proxy, maxSolutions, metrics, log, tickMs = 1_000 } = options
  const active = new Map<string, Active>()
  const turns = createTurns()
  const power = await options.startPower((orderId, nonce) => step('hit', () => hit(orderId, nonce)))
  let head: Head | null = null
  let factsAt: string | null = null
  let turn: Turn | null = null
  let order: Active[] = []
  let isSilent = false
  let isStale = true
  let closed = false
  let chained: Promise<void> = Promise.resolve()
  let searches = 0
  let ticks = 0

  /** Runs one step after those before it. Passing troubles are logged: the next step or tick does what was left undone. */
  function step(what: string, run: () => Promise<void>): Promise<void> {
    const guarded = async (): Promise<void> => {
      if (closed) return
      try {
        await run()
      } catch (error) {
        isStale = true
        const level = isRetryable(error) ? 'warn' : 'error'
        log[level]({ what, err: isRetryable(error) ? errorMessage(error) : error }, 'registrations could not be advanced, trying again')
      }
    }
    return (chained = chained.then(guarded))
  }

  /** Brings in what other processes stored: new registrations and cancelled ones. */
  async function reload(): Promise<void> {
    const stored = new Map((await store.active(genesisHash)).map((registration) => [registration.id, registration]))
    for (const id of [...active.keys()]) if (!stored.has(id)) active.delete(id)
    for (const [id, registration] of stored) {
      const known = active.get(id)
      if (known === undefined) {
        active.set(id, { registration, facts: new Map(), wanted: [], unsaved: false })
        factsAt = null
      } else if (registration.version > known.registration.version) Object.assign(known, { registration, unsaved: false })
    }
    isStale = false
  }

  async function readFacts(): Promise<void> {
    if (head === null || factsAt === head.hash) return
    const at = head
    const found = active.size === 0 ? new Map<string, Map<number, TargetFacts>>() : await chain.facts(at, registrations())
    for (const [id, entry] of active) entry.facts = found.get(id) ?? new Map<number, TargetFacts>()
    factsAt = at.hash
  }

  async function advanceAll(): Promise<void> {
    if (head === null) return
    const now = new Date()
    for (const entry of active.values()) {
      const context = { head, now, maxSolutions, hasRoom: (netuid: number) => hasRoom(netuid, entry) }
      const result = advance(entry.registration, entry.facts, context)
      metrics.stale(result.stale)
      await apply(entry, result)
    }
    await submitReady()
  }

  async function apply(entry: Active, { registration, wanted }: Advanced): Promise<void> {
    entry.wanted = wanted
    if (registration !== entry.registration || entry.unsaved) await save(entry, registration)
  }

  /** Stores a change and tells of it. What another process stored meanwhile goes before. */
  async function save(entry: Active, registration: Registration): Promise<boolean> {
    entry.registration = registration
    entry.unsaved = true
    const saved = await store.save(registration)
    entry.unsaved = false
    if (saved === null) {
      isStale = true
      const stored = await store.get(registration.id, registration.customer)
      if (stored !== null) entry.registration = stored
      if (stored === null || ENDED_STATES.includes(stored.state)) active.delete(registration.id)
      return false
    }
    entry.registration = saved
    if (ENDED_STATES.includes(saved.state)) {
      active.delete(saved.id)
      metrics.ended(saved)
      log.info({ registration: saved.id, state: saved.state, reason: saved.reason?.code }, 'registration ended')
    }
    await publishChange(bus, saved).catch((error: unknown) => log.debug({ reason: errorMessage(error) }, 'change not told'))
    return true
  }

  /** Whether the subnet takes a solution more than those that are out. The next two blocks may take theirs. */
  function hasRoom(netuid: number, but: Active): boolean {
    const facts = but.facts.get(netuid)
    const room = Math.min(facts?.left ?? Infinity, (facts?.perBlock ?? Infinity) * 2)
    let out = 0
    for (const entry of active.values()) {
      if (entry === but) continue
      for (const { netuid: of, solution } of entry.registration.targets)
        if (of === netuid && solution !== null && head !== null && isAlive(solution, head)) out++
    }
    return out < room
  }

  /** Gives the solvers to the registration whose turn it is. */
  function choose(): void {
    const charged = turn === null ? undefined : active.get(turn.registrationId)?.registration.customer
    const hashes = power.takeHashes()
    metrics.hashes(hashes)
    if (charged !== undefined) turns.charge(charged, hashes)
    const waiting = isSilent ? [] : [...active.values()].filter(({ wanted }) => wanted.length > 0)
    // Who has nothing out comes before who only wants a fresher solution.
    const urgent = waiting.filter(({ registration, wanted }) => wanted.some((facts) => solutionOf(registration, facts.netuid) === null))
    order = place(urgent.length > 0 ? urgent : waiting)
    const next = order[0]
    if (next === undefined || head === null) return rest()
    const wanted = next.wanted
    const easiest = wanted.reduce((least, { difficulty }) => (difficulty !== null && difficulty < least ? difficulty : least), MAX_U64)
    const byteOrder = wanted[0]?.byteOrder ?? null
    if (byteOrder === null) return rest()
    const isSame = turn?.registrationId === next.registration.id && turn.head.hash === head.hash && turn.difficulty === easiest
    if (isSame) return
    const isNewBlock = turn?.registrationId !== next.registration.id || turn.head.hash !== head.hash
    const preimage = preimageOf(fromHex(head.hash), fromHex(parseAccountId(next.registration.hotkey)))
    const orderId = `${next.registration.id}_${head.number}_${head.hash.slice(2, 10)}_${++searches}`
    turn = { orderId, registrationId: next.registration.id, head, preimage, difficulty: easiest }
    // Counted here, stored with the next change.
    if (isNewBlock) next.registration = { ...next.registration, attempts: next.registration.attempts + 1 }
    power.set({ id: orderId, challenge: { preimage, byteOrder, difficulty: easiest } })
  }

  function rest(): void {
    if (turn === null) return
    turn = null
    power.set(null)
  }

  function place(entries: readonly Active[]): Active[] {
    const byId = new Map(entries.map((entry) => [entry.registration.id, entry]))
    const placed = turns.order(entries.map(({ registration: { id, customer, createdAt } }) => ({ id, customer, createdAt })))
    return placed.flatMap(({ id }) => byId.get(id) ?? [])
  }

  /** Checks what a solver found by other code than its own, at the difficulty of now, and hands it out. */
  async function hit(orderId: string, nonce: bigint): Promise<void> {
    const entry = turn?.orderId === orderId ? active.get(turn.registrationId) : undefined
    if (turn === null || entry === undefined || head === null || turn.head.hash !== head.hash) return metrics.stale(1)
    const seal = sealOf(turn.preimage, nonce)
    const foundAt = new Date().toISOString()
    const solved = entry.wanted.filter(
      ({ netuid, difficulty, byteOrder }) =>
        difficulty !== null && byteOrder !== null && hasRoom(netuid, entry) && meets(seal, difficulty, byteOrder),
    )
    if (solved.length === 0) return metrics.wrong()
    const at = head
    const solutions = solved.map(({ netuid, difficulty, byteOrder }): PowSolution => ({
      ...{ netuid, blockNumber: at.number, blockHash: at.hash, nonce: String(nonce), work: toHex(seal) },
      ...{ difficulty: String(difficulty), byteOrder: byteOrder ?? 'big', validIn: validIn(at.number), foundAt },
    }))
    const targets = entry.registration.targets.map((target) => {
      const solution = solutions.find(({ netuid }) => netuid === target.netuid)
      return solution === undefined ? target : { ...target, state: 'ready' as const, reason: null, solution }
    })
    const { registration } = entry
    entry.wanted = entry.wanted.filter(({ netuid }) => !solutions.some((solution) => solution.netuid === netuid))
    const solvedOnce = { ...registration, state: 'ready' as const, reason: null, targets, solutions: registration.solutions + 1 }
    if (await save(entry, solvedOnce)) {
      metrics.solved(solvedOnce, solutions)
      log.info({ registration: registration.id, netuids: solutions.map(({ netuid }) => netuid), blockNumber: at.number }, 'solved')
      await submitReady()
    }
    choose()
  }

  /** Proxy mode: sends what is solved, unless something that was sent may still be included. */
  async function submitReady(): Promise<void> {
    if (proxy === null || head === null) return
    for (const entry of active.values()) {
      if (entry.registration.mode !== 'proxy') continue
      for (const { netuid, solution } of entry.registration.targets) {
        const at = head
        const underWay = entry.registration.sent.some((sent) => sent.netuid === netuid && sent.validUntil >= at.number)
        if (solution !== null && !underWay && isAlive(solution, at)) await submit(proxy, entry, solution, at)
      }
    }
  }

  async function submit(sender: ProxySender, entry: Active, solution: PowSolution, at: Head): Promise<void> {
    const about = { registration: entry.registration.id, netuid: solution.netuid }
    try {
      const prepared = await sender.prepare(entry.registration, solution)
      const alive = entry.registration.sent.filter(({ validUntil }) => validUntil >= at.number)
      // Stored before it is sent: after a crash the chain is asked, and nothing is sent twice.
      if (!(await save(entry, { ...entry.registration, sent: [...alive, prepared.record] }))) return
      await prepared.send()
      void prepared.outcome().then(
        (outcome) => log.info({ ...about, outcome }, 'sent through the proxy'),
        (error: unknown) => log.warn({ ...about, reason: errorMessage(error) }, 'what became of an extrinsic is not known'),
      )
    } catch (error) {
      log.warn({ ...about, reason: errorMessage(error) }, 'could not be sent through the proxy')
      if (isRetryable(error)) throw error
    }
  }

  async function catchUp(): Promise<void> {
    if (isStale) await reload()
    await readFacts()
    await advanceAll()
    choose()
  }

  async function tick(): Promise<void> {
    // Other processes tell when something changes; looking all the same makes up for what was not heard.
    if (ticks++ % TICKS_A_LOOK === 0) isStale = true
    await catchUp()
    metrics.gauge(registrations(), power.devices())
    const rate = power.hashRate()
    const progress = order.slice(0, PROGRESS_AT_ONCE).map((entry, ahead) => ({
      id: entry.registration.id,
      progress: progressOf({ wanted: entry.wanted, before: order.slice(0, ahead).map((other) => other.wanted), rate, head }),
    }))
    const load = {
      hashRate: rate,
      waitSeconds: waitOf(
        order.map(({ wanted }) => wanted),
        rate,
      ),
    }
    await publishProgress(bus, load, progress).catch(() => undefined)
  }

  function registrations(): Registration[] {
    return [...active.values()].map((entry) => entry.registration)
  }

  const unsubscribe = await bus.subscribe(CHANGES_CHANNEL, () => {
    isStale = true
    void step('change', catchUp)
  })
  let ticking = false
  const timer = setInterval(() => {
    if (ticking) return
    ticking = true
    void step('tick', tick).finally(() => (ticking = false))
  }, tickMs)

  return {
    head(next) {
      void step('head', async () => {
        head = next
        isSilent = false
        // The work of the block before is of no use any more: not a moment of it while facts are read.
        if (turn !== null && turn.head.hash !== next.hash) rest()
        await catchUp()
      })
    },
    silent(value) {
      void step('silence', async () => {
        if (isSilent === value) return
        isSilent = value
        log.warn({ isSilent }, value ? 'no new block for a while: the search is paused' : 'blocks come again')
        await catchUp()
      })
    },
    async close() {
      clearInterval(timer)
      await unsubscribe()
      await step('close', async () => {
        rest()
        closed = true
      })
      await power.close()
    },
  }
}

const MAX_U64 = 2n ** 64n - 1n

function solutionOf(registration: Registration, netuid: number): PowSolution | null {
  return registration.targets.find((target) => target.netuid === netuid)?.solution ?? null
}
