import { ERRORS, type AppError } from '../core/errors.js'
import type { PromptOutcome } from '../core/prompting.js'

/** What became of a request that ended with this error, or with none, whichever face it came through. */
export function outcomeOf(error: AppError | null): PromptOutcome {
  if (error === null) return 'success'
  if (error.code === 'UPSTREAM_TIMEOUT' || (error.code === 'ABORTED' && error.detail['reason'] === 'deadline')) return 'timeout'
  if (error.code === 'ABORTED' && error.detail['reason'] === 'caller') return 'cancelled'
  return ERRORS[error.code].http < 500 || error.code === 'OVERLOADED' ? 'refused' : 'failed'
}
