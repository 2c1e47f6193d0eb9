import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AppError } from '../core/errors.js'
import { createLogger } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import { ENDED_STATES, type NewRegistration, type Registration, type RegistrationStore } from '../core/registrations.js'
import type { Hex } from '../core/records.js'
import { encodeSs58, parseAccountId } from '../core/units/ss58.js'
import { fromHex } from '../core/units/bytes.js'
import type { Bus } from '../jobs/index.js'
import { startCoordinator, type Coordinator } from './coordinator.js'
import { publishRequest } from './events.js'
import { createPowMetrics } from './metrics.js'
import type { Order } from './power/messages.js'
import type { Power } from './power/power.js'
import type { PreparedSend, ProxySender } from './proxy-sender.js'
import { validIn, type Head, type TargetFacts } from './scheduler/facts.js'
import { isFresh, meets, preimageOf, sealOf } from './solver/seal.js'

const GENESIS: Hex = `0x${'00'.repeat(32)}`
const log = createLogger({ level: 'fatal', format: 'json' })

/** A table in memory that fails when told to, as a database that is away does. */
function createStore(): RegistrationStore & { failing: boolean; rows: Map<string, Registration> } {
  const rows = new Map<string, Registration>()
  let count = 0
  const answer = <T>(value: () => T): Promise<T> =>
    store.failing ? Promise.reject(new AppError('DATABASE_DOWN', 'away')) : Promise.resolve().then(() => structuredClone(value()))
  const store = {
    failing: false,
    rows,
    create: (asked: NewRegistration) =>
      answer(() => {
        const now = new Date(1_700_000_000_000 + count).toISOString()
        const { netuids, ...rest } = asked
        const targets = netuids.map((netuid) => ({
          ...{ netuid, state: 'pending' as const, reason: null, solution: null, offer: null, uid: null, registeredBlock: null },
        }))
        const registration: Registration = {
          ...{ ...rest, id: `r${++count}`, state: 'queued', reason: null, targets, attempts: 0, solutions: 0, sent: [] },
          ...{ createdAt: now, updatedAt: now, endedAt: null, version: 1 },
        }
        rows.set(registration.id, registration)
        return { registration, created: true }
      }),
    get: (id: string) => answer(() => rows.get(id) ?? null),
    list: () => answer(() => ({ registrations: [...rows.values()], more: false })),
    active: () => answer(() => [...rows.values()].filter(({ state }) => !ENDED_STATES.includes(state))),
    save: (registration: Registration) =>
      answer(() => {
        if (rows.get(registration.id)?.version !== registration.version) return null
        const saved = { ...registration, version: registration.version + 1 }
        rows.set(saved.id, saved)
        return saved
      }),
    cancel: (id: string) =>
      answer(() => {
        const row = rows.get(id)
        if (row === undefined || ENDED_STATES.includes(row.state)) return row ?? null
        const targets = row.targets.map((target) => ({ ...target, solution: null }))
        const ended: Registration = { ...row, targets, state: 'cancelled', endedAt: row.createdAt, version: row.version + 1 }
        rows.set(id, ended)
        return ended
      }),
  }
  return store
}

function createBus(): Bus {
  const listeners = new Map<string, Set<(message: unknown) => void>>()
  return {
    publish(channel, message) {
      for (const listener of listeners.get(channel) ?? []) listener(message)
      return Promise.resolve()
    },
    subscribe(channel, listener) {
      const set = listeners.get(channel) ?? new Set()
      listeners.set(channel, set.add(listener))
      return Promise.resolve(() => Promise.resolve(void set.delete(listener)))
    },
  }
}

