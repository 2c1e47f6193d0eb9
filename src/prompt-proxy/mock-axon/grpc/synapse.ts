import { errorMessage } from '../../../core/errors.js'
import type { V5Caller } from '../../grpc-auth.js'
import { messageFromJson, type V5Method, type V5Request, type V5Response } from '../../dendrite/grpc/messages.js'
import { pythonFloat } from '../../dendrite/python-text.js'
import { RETURN_CODES, type PromptMessage } from '../../dendrite/types.js'
import type { PriorityPool } from './priority-pool.js'

/** A call that an axon is to answer. */
export interface AxonQuestion {
  /** Who signed it. */
  caller: V5Caller
  messages: PromptMessage[]
  /** Aborted when the caller has hung up, or has waited as long as it said. */
  signal: AbortSignal
}

export interface AxonReward {
  caller: V5Caller
  /** JSON texts, as they came: axons hand them on undecoded. */
  messages: readonly string[]
  completion: string
  rewards: readonly number[]
}

/** What an axon does with calls whose signature was found right. Whatever these throw becomes return code 22 with its text. */
export interface AxonHandlers {
  answer(question: AxonQuestion): Promise<string>
  /** For MultiForward; the one answer in a list when absent. */
  answers?(question: AxonQuestion): Promise<string[]>
  reward?(reward: AxonReward): Promise<void>
  /** True, or the reason, for callers that are refused. */
  blacklist?(caller: V5Caller, method: V5Method): boolean | string
  /** More goes first. */
  priority?(caller: V5Caller, method: V5Method): number
}

/** Answers one call as the synapse of SDK 5.x does: blacklist, priority, the work in the pool, and no longer than the caller waits. */
export async function runSynapse(
  handlers: AxonHandlers,
  pool: PriorityPool,
  call: { method: V5Method; request: V5Request; caller: V5Caller; signal: AbortSignal },
): Promise<Partial<V5Response>> {
  const { method, request, caller } = call
  const deadline = new AbortController()
  let timer: NodeJS.Timeout | undefined
  try {
    const reason = handlers.blacklist?.(caller, method) ?? false
    if (reason !== false) return { returnCode: RETURN_CODES.BLACKLISTED, returnMessage: reason === true ? 'no reason specified' : reason }
    const signal = AbortSignal.any([call.signal, deadline.signal])
    const done = new Promise<Partial<V5Response>>((resolve, reject) => {
      pool.submit(handlers.priority?.(caller, method) ?? 0, () =>
        workOf(handlers, { method, request, caller, signal }).then(resolve, reject),
      )
    })
    const late = new Promise<Partial<V5Response>>((resolve) => {
      const expire = (): void => {
        deadline.abort(new Error('the caller waits no longer'))
        resolve({
          returnCode: RETURN_CODES.TIMEOUT,
          returnMessage: `GRPC request timeout after: ${pythonFloat(request.timeout)}s`,
        })
      }
      timer = setTimeout(expire, Math.min(Math.max(request.timeout, 0) * 1000, MAX_TIMER_MS))
    })
    const fields = await Promise.race([done, late])
    return { returnCode: RETURN_CODES.SUCCESS, returnMessage: 'Success', ...fields }
  } catch (error) {
    return { returnCode: RETURN_CODES.UNKNOWN_EXCEPTION, returnMessage: errorMessage(error) }
  } finally {
    clearTimeout(timer)
  }
}

/** A longer time makes a timer of Node fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

async function workOf(
  handlers: AxonHandlers,
  { method, request, caller, signal }: { method: V5Method; request: V5Request; caller: V5Caller; signal: AbortSignal },
): Promise<Partial<V5Response>> {
  if (method === 'Backward') {
    const { messages, response: completion, rewards } = request
    await handlers.reward?.({ caller, messages, completion, rewards })
    return {}
  }
  const question: AxonQuestion = { caller, messages: request.messages.map(messageFromJson), signal }
  if (method === 'Forward') return { response: await handlers.answer(question) }
  return { multiCompletions: handlers.answers === undefined ? [await handlers.answer(question)] : await handlers.answers(question) }
}
