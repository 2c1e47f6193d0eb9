import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import type { NewRegistration, Registration, RegistrationStore, RegistrationTarget } from '../../../src/core/registrations.js'
import { encodeSs58 } from '../../../src/core/units/ss58.js'
import { createPool, createRegistrationStore } from '../../../src/store/index.js'
import { bytes32, key } from '../../support/builders.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'

const GENESIS = bytes32('genesis')
const OTHER_CHAIN = bytes32('other genesis')
const NEVER = '00000000-0000-7000-8000-000000000000'

let db: TestDatabase
let store: RegistrationStore
beforeAll(async () => {
  db = await testDatabase()
  store = createRegistrationStore({ pool: db.pool })
})
beforeEach(() => db.pool.query('TRUNCATE registrations'))
afterAll(() => db?.[Symbol.asyncDispose]())

function wanted(changes: Partial<NewRegistration> = {}): NewRegistration {
  return {
    customer: 'alice',
    genesisHash: GENESIS,
    hotkey: encodeSs58(key(1)),
    coldkey: null,
    mode: 'solve',
    netuids: [1],
    maxCost: null,
    deadline: '2027-01-01T00:00:00.000Z',
    ...changes,
  }
}

async function created(changes: Partial<NewRegistration> = {}): Promise<Registration> {
  const { registration, created: isNew } = await store.create(wanted(changes), 1000)
  expect(isNew).toBe(true)
  return registration
}

/** That many of one customer, in the order they were made. */
async function several(count: number, changes: Partial<NewRegistration> = {}): Promise<Registration[]> {
  const made: Registration[] = []
  for (let n = 0; n < count; n++) made.push(await created({ hotkey: encodeSs58(key(n)), ...changes }))
  return made
}

function aTarget(netuid: number, changes: Partial<RegistrationTarget> = {}): RegistrationTarget {
  return { netuid, state: 'pending', reason: null, solution: null, offer: null, uid: null, registeredBlock: null, ...changes }
}

test('a new registration is queued, with a target for each subnet, and reads back the same', async () => {
  const input = wanted({
    netuids: [7, 3, 7],
    coldkey: encodeSs58(key(9)),
    mode: 'burn',
    maxCost: '340282366920938463463374607431768211455',
  })
  const { registration, created: isNew } = await store.create(input, 10)
  expect(isNew).toBe(true)
  const { netuids: _, ...same } = input
  expect(registration).toEqual({
    ...same,
    id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
    state: 'queued',
    reason: null,
    targets: [aTarget(3), aTarget(7)],
    attempts: 0,
    solutions: 0,
    sent: [],
    createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    updatedAt: registration.createdAt,
    endedAt: null,
    version: 1,
  })
  expect(await store.get(registration.id, 'alice')).toEqual(registration)
  expect(await store.get(registration.id, 'mallory')).toBeNull()
  expect(await store.get(NEVER, 'alice')).toBeNull()
  expect(await store.get("' OR true --", 'alice')).toBeNull()
})

test('what is asked for again, in whatever order and address format, is the one that is there; anything else is another', async () => {
  const first = await created({ netuids: [1, 2] })
  const again = await store.create(wanted({ netuids: [2, 1, 2], hotkey: encodeSs58(key(1), 0), maxCost: '5' }), 1)
  expect(again).toEqual({ registration: first, created: false })

  const others = [
    await created({ netuids: [1] }),
    await created({ netuids: [1, 2], mode: 'proxy' }),
    await created({ netuids: [1, 2], customer: 'bob' }),
    await created({ netuids: [1, 2], hotkey: encodeSs58(key(2)) }),
    await created({ netuids: [1, 2], genesisHash: OTHER_CHAIN }),
  ]
  expect(new Set([first, ...others].map(({ id }) => id)).size).toBe(6)

  await store.cancel(first.id, 'alice')
  expect((await created({ netuids: [1, 2] })).id).not.toBe(first.id)
})

test('twenty at once of the same are one', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => store.create(wanted(), 5)))
  expect(answers.filter((answer) => answer.created)).toHaveLength(1)
  expect(new Set(answers.map(({ registration }) => registration.id)).size).toBe(1)
  expect(await store.active(GENESIS)).toHaveLength(1)
})

