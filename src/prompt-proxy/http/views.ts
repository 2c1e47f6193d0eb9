/** Answers of our own routes: names in snake case. */
import { z } from 'zod'
import type { AnsweringTarget, FailedAttempt, TargetState } from '../contract.js'
import { parseBody } from './input.js'
import type { FinishReason } from './text.js'

const NETUID_WANTED = 'a netuid, 0 to 65535'
const targetsQuery = z.strictObject({
  netuid: z
    .string()
    .regex(/^\d{1,5}$/, NETUID_WANTED)
    .transform(Number)
    .pipe(z.int().max(65_535, NETUID_WANTED))
    .optional(),
  available: z.enum(['true', 'false'], 'true or false').optional(),
})

/** `GET /v1/targets`: those of a subnet, and those that are (or are not) asked, where the query says so. */
export function targetsView(targets: readonly TargetState[], query: unknown): unknown {
  const { netuid, available } = parseBody(targetsQuery, query)
  const wanted = targets.filter(
    (target) =>
      (netuid === undefined || target.netuid === netuid) &&
      (available === undefined || (target.refusal === null) === (available === 'true')),
  )
  return { object: 'list', data: wanted.map(targetView) }
}

function targetView(state: TargetState): unknown {
  const { address, version, stake, refusal, circuit } = state
  return {
    ...{ object: 'target', ...answererView(state), address, version, stake, validator_permit: state.validatorPermit, refusal, circuit },
    ...{ success_rate: state.successRate, latency_ms: state.latencyMs, p95_ms: state.p95Ms, in_flight: state.inFlight },
    last_return_code: state.lastReturnCode,
  }
}

/** One answer of `POST /v1/prompt`. */
export function promptView(response: string, finishReason: FinishReason, { target, ms }: { target: AnsweringTarget; ms: number }): object {
  return { response, finish_reason: finishReason, target: answererView(target), latency_ms: Math.round(ms) }
}

export function failedView({ returnCode, message, ms, ...target }: FailedAttempt): object {
  return { target: answererView(target), return_code: returnCode, error: message, latency_ms: Math.round(ms) }
}

function answererView({ netuid, uid, hotkey, protocol }: AnsweringTarget): object {
  return { netuid, uid, hotkey, protocol }
}
