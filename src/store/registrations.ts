import { createHash } from 'node:crypto'
import type pg from 'pg'
import { AppError } from '../core/errors.js'
import { toDatabaseError } from '../core/pg-errors.js'
import type { Hex } from '../core/records.js'
import {
  ENDED_STATES,
  type NewRegistration,
  type Registration,
  type RegistrationMode,
  type RegistrationQuery,
  type RegistrationReason,
  type RegistrationState,
  type RegistrationStore,
  type RegistrationTarget,
} from '../core/registrations.js'
import { decodeSs58, encodeSs58 } from '../core/units/ss58.js'
import { lockedTransaction } from './locked-transaction.js'
import { createUuidV7, isUuid } from './uuid-v7.js'

/** First half of the lock under which one customer's registrations are added; the second half is made of the customer. */
const CREATE_LOCK = 7_270_740

/** Registrations in PostgreSQL. Accounts are kept as 32 bytes, so that an address in another ss58 format is the same hotkey; they come back in format 42. */
export function createRegistrationStore({ pool }: { pool: pg.Pool }): RegistrationStore {
  const newId = createUuidV7()

  async function rows(doing: string, text: string, values: unknown[]): Promise<Registration[]> {
    try {
      return (await pool.query<Row>(text, values)).rows.map(toRegistration)
    } catch (error) {
      throw toDatabaseError(error, doing)
    }
  }

  async function get(id: string, customer: string): Promise<Registration | null> {
    if (!isUuid(id)) return null
    const found = await rows('a registration was read', `SELECT ${COLUMNS} FROM registrations WHERE id = $1 AND customer = $2`, [
      id,
      customer,
    ])
    return found[0] ?? null
  }

  return {
    async create(wanted, maxActive) {
      const values = newValues(newId(), wanted, maxActive)
      const row = await locked(
        pool,
        wanted.customer,
        async (client) => (await client.query<Row & { created: boolean }>(CREATE, values)).rows[0],
      )
      if (row !== undefined) return { registration: toRegistration(row), created: row.created }
      throw new AppError('RATE_LIMITED', `${maxActive} registrations are under way already; wait for one to end, or cancel one`, {
        maxActive,
      })
    },

    get,

    async list(query) {
      const { text, values } = listStatement(query)
      const found = await rows('registrations were listed', text, values)
      return { registrations: found.slice(0, query.limit), more: found.length > query.limit }
    },

    active: (genesisHash) =>
      rows('registrations were read', `SELECT ${COLUMNS} FROM registrations WHERE genesis_hash = $1 AND ended_at IS NULL ORDER BY id`, [
        bytesOf(genesisHash),
      ]),

    async save(registration) {
      const saved = await rows('a registration was saved', SAVE, savedValues(registration))
      return saved[0] ?? null
    },

    async cancel(id, customer) {
      if (!isUuid(id)) return null
      const [cancelled] = await rows('a registration was cancelled', CANCEL, [id, customer])
      return cancelled ?? get(id, customer)
    },
  }
}

const COLUMNS = `id, customer, genesis_hash, hotkey, coldkey, mode, max_cost, state, reason, targets, attempts, solutions, sent, deadline,
  created_at, updated_at, ended_at, version`

/** One of one customer at a time gets here, so that neither the same one nor one too many can slip in between looking and adding. */
const CREATE = `
  WITH same AS (
    SELECT ${COLUMNS} FROM registrations
    WHERE genesis_hash = $3 AND customer = $2 AND hotkey = $4 AND mode = $6 AND netuids = $8::int[] AND ended_at IS NULL
  ), added AS (
    INSERT INTO registrations (id, customer, genesis_hash, hotkey, coldkey, mode, max_cost, state, netuids, targets, attempts, solutions, sent,
      deadline, created_at, updated_at, version)
    SELECT $1::uuid, $2, $3::bytea, $4::bytea, $5::bytea, $6, $7::numeric, 'queued', $8::int[], $9::jsonb, 0, 0, '[]', $10::timestamptz,
      now(), now(), 1
    WHERE NOT EXISTS (SELECT FROM same)
      AND (SELECT count(*) FROM registrations WHERE genesis_hash = $3 AND customer = $2 AND ended_at IS NULL) < $11::int
    RETURNING ${COLUMNS}
  )
  SELECT true AS created, * FROM added UNION ALL SELECT false, * FROM same`

const SAVE = `
  UPDATE registrations SET coldkey = $3, max_cost = $4, state = $5, reason = $6::jsonb, targets = $7::jsonb, attempts = $8, solutions = $9,
    sent = $10::jsonb, deadline = $11, ended_at = CASE WHEN $12 THEN coalesce($13::timestamptz, now()) END, updated_at = now(), version = version + 1
  WHERE id = $1 AND version = $2
  RETURNING ${COLUMNS}`

