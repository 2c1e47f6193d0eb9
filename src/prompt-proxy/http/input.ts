/** What customers send, checked and brought into the form the engine takes. Fields have the names of the OpenAI API; ours beside them are `uids`, `hotkeys`, `top_n`, `strategy`, `timeout`. */
import { z } from 'zod'
import { AppError, errorMessage } from '../../core/errors.js'
import { fromHex } from '../../core/units/bytes.js'
import { decodeSs58, encodeSs58 } from '../../core/units/ss58.js'
import { STRATEGIES } from '../contract.js'

/** What one request may ask for. */
export interface PromptLimits {
  /** Bytes of a request body. */
  maxBodyBytes: number
  /** For a whole request: where it does not say, and the most it may say. */
  timeoutMs: number
  maxTimeoutMs: number
  /** To the first piece of an answer; no limit of its own when absent. */
  firstTokenMs?: number
  /** Targets, and so answers, of one request. */
  maxTargets: number
}

const MAX_MESSAGES = 1024
const MAX_STOPS = 4
const MAX_STOP_LENGTH = 256
const MAX_TOKENS = 1_000_000
const MAX_PINNED = 256
const MAX_U16 = 65_535

const TEXT_WANTED = 'text, of whole Unicode characters'
/** Half a character of UTF-16 cannot be signed, nor sent, as what it is. */
const text = z.string(TEXT_WANTED).refine((value) => !/\p{Surrogate}/u.test(value), TEXT_WANTED)

const CONTENT_WANTED = 'text, or an array of parts of type "text": other content cannot be passed on'
const content = z.unknown().transform((value, context): string => {
  if (typeof value === 'string') return value
  const parts = z
    .array(z.looseObject({ type: z.literal('text'), text: z.string() }))
    .min(1)
    .safeParse(value)
  if (parts.success) return parts.data.map((part) => part.text).join('\n')
  context.addIssue({ code: 'custom', path: (parts.error.issues[0]?.path ?? []).slice(0, 1), message: CONTENT_WANTED })
  return z.NEVER
})

const ROLE_WANTED = 'one of system, developer, user, assistant: tools cannot be passed on'
const isNothing = (value: unknown): boolean => value === undefined || value === null || (Array.isArray(value) && value.length === 0)

/** Loose: an assistant's message may come back with everything that it had in an answer. */
const message = z
  .looseObject(
    {
      role: z.enum(['system', 'developer', 'user', 'assistant'], ROLE_WANTED).transform((role) => (role === 'developer' ? 'system' : role)),
      content: content.pipe(text),
      tool_calls: z.unknown().refine(isNothing, 'none: tools cannot be passed on').optional(),
      function_call: z.unknown().refine(isNothing, 'none: functions cannot be passed on').optional(),
      audio: z.unknown().refine(isNothing, 'none: audio cannot be passed on').optional(),
    },
    'an object with role and content',
  )
  .transform(({ role, content }) => ({ role, content }))

const MESSAGES_WANTED = `1 to ${MAX_MESSAGES} messages`
const messages = z.array(message, MESSAGES_WANTED).min(1, MESSAGES_WANTED).max(MAX_MESSAGES, MESSAGES_WANTED)

/** An optional field that clients may also send as null. */
function maybe<T extends z.ZodType>(schema: T): z.ZodOptional<z.ZodNullable<T>> {
  return schema.nullable().optional()
}

/** A field of the OpenAI API that is taken as long as it asks for nothing. */
function only(isHarmless: (value: unknown) => boolean, wanted: string): z.ZodOptional<z.ZodUnknown> {
  return z
    .unknown()
    .refine((value) => value === null || value === undefined || isHarmless(value), wanted)
    .optional()
}

/** One that changes little or nothing in an answer, and is not passed on. */
const ignored = z.unknown().optional()

function within(low: number, high: number, wanted = `a number from ${low} to ${high}`): z.ZodNumber {
  return z.number(wanted).min(low, wanted).max(high, wanted)
}

