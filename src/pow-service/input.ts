/**
 * What customers send, checked and brought into one form. HTTP and gRPC both come through here, and the OpenAPI document is made from these
 * schemas, so that there is one place that says what is taken. Names are those of the wire: problems are told by them.
 */
import { z } from 'zod'
import { AppError, errorMessage } from '../core/errors.js'
import { REGISTRATION_MODES, REGISTRATION_STATES, type RegistrationState } from '../core/registrations.js'
import { decodeSs58, encodeSs58 } from '../core/units/ss58.js'
import type { RegistrationInput } from './contract.js'
import { fromWire } from './http/wire.js'

const MAX_NETUIDS = 16
const MAX_U16 = 65_535
const MAX_U64 = 2n ** 64n - 1n
const DEFAULT_PAGE = 20
const MAX_PAGE = 100
/** Of one request that are told: enough to mend it, and short enough for trailers. */
const MAX_PROBLEMS = 8

/** An address of any ss58 format; what comes out is format 42, so that one account is one text. */
const address = z.string('an ss58 address').transform((text, context) => {
  try {
    return encodeSs58(decodeSs58(text))
  } catch (error) {
    context.addIssue({ code: 'custom', message: errorMessage(error), params: { saysWhatCame: true } })
    return z.NEVER
  }
})
const ADDRESS = { pattern: '^[1-9A-HJ-NP-Za-km-z]{35,50}$', examples: ['5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'] }

const netuid = z.int('a netuid, 0 to 65535').min(0, 'a netuid, 0 to 65535').max(MAX_U16, 'a netuid, 0 to 65535')
const NETUIDS_WANTED = `1 to ${MAX_NETUIDS} netuids, each once`

const netuids = z
  .array(netuid, NETUIDS_WANTED)
  .min(1, NETUIDS_WANTED)
  .max(MAX_NETUIDS, NETUIDS_WANTED)
  .refine((list) => new Set(list).size === list.length, NETUIDS_WANTED)
  .meta({ uniqueItems: true, description: 'The subnets to register on. Their order does not matter.', examples: [[1]] })

const MAX_COST_WANTED = 'a whole number of rao from 1 to 2^64-1, as text in decimal digits'
const maxCost = z
  .string(MAX_COST_WANTED)
  .regex(/^[1-9][0-9]{0,19}$/, MAX_COST_WANTED)
  .refine((text) => !/^\d{1,20}$/.test(text) || BigInt(text) <= MAX_U64, MAX_COST_WANTED)
  .meta({
    description:
      'Burn mode only, and needed there: the most one registration may cost, in rao (1 TAO is 1000000000 rao), without the fee of the extrinsic.',
    examples: ['1500000000'],
  })

const DEADLINE_WANTED = 'a time in ISO 8601 with its offset, such as 2024-05-01T12:00:00Z'
const deadline = z.iso
  .datetime({ offset: true, error: DEADLINE_WANTED })
  .refine((text) => Number.isNaN(Date.parse(text)) || Date.parse(text) > Date.now(), 'a time in the future')
  .transform((text) => new Date(text).toISOString())
  .meta({
    description:
      'When to give up: ISO 8601 with an offset, in the future. The longest time the operator allows (hours, a setting) when absent.',
  })

/** The body of `POST /registrations` and the message of `Create`. */
export const registrationInput = z
  .strictObject(
    {
      hotkey: address.meta({ ...ADDRESS, description: 'The hotkey to register, as ss58 address. Its secret stays with the customer.' }),
      netuids,
      coldkey: address.optional().meta({ ...ADDRESS, description: 'The owner-to-be, as ss58 address. Needed in proxy mode.' }),
      mode: z
        .enum(REGISTRATION_MODES, `one of ${REGISTRATION_MODES.join(', ')}`)
        .optional()
        .meta({ description: 'Who sends the registration, and how it is paid. `solve` when absent.' }),
      deadline: deadline.optional(),
      max_cost: maxCost.optional(),
    },
    'an object with hotkey and netuids',
  )
  .superRefine(({ mode = 'solve', coldkey, max_cost: maxCost }, context) => {
    const issue = (field: string, message: string, input?: string): void =>
      context.addIssue({ code: 'custom', path: [field], input, message })
    if (mode === 'burn' && maxCost === undefined) issue('max_cost', `${MAX_COST_WANTED}: burn mode needs it`)
    if (mode !== 'burn' && maxCost !== undefined) issue('max_cost', `none: ${mode} mode spends nothing`, maxCost)
    if (mode === 'proxy' && coldkey === undefined) issue('coldkey', 'an ss58 address: proxy mode needs the owner-to-be')
  })
  .meta({
    id: 'RegistrationInput',
    allOf: [
      {
        if: { properties: { mode: { const: 'burn' } }, required: ['mode'] },
        then: { required: ['max_cost'] },
        else: { properties: { max_cost: false } },
      },
      { if: { properties: { mode: { const: 'proxy' } }, required: ['mode'] }, then: { required: ['coldkey'] } },
    ],
  })

