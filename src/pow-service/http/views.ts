/**
 * What the routes answer, as schemas of the wire: answers take their names from them, the OpenAPI document is made from them, and the types are held
 * equal to those of the service.
 */
import { z } from 'zod'
import { REGISTRATION_MODES, REGISTRATION_STATES } from '../../core/registrations.js'
import type { PowService, Quote, RegistrationEvent, RegistrationView } from '../contract.js'
import type { Inside } from './wire.js'

const netuid = z.int().min(0).max(65_535)
const count = z.int().min(0)
const height = z.int().min(0).meta({ description: 'A block number.' })
const rao = z
  .string()
  .regex(/^[0-9]+$/)
  .meta({ description: 'Rao, in decimal digits; 1 TAO is 1000000000 rao.' })
const u64 = z
  .string()
  .regex(/^[0-9]+$/)
  .meta({ description: 'An unsigned 64-bit number, in decimal digits.' })
const hashes = u64.meta({ description: 'Expected number of hashes: an unsigned 64-bit number, in decimal digits.' })
const hex = z.templateLiteral(['0x', z.string()]).meta({ pattern: '^0x[0-9a-f]{64}$', description: '32 bytes in lower-case hex.' })
const address = z.string().meta({ description: 'An ss58 address of format 42.' })
const time = z.string().meta({ format: 'date-time', description: 'ISO 8601, UTC.' })
const seconds = (what: string) =>
  z
    .number()
    .min(0)
    .nullable()
    .meta({ description: `Seconds, with fractions: ${what}` })
const registrations = (what: string) =>
  z
    .int()
    .min(0)
    .nullable()
    .meta({ description: `Registrations of either kind ${what}.` })
const hashRate = z.number().min(0).meta({ description: 'Hashes a second.' })
const byteOrder = z.enum(['big', 'little'])

export const reason = z
  .object({
    code: z.string(),
    message: z.string(),
    retry_at_block: height.optional().meta({ description: 'The block at which to look again, where that is known.' }),
  })
  .meta({ id: 'Reason', description: 'Why something cannot be done now, or ever.' })

export const solution = z
  .object({
    netuid,
    block_number: height,
    block_hash: hex,
    nonce: u64,
    work: hex.meta({ description: 'The seal, 32 bytes.' }),
    difficulty: hashes.meta({
      description: 'The difficulty it was checked against, in hashes: an unsigned 64-bit number in decimal digits.',
    }),
    byte_order: byteOrder.meta({ description: 'How the chain reads the seal as a number.' }),
    valid_in: z.tuple([height, height]).meta({ description: 'Block numbers: the first and the last block that may include it.' }),
    found_at: time,
  })
  .meta({ id: 'Solution', description: 'Work that the chain takes for a short while.' })

export const offer = z
  .object({
    netuid,
    price: rao.meta({ description: 'The price at `at_block`, in rao, without the fee of the extrinsic.' }),
    at_block: height,
    call: z.enum(['register_limit', 'burned_register']).meta({ description: '`register_limit` keeps the limit on the chain itself.' }),
  })
  .meta({ id: 'BurnOffer', description: 'The price is within the limit: send now.' })

export const target = z
  .object({
    netuid,
    state: z.enum(['pending', 'ready', 'registered', 'failed']),
    reason: reason.nullable(),
    solution: solution.nullable().meta({ description: 'The newest solution, as long as it is fresh.' }),
    offer: offer.nullable(),
    uid: netuid.nullable().meta({ description: 'Its place on the subnet, 0 to 65535, once it is registered.' }),
    registered_block: height.nullable().meta({ description: 'The block number of its registration.' }),
  })
  .meta({ id: 'Target', description: 'One subnet of a registration.' })

