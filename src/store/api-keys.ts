import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type pg from 'pg'
import type { ApiKeyLimits, ApiKeyReader, ApiKeyRecord, Scope } from '../core/api-keys.js'
import { AppError } from '../core/errors.js'
import { toDatabaseError } from '../core/pg-errors.js'

export interface NewApiKey {
  name: string
  scopes: readonly Scope[]
  limits: ApiKeyLimits
  /** null: never. */
  expiresAt: Date | null
}

export interface ApiKeyStore extends ApiKeyReader {
  /** Makes a key: `tg_<id>_<secret>`. This is the only time that it is seen. */
  create(wanted: NewApiKey): Promise<{ record: ApiKeyRecord; key: string }>
  /** Newest first. */
  list(): Promise<ApiKeyRecord[]>
  /** Ends a key; one that has been revoked is given back as it is. null when there is none of that id. */
  revoke(id: string): Promise<ApiKeyRecord | null>
}

/** The id is hex, so that the first underscore behind it ends it: a secret may hold underscores. */
const KEY = /^tg_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/
const ID_BYTES = 8
const SECRET_BYTES = 32

/** How long a key that was read is believed: that long a key revoked by another process may still be good. */
const CACHE_MS = 10_000
const CACHE_LIMIT = 10_000
const TOUCH_MS = 60_000

/** API keys in PostgreSQL. A request costs no statement while its key was read within the last 10 seconds. */
export function createApiKeyStore({ pool, now = Date.now }: { pool: pg.Pool; now?: () => number }): ApiKeyStore {
  const cache = new Map<string, { readAt: number; found: Promise<StoredKey | null> }>()

  async function query(doing: string, text: string, values: unknown[] = []): Promise<StoredKey[]> {
    try {
      return (await pool.query<Row>(text, values)).rows.map(toStored)
    } catch (error) {
      throw toDatabaseError(error, doing)
    }
  }

  /** Requests that come together share one statement; neither failures nor unknown ids are remembered. */
  function load(id: string): Promise<StoredKey | null> {
    const hit = cache.get(id)
    if (hit !== undefined && now() - hit.readAt < CACHE_MS) return hit.found
    const found = query('an API key was read', `SELECT ${COLUMNS} FROM api_keys WHERE id = $1`, [id]).then((rows) => rows[0] ?? null)
    const entry = { readAt: now(), found }
    cache.delete(id)
    cache.set(id, entry)
    if (cache.size > CACHE_LIMIT) cache.delete(cache.keys().next().value ?? '')
    const forget = (): void => {
      if (cache.get(id) === entry) cache.delete(id)
    }
    void found.then((stored) => stored ?? forget(), forget)
    return found
  }

  /** Not waited for, and not worth failing a request: the next one writes it. */
  function touch(record: ApiKeyRecord): void {
    const at = now()
    if (record.lastUsedAt !== null && at - record.lastUsedAt.getTime() < TOUCH_MS) return
    record.lastUsedAt = new Date(at)
    // Other processes count, too.
    const text = 'UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)'
    pool.query(text, [record.id, record.lastUsedAt, new Date(at - TOUCH_MS)]).catch(() => undefined)
  }

  return {
    // Also one that was mistyped: whoever meant to send a key should hear that it is wrong.
    isKey: (text) => text.startsWith('tg_'),

    async caller(key, scope) {
      const [, id = '', secret = ''] = KEY.exec(key) ?? []
      if (id === '')
        throw new AppError('UNAUTHORIZED', 'that is not an API key; wanted tg_<id>_<secret>, as `taogate keys create` prints it')
      const stored = await load(id)
      if (stored === null || !timingSafeEqual(hashOf(secret), stored.secretHash))
        throw new AppError('UNAUTHORIZED', 'the API key is not known')
      const { record } = stored
      if (record.revokedAt !== null) throw new AppError('UNAUTHORIZED', 'the API key has been revoked')
      if (record.expiresAt !== null && record.expiresAt.getTime() <= now()) throw new AppError('UNAUTHORIZED', 'the API key has expired')
      if (!record.scopes.includes(scope))
        throw new AppError('FORBIDDEN', `the API key does not open this; it lacks the scope ${scope}`, { scope })
      touch(record)
      return { customer: record.id, limits: record.limits }
    },

    async create({ name, scopes, limits, expiresAt }) {
      const id = randomBytes(ID_BYTES).toString('hex')
      const secret = randomBytes(SECRET_BYTES).toString('base64url')
      const [stored] = await query(
        'an API key was created',
        `INSERT INTO api_keys (id, name, secret_hash, scopes, created_at, expires_at, ${LIMIT_COLUMNS})
         VALUES ($1, $2, $3, $4, now(), $5, $6, $7, $8, $9, $10) RETURNING ${COLUMNS}`,
        [id, name, hashOf(secret), [...new Set(scopes)], expiresAt, ...limitValues(limits)],
      )
      if (stored === undefined) throw new AppError('INTERNAL', 'the new API key did not come back')
      return { record: stored.record, key: `tg_${id}_${secret}` }
    },

    async list() {
      const stored = await query('API keys were listed', `SELECT ${COLUMNS} FROM api_keys ORDER BY created_at DESC, id`)
      return stored.map(({ record }) => record)
    },

    async revoke(id) {
      const text = `UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING ${COLUMNS}`
      const [stored] = await query('an API key was revoked', text, [id])
      cache.delete(id)
      return stored?.record ?? null
    },
  }
}

const LIMIT_COLUMNS = 'requests_per_minute, active_jobs, tokens_per_minute, concurrent_prompts, monthly_credits'
const COLUMNS = `id, name, secret_hash, scopes, created_at, expires_at, revoked_at, last_used_at, ${LIMIT_COLUMNS}`

/** In the order of LIMIT_COLUMNS. */
function limitValues(limits: ApiKeyLimits): (number | null)[] {
  return [limits.requestsPerMinute, limits.activeJobs, limits.tokensPerMinute, limits.concurrentPrompts, limits.monthlyCredits]
}

interface Row {
  id: string
  name: string
  secret_hash: Buffer
  scopes: Scope[]
  requests_per_minute: number | null
  active_jobs: number | null
  tokens_per_minute: number | null
  concurrent_prompts: number | null
  monthly_credits: number | null
  created_at: Date
  expires_at: Date | null
  revoked_at: Date | null
  last_used_at: Date | null
}

interface StoredKey {
  record: ApiKeyRecord
  secretHash: Buffer
}

function toStored(row: Row): StoredKey {
  const record: ApiKeyRecord = {
    id: row.id,
    name: row.name,
    scopes: row.scopes,
    limits: {
      requestsPerMinute: row.requests_per_minute,
      activeJobs: row.active_jobs,
      tokensPerMinute: row.tokens_per_minute,
      concurrentPrompts: row.concurrent_prompts,
      monthlyCredits: row.monthly_credits,
    },
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
  }
  return { record, secretHash: row.secret_hash }
}

/** The secret is 32 random bytes: nothing slower than SHA-256 is needed to keep it from being guessed. */
function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
