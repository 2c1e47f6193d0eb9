import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { NO_LIMITS, type ApiKeyRecord, type Scope } from '../../../src/core/api-keys.js'
import { silentLog } from '../../../src/core/log.js'
import { createApiKeyStore, createPool, type NewApiKey } from '../../../src/store/index.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { countStatements, type StatementCount } from '../../support/statements.js'
import { eventually } from '../../support/waiting.js'

/** All different, so that none can stand for another. */
const LIMITS = { requestsPerMinute: 7, activeJobs: null, tokensPerMinute: 9000, concurrentPrompts: 3, monthlyCredits: 500 }

let db: TestDatabase
let statements: StatementCount
let time: number
/** Two processes over one database. */
let here: ReturnType<typeof createApiKeyStore>
let there: ReturnType<typeof createApiKeyStore>
beforeAll(async () => {
  db = await testDatabase()
  statements = countStatements(db.pool)
})
beforeEach(async () => {
  await db.pool.query('TRUNCATE api_keys')
  time = Date.now()
  const now = (): number => time
  here = createApiKeyStore({ pool: db.pool, now })
  there = createApiKeyStore({ pool: db.pool, now })
})
afterAll(() => db?.[Symbol.asyncDispose]())

function make(changes: Partial<NewApiKey> = {}): Promise<{ record: ApiKeyRecord; key: string }> {
  return here.create({
    name: 'alice',
    scopes: ['pow'],
    limits: LIMITS,
    expiresAt: null,
    ...changes,
  })
}

async function refusalOf(key: string, scope: Scope = 'pow', store = here): Promise<string> {
  try {
    await store.caller(key, scope)
    return 'let in'
  } catch (error) {
    const { code, message } = error as { code: string; message: string }
    return `${code}: ${message}`
  }
}

test('what is meant to be a key is told from what programs send because they must send something', () => {
  expect(here.isKey(`tg_${'0'.repeat(16)}_x`)).toBe(true)
  for (const text of ['', 'none', 'sk-1234', 'Tg_']) expect(here.isKey(text)).toBe(false)
})

test('a key stands for its customer, and only a hash of its secret is stored', async () => {
  const { record, key } = await make()
  const [, id, secret] = /^tg_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/.exec(key) ?? []
  expect(record).toEqual({
    id,
    name: 'alice',
    scopes: ['pow'],
    limits: LIMITS,
    createdAt: expect.any(Date),
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
  })
  expect(await here.caller(key, 'pow')).toEqual({ customer: id, limits: LIMITS })
  expect(await there.caller(key, 'pow')).toMatchObject({ customer: id })
  expect((await make({ limits: { ...NO_LIMITS, activeJobs: 2 } })).record.limits).toEqual({ ...NO_LIMITS, activeJobs: 2 })

  const { rows } = await db.pool.query<{ secret_hash: Buffer }>('SELECT secret_hash FROM api_keys WHERE id = $1', [id])
  expect(rows[0]?.secret_hash.toString('hex')).toBe(
    createHash('sha256')
      .update(secret ?? '')
      .digest('hex'),
  )
  expect(await db.dump(['api_keys'])).not.toContain(secret)
})

test('what is not a key, is unknown, of another secret, revoked or expired is UNAUTHORIZED, and without the scope FORBIDDEN', async () => {
  const { record, key } = await make({ expiresAt: new Date(time + 60_000) })
  const other = (await make()).key
  for (const text of ['', 'x', 'tg__', key.slice(0, -1), `${key}A`, ` ${key}`, key.toUpperCase()])
    expect(await refusalOf(text), text).toMatch(/^UNAUTHORIZED: that is not an API key/)
  expect(await refusalOf(`tg_${'0'.repeat(16)}${key.slice(19)}`)).toBe('UNAUTHORIZED: the API key is not known')
  expect(await refusalOf(key.slice(0, 20) + other.slice(20))).toBe('UNAUTHORIZED: the API key is not known')
  expect(await refusalOf(key, 'prompt')).toMatch(/^FORBIDDEN: .*the scope prompt$/)
  expect(await refusalOf(key)).toBe('let in')
  time += 59_999
  expect(await refusalOf(key)).toBe('let in')
  time += 1
  expect(await refusalOf(key)).toBe('UNAUTHORIZED: the API key has expired')
  await here.revoke(record.id)
  expect(await refusalOf(key)).toBe('UNAUTHORIZED: the API key has been revoked')
})

