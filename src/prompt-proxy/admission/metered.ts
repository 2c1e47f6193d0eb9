import { isAppError } from '../../core/errors.js'
import { CLOSING } from '../../core/lifecycle.js'
import { TOKEN_BYTES } from '../tokens.js'
import type { Ticket } from './ticket.js'

/** Detail of the reason that a signal is aborted with, where nobody has hung up: the server closes, or the deadline of a gRPC call has passed. */
const NOT_THE_CALLER: readonly unknown[] = [CLOSING, 'deadline']

/**
 * The pieces of an answer, with what they cost. The first call of `end` counts: with one credit when they were read to their end, or when the caller ended them itself after it
 * was given at least one; with none when they broke off, when the time was over, when the server closed, and when nothing was given. The caller's signal ends them whether
 * or not anybody reads.
 */
export function metered(
  pieces: AsyncIterable<string>,
  ticket: Ticket,
  end: (credits: number, tokens: number) => void,
): AsyncIterable<string> {
  const { signal, tokenLimit, request } = ticket
  const maxTokens = request.sampling?.maxTokens ?? Infinity
  const inner = pieces[Symbol.asyncIterator]()
  let given = 0
  let bytes = 0

  function over(credits: number): void {
    signal.removeEventListener('abort', onAbort)
    // What is beyond the limit of the request is cut off before the caller has it.
    end(credits, Math.min(Math.ceil(bytes / TOKEN_BYTES), maxTokens))
  }

  function left(): void {
    over(given > 0 ? 1 : 0)
  }

  function onAbort(): void {
    const reason: unknown = signal.reason
    if (isAppError(reason) && NOT_THE_CALLER.includes(reason.detail['reason'])) over(0)
    else left()
  }

  function take(step: IteratorResult<string>): IteratorResult<string> {
    if (step.done === true) over(1)
    else {
      given++
      if (tokenLimit !== null) bytes += Buffer.byteLength(step.value)
    }
    return step
  }

  function brokeOff(error: unknown): never {
    over(0)
    throw error
  }

  const iterator: AsyncIterator<string, unknown> = {
    next: () => inner.next().then(take, brokeOff),
    return() {
      left()
      return inner.return?.() ?? Promise.resolve({ done: true, value: undefined })
    },
  }
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  return { [Symbol.asyncIterator]: () => iterator }
}
