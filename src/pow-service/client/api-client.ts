/** What a customer's program needs of the service's HTTP API. What the service says is not trusted further than its form. */
import { z } from 'zod'
import { AppError, errorMessage, ERRORS, type ErrorCode } from '../../core/errors.js'
import { sleep } from '../../core/lifecycle.js'
import type { Hex } from '../../core/records.js'
import { ENDED_STATES, REGISTRATION_STATES } from '../../core/registrations.js'
import type { RegistrationInput } from '../contract.js'
import { fromWire, toWire, type Inside } from '../http/wire.js'
import { registrationInput } from '../input.js'

const hex32 = z.templateLiteral(['0x', z.string().regex(/^[0-9a-f]{64}$/)])
const u64 = z.string().regex(/^\d{1,20}$/)
const reason = z.object({ code: z.string(), message: z.string() })

const solution = z.object({
  block_number: z.int().min(0),
  block_hash: hex32,
  nonce: u64,
  work: hex32,
  byte_order: z.enum(['big', 'little']),
})
const registration = z.object({
  id: z.string(),
  state: z.enum(REGISTRATION_STATES),
  reason: reason.nullable(),
  targets: z.array(
    z.object({
      netuid: z.int().min(0).max(65_535),
      state: z.string(),
      reason: reason.nullable(),
      solution: solution.nullable(),
      offer: z.object({ price: u64 }).nullable(),
      uid: z.int().nullable(),
    }),
  ),
  progress: z
    .object({ hash_rate: z.number(), expected_seconds: z.number().nullable(), block_number: z.int().nullable(), ahead: z.int() })
    .nullable(),
})
const registrationEvent = z.object({ registration })
export type ToldRegistration = Inside<z.output<typeof registration>>
export type ToldSolution = Inside<z.output<typeof solution>> & { blockHash: Hex; work: Hex }

export interface RegistrationClient {
  /** Asks for a registration, or finds the one that was asked for before. */
  create(input: RegistrationInput): Promise<ToldRegistration>
  get(id: string): Promise<ToldRegistration>
  /** The registration as it is, and after every change, until it has ended. Connections that break are made again. */
  follow(id: string, signal: AbortSignal): AsyncIterable<ToldRegistration>
}

const RETRY_MS = 1_000
const RETRY_MOST_MS = 15_000

export function createRegistrationClient(options: { url: string; apiKey?: string | undefined; retryMs?: number }): RegistrationClient {
  const base = `${options.url.replace(/\/+$/, '')}/pow/v1`
  const { retryMs = RETRY_MS } = options
  const headers: Record<string, string> = options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` }

  async function send(path: string, init: RequestInit): Promise<Response> {
    let response: Response
    try {
      response = await fetch(base + path, {
        ...init,
        headers: { ...headers, ...(init.headers as Record<string, string>) },
        redirect: 'error',
      })
    } catch (error) {
      if (init.signal?.aborted) throw new AppError('ABORTED', 'stopped waiting for the service')
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
      throw new AppError('UPSTREAM_DOWN', `the service at ${options.url} cannot be reached: ${errorMessage(cause)}`, {}, error)
    }
    if (response.ok) return response
    throw refusalOf(await response.text(), response.status, options.url)
  }

  async function ask(path: string, init: RequestInit = {}): Promise<ToldRegistration> {
    const response = await send(path, { ...init, signal: AbortSignal.timeout(30_000) })
    return read(registration, await response.text(), options.url)
  }

  async function* events(id: string, signal: AbortSignal): AsyncIterable<ToldRegistration> {
    const response = await send(`/registrations/${encodeURIComponent(id)}/events`, { headers: { accept: 'text/event-stream' }, signal })
    for await (const { type, data } of eventsOf(response)) {
      if (type === 'error') throw refusalOf(data, 500, options.url)
      yield read(registrationEvent, data, options.url).registration
    }
  }

  return {
    create: (input) =>
      ask('/registrations', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(toWire(registrationInput, input)),
      }),
    get: (id) => ask(`/registrations/${encodeURIComponent(id)}`),
    async *follow(id, signal) {
      for (let pauseMs = retryMs; ;) {
        try {
          for await (const told of events(id, signal)) {
            pauseMs = retryMs
            yield told
            if (ENDED_STATES.includes(told.state)) return
          }
        } catch (error) {
          if (signal.aborted) return
          if (error instanceof AppError && !ERRORS[error.code].retry) throw error
        }
        if (signal.aborted) return
        await sleep(pauseMs, signal).catch(() => undefined)
        pauseMs = Math.min(pauseMs * 2, RETRY_MOST_MS)
      }
    },
  }
}

const MOST_EVENT_BYTES = 1_048_576

/** Server-sent events as they come. */
async function* eventsOf(response: Response): AsyncIterable<{ type: string; data: string }> {
  const decoder = new TextDecoder()
  let buffered = ''
  for await (const chunk of response.body ?? []) {
    buffered += decoder.decode(chunk as Uint8Array, { stream: true })
    if (buffered.length > MOST_EVENT_BYTES) throw new AppError('UPSTREAM_INVALID', 'an event of the service is too large')
    for (let end = buffered.search(/\r?\n\r?\n/); end >= 0; end = buffered.search(/\r?\n\r?\n/)) {
      const lines = buffered.slice(0, end).split(/\r?\n/)
      buffered = buffered.slice(end).replace(/^\r?\n\r?\n/, '')
      const fields = (name: string): string[] =>
        lines.flatMap((line) => (line.startsWith(`${name}:`) ? [line.slice(name.length + 1).trimStart()] : []))
      const data = fields('data')
      if (data.length > 0) yield { type: fields('event')[0] ?? 'message', data: data.join('\n') }
    }
  }
}

function read<T extends z.ZodType>(schema: T, text: string, url: string): Inside<z.output<T>> {
  try {
    return fromWire(schema, schema.parse(JSON.parse(text)))
  } catch (error) {
    throw new AppError('UPSTREAM_INVALID', `what ${url} answered is no registration`, {}, error)
  }
}

const refusal = z.object({
  error: z.object({ code: z.string(), message: z.string(), detail: z.record(z.string(), z.unknown()).optional() }),
})

function refusalOf(text: string, status: number, url: string): AppError {
  const { data } = refusal.safeParse(jsonOrNull(text))
  if (data !== undefined && data.error.code in ERRORS) {
    return new AppError(data.error.code as ErrorCode, data.error.message, data.error.detail)
  }
  return new AppError(status >= 500 ? 'UPSTREAM_DOWN' : 'UPSTREAM_INVALID', `${url} answered with status ${status}`)
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
