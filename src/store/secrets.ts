import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { AppError } from '../core/errors.js'
import { toDatabaseError } from '../core/pg-errors.js'

const BYTES = 32

/** 32 random bytes that all processes over one database share under a name. The first that asks makes them. */
export async function sharedSecret(pool: pg.Pool, name: string): Promise<Buffer> {
  try {
    await pool.query('INSERT INTO service_secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING', [name, randomBytes(BYTES)])
    const { rows } = await pool.query<{ value: Buffer }>('SELECT value FROM service_secrets WHERE name = $1', [name])
    if (rows[0] === undefined) throw new AppError('INTERNAL', `the secret ${name} did not come back`)
    return rows[0].value
  } catch (error) {
    throw toDatabaseError(error, 'a shared secret was read')
  }
}
