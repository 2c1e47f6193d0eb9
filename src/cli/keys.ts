import { SCOPES, type ApiKeyRecord, type Scope } from '../core/api-keys.js'
import { AppError } from '../core/errors.js'
import { createApiKeyStore, readUsedCredits, type NewApiKey } from '../store/index.js'
import { openMigratedDatabase } from './database.js'
import type { CommandContext } from './run.js'

/** `taogate keys create`: makes a key, and prints it alone on the last line. */
export async function createKey(context: CommandContext, options: Readonly<Record<string, unknown>>): Promise<void> {
  const wanted = newKeyOf(options)
  const { pool } = await openMigratedDatabase(context)
  const { record, key } = await createApiKeyStore({ pool }).create(wanted)
  const until = record.expiresAt === null ? 'does not expire' : `expires ${record.expiresAt.toISOString()}`
  context.print(`Key ${record.id} for ${record.name}: opens ${record.scopes.join(', ')}, ${until}.`)
  context.print('It is shown only now; only a hash of it is stored.')
  context.print(key)
}

/** `taogate keys list`: the keys there are, newest first, with the credits they used this month (UTC); with `json` each as an object on a line of its own. */
export async function listKeys(context: CommandContext, json: boolean): Promise<void> {
  const { pool } = await openMigratedDatabase(context)
  const [records, used] = await Promise.all([createApiKeyStore({ pool }).list(), readUsedCredits(pool)])
  if (json) for (const record of records) context.print(JSON.stringify({ ...record, creditsUsed: used.get(record.id) ?? 0 }))
  else if (records.length === 0) context.print('There are no keys; taogate keys create --name NAME makes one.')
  else context.print(tableOf(records, used, new Date()))
}

/** `taogate keys revoke`: ends a key, named by its id; the key itself will do. */
export async function revokeKey(context: CommandContext, idOrKey: string): Promise<void> {
  const id = /^tg_([0-9a-f]+)_/.exec(idOrKey)?.[1] ?? idOrKey
  const { pool } = await openMigratedDatabase(context)
  const record = await createApiKeyStore({ pool }).revoke(id)
  if (record === null) throw new AppError('NOT_FOUND', `there is no key ${id}; taogate keys list shows those there are`)
  context.print(
    `Key ${record.id} (${record.name}) is revoked since ${record.revokedAt?.toISOString() ?? 'now'}; services know within 10 s.`,
  )
}

const NAME_MAX = 100
const DAY_MS = 24 * 3600 * 1000
const MAX_INT = 2_147_483_647

function newKeyOf(options: Readonly<Record<string, unknown>>): NewApiKey {
  const text = (flag: string): string | undefined => {
    const value = options[flag]
    return typeof value === 'string' ? value.trim() : undefined
  }
  const name = text('name') ?? ''
  if (name === '' || name.length > NAME_MAX) throw wrong('--name', name, `some text of at most ${NAME_MAX} characters`)
  return {
    name,
    scopes: scopesOf(text('scopes') ?? ''),
    limits: {
      requestsPerMinute: countOf('--requests-per-minute', text('requestsPerMinute')),
      activeJobs: countOf('--active-jobs', text('activeJobs')),
      tokensPerMinute: countOf('--tokens-per-minute', text('tokensPerMinute')),
      concurrentPrompts: countOf('--concurrent-prompts', text('concurrentPrompts')),
      monthlyCredits: countOf('--monthly-credits', text('monthlyCredits')),
    },
    expiresAt: expiryOf(text('expires'), new Date()),
  }
}

function scopesOf(text: string): Scope[] {
  const names = text.split(',').map((name) => name.trim())
  const found = SCOPES.filter((scope) => names.includes(scope))
  if (names.every((name) => found.some((scope) => scope === name))) return found
  throw wrong('--scopes', text, `some of ${SCOPES.join(', ')}, separated by commas`)
}

function countOf(flag: string, text: string | undefined): number | null {
  if (text === undefined) return null
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= 1 && count <= MAX_INT) return count
  throw wrong(flag, text, `a whole number from 1 to ${MAX_INT}`)
}

/** Days from now, or a date of ISO 8601; one without a time is the beginning of that day in UTC. */
function expiryOf(text: string | undefined, now: Date): Date | null {
  if (text === undefined) return null
  const days = /^\d{1,5}$/.test(text) ? Number(text) : null
  const date = days === null ? dateOf(text) : new Date(now.getTime() + days * DAY_MS)
  if (date !== null && date > now) return date
  throw wrong('--expires', text, 'a number of days, or a date of ISO 8601 that is to come')
}

const ISO_DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/

function dateOf(text: string): Date | null {
  const date = new Date(ISO_DATE.test(text) ? text : NaN)
  return Number.isNaN(date.getTime()) ? null : date
}

function wrong(flag: string, given: string, wanted: string): AppError {
  return new AppError('CONFIG_INVALID', `${flag} ${JSON.stringify(given)}; wanted ${wanted}`)
}

const HEADINGS = [
  ...['id', 'name', 'scopes', 'requests/min', 'jobs', 'tokens/min', 'prompts', 'credits'],
  ...['created', 'expires', 'last used', 'state'],
]

function tableOf(records: readonly ApiKeyRecord[], used: ReadonlyMap<string, number>, now: Date): string {
  const rows = records.map(({ limits, ...record }) => [
    ...[record.id, record.name, record.scopes.join(',')],
    ...[limits.requestsPerMinute, limits.activeJobs, limits.tokensPerMinute, limits.concurrentPrompts].map((limit) =>
      String(limit ?? 'default'),
    ),
    creditsOf(used.get(record.id) ?? 0, limits.monthlyCredits),
    ...[record.createdAt, record.expiresAt, record.lastUsedAt].map((date) => date?.toISOString().slice(0, 16).concat('Z') ?? 'never'),
    stateOf(record, now),
  ])
  const widths = HEADINGS.map((heading, i) => Math.max(heading.length, ...rows.map((row) => row[i]?.length ?? 0)))
  return [HEADINGS, ...rows]
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Used this month, of what the month has. */
function creditsOf(used: number, limit: number | null): string {
  return `${used}/${limit ?? 'unlimited'}`
}

function stateOf({ revokedAt, expiresAt }: Pick<ApiKeyRecord, 'revokedAt' | 'expiresAt'>, now: Date): string {
  if (revokedAt !== null) return 'revoked'
  return expiresAt !== null && expiresAt <= now ? 'expired' : 'good'
}
