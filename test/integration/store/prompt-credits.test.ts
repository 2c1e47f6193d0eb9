import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import type { CreditHold } from '../../../src/core/prompting.js'
import { createCreditLedger, createPool, readUsedCredits } from '../../../src/store/index.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { countStatements } from '../../support/statements.js'
import { eventually } from '../../support/waiting.js'
import { wireTo } from '../jobs/rig.js'

const NOVEMBER = Date.UTC(2026, 10, 30, 23, 59, 30)

let db: TestDatabase
/** Four processes. */
let pools: pg.Pool[]
let time: number
let ledgers: ReturnType<typeof createCreditLedger>[]
beforeAll(async () => {
  db = await testDatabase()
  pools = Array.from({ length: 4 }, () => createPool({ url: db.url, applicationName: 'tests', maxConnections: 4, log: silentLog }))
})
beforeEach(async () => {
  await db.pool.query('TRUNCATE prompt_credits, prompt_credit_holds')
  time = NOVEMBER
  ledgers = pools.map((pool) => createCreditLedger({ pool, log: silentLog, now: () => time }))
})
afterAll(async () => {
  await Promise.all((pools ?? []).map((pool) => pool.end()))
  await db?.[Symbol.asyncDispose]()
})

function ledger(n = 0): ReturnType<typeof createCreditLedger> {
  return ledgers[n % ledgers.length] as ReturnType<typeof createCreditLedger>
}

/** null: refused for want of credits. */
async function attempt(n: number, limit: number, credits: number, customer = 'alice'): Promise<CreditHold | null> {
  try {
    return await ledger(n).hold(customer, limit, credits)
  } catch (error) {
    expect(error).toMatchObject({ code: 'RATE_LIMITED', detail: { reason: 'insufficient_quota', limit } })
    return null
  }
}

async function month(customer = 'alice', of = '2026-11-01'): Promise<{ used: number; held: number } | undefined> {
  const { rows } = await db.pool.query<{ used: string; held: string }>(
    'SELECT used, held FROM prompt_credits WHERE customer = $1 AND month = $2',
    [customer, of],
  )
  return rows[0] && { used: Number(rows[0].used), held: Number(rows[0].held) }
}

function expireAll(): Promise<unknown> {
  return db.pool.query("UPDATE prompt_credit_holds SET expires_at = now() - interval '1 second'")
}

/** The database itself refuses what must never be. */
async function forbidMoreThan(limit: number): Promise<AsyncDisposable> {
  await db.pool.query(`ALTER TABLE prompt_credits ADD CONSTRAINT within CHECK (used + held <= ${limit} AND used >= 0 AND held >= 0)`)
  return { [Symbol.asyncDispose]: async () => void (await db.pool.query('ALTER TABLE prompt_credits DROP CONSTRAINT within')) }
}

test('of 200 holds at once from four processes exactly as many are granted as fit, each with another rest', async () => {
  await using _ = await forbidMoreThan(137)
  const holds = await Promise.all(Array.from({ length: 200 }, (_, n) => attempt(n, 137, 1)))
  const remaining = holds.flatMap((hold) => (hold === null ? [] : [hold.remaining]))
  expect(remaining.sort((a, b) => a - b)).toEqual(Array.from({ length: 137 }, (_, n) => n))
  expect(await month()).toEqual({ used: 0, held: 137 })
})

test('holds of different sizes at once never pass the limit, and none is refused that would still fit', async () => {
  await using _ = await forbidMoreThan(300)
  const sizes = Array.from({ length: 200 }, (_, n) => 1 + ((n * 7) % 5))
  const holds = await Promise.all(sizes.map((size, n) => attempt(n, 300, size)))
  const granted = sizes.filter((_, n) => holds[n] !== null)
  const left = 300 - granted.reduce((sum, size) => sum + size, 0)
  expect(left).toBeGreaterThanOrEqual(0)
  for (const [n, size] of sizes.entries()) if (holds[n] === null) expect(size).toBeGreaterThan(left)
})