test('the database itself holds that there is one, also when a program forgets the lock', async () => {
  const { id } = await created()
  const copy = `INSERT INTO registrations SELECT (jsonb_populate_record(r, jsonb_build_object('id', '${NEVER}'))).* FROM registrations r WHERE id = $1`
  await expect(db.pool.query(copy, [id])).rejects.toThrow('registrations_unfinished_key')
  await expect(db.pool.query("UPDATE registrations SET state = 'failed' WHERE id = $1", [id])).rejects.toThrow('registrations_ended_check')
})

test('of more at once than a customer may have, as many as it may are made; ended ones and those of others do not count', async () => {
  const ended = await created({ hotkey: encodeSs58(key(50)) })
  await store.cancel(ended.id, 'alice')
  await several(4, { customer: 'bob' })
  await created({ genesisHash: OTHER_CHAIN })
  const answers = await Promise.allSettled(
    Array.from({ length: 20 }, (_, n) => store.create(wanted({ hotkey: encodeSs58(key(100 + n)) }), 3)),
  )
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
  for (const answer of answers)
    if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'RATE_LIMITED', detail: { maxActive: 3 } })

  // One that is there already is given back, however many there are.
  const [one] = await store.active(GENESIS)
  const same = await store.create(wanted({ customer: one?.customer, hotkey: one?.hotkey }), 0)
  expect(same.created).toBe(false)
})

test('a change is saved once: the version given has to be the one stored', async () => {
  const before = await created({ netuids: [1, 2] })
  const solution = {
    ...{
      netuid: 1,
      blockNumber: 12,
      blockHash: bytes32('block'),
      nonce: '18446744073709551615',
      work: bytes32('work'),
      difficulty: '10000000',
    },
    ...{ byteOrder: 'little' as const, validIn: [13, 15] as [number, number], foundAt: '2026-11-22T10:00:00.000Z' },
  }
  const changed: Registration = {
    ...before,
    state: 'ready',
    reason: { code: 'QUOTA_USED', message: 'not in this interval', retryAtBlock: 90 },
    targets: [aTarget(1, { state: 'ready', solution }), aTarget(2, { state: 'registered', uid: 7, registeredBlock: 11 })],
    attempts: 3,
    solutions: 2,
    sent: [{ netuid: 2, hash: bytes32('extrinsic'), nonce: 4, validUntil: 99 }],
  }
  const both = await Promise.all([store.save(changed), store.save({ ...changed, attempts: 99 })])
  const [saved, ...more] = both.filter((result) => result !== null)
  expect(more).toEqual([])
  expect(saved).toMatchObject({ ...changed, attempts: saved?.attempts, version: 2, updatedAt: expect.any(String) })
  expect(saved && saved.updatedAt >= before.updatedAt).toBe(true)
  expect(await store.get(before.id, 'alice')).toEqual(saved)
  expect(await store.save(changed)).toBeNull()
  expect(await store.save({ ...changed, id: NEVER })).toBeNull()
  expect(await store.get(before.id, 'alice')).toEqual(saved)
})

test('a state that is an end brings its time along, and leaves the unfinished ones', async () => {
  const [first, second] = await several(2)
  if (first === undefined || second === undefined) throw new Error('too few')
  const ended = await store.save({ ...first, state: 'registered' })
  expect(ended?.endedAt).toBe(ended?.updatedAt)
  const at = '2026-11-22T10:00:00.000Z'
  expect((await store.save({ ...second, state: 'expired', endedAt: at }))?.endedAt).toBe(at)
  expect(await store.active(GENESIS)).toEqual([])
})

test('cancelling ends what has not ended, of its own customer only, and whoever saves then is told', async () => {
  const open = await created()
  expect(await store.cancel(open.id, 'mallory')).toBeNull()
  expect(await store.cancel(NEVER, 'alice')).toBeNull()
  expect(await store.cancel('nothing', 'alice')).toBeNull()
  const cancelled = await store.cancel(open.id, 'alice')
  expect(cancelled).toMatchObject({ state: 'cancelled', version: 2, endedAt: expect.any(String) })
  expect(await store.cancel(open.id, 'alice')).toEqual(cancelled)
  expect(await store.save({ ...open, state: 'solving' })).toBeNull()

  const done = await store.save({ ...(await created()), state: 'registered' })
  expect(await store.cancel(done?.id ?? '', 'alice')).toEqual(done)
})

