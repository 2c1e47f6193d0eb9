import type { Service } from '../core/lifecycle.js'
import type { Limits } from '../core/limits.js'
import { createLocalLimits } from '../core/local-limits.js'
import type { Logger } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
import { createLimitsMetrics } from './limits-metrics.js'
import { createRedisLimits } from './limits-redis.js'

export interface LimitsOptions {
  /** Redis 6.2 or later, by which processes share their limits; without it each has its own. */
  redisUrl?: string
  /** As for the queue: keeps several programs on one server apart. `taogate` by default. */
  prefix?: string
  log: Logger
  metrics: Metrics
  signal?: AbortSignal
  timing?: Partial<LimitsTiming>
}

/** All in milliseconds. */
export interface LimitsTiming {
  /** How long to wait at the start for a Redis that is not there yet, before each process counts for itself. */
  waitMs: number
  /** How long an answer of Redis is waited for. */
  answerMs: number
  /** How often a Redis that did not answer is asked whether it does. */
  probeMs: number
  /** After how long the places of a process that died are free. */
  leaseMs: number
  /** How often a process says that it holds its places. */
  renewMs: number
}

const TIMING: LimitsTiming = { waitMs: 3_000, answerMs: 50, probeMs: 1_000, leaseMs: 15_000, renewMs: 4_000 }

/**
 * Limits that are shared with all processes on the same Redis, or, where none is given, of this process alone. Never not ready: while Redis is away each
 * process counts for itself. To be opened once in a process. Rejects with CONFIG_INVALID when Redis refuses the password.
 */
export async function openLimits(options: LimitsOptions): Promise<Limits & Service> {
  const { redisUrl, prefix = 'taogate', signal } = options
  const log = options.log.child({ service: 'limits' })
  const metrics = createLimitsMetrics(options.metrics)
  const local = createLocalLimits()
  const service = { name: 'limits', ready: () => Promise.resolve({ ok: true as const }) }
  metrics.shared(false)
  if (redisUrl === undefined) return { ...local, ...service, close: () => Promise.resolve() }

  const { limits, opened, close } = createRedisLimits({
    url: redisUrl,
    prefix,
    local,
    timing: { ...TIMING, ...options.timing },
    log,
    metrics,
  })
  try {
    await opened(signal)
  } catch (error) {
    await close()
    throw error
  }
  let closed: Promise<void> | undefined
  return { ...limits, ...service, close: () => (closed ??= close()) }
}
