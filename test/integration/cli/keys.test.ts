import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createKey, listKeys, revokeKey } from '../../../src/cli/keys.js'
import type { CommandContext } from '../../../src/cli/run.js'
import { NO_LIMITS } from '../../../src/core/api-keys.js'
import { loadConfig } from '../../../src/core/config/index.js'
import { createLifecycle, DONE } from '../../../src/core/lifecycle.js'
import { silentLog } from '../../../src/core/log.js'
import { createMetrics } from '../../../src/core/metrics.js'
import { createApiKeyStore } from '../../../src/store/index.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'

const BUILD = fileURLToPath(new URL('../../../scripts/build.mjs', import.meta.url))
const MAIN = fileURLToPath(new URL('../../../dist/main.js', import.meta.url))
const DAY_MS = 24 * 3600 * 1000

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
beforeEach(() => db.pool.query('TRUNCATE api_keys, prompt_credits'))
afterAll(() => db?.[Symbol.asyncDispose]())

/** Runs a command as the program does, and gives back what it printed. */
async function run(command: (context: CommandContext) => Promise<void>): Promise<string> {
  const life = createLifecycle({ log: silentLog })
  const lines: string[] = []
  const context = {
    config: loadConfig({ env: { DATABASE_URL: db.url } }),
    log: silentLog,
    metrics: createMetrics(),
    life,
    print: (text: string) => void lines.push(text),
    exitWith: () => {},
  }
  try {
    await command(context)
  } finally {
    await life.stop(DONE)
  }
  return lines.join('\n')
}

/** Flags as the command line gives them. */
function create(flags: Record<string, string> = {}): Promise<string> {
  return run((context) => createKey(context, { name: 'alice', scopes: 'pow,prompt', ...flags }))
}

function lastLine(text: string): string {
  return text.split('\n').at(-1) ?? ''
}

test('create prints the key alone on the last line, and it opens what it is for', async () => {
  const output = await create({ scopes: 'pow', requestsPerMinute: '30', activeJobs: '2' })
  const key = lastLine(output)
  expect(key).toMatch(/^tg_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/)
  const store = createApiKeyStore({ pool: db.pool })
  const customer = key.slice(3, 19)
  expect(await store.caller(key, 'pow')).toEqual({ customer, limits: { ...NO_LIMITS, requestsPerMinute: 30, activeJobs: 2 } })
  await expect(store.caller(key, 'prompt')).rejects.toMatchObject({ code: 'FORBIDDEN' })
  expect(output).toContain(`Key ${customer} for alice: opens pow, does not expire.`)
})

test('limits of prompts are kept with the key', async () => {
  const key = lastLine(await create({ tokensPerMinute: '5000', concurrentPrompts: '4', monthlyCredits: '100' }))
  const { limits } = await createApiKeyStore({ pool: db.pool }).caller(key, 'prompt')
  expect(limits).toEqual({ ...NO_LIMITS, tokensPerMinute: 5000, concurrentPrompts: 4, monthlyCredits: 100 })
})

test('a key expires after days or at a date', async () => {
  const before = Date.now()
  await create({ name: 'days', expires: '30' })
  await create({ name: 'date', expires: '2099-05-01' })
  await create({ name: 'moment', expires: '2099-05-01T12:00:00+02:00' })
  const records = await createApiKeyStore({ pool: db.pool }).list()
  const expiryOf = (name: string): number => records.find((record) => record.name === name)?.expiresAt?.getTime() ?? 0
  expect(expiryOf('days')).toBeGreaterThanOrEqual(before + 30 * DAY_MS)
  expect(expiryOf('days')).toBeLessThan(Date.now() + 30 * DAY_MS + 1)
  expect(expiryOf('date')).toBe(Date.UTC(2099, 4, 1))
  expect(expiryOf('moment')).toBe(Date.UTC(2099, 4, 1, 10))
})

test.each([
  [{ name: ' ' }, '--name ""; wanted some text'],
  [{ scopes: 'pow,root' }, '--scopes "pow,root"; wanted some of pow, prompt'],
  [{ scopes: '' }, '--scopes ""; wanted'],
  [{ expires: '0' }, '--expires "0"; wanted a number of days'],
  [{ expires: '2020-01-01' }, '--expires "2020-01-01"; wanted'],
  [{ expires: 'tomorrow' }, '--expires "tomorrow"; wanted'],
  [{ requestsPerMinute: '0' }, '--requests-per-minute "0"; wanted a whole number'],
  [{ activeJobs: '1.5' }, '--active-jobs "1.5"; wanted a whole number'],
  [{ tokensPerMinute: '-1' }, '--tokens-per-minute "-1"; wanted a whole number'],
  [{ concurrentPrompts: '' }, '--concurrent-prompts ""; wanted a whole number'],
  [{ monthlyCredits: '2147483648' }, '--monthly-credits "2147483648"; wanted a whole number from 1 to 2147483647'],
])('%j is refused, and no key made', async (flags, message) => {
  await expect(create(flags)).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) })
  expect(await run((context) => listKeys(context, false))).toMatch(/^There are no keys/)
})