function whole(low: number, high: number): z.ZodNumber {
  const wanted = `a whole number from ${low} to ${high}`
  return z.int(wanted).min(low, wanted).max(high, wanted)
}

const STOP_WANTED = `a text, or up to ${MAX_STOPS}, of 1 to ${MAX_STOP_LENGTH} characters each`
const isStop = (value: unknown): boolean => typeof value === 'string' && value.length > 0 && value.length <= MAX_STOP_LENGTH
const stop = z.unknown().transform((value, context): string[] => {
  const all: unknown[] = Array.isArray(value) ? value : [value]
  if (all.length <= MAX_STOPS && all.every(isStop)) return all as string[]
  context.addIssue({ code: 'custom', message: STOP_WANTED })
  return z.NEVER
})

const UIDS_WANTED = `1 to ${MAX_PINNED} uids, 0 to ${MAX_U16}`
const uids = z
  .array(z.int(UIDS_WANTED).min(0, UIDS_WANTED).max(MAX_U16, UIDS_WANTED), UIDS_WANTED)
  .min(1, UIDS_WANTED)
  .max(MAX_PINNED, UIDS_WANTED)

const HOTKEYS_WANTED = `1 to ${MAX_PINNED} ss58 addresses`
const hotkey = z.string('an ss58 address').transform((address, context) => {
  try {
    return encodeSs58(decodeSs58(address))
  } catch (error) {
    context.addIssue({ code: 'custom', message: `an ss58 address: ${errorMessage(error)}` })
    return z.NEVER
  }
})
const hotkeys = z.array(hotkey, HOTKEYS_WANTED).min(1, HOTKEYS_WANTED).max(MAX_PINNED, HOTKEYS_WANTED)

const isFalse = (value: unknown): boolean => value === false
const isZero = (value: unknown): boolean => value === 0
const isEmptyObject = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.keys(value).length === 0

/** Of whom, and how, in all requests. */
function routing({ maxTargets, maxTimeoutMs }: PromptLimits): {
  uids: z.ZodType<number[] | null | undefined>
  hotkeys: z.ZodType<string[] | null | undefined>
  top_n: z.ZodType<number | null | undefined>
  strategy: z.ZodType<(typeof STRATEGIES)[number] | null | undefined>
  timeout: z.ZodType<number | null | undefined>
} {
  const seconds = `seconds, more than 0 and at most ${maxTimeoutMs / 1000}`
  return {
    uids: maybe(uids),
    hotkeys: maybe(hotkeys),
    top_n: maybe(whole(1, maxTargets)),
    strategy: maybe(z.enum(STRATEGIES, `one of ${STRATEGIES.join(', ')}`)),
    timeout: maybe(within(0.001, maxTimeoutMs / 1000, seconds)),
  }
}

const sampling = {
  temperature: maybe(within(0, 2)),
  top_p: maybe(within(0, 1)),
  max_tokens: maybe(whole(1, MAX_TOKENS)),
  seed: maybe(z.int('a whole number')),
  stop: maybe(stop),
}

const model = z.string('the id of a model: GET /v1/models has them').min(1).max(256)