test('requests that hold and settle from four processes charge exactly what was answered', async () => {
  await using _ = await forbidMoreThan(250)
  let charged = 0
  await Promise.all(
    Array.from({ length: 200 }, async (_, n) => {
      const hold = await attempt(n, 250, 3)
      const cost = n % 4
      if (hold === null) return
      charged += Math.min(cost, 3)
      await hold.settle(cost)
    }),
  )
  expect(charged).toBeGreaterThan(0)
  expect(await month()).toEqual({ used: charged, held: 0 })
  expect((await db.pool.query('SELECT FROM prompt_credit_holds')).rowCount).toBe(0)
})

test('customers do not touch each other, and what is used can be read', async () => {
  await (await ledger().hold('alice', 10, 4)).settle(4)
  await (await ledger().hold('bob', 10, 2)).settle(0)
  expect((await ledger().hold('bob', 10, 10)).remaining).toBe(0)
  expect(await readUsedCredits(db.pool, NOVEMBER)).toEqual(new Map([['alice', 4]]))
})

test('a hold costs one statement, and so does settling it', async () => {
  await using own = await testDatabase()
  const statements = countStatements(own.pool)
  const alone = createCreditLedger({ pool: own.pool, log: silentLog })
  for (let n = 1; n <= 3; n++) {
    const hold = await alone.hold('alice', 10, 1)
    expect(statements.count).toBe(2 * n - 1)
    await hold.settle(1)
    expect(statements.count).toBe(2 * n)
  }
})

test('one that is refused is told until when: the next month, or a moment when only requests under way are in its way', async () => {
  await (await ledger().hold('alice', 10, 8)).settle(8)
  await expect(ledger().hold('alice', 10, 3)).rejects.toMatchObject({
    code: 'RATE_LIMITED',
    message: '8 of the 10 credits of this month are used, and this request may cost 3',
    detail: { reason: 'insufficient_quota', limit: 10, retryAfterSeconds: 30 },
  })
  const hold = await ledger().hold('alice', 10, 2)
  await expect(ledger().hold('alice', 10, 1)).rejects.toMatchObject({
    message: expect.stringContaining('set aside for requests under way') as string,
    detail: { reason: 'insufficient_quota', limit: 10, retryAfterSeconds: 2 },
  })
  await hold.settle(0)
  expect((await ledger().hold('alice', 10, 1)).remaining).toBe(1)
  await expect(ledger().hold('carol', 10, 11)).rejects.toMatchObject({ code: 'RATE_LIMITED' })
})

test('a limit that was lowered below what is used refuses, and takes nothing back', async () => {
  await (await ledger().hold('alice', 10, 8)).settle(8)
  expect(await attempt(0, 5, 1)).toBeNull()
  expect(await month()).toEqual({ used: 8, held: 0 })
  expect((await attempt(0, 20, 1))?.remaining).toBe(11)
})

test('what is held in one month is charged to it, and the next month begins with all', async () => {
  const hold = await ledger().hold('alice', 10, 10)
  time += 60_000
  expect((await ledger().hold('alice', 10, 4)).remaining).toBe(6)
  await hold.settle(7)
  expect(await month()).toEqual({ used: 7, held: 0 })
  expect(await month('alice', '2026-12-01')).toEqual({ used: 0, held: 4 })
})

test('no more is charged than was held, nothing below zero, and nothing twice', async () => {
  const more = await ledger().hold('alice', 10, 3)
  await Promise.all([more.settle(9), more.settle(9)])
  expect(await month()).toEqual({ used: 3, held: 0 })
  await (await ledger().hold('alice', 10, 3)).settle(-2)
  expect(await month()).toEqual({ used: 3, held: 0 })
})

test('what a process that died had set aside is free again for all who ask at once, each as far as it fits', async () => {
  for (let n = 0; n < 10; n++) await ledger(n).hold('alice', 100, 10)
  expect(await attempt(0, 100, 1)).toBeNull()
  await expireAll()
  await using _ = await forbidMoreThan(100)
  const holds = await Promise.all(Array.from({ length: 60 }, (_, n) => attempt(n, 100, 2)))
  expect(holds.filter((hold) => hold !== null)).toHaveLength(50)
  expect(await month()).toEqual({ used: 0, held: 100 })
})

