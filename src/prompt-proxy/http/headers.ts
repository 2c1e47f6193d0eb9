import type { FastifyReply } from 'fastify'

/** Headers that pages of other sites may read. */
const EXPOSED = `, ${[
  ...['x-taogate-netuid', 'x-taogate-uid', 'x-taogate-hotkey', 'x-taogate-protocol', 'x-taogate-latency-ms', 'x-taogate-return-code'],
  ...['x-taogate-usage', 'x-ratelimit-limit-requests', 'x-ratelimit-remaining-requests', 'x-ratelimit-reset-requests'],
  ...['x-ratelimit-limit-tokens', 'x-ratelimit-remaining-tokens', 'x-ratelimit-reset-tokens', 'x-taogate-credits-remaining'],
].join(', ')}`

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
  if (typeof exposed === 'string') void reply.header('access-control-expose-headers', exposed + EXPOSED)
}
