import { randomUUID } from 'node:crypto'
import { prepareKeys, type KeyPair } from '../../../core/wallet/keys.js'
import { checkedText, emptyAnswer, messageOf } from '../http/answer.js'
import { startClock, type CallClock } from '../http/clock.js'
import { endingEarly } from '../http/ending-early.js'
import type { HttpAnswer } from '../http/exchange.js'
import { invalidAnswer, quoted, statusFailure } from '../http/outcome.js'
import { createTransport, headerOf, HTTP_LIMITS, readPieces, readStart, readText, tooLarge, type HttpLimits } from '../http/transport.js'
import { DendriteError, type AxonTarget, type Dendrite, type PromptCall } from '../types.js'
import { readEvents } from './events.js'
import { epistulaHeaders, type SecretFlavour } from './signing.js'

export interface EpistulaDendriteOptions {
  pair: Pick<KeyPair, 'address' | 'sign'>
  limits?: Partial<HttpLimits>
  /** Also loopback and private networks may be dialled. */
  allowPrivate?: boolean
  /** Whether requests carry secret signatures, and in whose way of writing. */
  secrets?: SecretFlavour
  /** Unix milliseconds. */
  now?: () => number
}

const PATH = '/v1/chat/completions'
const JSON_ENVELOPE_BYTES = 65_536
const JSON_ESCAPED = 6
/** Bytes on the wire by byte of text: a frame of some 300 bytes may bring a single character. */
const FRAMES = 512

/** A dendrite that speaks Epistula v2, with OpenAI-shaped bodies. */
export function createEpistulaDendrite(options: EpistulaDendriteOptions): Dendrite {
  const { pair, secrets, now = Date.now } = options
  const limits = { ...HTTP_LIMITS, ...options.limits }
  const transport = createTransport(limits, { allowPrivate: options.allowPrivate ?? false })

  async function send(target: AxonTarget, call: PromptCall, clock: CallClock): Promise<HttpAnswer> {
    if (call.messages.length === 0) throw new DendriteError('EMPTY_REQUEST', 'there are no messages to send')
    await prepareKeys()
    if (clock.ended !== null) throw clock.ended
    const body = Buffer.from(JSON.stringify(requestBody(call)))
    const signed = { body, uuid: randomUUID(), timestampMs: Math.floor(now()), signedFor: target.hotkey, secrets }
    const accept = call.stream ? 'text/event-stream' : 'application/json'
    const headers = [...epistulaHeaders(pair, signed), 'content-type', 'application/json', 'accept', accept]
    const answer = await transport.post(target, { path: PATH, headers, body }, clock)
    if (answer.status !== 200) throw failureOf(answer.status, messageOf(await readStart(answer)))
    if ((headerOf(answer.headers, 'content-encoding') ?? 'identity') !== 'identity') throw invalidAnswer('the answer is compressed')
    return answer
  }

  async function* run(target: AxonTarget, call: PromptCall, clock: CallClock): AsyncGenerator<string, void> {
    const answer = await send(target, call, clock)
    const type = (headerOf(answer.headers, 'content-type') ?? '').toLowerCase()
    if (type.startsWith('text/event-stream')) yield* streamed(answer, call.maxBytes, clock)
    else yield contentOf(await readText(answer, JSON_ENVELOPE_BYTES + JSON_ESCAPED * call.maxBytes), call.maxBytes)
  }

  return {
    protocol: 'epistula',
    prompt: (target, call) =>
      endingEarly(
        (clock) => run(target, call, clock),
        () => startClock(call, call.stream ? limits.firstByteMs : null),
      ),
    close: () => transport.close(),
  }
}

function requestBody({ model, messages, stream, sampling }: PromptCall): Record<string, unknown> {
  // Members that are undefined are left out of the JSON.
  return {
    model,
    messages: messages.map(({ role, content }) => ({ role, content })),
    stream,
    temperature: sampling?.temperature,
    top_p: sampling?.topP,
    max_tokens: sampling?.maxTokens,
    stop: sampling?.stop,
    seed: sampling?.seed,
  }
}

/** These axons refuse signatures with 400, which elsewhere blames the request. */
const NOT_AUTHENTIC = /too stale|Signature Mismatch|not intended for self|Invalid Sender/i

function failureOf(status: number, text: string): DendriteError {
  return statusFailure(status === 400 && NOT_AUTHENTIC.test(text) ? 401 : status, text)
}

interface Completion {
  error?: { message?: unknown } | string | null
  choices?: { message?: { content?: unknown } | null; delta?: { content?: unknown } | null; finish_reason?: unknown }[] | null
}

function contentOf(body: string, maxBytes: number): string {
  const content = choiceOf(parsed(body))?.message?.content
  if (typeof content !== 'string') throw invalidAnswer('the answer has no message')
  return checkedText(content, maxBytes)
}

async function* streamed(answer: HttpAnswer, maxBytes: number, clock: CallClock): AsyncGenerator<string, void> {
  const pieces = readPieces(answer.body, JSON_ENVELOPE_BYTES + FRAMES * maxBytes)
  let size = 0
  let isOver = false
  const events = readEvents(pieces, JSON_ENVELOPE_BYTES + JSON_ESCAPED * maxBytes, () => tooLarge(maxBytes))
  for await (const data of events) {
    if (data.trim() === '[DONE]') {
      isOver = true
      await lastBytes(events, clock)
      break
    }
    const choice = choiceOf(parsed(data))
    const piece = choice?.delta?.content ?? ''
    if (typeof piece !== 'string') throw invalidAnswer('a piece of the answer is no text')
    size += Buffer.byteLength(piece)
    if (size > maxBytes) throw tooLarge(maxBytes)
    if (piece !== '') yield piece
    isOver ||= typeof choice?.finish_reason === 'string'
  }
  if (!isOver) throw invalidAnswer('the stream ended before its end')
  if (size === 0) throw emptyAnswer()
}

/** Lets the body end after its last event, so that its connection can be used again; not for long. */
async function lastBytes(events: AsyncIterator<string>, clock: CallClock): Promise<void> {
  const timer = setTimeout(() => clock.end(), LAST_BYTES_MS)
  try {
    await events.next()
  } catch {
    // What comes after the end is no matter.
  } finally {
    clearTimeout(timer)
  }
}

const LAST_BYTES_MS = 50

function parsed(text: string): Completion {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw invalidAnswer('the answer is not JSON', error)
  }
  if (typeof json !== 'object' || json === null) throw invalidAnswer('the answer is no object')
  const completion = json as Completion
  if (completion.error === undefined || completion.error === null) return completion
  const said = typeof completion.error === 'string' ? completion.error : completion.error.message
  throw new DendriteError(
    'UNKNOWN_EXCEPTION',
    `the axon failed: ${quoted(typeof said === 'string' ? said : JSON.stringify(completion.error))}`,
  )
}

function choiceOf({ choices }: Completion): NonNullable<Completion['choices']>[number] | undefined {
  if (!Array.isArray(choices)) throw invalidAnswer('the answer has no choices')
  return choices[0] ?? undefined
}