test('a hold lives as long as it is said to, by the clock of the database', async () => {
  const { rows: before } = await db.pool.query<{ now: Date }>('SELECT now()')
  await createCreditLedger({ pool: db.pool, log: silentLog, holdMs: 90_000 }).hold('alice', 10, 1)
  await ledger().hold('bob', 10, 1)
  const { rows } = await db.pool.query<{ expires_at: Date }>('SELECT expires_at FROM prompt_credit_holds ORDER BY customer')
  const seconds = rows.map(({ expires_at }) => (expires_at.getTime() - (before[0]?.now.getTime() ?? 0)) / 1000)
  expect(seconds[0]).toBeCloseTo(90, -1)
  expect(seconds[1]).toBeCloseTo(600, -1)
})

test('a request that ends after its hold has expired is charged all the same, once', async () => {
  const late = await ledger().hold('alice', 10, 10)
  await expireAll()
  const next = await ledger(1).hold('alice', 10, 4)
  expect(await month()).toEqual({ used: 0, held: 4 })
  await late.settle(5)
  await next.settle(4)
  expect(await month()).toEqual({ used: 9, held: 0 })
})

test('pruning releases what has expired in every month, and forgets it after a day', async () => {
  const late = await ledger().hold('alice', 10, 3)
  await ledger().hold('bob', 10, 5)
  await expireAll()
  time += 60_000
  await ledger().hold('alice', 10, 2)
  await Promise.all(ledgers.map((one) => one.prune()))
  expect([await month(), await month('bob'), await month('alice', '2026-12-01')]).toEqual([
    { used: 0, held: 0 },
    { used: 0, held: 0 },
    { used: 0, held: 2 },
  ])
  await late.settle(3)
  expect(await month()).toEqual({ used: 3, held: 0 })
  await db.pool.query("UPDATE prompt_credit_holds SET expires_at = now() - interval '25 hours' WHERE released")
  await ledger().prune()
  expect((await db.pool.query('SELECT customer FROM prompt_credit_holds')).rows).toEqual([{ customer: 'alice' }])
})

test('settling while the database is away does not fail, and is done when it is back', async () => {
  await using wire = await wireTo(db.url)
  const pool = createPool({ url: wire.url, applicationName: 'tests', maxConnections: 2, log: silentLog })
  const far = createCreditLedger({ pool, log: silentLog, now: () => time })
  const holds = [await far.hold('alice', 10, 3), await far.hold('alice', 10, 3)]
  wire.cut()
  await Promise.all(holds.map((hold) => hold.settle(2)))
  await expect(far.hold('alice', 10, 1)).rejects.toMatchObject({ code: 'DATABASE_DOWN' })
  expect(await month()).toEqual({ used: 0, held: 6 })
  wire.mend()
  await eventually('both are charged', async () => (await month())?.used === 4)
  expect(await month()).toEqual({ used: 4, held: 0 })
  // What is still open when the service ends is written then.
  const last = await far.hold('alice', 10, 3)
  wire.cut()
  await last.settle(1)
  wire.mend()
  await far.close()
  expect(await month()).toEqual({ used: 5, held: 0 })
  await pool.end()
})

test('a settlement that was written while its answer was lost is not charged again', async () => {
  const lossy = Object.create(db.pool) as typeof db.pool
  let lose = 0
  lossy.query = (async (...args: Parameters<typeof db.pool.query>) => {
    const result = await (db.pool.query(...args) as unknown as Promise<pg.QueryResult>)
    if (lose-- > 0) throw Object.assign(new Error('gone'), { code: 'ECONNRESET' })
    return result
  }) as typeof db.pool.query
  const one = createCreditLedger({ pool: lossy, log: silentLog, now: () => time })
  const hold = await one.hold('alice', 10, 3)
  lose = 1
  await hold.settle(3)
  await one.close()
  expect(lose).toBeLessThan(0)
  expect(await month()).toEqual({ used: 3, held: 0 })
})
