/** What the service and its workers on other machines tell each other. Orders and heartbeats are repeated messages; hits go through the queue. */
import { z } from 'zod'
import { fromHex, toHex } from '../../core/units/bytes.js'
import type { Challenge } from '../solver/types.js'
import type { HashPool } from './hash-pool.js'

export const ORDERS_CHANNEL = 'pow-orders'
export const WORKERS_CHANNEL = 'pow-workers'
export const HITS_QUEUE = 'pow-hits'

/** Orders and heartbeats are repeated this often; whoever is silent for `SILENT_MS` is taken for gone. */
export const REPEAT_MS = 2_000
export const SILENT_MS = 3 * REPEAT_MS + 1_000

/** Of one worker that are told: what a message has room for. */
const MOST_DEVICES = 80

const hex32 = z.string().regex(/^0x[0-9a-f]{64}$/)
const u64 = z.string().regex(/^\d{1,20}$/)

/** What all workers search now. */
export interface Order {
  /** Names the registration and the block: hits carry it back. */
  id: string
  challenge: Challenge
}

const orderMessage = z.object({
  leader: z.string().max(64),
  seq: z.int().min(0),
  order: z.object({ id: z.string().max(200), preimage: hex32, byteOrder: z.enum(['big', 'little']), difficulty: u64 }).nullable(),
})
export type OrderMessage = z.output<typeof orderMessage>

const deviceRate = z.object({ device: z.string().max(64), solver: z.string().max(32), hashRate: z.number().min(0) })
/** A core or GPU that works for the service; hashes a second. */
export type DeviceRate = z.output<typeof deviceRate>

const heartbeatMessage = z.object({
  worker: z.string().max(64),
  host: z.string().max(255),
  devices: z.array(deviceRate).max(MOST_DEVICES),
  /** Nonces tried since the heartbeat before. */
  hashes: z.number().min(0),
})
export type Heartbeat = z.output<typeof heartbeatMessage>

const hitData = z.object({ order: z.string().max(200), nonce: u64 })
/** A nonce that a worker says passes. It is checked like any other. */
export type HitData = z.output<typeof hitData>

export function toOrderMessage(leader: string, seq: number, order: Order | null): OrderMessage {
  if (order === null) return { leader, seq, order: null }
  const { preimage, byteOrder, difficulty } = order.challenge
  return { leader, seq, order: { id: order.id, preimage: toHex(preimage), byteOrder, difficulty: String(difficulty) } }
}

/** null for what is no such message: another version of the program may share the server. */
export function readOrderMessage(message: unknown): { leader: string; seq: number; order: Order | null } | null {
  const { data } = orderMessage.safeParse(message)
  if (data === undefined) return null
  const { leader, seq, order } = data
  if (order === null) return { leader, seq, order }
  const challenge = { preimage: fromHex(order.preimage), byteOrder: order.byteOrder, difficulty: BigInt(order.difficulty) }
  return { leader, seq, order: { id: order.id, challenge } }
}

/** The devices that are there, those past the limit as one. */
export function ratesOf(pool: HashPool): DeviceRate[] {
  const rates = pool.devices().flatMap(({ device, solver, hashRate, alive }) => (alive ? [{ device, solver, hashRate }] : []))
  const more = rates.slice(MOST_DEVICES - 1)
  if (more.length < 2) return rates
  const rest = more.reduce((sum, { hashRate }) => sum + hashRate, 0)
  return [...rates.slice(0, MOST_DEVICES - 1), { device: `${more.length} more`, solver: pool.solver, hashRate: rest }]
}

export function readHeartbeat(message: unknown): Heartbeat | null {
  return heartbeatMessage.safeParse(message).data ?? null
}

export function readHit(message: unknown): { order: string; nonce: bigint } | null {
  const { data } = hitData.safeParse(message)
  return data === undefined ? null : { order: data.order, nonce: BigInt(data.nonce) }
}
