/** What callers of SDK 5.x send, brought into the form that the engine takes. */
import { AppError } from '../../core/errors.js'
import type { GrpcCall } from '../../core/grpc/index.js'
import { messageFromJson } from '../dendrite/grpc/messages.js'
import type { PromptMessage } from '../dendrite/types.js'

/** Of the requests of all methods what matters here; `hotkey`, which 5.3 does not know, is not signed and not looked at. */
export interface V5Question {
  /** JSON texts. */
  messages: readonly string[]
  /** Seconds; absent, or 0, when it does not say. */
  timeout?: number
}

export interface TimeLimits {
  /** For a whole request: where it does not say, and the most it may say. */
  timeoutMs: number
  maxTimeoutMs: number
}

const MAX_MESSAGES = 1024
const ROLES: readonly string[] = ['system', 'user', 'assistant']

/** The conversation. BAD_INPUT for what is none; with `returnCode: 'EMPTY_REQUEST'` in its detail when there are no messages. */
export function messagesOf({ messages }: V5Question): PromptMessage[] {
  if (messages.length === 0) throw new AppError('BAD_INPUT', 'there are no messages', { field: 'messages', returnCode: 'EMPTY_REQUEST' })
  if (messages.length > MAX_MESSAGES)
    throw new AppError('BAD_INPUT', `there are ${messages.length} messages; ${MAX_MESSAGES} are taken`, { field: 'messages' })
  return messages.map(messageOf)
}

function messageOf(text: string, at: number): PromptMessage {
  const field = `messages[${at}]`
  const message = readMessage(text, field)
  if (!ROLES.includes(message.role)) throw new AppError('BAD_INPUT', `${field}: the role is one of ${ROLES.join(', ')}`, { field })
  // Half a character of UTF-16 cannot be signed, nor sent, as what it is.
  if (/\p{Surrogate}/u.test(message.content)) throw new AppError('BAD_INPUT', `${field}: the content has half a character in it`, { field })
  return message
}

function readMessage(text: string, field: string): PromptMessage {
  try {
    return messageFromJson(text)
  } catch (error) {
    throw new AppError('BAD_INPUT', `${field}: wanted a JSON object with role and content, both of them text`, { field }, error)
  }
}

/** Milliseconds that targets may take. A bit is kept back of what the caller gives: its own timer is as long as that, and would fire before an answer is there. */
export function timeoutOf({ timeout = 0 }: V5Question, { deadline }: Pick<GrpcCall, 'deadline'>, limits: TimeLimits): number {
  const wanted = timeout > 0 ? timeout * 1000 : limits.timeoutMs
  const whole = Math.min(wanted, limits.maxTimeoutMs, deadline === null ? Infinity : deadline - Date.now())
  return Math.max(1, Math.floor(whole - Math.min(whole * KEPT_SHARE, KEPT_MS)))
}

const KEPT_SHARE = 0.1
const KEPT_MS = 500