export const progress = z
  .object({
    hash_rate: hashRate.meta({ description: 'Hashes a second over all solvers that are on it now; 0 while another hotkey has its turn.' }),
    expected_seconds: seconds('to the next solution, its place in the queue included.'),
    p95_seconds: seconds('what 95% of searches need at most, the place in the queue included.'),
    block_number: height.nullable().meta({ description: 'The block whose hash is worked on.' }),
    ahead: count.meta({ description: 'Hotkeys that have their turn before this one.' }),
  })
  .meta({ id: 'Progress', description: 'How a search goes. What is null is not known yet.' })

export const registrationView = z
  .object({
    id: z.string(),
    hotkey: address,
    coldkey: address.nullable(),
    mode: z.enum(REGISTRATION_MODES),
    max_cost: rao.nullable().meta({ description: 'The most one registration may cost, in rao, in decimal digits; null but in burn mode.' }),
    state: z.enum(REGISTRATION_STATES),
    reason: reason.nullable(),
    targets: z.array(target),
    attempts: count.meta({ description: 'Blocks that were searched on.' }),
    solutions: count.meta({ description: 'Solutions that were handed out.' }),
    deadline: time,
    created_at: time,
    updated_at: time,
    ended_at: time.nullable(),
    progress: progress.nullable(),
  })
  .meta({ id: 'Registration' })

export const registrationEvent = z
  .object({
    id: z.string().meta({ description: 'Rises within a registration.' }),
    type: z.enum(['state', 'progress']),
    registration: registrationView,
  })
  .meta({ id: 'RegistrationEvent' })

export const registrationPage = z
  .object({ registrations: z.array(registrationView), more: z.boolean().meta({ description: 'Whether there are older ones.' }) })
  .meta({ id: 'RegistrationPage' })

export const quote = z
  .object({
    netuid,
    block: z.object({ number: height, hash: hex }).meta({ description: 'The block the numbers were read at.' }),
    spec_version: count.meta({ description: 'Of the runtime at that block.' }),
    pow: z.object({
      possible: z.boolean(),
      reason: reason.nullable(),
      difficulty: hashes.nullable(),
      byte_order: byteOrder.nullable(),
      hash_rate: hashRate.meta({ description: 'Hashes a second of all solvers together.' }),
      expected_seconds: seconds('what a search needs by itself.'),
      p95_seconds: seconds('what 95% of searches need at most, by themselves.'),
      wait_seconds: seconds('until its turn comes.'),
    }),
    quota: z
      .object({
        per_block: registrations('that a block takes at most'),
        used_this_block: registrations('in this block'),
        per_interval: registrations('that an interval takes at most'),
        used_this_interval: registrations('in this interval'),
        left: registrations('that the interval still takes'),
        interval_ends_at_block: height.nullable().meta({ description: 'The block number at which the interval ends.' }),
      })
      .meta({ description: 'How many registrations the chain takes; null in runtimes that do not say.' }),
    burn: z.object({
      possible: z.boolean(),
      reason: reason.nullable(),
      price: rao.nullable().meta({ description: 'What it costs now, in rao, in decimal digits, without the fee of the extrinsic.' }),
      forecast: z.array(z.object({ block: height, low: rao, expected: rao, high: rao })).meta({
        description: 'The price at the end of the next intervals if nobody, as many as aimed for, or as many as allowed register, in rao.',
      }),
    }),
  })
  .meta({ id: 'Quote' })

export const errorBody = z
  .object({
    error: z.object({
      code: z.string().meta({ description: 'One of docs/errors.md.' }),
      message: z.string(),
      detail: z.record(z.string(), z.unknown()).optional().meta({ description: 'What the message says, for programs.' }),
      request_id: z.string().meta({ description: 'What the log of the server has it under.' }),
    }),
  })
  .meta({ id: 'Error' })

/** Compiles only while the schemas take just what the service gives. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false
type Holds<T extends true> = T
export type ViewsAreThoseOfTheService = Holds<
  Same<
    Inside<
      [z.output<typeof registrationView>, z.output<typeof registrationEvent>, z.output<typeof registrationPage>, z.output<typeof quote>]
    >,
    [RegistrationView, RegistrationEvent, Awaited<ReturnType<PowService['list']>>, Quote]
  >
>
