import { randomUUID } from 'node:crypto'
import type { Limits, Place } from '../core/limits.js'
import { quotaOf, UNITS, unitsWanted, type LocalLimits } from '../core/local-limits.js'
import { createLeases } from './limits-leases.js'
import { openLimitsLink, type LimitsLinkOptions } from './limits-link.js'
import { SCRIPTS } from './limits-scripts.js'
import { settledWithin } from './waiting.js'

export interface RedisLimitsOptions extends Omit<LimitsLinkOptions, 'onUp' | 'probeKey'> {
  prefix: string
  /** Answers while Redis is away. */
  local: LocalLimits
}

export interface RedisLimits {
  limits: Limits
  /** Waits until Redis is there, for a bounded time. Rejects with CONFIG_INVALID when it refuses. */
  opened(signal: AbortSignal | undefined): Promise<void>
  close(): Promise<void>
}

/**
 * Limits that all processes on one Redis share. While it is away each counts for itself, from full buckets: callers are not refused for it. What this
 * process holds and has said itself counts all the while.
 */
export function createRedisLimits({ prefix, local, ...options }: RedisLimitsOptions): RedisLimits {
  const { timing } = options
  // A dash is in no prefix of a queue, so the keys are nobody else's.
  const keyOf = (kind: 'bucket' | 'places' | 'first', name: string): string => `${prefix}-limits:${kind}:{${name}}`
  const link = openLimitsLink({ ...options, probeKey: `${prefix}-limits:probe`, onUp: () => leases.renew() })
  const { redis } = link
  const leases = createLeases({ redis, keyOf: (name) => keyOf('places', name), isUp: link.isUp, timing })
  const instance = randomUUID()
  let entered = 0

  function hold(name: string, lease: string, place: Place | null): Place | null {
    if (place === null) return null
    leases.add(name, lease)
    return {
      leave() {
        place.leave()
        leases.remove(name, lease)
      },
    }
  }

  async function enterShared(name: string, limit: number, lease: string): Promise<Place | null> {
    try {
      const isIn = await link.run(SCRIPTS.enter, keyOf('places', name), limit, timing.leaseMs, lease)
      // Counted here too, for when Redis is away.
      return isIn === 1 ? hold(name, lease, local.enter(name, Infinity)) : null
    } catch {
      const place = hold(name, lease, local.enter(name, limit))
      // It may have been let in there, with an answer that was late.
      if (place === null) leases.giveUp(name, lease)
      return place
    }
  }

  const limits: Limits = {
    take(name, limit, cost = 1) {
      if (limit <= 0 || !link.isUp()) return local.take(name, limit, cost)
      return link.run(SCRIPTS.bucket, keyOf('bucket', name), limit, unitsWanted(limit, cost), 'take').then(
        (answer) => {
          const [ok, units] = answer as [number, string]
          return quotaOf(ok === 1, Number(units), limit, cost)
        },
        () => local.take(name, limit, cost),
      )
    },
    spend(name, limit, cost) {
      if (limit <= 0 || !link.isUp()) return local.spend(name, limit, cost)
      link.run(SCRIPTS.bucket, keyOf('bucket', name), limit, cost * UNITS, 'spend').catch(() => local.spend(name, limit, cost))
    },
    enter(name, limit) {
      const lease = `${instance}:${++entered}`
      return link.isUp() ? enterShared(name, limit, lease) : hold(name, lease, local.enter(name, limit))
    },
    first(name, withinMs) {
      if (local.said(name)) return false
      if (!link.isUp()) return local.first(name, withinMs)
      return link.ask(redis.set(keyOf('first', name), '1', 'PX', Math.max(Math.ceil(withinMs), 1), 'NX')).then(
        (answer) => {
          if (answer !== 'OK') return false
          // Noted here too, for when Redis is away.
          local.first(name, withinMs)
          return true
        },
        () => local.first(name, withinMs),
      )
    },
  }

  return {
    limits,
    opened: link.opened,
    async close() {
      if (link.isUp()) await settledWithin(1_000, leases.close())
      else leases.stop()
      link.close()
    },
  }
}