const PAGE_WANTED = `a whole number from 1 to ${MAX_PAGE}`

/** The query of `GET /registrations` and the message of `List`. */
export const listQuery = z.strictObject({
  state: z
    .enum(REGISTRATION_STATES, `one of ${REGISTRATION_STATES.join(', ')}`)
    .optional()
    .meta({ description: 'Only those in this state.' }),
  hotkey: address.optional().meta({ ...ADDRESS, description: 'Only those of this hotkey.' }),
  limit: fromText(z.int(PAGE_WANTED).min(1, PAGE_WANTED).max(MAX_PAGE, PAGE_WANTED).default(DEFAULT_PAGE)).meta({
    description: 'How many registrations at most.',
  }),
  after: z
    .string('the id of a registration')
    .regex(/^[\w-]{1,64}$/, 'the id of a registration')
    .optional()
    .meta({ description: 'The id of the last registration of the page before.' }),
})

/** The query of `GET /quote` and the message of `GetQuote`. */
export const quoteQuery = z.strictObject({ netuid: fromText(netuid).meta({ description: 'The subnet.' }) })

export interface ListQuery {
  state?: RegistrationState
  hotkey?: string
  limit: number
  after?: string
}

/** A registration asked for, with addresses in format 42, netuids in order and the deadline in UTC. Throws BAD_INPUT, which names each field. */
export function parseRegistrationInput(value: unknown): RegistrationInput {
  const input = fromWire(registrationInput, parse(registrationInput, value))
  return { ...input, netuids: input.netuids.toSorted((a, b) => a - b) }
}

/** Throws BAD_INPUT, which names each field. */
export function parseListQuery(value: unknown): ListQuery {
  return parse(listQuery, value)
}

/** Throws BAD_INPUT when it is no u16. */
export function parseQuoteQuery(value: unknown): number {
  return parse(quoteQuery, value).netuid
}

/** The id of a registration. What cannot be one is NOT_FOUND, as is one that nobody has: there is nothing to be learnt from the difference. */
export function parseRegistrationId(value: unknown): string {
  if (typeof value === 'string' && /^[\w-]{1,64}$/.test(value)) return value
  throw new AppError('NOT_FOUND', `there is no registration ${show(value)}`)
}

/** Query strings and flags carry numbers as digits. */
function fromText<T extends z.ZodType>(schema: T) {
  return z.preprocess((value) => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value), schema)
}

function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(withoutAbsent(value), { reportInput: true })
  if (result.success) return result.data
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue)).slice(0, MAX_PROBLEMS)
  throw new AppError('BAD_INPUT', problems.map(({ field, message }) => `${field}: ${message}`).join('; '), {
    field: problems[0]?.field,
    problems,
  })
}

interface Problem {
  field: string
  message: string
}

function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys
      .slice(0, 5)
      .map((key) => ({ field: [...issue.path, key].map(String).join('.').slice(0, 80), message: 'there is no such field' }))
  const field = issue.path.length === 0 ? 'request' : nameOf(issue.path)
  if (issue.code === 'custom' && issue.params?.['saysWhatCame'] === true) return [{ field, message: issue.message }]
  const came = issue.input === undefined ? 'nothing came' : `${show(issue.input)} came`
  return [{ field, message: `${came}; wanted ${issue.message}` }]
}

function nameOf(path: readonly PropertyKey[]): string {
  return path.map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at === 0 ? '' : '.'}${String(part)}`)).join('')
}

/** An absent field of a message is `undefined` there and missing in JSON: the same thing. */
function withoutAbsent(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined))
}

/** A value for a message: short, and harmless whatever was sent. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? typeof value
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`
}