/** What was to be used while it was under way goes with it. */
const CANCEL = `
  UPDATE registrations SET state = 'cancelled', reason = NULL, ended_at = now(), updated_at = now(), version = version + 1,
    targets = (SELECT jsonb_agg(target || '{"solution": null, "offer": null}' ORDER BY place) FROM jsonb_array_elements(targets) WITH ORDINALITY t (target, place))
  WHERE id = $1 AND customer = $2 AND ended_at IS NULL
  RETURNING ${COLUMNS}`

/** What a row comes out as. */
interface Row {
  id: string
  customer: string
  genesis_hash: Buffer
  hotkey: Buffer
  coldkey: Buffer | null
  mode: RegistrationMode
  max_cost: string | null
  state: RegistrationState
  reason: RegistrationReason | null
  targets: RegistrationTarget[]
  attempts: number
  solutions: number
  sent: Registration['sent']
  deadline: Date
  created_at: Date
  updated_at: Date
  ended_at: Date | null
  version: number
}

function toRegistration(row: Row): Registration {
  return {
    id: row.id,
    customer: row.customer,
    genesisHash: hexOf(row.genesis_hash),
    hotkey: encodeSs58(hexOf(row.hotkey)),
    coldkey: row.coldkey === null ? null : encodeSs58(hexOf(row.coldkey)),
    mode: row.mode,
    maxCost: row.max_cost,
    state: row.state,
    reason: row.reason,
    targets: row.targets,
    attempts: row.attempts,
    solutions: row.solutions,
    sent: row.sent,
    deadline: row.deadline.toISOString(),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    endedAt: row.ended_at === null ? null : row.ended_at.toISOString(),
    version: row.version,
  }
}

function newValues(id: string, wanted: NewRegistration, maxActive: number): unknown[] {
  const { customer, genesisHash, hotkey, coldkey, mode, maxCost, deadline } = wanted
  const netuids = [...new Set(wanted.netuids)].sort((a, b) => a - b)
  const targets = netuids.map((netuid): RegistrationTarget => ({
    netuid,
    state: 'pending',
    reason: null,
    solution: null,
    offer: null,
    uid: null,
    registeredBlock: null,
  }))
  const accounts = [bytesOf(decodeSs58(hotkey)), coldkey === null ? null : bytesOf(decodeSs58(coldkey))]
  return [id, customer, bytesOf(genesisHash), ...accounts, mode, maxCost, netuids, JSON.stringify(targets), deadline, maxActive]
}

function savedValues(registration: Registration): unknown[] {
  const { id, version, coldkey, maxCost, state, reason, targets, attempts, solutions, sent, deadline, endedAt } = registration
  return [
    ...[id, version, coldkey === null ? null : bytesOf(decodeSs58(coldkey)), maxCost, state],
    ...[reason === null ? null : JSON.stringify(reason), JSON.stringify(targets), attempts, solutions, JSON.stringify(sent)],
    ...[deadline, ENDED_STATES.includes(state), endedAt],
  ]
}

function listStatement({ customer, state, hotkey, limit, after }: RegistrationQuery): { text: string; values: unknown[] } {
  const values: unknown[] = [customer]
  const conditions = ['customer = $1']
  const where = (condition: string, value: unknown): void => {
    values.push(value)
    conditions.push(`${condition} $${values.length}`)
  }
  if (state !== undefined) where('state =', state)
  if (hotkey !== undefined) where('hotkey =', bytesOf(decodeSs58(hotkey)))
  if (after !== undefined) {
    if (!isUuid(after)) throw new AppError('BAD_INPUT', `after: ${JSON.stringify(after)} is no id of a registration`)
    where('id <', after)
  }
  // One more than wanted tells whether there are more.
  values.push(limit + 1)
  return { text: `SELECT ${COLUMNS} FROM registrations WHERE ${conditions.join(' AND ')} ORDER BY id DESC LIMIT $${values.length}`, values }
}

/** Runs one statement in a transaction that no other of the same customer shares the time with. */
async function locked<T>(pool: pg.Pool, customer: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const lock = createHash('sha256').update(customer).digest().readInt32BE(0)
  const explain = (error: unknown): unknown => toDatabaseError(error, 'a registration was created')
  return lockedTransaction(pool, { lock: [CREATE_LOCK, lock], explain }, work)
}

function bytesOf(hex: Hex): Buffer {
  return Buffer.from(hex.slice(2), 'hex')
}

function hexOf(bytes: Buffer): Hex {
  return `0x${bytes.toString('hex')}`
}
