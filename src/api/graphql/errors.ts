import { GraphQLError, type GraphQLFormattedError } from 'graphql'
import { AppError, type ErrorCode, ERRORS, isAppError, toAppError } from '../../core/errors.js'

/** Codes that GraphQL's own layer gives to bad requests. */
const REFUSALS: ReadonlySet<unknown> = new Set([
  'BAD_USER_INPUT',
  'GRAPHQL_VALIDATION_FAILED',
  'GRAPHQL_PARSE_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'BAD_REQUEST',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_SUPPORTED',
])

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && code in ERRORS
}

/** What was thrown first: GraphQL wraps it, more than once where a value of a variable is refused. */
function originOf(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError !== undefined ? originOf(error.originalError) : error
}

/**
 * Whether GraphQL's own layer refuses what the caller wrote: syntax, validation, values of variables and literals. Those have a code, or
 * come before any field is resolved. What it finds wrong with our own answer has the path of the field.
 */
function isRefusal(error: GraphQLError): boolean {
  return REFUSALS.has(error.extensions['code']) || error.path === undefined
}

/** The application error inside a GraphQL error: BAD_INPUT for what GraphQL itself refuses, INTERNAL for what nobody has foreseen. */
export function causeOf(error: unknown): AppError {
  const origin = originOf(error)
  if (isAppError(origin)) return origin
  if (origin instanceof GraphQLError && error instanceof GraphQLError && isRefusal(error)) return new AppError('BAD_INPUT', error.message)
  return toAppError(origin)
}

/** What the caller is told: the message and detail of our own errors, and of unforeseen ones nothing (the request's id is added later). */
export function formatError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const { path, locations } = formatted
  const place = { ...(locations === undefined ? {} : { locations }), ...(path === undefined ? {} : { path }) }
  const { code, message, detail } = causeOf(error)
  if (code === 'INTERNAL') return { message: 'internal error', ...place, extensions: { code } }
  // Around a refused value of a variable, GraphQL says which one it was.
  const wrapped = error instanceof GraphQLError && error.originalError instanceof GraphQLError
  return { message: wrapped ? formatted.message : message, ...place, extensions: { code, ...detail } }
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
