import { Gauge } from 'prom-client'
import type { Metrics } from '../core/metrics.js'

export interface LimitsMetrics {
  shared(isShared: boolean): void
}

/** Whether limits hold for all processes together. */
export function createLimitsMetrics(registry: Metrics): LimitsMetrics {
  const shared = new Gauge({
    name: 'tao_limits_shared',
    help: '1 while this process counts requests, tokens and prompts at once together with the others through Redis; 0 while it counts for itself: without REDIS_URL, and while Redis is away.',
    registers: [registry],
  })
  return { shared: (isShared) => shared.set(isShared ? 1 : 0) }
}