/** A chain of two subnets that registers whoever brings good work in time, as the runtime does. */
function createChain(difficulty: Record<number, bigint>) {
  const blocks: { hash: Hex; registered: string[] }[] = [{ hash: newHash(), registered: [] }]
  const refusals = new Map<string, TargetFacts['refusal']>()
  const key = (netuid: number, hotkey: string): string => `${netuid}/${hotkey}`
  const isRegistered = (name: string): boolean => blocks.some(({ registered }) => registered.includes(name))
  const chain = {
    refusals,
    room: { perBlock: null as number | null, left: null as number | null },
    isRegistered: (netuid: number, hotkey: string) => isRegistered(key(netuid, hotkey)),
    times: (netuid: number, hotkey: string) =>
      blocks.flatMap(({ registered }) => registered).filter((name) => name === key(netuid, hotkey)).length,
    head(): Head {
      const number = blocks.length - 1
      const hash = (blocks[number] as { hash: Hex }).hash
      return { number, hash, parentHash: blocks[number - 1]?.hash ?? hash, specVersion: 143 }
    },
    /** Executes registrations in a new block; gives the errors. */
    grow(extrinsics: { netuid: number; hotkey: string; blockNumber: number; nonce: bigint; work: Hex }[] = []): string[] {
      const executing = blocks.length
      const block = { hash: newHash(), registered: [] as string[] }
      const errors: string[] = []
      for (const { netuid, hotkey, blockNumber, nonce, work } of extrinsics) {
        const hash = blocks[blockNumber]?.hash
        const seal = hash && sealOf(preimageOf(fromHex(hash), fromHex(parseAccountId(hotkey))), nonce)
        if (isRegistered(key(netuid, hotkey)) || block.registered.includes(key(netuid, hotkey))) errors.push('AlreadyRegistered')
        else if (!isFresh(blockNumber, executing - 1)) errors.push('InvalidWorkBlock')
        else if (!meets(fromHex(work), difficulty[netuid] ?? 0n, 'big')) errors.push('InvalidDifficulty')
        else if (!seal || Buffer.compare(seal, fromHex(work)) !== 0) errors.push('InvalidSeal')
        else block.registered.push(key(netuid, hotkey))
      }
      blocks.push(block)
      return errors
    },
    /** Replaces the newest blocks by others without registrations. */
    fork(depth: number): void {
      const from = Math.max(1, blocks.length - depth)
      const length = blocks.length - from + 1
      blocks.splice(from)
      for (let i = 0; i < length; i++) blocks.push({ hash: newHash(), registered: [] })
    },
    facts: (_head: Head, registrations: readonly Registration[]) =>
      Promise.resolve(
        new Map(
          registrations.map(({ id, hotkey, targets }) => {
            const of = targets.map(({ netuid }): [number, TargetFacts] => [
              netuid,
              {
                ...{ netuid, uid: isRegistered(key(netuid, hotkey)) ? 7 : null, refusal: refusals.get(hotkey) ?? null },
                ...{
                  difficulty: difficulty[netuid] ?? null,
                  byteOrder: 'big',
                  burn: 100n,
                  ...chain.room,
                  hasRegisterLimit: false,
                },
              },
            ])
            return [id, new Map(of)]
          }),
        ),
      ),
  }
  return chain
}

function newHash(): Hex {
  return `0x${randomBytes(32).toString('hex')}`
}

/** Solvers that do what they are told only when they are let: the test decides when a hit comes, and whether a wrong one. */
function createPower() {
  let order: Order | null = null
  let onHit: ((id: string, nonce: bigint) => Promise<void>) | null = null
  const orders: Order[] = []
  const power: Power = {
    set: (next) => {
      order = next
      if (next !== null) orders.push(next)
    },
    hashRate: () => 1000,
    takeHashes: () => 10,
    devices: () => [],
    close: () => Promise.resolve(),
  }
  return {
    orders,
    start: (listener: (id: string, nonce: bigint) => Promise<void>): Promise<Power> => {
      onHit = listener
      return Promise.resolve(power)
    },
    order: () => order,
    async find(): Promise<void> {
      if (order === null || onHit === null) return
      const { id, challenge } = order
      for (let nonce = 0n; ; nonce++)
        if (meets(sealOf(challenge.preimage, nonce), challenge.difficulty, challenge.byteOrder)) return onHit(id, nonce)
    },
    report: (id: string, nonce: bigint) => onHit?.(id, nonce),
  }
}

const hotkeyOf = (name: string): string => encodeSs58(`0x${createHash('sha256').update(name).digest('hex')}`)

async function world(difficulty: Record<number, bigint> = { 1: 3n, 2: 20n }, proxy: ProxySender | null = null) {
  const store = createStore()
  const bus = createBus()
  const chain = createChain(difficulty)
  const power = createPower()
  const metrics = createPowMetrics(createMetrics())
  const start = (): Promise<Coordinator> =>
    startCoordinator({
      ...{ genesisHash: GENESIS, store, bus, chain, startPower: power.start, proxy, maxSolutions: 1000, metrics, log, tickMs: 1_000_000 },
    })
  let coordinator = await start()
  return {
    ...{ store, chain, power },
    async ask(name: string, over: Partial<NewRegistration> = {}): Promise<Registration> {
      const asked: NewRegistration = {
        ...{ customer: 'c', genesisHash: GENESIS, hotkey: hotkeyOf(name), coldkey: null, mode: 'solve', maxCost: null, netuids: [1] },
        ...{ deadline: '2100-01-01T00:00:00Z', ...over },
      }
      const { registration } = await store.create(asked, 10)
      await publishRequest(bus, registration.id)
      return registration
    },
    head: () => coordinator.head(chain.head()),
    /** Everything asked of the coordinator so far has been done. */
    async settle() {
      for (let i = 0; i < 12; i++) await new Promise((resolve) => setImmediate(resolve))
    },
    row: (id: string) => store.rows.get(id) as Registration,
    changed: (id: string) => publishRequest(bus, id),
    async restart() {
      await coordinator.close()
      coordinator = await start()
      coordinator.head(chain.head())
    },
    silent: (value: boolean) => coordinator.silent(value),
    close: () => coordinator.close(),
  }
}

