import { AppError, isAppError } from '../../core/errors.js'

/** The `error` member of a JSON-RPC answer. Some nodes leave the code out. */
export interface RpcErrorBody {
  code: number | null
  message: string
}

const METHOD_NOT_FOUND = -32601
/** Request and answer too big, in the newer and the older numbering of the node's JSON-RPC library. */
const TOO_BIG_CODES = new Set([-32007, -32008, -32701, -32702])

/** Internal error; limit exceeded (several dialects). Codes of the node's own errors (4003, -32000...) say nothing about time. */
const TRANSIENT_CODES = new Set([-32603, -32005, 429, -32029])
const TRANSIENT_TEXT =
  /injected error|internal error|rate.?limit|too many (?:requests|connections)|server is busy|overloaded|try again|timed? ?out/i

export function isTransient(body: RpcErrorBody): boolean {
  if (body.code === METHOD_NOT_FOUND || isTooBig(body)) return false
  return (body.code !== null && TRANSIENT_CODES.has(body.code)) || TRANSIENT_TEXT.test(body.message)
}

function isTooBig(body: RpcErrorBody): boolean {
  return body.code !== null && TOO_BIG_CODES.has(body.code)
}

/** A refusal by the node: retryable (UPSTREAM_DOWN) when it may pass by itself, else UPSTREAM_INVALID. */
export function rpcError(method: string, endpoint: string, body: RpcErrorBody, attempts: number): AppError {
  const code = body.code === null ? '' : ` (${body.code})`
  const tries = attempts > 1 ? ` in each of ${attempts} tries` : ''
  const kind = isTransient(body) ? 'UPSTREAM_DOWN' : 'UPSTREAM_INVALID'
  const message = `${method}: ${endpoint} answered "${excerpt(body.message)}"${code}${tries}`
  return new AppError(kind, message, { method, endpoint, rpcCode: body.code, rpcMessage: excerpt(body.message, 500) })
}

/** What the node refused with, or null when the error is no answer of a node. */
export function rpcErrorOf(error: unknown): RpcErrorBody | null {
  if (!isAppError(error) || typeof error.detail['rpcMessage'] !== 'string') return null
  const code = error.detail['rpcCode']
  return { code: typeof code === 'number' ? code : null, message: error.detail['rpcMessage'] }
}

export function isMethodNotFound(error: unknown): boolean {
  const body = rpcErrorOf(error)
  if (body === null) return false
  return body.code === METHOD_NOT_FOUND || (body.code === null && /method not found|not (?:supported|implemented)/i.test(body.message))
}

/** Whether the node would have answered a smaller question. */
export function isAnswerTooBig(error: unknown): boolean {
  const body = rpcErrorOf(error)
  return body !== null && isTooBig(body)
}

export function timeoutError(method: string, endpoint: string, timeoutMs: number, attempts: number): AppError {
  const tries = attempts > 1 ? ` in each of ${attempts} tries` : ''
  return new AppError('UPSTREAM_TIMEOUT', `${method}: no answer from ${endpoint} within ${timeoutMs} ms${tries}`, {
    method,
    endpoint,
    attempts,
  })
}

export function invalidError(method: string, endpoint: string, what: string): AppError {
  return new AppError('UPSTREAM_INVALID', `${method}: ${endpoint} ${what}`, { method, endpoint })
}

export function lostError(method: string, endpoint: string, reason: string, attempts: number): AppError {
  const tries = attempts > 1 ? `, the last of ${attempts} tries` : ''
  return new AppError('UPSTREAM_DOWN', `${method}: the connection to ${endpoint} was lost before the answer (${reason})${tries}`, {
    method,
    endpoint,
    reason,
    attempts,
  })
}

/** For a request that acts on the node: sending it again might act twice, so the caller has to look first. */
export function unknownOutcomeError(
  code: 'UPSTREAM_DOWN' | 'UPSTREAM_TIMEOUT',
  method: string,
  endpoint: string,
  reason: string,
): AppError {
  const message = `${method}: ${endpoint} got the request, but its answer is lost (${reason}); it may or may not have been carried out`
  return new AppError(code, message, { method, endpoint, reason, outcome: 'unknown' })
}

/** Whether the request may have been carried out although it failed: check before sending it again. */
export function isOutcomeUnknown(error: unknown): boolean {
  return isAppError(error) && error.detail['outcome'] === 'unknown'
}

export function abortedError(what: string): AppError {
  return new AppError('ABORTED', what)
}

/** The start of a text that came from outside, on one line. */
export function excerpt(text: string, length = 160): string {
  const line = text.slice(0, length).replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
  return text.length > length ? `${line}…` : line
}
