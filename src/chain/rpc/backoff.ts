export interface BackoffOptions {
  minMs: number
  maxMs: number
}

/**
 * How long to wait before try number `attempt` (0 is the first one after a failure): doubling up to the cap, of which a random
 * half is taken away, so that clients that failed together do not come back together.
 */
export function backoffMs(attempt: number, { minMs, maxMs }: BackoffOptions, random: () => number = Math.random): number {
  const whole = Math.min(maxMs, minMs * 2 ** Math.min(attempt, 30))
  return whole / 2 + random() * (whole / 2)
}
