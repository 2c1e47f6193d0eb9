import { GraphQLError, type GraphQLFormattedError } from 'graphql'
import { type AppError, type ErrorCode, ERRORS, isAppError, toAppError } from '../../core/errors.js'

/** Codes that GraphQL's own layer gives to bad requests, as ours. */
const FOREIGN_CODES: Readonly<Record<string, ErrorCode>> = {
  BAD_USER_INPUT: 'BAD_INPUT',
  GRAPHQL_VALIDATION_FAILED: 'BAD_INPUT',
  GRAPHQL_PARSE_FAILED: 'BAD_INPUT',
  OPERATION_RESOLUTION_FAILURE: 'BAD_INPUT',
  BAD_REQUEST: 'BAD_INPUT',
  PERSISTED_QUERY_NOT_FOUND: 'BAD_INPUT',
  PERSISTED_QUERY_NOT_SUPPORTED: 'BAD_INPUT',
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && code in ERRORS
}

/** The application error inside a GraphQL error; INTERNAL for what nobody has foreseen. */
export function causeOf(error: unknown): AppError {
  const original = error instanceof GraphQLError ? (error.originalError ?? error) : error
  return toAppError(isAppError(original) ? original : original instanceof GraphQLError ? undefined : original)
}

/** What the caller is told: the message and detail of our own errors, and of unforeseen ones nothing (the request's id is added later). */
export function formatError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const { path, locations } = formatted
  const place = { ...(locations === undefined ? {} : { locations }), ...(path === undefined ? {} : { path }) }
  const original = error instanceof GraphQLError ? (error.originalError ?? error) : error
  if (isAppError(original) && original.code !== 'INTERNAL')
    return { message: original.message, ...place, extensions: { code: original.code, ...original.detail } }
  const code = formatted.extensions?.['code']
  const known = isErrorCode(code) ? code : FOREIGN_CODES[String(code)]
  // Coercion of variables and literals fails inside GraphQL: its message names the value and the type.
  const coercion = known === undefined && error instanceof GraphQLError && error.originalError === undefined && path === undefined
  if ((known !== undefined && known !== 'INTERNAL') || coercion)
    return { message: formatted.message, ...place, extensions: { code: known ?? 'BAD_INPUT' } }
  return { message: 'internal error', ...place, extensions: { code: 'INTERNAL' } }
}

/** The HTTP status of an answer that has nothing but errors. */
export function statusOf(errors: readonly GraphQLFormattedError[]): number {
  const code = errors[0]?.extensions?.['code']
  return isErrorCode(code) ? ERRORS[code].http : 500
}

/** The body of a refusal made outside of GraphQL's own machinery, in its form. */
export function refusalBody(error: AppError, requestId: string): { errors: GraphQLFormattedError[] } {
  if (error.code === 'INTERNAL') return { errors: [{ message: 'internal error', extensions: { code: 'INTERNAL', requestId } }] }
  return { errors: [{ message: error.message, extensions: { code: error.code, ...error.detail } }] }
}