/** The body of `POST /v1/chat/completions`. */
export function chatSchema(limits: PromptLimits) {
  return z.strictObject(
    {
      model,
      messages,
      ...sampling,
      ...routing(limits),
      stream: maybe(z.boolean('true or false')),
      stream_options: maybe(
        z.strictObject({ include_usage: maybe(z.boolean('true or false')), include_obfuscation: ignored }, 'an object with include_usage'),
      ),
      max_completion_tokens: maybe(whole(1, MAX_TOKENS)),
      n: maybe(whole(1, limits.maxTargets)),
      tools: only(isNothing, 'none: tools cannot be passed on'),
      tool_choice: only((value) => value === 'none' || value === 'auto', '"none" or "auto": tools cannot be passed on'),
      functions: only(isNothing, 'none: functions cannot be passed on'),
      function_call: only((value) => value === 'none' || value === 'auto', '"none" or "auto": functions cannot be passed on'),
      response_format: only(
        (value) => (value as { type?: unknown }).type === 'text',
        '{"type":"text"}: other forms of an answer cannot be guaranteed',
      ),
      logprobs: only(isFalse, 'false: probabilities are not known'),
      top_logprobs: only(isZero, '0: probabilities are not known'),
      logit_bias: only(isEmptyObject, 'empty: a bias cannot be passed on'),
      modalities: only((value) => Array.isArray(value) && value.every((one) => one === 'text'), '["text"]: there are only texts'),
      audio: only(isNothing, 'none: there are only texts'),
      web_search_options: only(isNothing, 'none: there is no search'),
      ...{ user: ignored, metadata: ignored, store: ignored, service_tier: ignored, parallel_tool_calls: ignored, prediction: ignored },
      ...{ presence_penalty: ignored, frequency_penalty: ignored, reasoning_effort: ignored, verbosity: ignored },
      ...{ prompt_cache_key: ignored, prompt_cache_retention: ignored, safety_identifier: ignored },
    },
    'an object with model and messages',
  )
}

/** The body of `POST /v1/prompt`. */
export function promptSchema(limits: PromptLimits) {
  return z.strictObject(
    {
      prompt: text.min(1, 'text that is not empty'),
      system: maybe(text),
      model: maybe(model),
      return_all: maybe(z.boolean('true or false')),
      ...sampling,
      ...routing(limits),
    },
    'an object with prompt',
  )
}

/** The body of `POST /chat`, as clients of 2023 send it. Loose, as that API was. */
export function legacySchema(limits: PromptLimits) {
  const { uids, top_n, timeout } = routing(limits)
  return z.looseObject(
    {
      messages,
      uids,
      top_n,
      timeout,
      model: maybe(model),
      in_parallel: maybe(whole(1, MAX_U16)),
      respond_on_first_success: maybe(z.boolean('true or false')),
    },
    'an object with messages',
  )
}

/** The body of `POST /v1/hotkey/challenge`. */
export const challengeSchema = z.strictObject({ hotkey }, 'an object with hotkey')

const SIGNATURE_WANTED = '64 bytes as hex'

/** The body of `POST /v1/hotkey/proof`. */
export const proofSchema = z.strictObject(
  {
    hotkey,
    challenge: z.string('the text that was signed').max(2048, 'the text that was signed'),
    signature: z
      .string(SIGNATURE_WANTED)
      .regex(/^(0x)?[0-9a-f]{128}$/i, SIGNATURE_WANTED)
      .transform(fromHex),
  },
  'an object with hotkey, challenge and signature',
)

export type ChatBody = z.output<ReturnType<typeof chatSchema>>

/** One thing that is wrong with a body. */
interface Problem {
  path: PropertyKey[]
  message: string
}

/** A body as its schema has it. BAD_INPUT with `field` (the first that is wrong, such as `messages[0].role`) and `problems` in its detail otherwise. */
export function parseBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const problems = result.error.issues.map(problemOf)
  const { path, message } = problems[0] ?? { path: [], message: 'something else' }
  const field = fieldOf(path)
  throw new AppError('BAD_INPUT', field === '' ? message : `${field}: ${message}`, {
    field: field === '' ? null : field,
    problems: problems.slice(0, 8),
  })
}

function problemOf(issue: z.core.$ZodIssue): Problem {
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys
    return { path: [...issue.path, key.slice(0, 64)], message: 'there is no such field' }
  }
  return { path: [...issue.path], message: `wanted ${issue.message}` }
}

function fieldOf(path: readonly PropertyKey[]): string {
  return path.map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at === 0 ? '' : '.'}${String(part)}`)).join('')
}
