/** What the routes answer, as schemas: the OpenAPI document is made from them, and the types are held equal to those of the service. */
import { z } from 'zod'
import { REGISTRATION_MODES, REGISTRATION_STATES } from '../../core/registrations.js'
import type { Quote, RegistrationEvent, RegistrationView } from '../contract.js'

const netuid = z.int().min(0).max(65_535)
const count = z.int().min(0)
const height = z.int().min(0).meta({ description: 'A block number.' })
const rao = z
  .string()
  .regex(/^[0-9]+$/)
  .meta({ description: 'An amount in rao, in decimal digits.' })
const u64 = z
  .string()
  .regex(/^[0-9]+$/)
  .meta({ description: 'An unsigned 64-bit number, in decimal digits.' })
const hex = z.templateLiteral(['0x', z.string()]).meta({ pattern: '^0x[0-9a-f]{64}$', description: '32 bytes in lower-case hex.' })
const address = z.string().meta({ description: 'An ss58 address of format 42.' })
const time = z.string().meta({ format: 'date-time', description: 'ISO 8601, UTC.' })
const seconds = z.number().min(0).nullable()
const hashRate = z.number().min(0).meta({ description: 'Hashes a second.' })
const byteOrder = z.enum(['big', 'little'])

export const reason = z
  .object({
    code: z.string(),
    message: z.string(),
    retryAtBlock: height.optional().meta({ description: 'The block at which to look again, where that is known.' }),
  })
  .meta({ id: 'Reason', description: 'Why something cannot be done now, or ever.' })

export const solution = z
  .object({
    netuid,
    blockNumber: height,
    blockHash: hex,
    nonce: u64,
    work: hex.meta({ description: 'The seal, 32 bytes.' }),
    difficulty: u64.meta({ description: 'The difficulty it was checked against, an unsigned 64-bit number in decimal digits.' }),
    byteOrder: byteOrder.meta({ description: 'How the chain reads the seal as a number.' }),
    validIn: z.tuple([height, height]).meta({ description: 'The first and the last block that may include it.' }),
    foundAt: time,
  })
  .meta({ id: 'Solution', description: 'Work that the chain takes for a short while.' })

export const offer = z
  .object({
    netuid,
    price: rao.meta({ description: 'The price at `atBlock`, in rao.' }),
    atBlock: height,
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
    uid: netuid.nullable(),
    registeredBlock: height.nullable(),
  })
  .meta({ id: 'Target', description: 'One subnet of a registration.' })

export const progress = z
  .object({
    hashRate: hashRate.meta({ description: 'Hashes a second over all solvers that are on it now; 0 while another hotkey has its turn.' }),
    expectedSeconds: seconds.meta({ description: 'To the next solution, its place in the queue included.' }),
    p95Seconds: seconds.meta({ description: 'What 95% of searches need at most.' }),
    blockNumber: height.nullable().meta({ description: 'The block whose hash is worked on.' }),
    ahead: count.meta({ description: 'Hotkeys that have their turn before this one.' }),
  })
  .meta({ id: 'Progress', description: 'How a search goes. What is null is not known yet.' })

export const registrationView = z
  .object({
    id: z.string(),
    hotkey: address,
    coldkey: address.nullable(),
    mode: z.enum(REGISTRATION_MODES),
    maxCost: rao.nullable(),
    state: z.enum(REGISTRATION_STATES),
    reason: reason.nullable(),
    targets: z.array(target),
    attempts: count.meta({ description: 'Blocks that were searched on.' }),
    solutions: count.meta({ description: 'Solutions that were handed out.' }),
    deadline: time,
    createdAt: time,
    updatedAt: time,
    endedAt: time.nullable(),
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
    specVersion: count,
    pow: z.object({
      possible: z.boolean(),
      reason: reason.nullable(),
      difficulty: u64.nullable().meta({ description: 'Expected number of hashes, in decimal digits.' }),
      byteOrder: byteOrder.nullable(),
      hashRate: hashRate.meta({ description: 'Hashes a second of all solvers together.' }),
      expectedSeconds: seconds.meta({ description: 'Search alone.' }),
      p95Seconds: seconds.meta({ description: 'What 95% of searches need at most.' }),
      waitSeconds: seconds.meta({ description: 'With those that wait before.' }),
    }),
    quota: z
      .object({
        perBlock: count.nullable(),
        usedThisBlock: count.nullable(),
        perInterval: count.nullable(),
        usedThisInterval: count.nullable(),
        left: count.nullable(),
        intervalEndsAtBlock: height.nullable(),
      })
      .meta({ description: 'Registrations of either kind; null in runtimes that do not say.' }),
    burn: z.object({
      possible: z.boolean(),
      reason: reason.nullable(),
      price: rao.nullable(),
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
      requestId: z.string().meta({ description: 'What the log of the server has it under.' }),
    }),
  })
  .meta({ id: 'Error' })

/** Compiles only while the schemas take just what the service gives. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false
type Holds<T extends true> = T
export type ViewsAreThoseOfTheService = Holds<
  Same<
    [z.infer<typeof registrationView>, z.infer<typeof registrationEvent>, z.infer<typeof quote>],
    [RegistrationView, RegistrationEvent, Quote]
  >
>
