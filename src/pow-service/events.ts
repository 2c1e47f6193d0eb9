/** What processes of the service tell each other about registrations. Only the outline travels; the rest is in the database. */
import { z } from 'zod'
import type { Registration } from '../core/registrations.js'
import type { Bus } from '../jobs/index.js'
import type { RegistrationProgress } from './contract.js'

/** A customer asked for or cancelled something: for the process that drives registrations. */
export const CHANGES_CHANNEL = 'pow-changes'
/** For those who watch. */
export const EVENTS_CHANNEL = 'pow-events'

const stateMessage = z.object({ type: z.literal('state'), id: z.string(), version: z.int() })
const progress = z.object({
  hashRate: z.number(),
  expectedSeconds: z.number().nullable(),
  p95Seconds: z.number().nullable(),
  blockNumber: z.int().nullable(),
  ahead: z.int(),
})
const progressMessage = z.object({
  type: z.literal('progress'),
  /** Hashes a second of all solvers, and how long a new search would wait for its turn. */
  load: z.object({ hashRate: z.number(), waitSeconds: z.number().nullable() }),
  of: z.array(z.object({ id: z.string(), version: z.int(), progress })),
})
const eventMessage = z.discriminatedUnion('type', [stateMessage, progressMessage])
export type EventMessage = z.output<typeof eventMessage>

export function readEvent(message: unknown): EventMessage | null {
  return eventMessage.safeParse(message).data ?? null
}

export function publishChange(bus: Bus, { id, version }: Registration): Promise<void> {
  return bus.publish(EVENTS_CHANNEL, { type: 'state', id, version } satisfies EventMessage)
}

export type Load = Extract<EventMessage, { type: 'progress' }>['load']

export function publishProgress(
  bus: Bus,
  load: Load,
  of: { id: string; version: number; progress: RegistrationProgress }[],
): Promise<void> {
  return bus.publish(EVENTS_CHANNEL, { type: 'progress', load, of } satisfies EventMessage)
}

export function publishRequest(bus: Bus, id: string): Promise<void> {
  return bus.publish(CHANGES_CHANNEL, { id })
}
