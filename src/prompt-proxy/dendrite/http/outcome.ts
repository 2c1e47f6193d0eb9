/** What statuses and errors of HTTP axons mean in the return codes of the network. */
import { errorMessage } from '../../../core/errors.js'
import { DendriteError, type ReturnCodeName } from '../types.js'

/** Statuses of axons and of the proxies that stand before some of them. */
const BY_STATUS: Readonly<Record<number, ReturnCodeName>> = {
  400: 'INVALID_REQUEST',
  401: 'UNAUTHENTICATED',
  403: 'BLACKLISTED',
  404: 'NOT_IMPLEMENTED',
  405: 'NOT_IMPLEMENTED',
  408: 'TIMEOUT',
  413: 'INVALID_REQUEST',
  422: 'INVALID_REQUEST',
  429: 'BACKOFF',
  500: 'UNKNOWN_EXCEPTION',
  501: 'NOT_IMPLEMENTED',
  502: 'BAD_ENDPOINT',
  503: 'UNAVAILABLE',
  504: 'TIMEOUT',
}

const MAX_QUOTE = 300
/** Text of the priority time-out, which releases 6.5 to 7.1 send with 503. */
const PRIORITY_TIMEOUT = /^Response timeout after/

/**
 * The error of an answer that is none. `status` is what the axon meant: its own status header where HTTP only says 500. Redirects are never followed: who
 * sends one is not the axon of the metagraph.
 */
export function statusFailure(status: number, text: string): DendriteError {
  const quote = quoted(text)
  if (status >= 300 && status < 400) return new DendriteError('BAD_ENDPOINT', `the axon redirects (${status}), which is not followed`)
  const code = status === 503 && PRIORITY_TIMEOUT.test(text) ? 'TIMEOUT' : (BY_STATUS[status] ?? 'UNKNOWN_EXCEPTION')
  return new DendriteError(code, quote === '' ? `the axon answered ${status}` : `the axon answered ${status}: ${quote}`)
}

export function invalidAnswer(why: string, cause?: unknown): DendriteError {
  return new DendriteError('INVALID_RESPONSE', why, cause)
}

/** One line of what an axon wrote, without control characters, cut short. */
export function quoted(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line.length <= MAX_QUOTE ? line : `${line.slice(0, MAX_QUOTE)}...`
}

const UNREACHABLE = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT'])
const DROPPED = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'EACCES'])

/** The error of a connection, by its code: refused is UNAVAILABLE, dropped is BAD_ENDPOINT as a bad gateway is, unreadable HTTP is INVALID_RESPONSE. */
export function connectionFailure(error: unknown): DendriteError {
  if (error instanceof DendriteError) return error
  const code = (error as { code?: unknown } | null)?.code
  const message = quoted(errorMessage(error))
  if (typeof code !== 'string') return new DendriteError('UNKNOWN_EXCEPTION', message, error)
  if (UNREACHABLE.has(code)) return new DendriteError('UNAVAILABLE', `no connection to the axon: ${message}`, error)
  if (DROPPED.has(code)) return new DendriteError('BAD_ENDPOINT', `the connection to the axon broke: ${message}`, error)
  if (code.startsWith('HPE_') || code.startsWith('UND_ERR_')) return invalidAnswer(`the axon's HTTP cannot be read: ${message}`, error)
  return new DendriteError('UNKNOWN_EXCEPTION', message, error)
}