test('list shows all keys with their state, and no secret', async () => {
  const limits = { requestsPerMinute: '9', tokensPerMinute: '5000', concurrentPrompts: '4', monthlyCredits: '100' }
  const keys = [lastLine(await create({ name: 'one' })), lastLine(await create({ name: 'two', scopes: 'prompt', ...limits }))]
  await run((context) => revokeKey(context, keys[0] ?? ''))
  await db.pool.query("UPDATE api_keys SET expires_at = now() WHERE name = 'two'")
  const table = await run((context) => listKeys(context, false))
  const [heading, two, one] = table.split('\n')
  expect(heading).toMatch(/^id +name +scopes +requests\/min +jobs +tokens\/min +prompts +credits +created +expires +last used +state$/)
  expect(one).toMatch(/^[0-9a-f]{16} +one +pow,prompt( +default){4} +0\/unlimited +\S+Z +never +never +revoked$/)
  expect(two).toMatch(/^[0-9a-f]{16} +two +prompt +9 +default +5000 +4 +0\/100 +\S+Z +\S+Z +never +expired$/)
  const json = await run((context) => listKeys(context, true))
  expect(json.split('\n').map((line) => JSON.parse(line) as unknown)).toMatchObject([
    {
      name: 'two',
      scopes: ['prompt'],
      limits: { requestsPerMinute: 9, activeJobs: null, monthlyCredits: 100 },
      revokedAt: null,
      creditsUsed: 0,
    },
    { name: 'one', scopes: ['pow', 'prompt'], limits: NO_LIMITS, revokedAt: expect.any(String), lastUsedAt: null },
  ])
  for (const key of keys) expect(table + json).not.toContain(key.slice(20))
})

test("list shows the credits used this month, and not an earlier month's", async () => {
  const id = lastLine(await create({ name: 'one', monthlyCredits: '100' })).slice(3, 19)
  await create({ name: 'two' })
  await db.pool.query(
    `INSERT INTO prompt_credits (customer, month, used, held) VALUES
       ($1, date_trunc('month', now() AT TIME ZONE 'UTC'), 12, 3), ($1, date_trunc('month', now() AT TIME ZONE 'UTC') - interval '1 month', 99, 0)`,
    [id],
  )
  expect(await run((context) => listKeys(context, false))).toMatch(/ +one .* 12\/100 /)
  const json = await run((context) => listKeys(context, true))
  expect(json.split('\n').map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { name: 'two', creditsUsed: 0 },
    { name: 'one', creditsUsed: 12 },
  ])
})

test('revoke takes an id or the key, says since when, and refuses what is not there', async () => {
  const key = lastLine(await create())
  const first = await run((context) => revokeKey(context, key.slice(3, 19)))
  expect(first).toMatch(/^Key [0-9a-f]{16} \(alice\) is revoked since \S+Z/)
  expect(await run((context) => revokeKey(context, key))).toBe(first)
  await expect(createApiKeyStore({ pool: db.pool }).caller(key, 'pow')).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  await expect(run((context) => revokeKey(context, 'none'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('the program itself: create, list and revoke below "keys", and its usage', async () => {
  await promisify(execFile)(process.execPath, [BUILD])
  const taogate = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
    new Promise((resolve) => {
      const env = { PATH: process.env['PATH'] ?? '', DATABASE_URL: db.url }
      execFile(process.execPath, [MAIN, 'keys', ...args], { env }, (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr })
      })
    })
  const made = await taogate('create', '--name', 'web', '--scopes', 'pow')
  expect(made.code, made.stderr).toBe(0)
  const key = lastLine(made.stdout.trimEnd())
  const [revoked, nameless, bare] = await Promise.all([taogate('revoke', key.slice(3, 19)), taogate('create'), taogate()])
  expect(revoked).toMatchObject({ code: 0, stdout: expect.stringContaining('(web) is revoked') })
  expect(nameless).toMatchObject({ code: 2, stderr: expect.stringContaining("required option '--name <name>'") })
  expect(bare).toMatchObject({ code: 2, stderr: expect.stringMatching(/create .*list .*revoke /s) })
  const listed = await taogate('list', '--json')
  expect(JSON.parse(listed.stdout)).toMatchObject({ id: key.slice(3, 19), name: 'web', scopes: ['pow'], revokedAt: expect.any(String) })
  expect(made.stderr + revoked.stderr + listed.stderr + listed.stdout).not.toContain(key.slice(20))
})