test('what was to be used goes when a registration is cancelled, and the order of its subnets stays', async () => {
  const open = await created({ netuids: [3, 1, 2] })
  const offer = { netuid: 2, price: '5', atBlock: 9, call: 'burned_register' as const }
  const targets = open.targets.map((target) => (target.netuid === 2 ? { ...target, state: 'ready' as const, offer } : target))
  await store.save({ ...open, targets })
  const cancelled = await store.cancel(open.id, 'alice')
  expect(cancelled?.targets.map(({ netuid, offer: left }) => [netuid, left])).toEqual([1, 2, 3].map((netuid) => [netuid, null]))
})

test('lists are newest first and whole over all pages, whatever is added meanwhile', async () => {
  const made = await several(7)
  await several(3, { customer: 'bob' })
  const newest = made.map(({ id }) => id).reverse()
  expect(newest).toEqual([...newest].sort().reverse())
  const pages: string[][] = []
  for (let after: string | undefined; ;) {
    const { registrations, more } = await store.list({ customer: 'alice', limit: 3, after })
    pages.push(registrations.map(({ id }) => id))
    if (!more) break
    after = pages.at(-1)?.at(-1)
    await created({ hotkey: encodeSs58(key(200 + pages.length)) })
  }
  expect(pages.map((page) => page.length)).toEqual([3, 3, 1])
  expect(pages.flat()).toEqual(newest)
  await expect(store.list({ customer: 'alice', limit: 3, after: 'x' })).rejects.toMatchObject({ code: 'BAD_INPUT' })
})

test('lists can be of one state, and of one hotkey', async () => {
  const made = await several(4)
  await store.cancel(made[1]?.id ?? '', 'alice')
  await store.cancel(made[3]?.id ?? '', 'alice')
  const idsOf = async (query: { state?: 'cancelled'; hotkey?: string }): Promise<string[]> =>
    (await store.list({ customer: 'alice', limit: 10, ...query })).registrations.map(({ id }) => id)
  expect(await idsOf({ state: 'cancelled' })).toEqual([made[3]?.id, made[1]?.id])
  expect(await idsOf({ hotkey: encodeSs58(key(1)) })).toEqual([made[1]?.id])
  expect(await idsOf({ state: 'cancelled', hotkey: encodeSs58(key(2)) })).toEqual([])
})

test('what a restart finds: all unfinished ones of the chain, oldest first, and none of another chain', async () => {
  const made = await several(3)
  await created({ genesisHash: OTHER_CHAIN })
  const [first, second, third] = made
  if (first === undefined || second === undefined || third === undefined) throw new Error('too few')
  await store.cancel(second.id, 'alice')
  const waiting = await store.save({ ...third, state: 'waiting' })
  expect(await store.active(GENESIS)).toEqual([first, waiting])
})

test('lists and restarts read by an index, not all that was ever asked for', async () => {
  await db.pool.query(
    `INSERT INTO registrations (id, customer, genesis_hash, hotkey, mode, state, netuids, targets, attempts, solutions, sent, deadline, created_at, updated_at, ended_at, version)
     SELECT gen_random_uuid(), 'c' || n % 50, '\\x01', '\\x01', 'solve', 'failed', '{1}', '[]', 0, 0, '[]', now(), now(), now(), now(), 1 FROM generate_series(1, 5000) n`,
  )
  await db.pool.query('ANALYZE registrations')
  const planOf = async (sql: string): Promise<string> => JSON.stringify((await db.pool.query(`EXPLAIN ${sql}`)).rows)
  expect(await planOf("SELECT * FROM registrations WHERE customer = 'c7' AND id < gen_random_uuid() ORDER BY id DESC LIMIT 21")).toContain(
    'registrations_customer_id_idx',
  )
  expect(await planOf("SELECT * FROM registrations WHERE genesis_hash = '\\x01' AND ended_at IS NULL ORDER BY id")).toMatch(
    /registrations_(active_idx|unfinished_key)/,
  )
})

test('a database that is away is said so, as something that passes', async () => {
  const pool = createPool({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'tests', maxConnections: 1, log: silentLog })
  const away = createRegistrationStore({ pool })
  const down = { code: 'DATABASE_DOWN' }
  await expect(away.create(wanted(), 1)).rejects.toMatchObject(down)
  await expect(away.get(NEVER, 'alice')).rejects.toMatchObject(down)
  await expect(away.list({ customer: 'alice', limit: 1 })).rejects.toMatchObject(down)
  await expect(away.cancel(NEVER, 'alice')).rejects.toMatchObject(down)
  await expect(away.active(GENESIS)).rejects.toMatchObject(down)
  await pool.end()
})
