/**
 * How failures are told. A client of SDK 5.x takes the number of a gRPC status for a return code (8 RESOURCE_EXHAUSTED would be `InvalidResponse`), so that whatever comes after
 * the signature is told as axons do: status OK, and a return code in the response.
 */
import { AppError, toAppError, type ErrorCode } from '../../core/errors.js'
import { pythonFloat } from '../dendrite/python-text.js'
import { DendriteError, RETURN_CODES, type ReturnCodeName } from '../dendrite/types.js'
import type { V5Question } from './question.js'

const CODE_OF: Partial<Record<ErrorCode, ReturnCodeName>> = {
  BAD_INPUT: 'INVALID_REQUEST',
  TOO_LARGE: 'INVALID_REQUEST',
  UNAUTHORIZED: 'UNAUTHENTICATED',
  FORBIDDEN: 'BLACKLISTED',
  REFUSED: 'BLACKLISTED',
  RATE_LIMITED: 'BACKOFF',
  OVERLOADED: 'NUCLEUS_FULL',
  UPSTREAM_TIMEOUT: 'TIMEOUT',
  UPSTREAM_INVALID: 'INVALID_RESPONSE',
  UPSTREAM_DOWN: 'UNAVAILABLE',
  // The model is not the caller's choice: that there is none is as if nobody served it.
  NOT_FOUND: 'UNAVAILABLE',
  QUERY_TIMEOUT: 'UNAVAILABLE',
  DATABASE_DOWN: 'UNAVAILABLE',
  QUEUE_DOWN: 'UNAVAILABLE',
}

/** Any failure of the engine, the targets, or in front of them as an error with a code. */
export function failureOf(error: unknown, signal: AbortSignal): AppError {
  // Whatever is thrown once the call is over, is thrown because of that.
  if (signal.aborted) return toAppError(signal.reason)
  if (!(error instanceof DendriteError)) return toAppError(error)
  const { returnCode } = error
  const code = returnCode === 'TIMEOUT' ? 'UPSTREAM_TIMEOUT' : 'UPSTREAM_DOWN'
  return new AppError(code, `the target broke off its answer: ${returnCode}`, { returnCode }, error)
}

/** The fields of a response that say what went wrong. */
export function failedFields(error: AppError, question: V5Question, requestId: string): { returnCode: number; returnMessage: string } {
  const { returnCode = CODE_OF[error.code] ?? 'UNKNOWN_EXCEPTION' } = error.detail as { returnCode?: ReturnCodeName }
  return { returnCode: RETURN_CODES[returnCode], returnMessage: messageOf(error, question, requestId) }
}

function messageOf({ code, message }: AppError, { timeout = 0 }: V5Question, requestId: string): string {
  if (code === 'UPSTREAM_TIMEOUT' && timeout > 0) return `GRPC request timeout after: ${pythonFloat(timeout)}s`
  return code === 'INTERNAL' ? `internal error; the request was ${requestId}` : message
}
