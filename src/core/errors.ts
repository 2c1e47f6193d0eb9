/**
 * One error class and one table of codes for the whole program. Code anywhere throws `AppError`; only the HTTP, GraphQL and gRPC
 * adapters read the status numbers. Each code has a row in docs/errors.md, and a test keeps the two equal.
 */

/** Numbers of google.rpc.Code, written out so that core does not need a gRPC library. */
const GRPC = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const

export interface ErrorKind {
  readonly http: number
  readonly grpc: number
  /** Whether the same request may succeed when it is simply sent again later. */
  readonly retry: boolean
}

export const ERRORS = {
  NOT_FOUND: { http: 404, grpc: GRPC.NOT_FOUND, retry: false },
  BAD_INPUT: { http: 400, grpc: GRPC.INVALID_ARGUMENT, retry: false },
  UNAUTHORIZED: { http: 401, grpc: GRPC.UNAUTHENTICATED, retry: false },
  FORBIDDEN: { http: 403, grpc: GRPC.PERMISSION_DENIED, retry: false },
  REFUSED: { http: 422, grpc: GRPC.FAILED_PRECONDITION, retry: false },
  RATE_LIMITED: { http: 429, grpc: GRPC.RESOURCE_EXHAUSTED, retry: true },
  TOO_LARGE: { http: 413, grpc: GRPC.RESOURCE_EXHAUSTED, retry: false },
  TOO_COMPLEX: { http: 400, grpc: GRPC.INVALID_ARGUMENT, retry: false },
  OVERLOADED: { http: 503, grpc: GRPC.UNAVAILABLE, retry: true },
  QUERY_TIMEOUT: { http: 503, grpc: GRPC.DEADLINE_EXCEEDED, retry: true },
  UPSTREAM_DOWN: { http: 502, grpc: GRPC.UNAVAILABLE, retry: true },
  UPSTREAM_TIMEOUT: { http: 504, grpc: GRPC.DEADLINE_EXCEEDED, retry: true },
  UPSTREAM_INVALID: { http: 502, grpc: GRPC.INTERNAL, retry: false },
  NOT_SUBTENSOR: { http: 502, grpc: GRPC.FAILED_PRECONDITION, retry: false },
  WRONG_CHAIN: { http: 502, grpc: GRPC.FAILED_PRECONDITION, retry: false },
  DATABASE_DOWN: { http: 503, grpc: GRPC.UNAVAILABLE, retry: true },
  QUEUE_DOWN: { http: 503, grpc: GRPC.UNAVAILABLE, retry: true },
  DATABASE_TOO_OLD: { http: 500, grpc: GRPC.FAILED_PRECONDITION, retry: false },
  HEAD_MISMATCH: { http: 500, grpc: GRPC.ABORTED, retry: false },
  PORT_IN_USE: { http: 500, grpc: GRPC.FAILED_PRECONDITION, retry: false },
  SOLVER_WRONG: { http: 500, grpc: GRPC.FAILED_PRECONDITION, retry: false },
  CONFIG_INVALID: { http: 500, grpc: GRPC.FAILED_PRECONDITION, retry: false },
  ABORTED: { http: 503, grpc: GRPC.CANCELLED, retry: false },
  INTERNAL: { http: 500, grpc: GRPC.INTERNAL, retry: false },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof ERRORS
export type ErrorDetail = Readonly<Record<string, unknown>>

/** An error with a code. The message says what was wrong and what would be right; `detail` is shown to callers, so no secrets. */
export class AppError extends Error {
  override readonly name = 'AppError'

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly detail: ErrorDetail = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause })
  }
}

/** The detail of an error as REST and gRPC tell it: with names in snake case. Values in it are data and stay as they are. */
export function detailOnWire({ detail }: AppError): ErrorDetail {
  const nameOnWire = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return Object.fromEntries(Object.entries(detail).map(([name, value]) => [nameOnWire(name), value]))
}

export function isAppError(error: unknown): error is AppError {
  return error instanceof AppError
}

/** Whether trying the same thing again can help. Unknown errors are bugs until proven otherwise: not retryable. */
export function isRetryable(error: unknown): boolean {
  return isAppError(error) && ERRORS[error.code].retry
}

/** Any thrown value as an `AppError`; what is unknown becomes INTERNAL with the original as its cause. */
export function toAppError(error: unknown): AppError {
  if (isAppError(error)) return error
  return new AppError('INTERNAL', 'internal error', {}, error)
}

/** The text of any thrown value, for messages that quote a cause. */
export function errorMessage(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(errorMessage).join('; ')
  return error instanceof Error ? error.message : String(error)
}