test('revoking counts at once here and within ten seconds elsewhere; doing it twice changes nothing', async () => {
  const { record, key } = await make()
  expect(await refusalOf(key, 'pow', there)).toBe('let in')
  expect(await refusalOf(key)).toBe('let in')
  const revoked = await here.revoke(record.id)
  expect(revoked?.revokedAt).toBeInstanceOf(Date)
  expect(await here.revoke(record.id)).toEqual(revoked)
  expect(await here.revoke('none')).toBeNull()
  expect(await refusalOf(key)).toMatch(/revoked/)
  expect(await refusalOf(key, 'pow', there)).toBe('let in')
  time += 10_000
  expect(await refusalOf(key, 'pow', there)).toMatch(/revoked/)
})

test('a request costs no statement, and many first ones at once cost one; an unknown key is not remembered', async () => {
  const { key } = await make()
  statements.reset()
  await Promise.all(Array.from({ length: 50 }, () => here.caller(key, 'pow')))
  await eventually('the time of use', () => statements.texts.length === 2)
  for (let n = 0; n < 100; n++) await here.caller(key, 'pow')
  expect(statements.texts.map((text) => text.split(' ')[0])).toEqual(['SELECT', 'UPDATE'])
  time += 10_000
  await here.caller(key, 'pow')
  expect(statements.texts).toHaveLength(3)

  const unknown = `tg_${'a'.repeat(16)}_${'b'.repeat(43)}`
  await refusalOf(unknown)
  await refusalOf(unknown)
  expect(statements.texts).toHaveLength(5)
})

test('the time of use is written once a minute, however many processes use the key, and never for one that was refused', async () => {
  const { record, key } = await make()
  const usedAt = async (): Promise<number | undefined> => (await here.list())[0]?.lastUsedAt?.getTime()
  await refusalOf(key, 'prompt')
  await refusalOf(`${key.slice(0, -2)}AA`)
  expect(await usedAt()).toBeUndefined()

  await here.caller(key, 'pow')
  const first = time
  await eventually('the first use', async () => (await usedAt()) === first)
  for (let step = 0; step < 5; step++) {
    time += 11_999
    await Promise.all([here.caller(key, 'pow'), there.caller(key, 'pow')])
  }
  expect(await usedAt()).toBe(first)
  time = first + 60_000
  await Promise.all([here.caller(key, 'pow'), there.caller(key, 'pow')])
  await eventually('the next minute', async () => (await usedAt()) === first + 60_000)
  expect(await usedAt()).toBe(first + 60_000)
  expect((await here.list())[0]?.id).toBe(record.id)
})

test('keys are listed newest first', async () => {
  for (const name of ['one', 'two', 'three']) {
    await make({ name, scopes: ['prompt', 'pow', 'prompt'] })
    await db.pool.query("UPDATE api_keys SET created_at = created_at - interval '1 second'")
  }
  expect((await here.list()).map(({ name, scopes }) => [name, scopes])).toEqual(
    ['three', 'two', 'one'].map((name) => [name, ['prompt', 'pow']]),
  )
})

test('a database that is away is no refusal of the key, and is asked again', async () => {
  const { key } = await make()
  let broken = true
  const flaky = Object.create(db.pool) as typeof db.pool
  const away = createPool({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'tests', maxConnections: 1, log: silentLog })
  flaky.query = ((...args: Parameters<typeof db.pool.query>) => (broken ? away : db.pool).query(...args)) as typeof db.pool.query
  const store = createApiKeyStore({ pool: flaky })
  await expect(store.caller(key, 'pow')).rejects.toMatchObject({ code: 'DATABASE_DOWN' })
  broken = false
  expect(await refusalOf(key, 'pow', store)).toBe('let in')
  await away.end()
})
