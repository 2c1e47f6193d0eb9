/** An Epistula v2 axon: an OpenAI-shaped route whose callers sign their requests. */
import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { errorMessage } from '../../../core/errors.js'
import { verifyEpistula, type ReplayTable } from '../../dendrite/epistula/verifying.js'
import type { PromptMessage } from '../../dendrite/types.js'
import { joined, piecesOf } from './answer-text.js'
import type { HttpAxonHandlers } from './axon.js'
import type { Reply } from './reply.js'

interface EpistulaRouteDeps {
  self: string
  handlers: HttpAxonHandlers
  replays: ReplayTable
  nowMs(): number
}

interface ChatBody {
  model?: unknown
  messages?: unknown
  stream?: unknown
}

export const EPISTULA_PATH = '/v1/chat/completions'

export async function answerEpistula(
  { headers, body, signal }: { headers: IncomingHttpHeaders; body: Buffer; signal: AbortSignal },
  { self, handlers, replays, nowMs }: EpistulaRouteDeps,
): Promise<Reply> {
  const header = (name: string): string | undefined => {
    const value = headers[name]
    return typeof value === 'string' ? value : undefined
  }
  const verdict = verifyEpistula(header, body, { self, nowMs: nowMs(), replays, isKnown: handlers.isKnown })
  if (!verdict.ok) return refusal(verdict.status, verdict.error)
  const reason = handlers.blacklist?.(verdict.signedBy, 'Epistula') ?? false
  if (reason !== false) return refusal(403, reason)
  const chat = parsed(body)
  if (chat === null) return refusal(422, 'the body is no chat request')
  const model = typeof chat.model === 'string' ? chat.model : 'mock'
  try {
    const text = handlers.answer({ caller: { hotkey: verdict.signedBy }, messages: chat.messages, model, stream: chat.stream, signal })
    if (chat.stream) return { status: 200, headers: { 'content-type': 'text/event-stream' }, body: frames(model, piecesOf(text)) }
    const message = { role: 'assistant', content: await joined(text) }
    const choices = [{ index: 0, message, finish_reason: 'stop', logprobs: null }]
    return json(200, { ...base(model, 'chat.completion'), choices, usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 } })
  } catch (error) {
    return refusal(500, errorMessage(error))
  }
}

function parsed(body: Buffer): { model?: unknown; messages: PromptMessage[]; stream: boolean } | null {
  try {
    const chat = JSON.parse(body.toString('utf8')) as ChatBody | null
    if (chat === null || !Array.isArray(chat.messages) || chat.messages.length === 0) return null
    const messages = chat.messages as PromptMessage[]
    if (!messages.every((message) => typeof message?.role === 'string' && typeof message.content === 'string')) return null
    return { model: chat.model, messages, stream: chat.stream === true }
  } catch {
    return null
  }
}

async function* frames(model: string, pieces: AsyncIterable<string>): AsyncGenerator<string> {
  const head = base(model, 'chat.completion.chunk')
  const frame = (delta: Record<string, string>, reason: string | null): string =>
    `data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`
  yield frame({ role: 'assistant', content: '' }, null)
  for await (const content of pieces) yield frame({ content }, null)
  yield frame({}, 'stop')
  yield 'data: [DONE]\n\n'
}

function base(model: string, object: string): Record<string, unknown> {
  return { id: `chatcmpl-${randomUUID()}`, object, created: Math.floor(Date.now() / 1000), model }
}

function refusal(status: number, detail: string): Reply {
  return json(status, { detail })
}

function json(status: number, body: Record<string, unknown>): Reply {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}