describe('the coordinator', () => {
  it('searches on the head, hands out checked work, and sees the registration', async () => {
    const w = await world()
    w.head()
    const { id, hotkey } = await w.ask('a')
    await w.settle()
    expect(w.row(id)).toMatchObject({ state: 'solving' })
    await w.power.find()
    const solution = w.row(id).targets[0]?.solution
    expect(w.row(id)).toMatchObject({ state: 'ready', solutions: 1, attempts: 1 })
    expect(solution).toMatchObject({ blockNumber: 0, validIn: validIn(0), byteOrder: 'big', difficulty: '3' })
    expect(w.chain.grow([{ ...(solution as NonNullable<typeof solution>), hotkey, nonce: BigInt(solution?.nonce ?? 0) }])).toEqual([])
    w.head()
    await w.settle()
    expect(w.row(id)).toMatchObject({ state: 'registered', targets: [{ uid: 7 }] })
    expect(w.power.order()).toBeNull()
    await w.close()
  })

  it('serves several subnets from one search, at the difficulty that is still wanted', async () => {
    const w = await world({ 1: 2n, 2: 400n })
    w.head()
    const { id } = await w.ask('a', { netuids: [1, 2] })
    await w.settle()
    expect(w.power.order()?.challenge.difficulty).toBe(2n)
    await w.power.find()
    expect(w.row(id).targets.map(({ solution }) => solution !== null)).toEqual([true, false])
    expect(w.power.order()?.challenge.difficulty).toBe(400n)
    await w.power.find()
    const [one, two] = w.row(id).targets
    expect(two?.solution?.blockHash).toBe(one?.solution?.blockHash)
    await w.close()
  })

  it('does not believe a hit: a wrong nonce and one for another block are dropped', async () => {
    const w = await world({ 1: 2n ** 40n })
    w.head()
    const { id } = await w.ask('a')
    await w.settle()
    const old = w.power.order() as Order
    await w.power.report(old.id, 1n)
    expect(w.row(id).solutions).toBe(0)
    w.chain.grow()
    w.head()
    await w.settle()
    expect(w.power.order()?.id).not.toBe(old.id)
    await w.power.report(old.id, 1n)
    expect(w.row(id).solutions).toBe(0)
    await w.close()
  })

  it('drops work when its block leaves the chain', async () => {
    const w = await world()
    w.chain.grow()
    w.chain.grow()
    w.head()
    const { id } = await w.ask('a')
    await w.settle()
    await w.power.find()
    expect(w.row(id).state).toBe('ready')
    w.chain.fork(1)
    w.head()
    await w.settle()
    expect(w.row(id)).toMatchObject({ state: 'solving', targets: [{ solution: null }] })
    await w.close()
  })

  it('stops what is cancelled at once, and goes on after a restart', async () => {
    const w = await world()
    w.head()
    const a = await w.ask('a')
    const b = await w.ask('b')
    await w.settle()
    expect(w.power.order()?.id.startsWith(a.id)).toBe(true)
    await w.store.cancel(a.id, 'c')
    await w.changed(a.id)
    await w.settle()
    expect(w.power.order()?.id.startsWith(b.id)).toBe(true)
    await w.restart()
    await w.settle()
    expect(w.power.order()?.id.startsWith(b.id)).toBe(true)
    expect(w.row(a.id).state).toBe('cancelled')
    await w.close()
  })

  it('hands out no more solutions of a subnet than it takes', async () => {
    const w = await world()
    w.chain.room = { perBlock: 1, left: 1 }
    w.head()
    const [a, b] = [await w.ask('a'), await w.ask('b', { customer: 'd' })]
    await w.settle()
    await w.power.find()
    await w.settle()
    w.chain.grow()
    w.head()
    await w.settle()
    expect([w.row(a.id).state, w.row(b.id).reason?.code]).toEqual(['ready', 'OTHERS_FIRST'])
    // The first one lets it pass: two blocks later the other one has its turn.
    await w.store.cancel(a.id, 'c')
    await w.changed(a.id)
    await w.settle()
    expect(w.power.order()?.id.startsWith(b.id)).toBe(true)
    await w.close()
  })

  it('rests while the chain is silent', async () => {
    const w = await world()
    w.head()
    await w.ask('a')
    await w.settle()
    w.silent(true)
    await w.settle()
    expect(w.power.order()).toBeNull()
    w.silent(false)
    await w.settle()
    expect(w.power.order()).not.toBeNull()
    await w.close()
  })

  it('in proxy mode stores what it sends before, and sends nothing while that may be included', async () => {
    const sent: number[] = []
    const proxy: ProxySender = {
      address: hotkeyOf('proxy'),
      prepare: (_registration, { netuid, blockNumber }) => {
        const record = { netuid, hash: newHash(), nonce: 0, validUntil: blockNumber + 2 }
        const send: PreparedSend['send'] = () => Promise.resolve(void sent.push(blockNumber))
        return Promise.resolve({ record, send, outcome: () => Promise.resolve('dropped' as const) })
      },
    }
    const w = await world({ 1: 2n }, proxy)
    w.head()
    const { id } = await w.ask('a', { mode: 'proxy', coldkey: hotkeyOf('cold') })
    await w.settle()
    await w.power.find()
    expect(sent).toEqual([0])
    expect(w.row(id).sent).toMatchObject([{ netuid: 1, validUntil: 2 }])
    for (let block = 1; block <= 4; block++) {
      w.chain.grow()
      await w.restart()
      await w.settle()
      await w.power.find()
      await w.settle()
    }
    expect(sent).toEqual([0, 2])
    await w.close()
  })

  it('whatever happens, ends each registration once and hands out only work that the chain takes', { timeout: 60_000 }, async () => {
    const action = fc.constantFrom('block', 'block', 'hit', 'hit', 'submit', 'submit', 'fork', 'restart', 'down', 'up', 'ask', 'cancel')
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 60 }), async (actions) => {
        const w = await world()
        const ended = new Map<string, string>()
        w.head()
        for (let i = 0; i < 3; i++) await w.ask(`first ${i}`, { customer: `c${i % 2}`, netuids: i === 0 ? [1, 2] : [1] })
        const step = async (what: string, i: number): Promise<void> => {
          if (what === 'block') w.chain.grow()
          if (what === 'fork') w.chain.fork(1 + (i % 3))
          if (what === 'hit') await w.power.find()
          if (what === 'restart') await w.restart()
          if (what === 'down' || what === 'up') w.store.failing = what === 'down'
          if (what === 'ask' && !w.store.failing) await w.ask(`later ${i}`, { customer: `c${i % 3}` })
          if (what === 'cancel' && !w.store.failing && i % 4 === 0) {
            const [row] = w.store.rows.values()
            if (row) await w.store.cancel(row.id, row.customer)
          }
          if (what === 'submit') {
            const rows = [...w.store.rows.values()]
            const found = rows.flatMap(({ hotkey, targets }) =>
              targets.flatMap(({ solution }) => (solution === null ? [] : [{ ...solution, nonce: BigInt(solution.nonce), hotkey }])),
            )
            // A solution that lies in a database that is away may be too old; one that was just stored may not be wrong.
            const live = found.filter(({ blockNumber }) => isFresh(blockNumber, w.chain.head().number))
            const errors = w.chain.grow(live).filter((error) => error !== 'AlreadyRegistered')
            if (!w.store.failing && fresh) expect(errors).toEqual([])
          }
          fresh = what !== 'down' && what !== 'up' && !w.store.failing
          w.head()
          await w.settle()
          for (const row of w.store.rows.values()) {
            const before = ended.get(row.id)
            if (before !== undefined) expect(row.state).toBe(before)
            if (ENDED_STATES.includes(row.state)) ended.set(row.id, row.state)
          }
        }
        let fresh = true
        for (const [i, what] of actions.entries()) await step(what, i)
        // Left alone with a chain and a database that work, all come to their end.
        w.store.failing = false
        await w.restart()
        for (let i = 0; i < 30; i++) for (const what of ['hit', 'hit', 'submit']) await step(what, i)
        for (const row of w.store.rows.values()) {
          expect(ENDED_STATES).toContain(row.state)
          if (row.state === 'registered')
            for (const { netuid } of row.targets) expect(w.chain.times(netuid, row.hotkey)).toBeLessThanOrEqual(1)
        }
        await w.close()
      }),
      { numRuns: 60 },
    )
  })
})
