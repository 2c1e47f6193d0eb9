/** What node-postgres says when PostgreSQL was not there to answer. The index and the queue ask by connections of their own. */
import { AppError, errorMessage, isAppError } from './errors.js'

const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
])
/** Shut down or starting; no room (connections, disk, memory): all of them pass. */
const SERVER_CODES = /^(57P0[123]|08...|53...)$/
/** node-postgres gives these no code. */
const CLIENT_TEXTS =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed|Connection ended unexpectedly|The server closed the connection)/i

/** Whether the database was not there to answer, as opposed to refusing what it was asked. */
export function isConnectionLoss(error: unknown): boolean {
  if (isAppError(error)) return error.code === 'DATABASE_DOWN'
  if (error instanceof AggregateError) return error.errors.some(isConnectionLoss)
  const { code, syscall } = (error ?? {}) as { code?: unknown; syscall?: unknown }
  // A Unix socket that is not there.
  if (code === 'ENOENT') return syscall === 'connect'
  if (typeof code === 'string') return SOCKET_CODES.has(code) || SERVER_CODES.test(code)
  return error instanceof Error && CLIENT_TEXTS.test(error.message)
}

/** A lost connection as DATABASE_DOWN, which callers may retry; everything else as it is. */
export function toDatabaseError(error: unknown, doing: string): unknown {
  if (isAppError(error) || !isConnectionLoss(error)) return error
  return new AppError('DATABASE_DOWN', `the database went away while ${doing}: ${errorMessage(error)}`, {}, error)
}
