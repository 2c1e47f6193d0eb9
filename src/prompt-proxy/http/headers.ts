import type { FastifyReply } from 'fastify'
import type { AnsweringTarget } from '../contract.js'
import { RETURN_CODES, type ReturnCodeName } from '../dendrite/types.js'

/** Who answered and how, as it goes into headers. */
export interface Answerer {
  target: AnsweringTarget
  returnCode: ReturnCodeName
  ms: number
}

/** Headers that pages of other sites may read. */
const EXPOSED = [
  ...['x-taogate-netuid', 'x-taogate-uid', 'x-taogate-hotkey', 'x-taogate-protocol', 'x-taogate-latency-ms', 'x-taogate-return-code'],
  ...['x-taogate-usage', 'x-ratelimit-limit-requests', 'x-ratelimit-remaining-requests', 'x-ratelimit-reset-requests'],
]

/** Says who answered: one value for each answer, in their order, with commas between. */
export function addTargetHeaders(reply: FastifyReply, answerers: readonly Answerer[]): void {
  if (answerers.length === 0) return
  const each = (value: (one: Answerer) => string | number): string => answerers.map((one) => headerText(value(one))).join(',')
  void reply.headers({
    'x-taogate-netuid': each(({ target }) => target.netuid),
    'x-taogate-uid': each(({ target }) => target.uid),
    'x-taogate-hotkey': each(({ target }) => target.hotkey),
    'x-taogate-protocol': each(({ target }) => target.protocol),
    'x-taogate-latency-ms': each(({ ms }) => Math.max(0, Math.round(ms))),
    'x-taogate-return-code': each(({ returnCode }) => RETURN_CODES[returnCode]),
  })
}

/** Brings the limits under the names that clients of the OpenAI API look for, beside those that all services here have. */
export function addOpenAiLimits(reply: FastifyReply): void {
  for (const name of ['limit', 'remaining'] as const) {
    const value = reply.getHeader(`x-ratelimit-${name}`)
    if (value !== undefined) void reply.header(`x-ratelimit-${name}-requests`, value)
  }
  const reset = reply.getHeader('x-ratelimit-reset')
  if (reset !== undefined) void reply.header('x-ratelimit-reset-requests', `${String(reset)}s`)
}

/** Beside what the server lets pages read of its own accord. */
export function exposeHeaders(reply: FastifyReply): void {
  const exposed = reply.getHeader('access-control-expose-headers')
  if (typeof exposed === 'string') void reply.header('access-control-expose-headers', `${exposed}, ${EXPOSED.join(', ')}`)
}

/** What a chain or a target says is not trusted to be fit for a header: other characters than those of a plain word become `?`. */
function headerText(value: string | number): string {
  return String(value)
    .slice(0, 128)
    .replace(/[^\w.:-]/g, '?')
}
