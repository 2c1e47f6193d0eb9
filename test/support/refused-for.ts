import { isAppError } from '../../src/core/errors.js'

/** The reason of a refusal; any other error, or `nothing was refused`, as it is. */
export async function refusedFor(attempt: Promise<unknown>): Promise<unknown> {
  const error: unknown = await attempt.then(
    () => 'nothing was refused',
    (reason: unknown) => reason,
  )
  return isAppError(error) && error.code === 'REFUSED' ? error.detail['reason'] : error
}
