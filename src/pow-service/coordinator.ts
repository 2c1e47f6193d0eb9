import { errorMessage, isRetryable } from '../core/errors.js'
import type { PowSolution } from '../core/registrations.js'
import { fromHex, toHex } from '../core/units/bytes.js'
import { parseAccountId } from '../core/units/ss58.js'
import { createActiveTable, type Active, type ActiveOptions } from './active.js'
import { CHANGES_CHANNEL, publishProgress } from './events.js'
import type { Power } from './power/power.js'
import { progressOf, waitOf } from './progress.js'
import type { ProxySender } from './proxy-sender.js'
import { advance } from './scheduler/advance.js'
import { isAlive, validIn, type Head, type TargetFacts } from './scheduler/facts.js'
import { createTurns } from './scheduler/turns.js'
import { meets, preimageOf, sealOf } from './solver/seal.js'

export interface CoordinatorOptions extends ActiveOptions {
  startPower(onHit: (orderId: string, nonce: bigint) => Promise<void>): Promise<Power>
  proxy: ProxySender | null
  maxSolutions: number
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
const MAX_U64 = 2n ** 64n - 1n

/**
 * Drives the registrations of one chain; one process at a time does. Everything happens in steps, one after the other: a head, a hit, a change by a
 * customer, a tick. What a step decides is stored before anyone is told of it; a step that fails is made again with the next one.
 */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { bus, proxy, maxSolutions, metrics, log, tickMs = 1_000 } = options
  const table = createActiveTable(options)
  const turns = createTurns()
  const power = await options.startPower((orderId, nonce) => step('hit', () => hit(orderId, nonce)))
  let head: Head | null = null
  let turn: Turn | null = null
  let order: Active[] = []
  let isSilent = false
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
        table.markStale()
        const level = isRetryable(error) ? 'warn' : 'error'
        log[level]({ what, err: isRetryable(error) ? errorMessage(error) : error }, 'registrations could not be advanced, trying again')
      }
    }
    return (chained = chained.then(guarded))
  }

  async function catchUp(): Promise<void> {
    await table.refresh(head)
    if (head !== null) await advanceAll(head)
    choose()
  }

  async function advanceAll(at: Head): Promise<void> {
    const now = new Date()
    for (const entry of table.all()) {
      const context = { head: at, now, maxSolutions, hasRoom: (netuid: number) => table.hasRoom(netuid, entry, at) }
      const { registration, wanted, stale } = advance(entry.registration, entry.facts, context)
      metrics.stale(stale)
      entry.wanted = wanted
      if (registration !== entry.registration || entry.unsaved) await table.save(entry, registration)
    }
    await sendReady(at)
  }

  /** Gives the solvers to the registration whose turn it is. */
  function choose(): void {
    chargeTurn()
    const waiting = isSilent ? [] : table.all().filter(({ wanted }) => wanted.length > 0)
    // Who has nothing out comes before who only wants a fresher solution.
    const urgent = waiting.filter(({ registration, wanted }) =>
      wanted.some(({ netuid }) => registration.targets.some((target) => target.netuid === netuid && target.solution === null)),
    )
    order = inTurn(urgent.length > 0 ? urgent : waiting)
    const [next] = order
    const byteOrder = next?.wanted[0]?.byteOrder ?? null
    if (next === undefined || byteOrder === null || head === null) return rest()
    const difficulty = easiestOf(next.wanted)
    const { id, hotkey } = next.registration
    const isSameSearch = turn?.registrationId === id && turn.head.hash === head.hash
    if (isSameSearch && turn?.difficulty === difficulty) return
    const preimage = preimageOf(fromHex(head.hash), fromHex(parseAccountId(hotkey)))
    const orderId = `${id}_${head.number}_${head.hash.slice(2, 10)}_${++searches}`
    turn = { orderId, registrationId: id, head, preimage, difficulty }
    // Counted here, stored with the next change.
    if (!isSameSearch) next.registration = { ...next.registration, attempts: next.registration.attempts + 1 }
    power.set({ id: orderId, challenge: { preimage, byteOrder, difficulty } })
  }

  function chargeTurn(): void {
    const customer = turn === null ? undefined : table.get(turn.registrationId)?.registration.customer
    const hashes = power.takeHashes()
    metrics.hashes(hashes)
    if (customer !== undefined) turns.charge(customer, hashes)
  }

  /** Whose turn it is keeps it until the block is over, or it is solved. */
  function inTurn(entries: readonly Active[]): Active[] {
    const byId = new Map(entries.map((entry) => [entry.registration.id, entry]))
    const placed = turns.order(entries.map(({ registration }) => registration)).flatMap(({ id }) => byId.get(id) ?? [])
    const current = turn?.head.hash === head?.hash ? placed.find(({ registration }) => registration.id === turn?.registrationId) : undefined
    return current === undefined ? placed : [current, ...placed.filter((entry) => entry !== current)]
  }

  function rest(): void {
    if (turn === null) return
    turn = null
    power.set(null)
  }

  /** Checks what a solver found by other code than its own, at the difficulty of now, and hands it out. */
  async function hit(orderId: string, nonce: bigint): Promise<void> {
    const entry = turn?.orderId === orderId ? table.get(turn.registrationId) : undefined
    if (turn === null || entry === undefined || head === null || turn.head.hash !== head.hash) return metrics.stale(1)
    const at = head
    const seal = sealOf(turn.preimage, nonce)
    const passes = ({ netuid, difficulty, byteOrder }: TargetFacts): boolean =>
      difficulty !== null && byteOrder !== null && meets(seal, difficulty, byteOrder) && table.hasRoom(netuid, entry, at)
    const solved = entry.wanted.filter(passes)
    if (solved.length === 0) return metrics.wrong()
    const solutions = new Map(solved.map((facts) => [facts.netuid, solutionOf(facts, at, nonce, seal)]))
    const { registration } = entry
    const targets = registration.targets.map((target) => {
      const solution = solutions.get(target.netuid)
      return solution === undefined ? target : { ...target, state: 'ready' as const, reason: null, solution }
    })
    entry.wanted = entry.wanted.filter(({ netuid }) => !solutions.has(netuid))
    const ready = { ...registration, state: 'ready' as const, reason: null, targets, solutions: registration.solutions + 1 }
    if (await table.save(entry, ready)) {
      metrics.solved(ready, [...solutions.values()])
      log.info({ registration: registration.id, netuids: [...solutions.keys()], blockNumber: at.number }, 'solved')
      await sendReady(at)
    }
    choose()
  }

  /** Proxy mode: sends what is solved, unless something that was sent may still be included. */
  async function sendReady(at: Head): Promise<void> {
    if (proxy === null) return
    for (const entry of table.all()) {
      if (entry.registration.mode !== 'proxy') continue
      for (const { netuid, solution } of entry.registration.targets) {
        const isUnderWay = entry.registration.sent.some((sent) => sent.netuid === netuid && sent.validUntil >= at.number)
        if (solution !== null && !isUnderWay && isAlive(solution, at)) await send(proxy, entry, solution, at)
      }
    }
  }

  async function send(sender: ProxySender, entry: Active, solution: PowSolution, at: Head): Promise<void> {
    const about = { registration: entry.registration.id, netuid: solution.netuid }
    try {
      const prepared = await sender.prepare(entry.registration, solution)
      const alive = entry.registration.sent.filter(({ validUntil }) => validUntil >= at.number)
      // Stored before it is sent: after a crash the chain is asked, and nothing is sent twice.
      if (!(await table.save(entry, { ...entry.registration, sent: [...alive, prepared.record] }))) return
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

  async function tick(): Promise<void> {
    // Other processes tell when something changes; looking all the same makes up for what was not heard.
    if (ticks++ % TICKS_A_LOOK === 0) table.markStale()
    await catchUp()
    metrics.gauge(
      table.all().map(({ registration }) => registration),
      power.devices(),
    )
    const rate = power.hashRate()
    const searched = order.map(({ wanted }) => wanted)
    const progress = order.slice(0, PROGRESS_AT_ONCE).map(({ registration, wanted }, ahead) => ({
      id: registration.id,
      version: registration.version,
      progress: progressOf({ wanted, before: searched.slice(0, ahead), rate, head }),
    }))
    await publishProgress(bus, { hashRate: rate, waitSeconds: waitOf(searched, rate) }, progress).catch(() => undefined)
  }

  const unsubscribe = await bus.subscribe(CHANGES_CHANNEL, () => {
    table.markStale()
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
      await step('close', () => {
        rest()
        closed = true
        return Promise.resolve()
      })
      await power.close()
    },
  }
}

/** One search serves all: what passes the easiest is looked at for the others. */
function easiestOf(wanted: readonly TargetFacts[]): bigint {
  return wanted.reduce((least, { difficulty }) => (difficulty !== null && difficulty < least ? difficulty : least), MAX_U64)
}

function solutionOf({ netuid, difficulty, byteOrder }: TargetFacts, at: Head, nonce: bigint, seal: Uint8Array): PowSolution {
  return {
    ...{ netuid, blockNumber: at.number, blockHash: at.hash, nonce: String(nonce), work: toHex(seal) },
    ...{ difficulty: String(difficulty), byteOrder: byteOrder ?? 'big', validIn: validIn(at.number), foundAt: new Date().toISOString() },
  }
}
