import type { Redis } from 'ioredis'
import { SCRIPTS } from './limits-scripts.js'
import type { LimitsTiming } from './limits.js'

export interface LeasesOptions {
  redis: Redis
  keyOf(name: string): string
  isUp(): boolean
  timing: LimitsTiming
}

/** The places that this process holds, by name, as leases in Redis that end when nobody renews them. */
export interface Leases {
  add(name: string, lease: string): void
  remove(name: string, lease: string): void
  /** Takes a lease out of Redis that is none of ours, if it is there. */
  giveUp(name: string, lease: string): void
  /** Also brings leases there that began while Redis was away. */
  renew(): void
  stop(): void
  /** Stops, and gives all of them back. */
  close(): Promise<void>
}

/** Arguments of one call of a script. */
const MOST_AT_ONCE = 1_000

export function createLeases({ redis, keyOf, isUp, timing: { leaseMs, renewMs } }: LeasesOptions): Leases {
  const held = new Map<string, Set<string>>()
  const renewing = setInterval(renew, renewMs).unref()

  function renew(): void {
    if (held.size === 0 || !isUp()) return
    // Redis may have forgotten the script since.
    const pipeline = redis.pipeline().script('LOAD', SCRIPTS.renew.lua)
    for (const [name, leases] of held) {
      const all = [...leases]
      for (let from = 0; from < all.length; from += MOST_AT_ONCE) {
        pipeline.evalsha(SCRIPTS.renew.sha, 1, keyOf(name), leaseMs, ...all.slice(from, from + MOST_AT_ONCE))
      }
    }
    // What fails now is done again the next time.
    void pipeline.exec().catch(() => undefined)
  }

  function giveUp(name: string, lease: string): void {
    // Where this is lost the lease ends by itself.
    void redis.zrem(keyOf(name), lease).catch(() => undefined)
  }

  return {
    renew,
    giveUp,
    add(name, lease) {
      const leases = held.get(name)
      if (leases === undefined) held.set(name, new Set([lease]))
      else leases.add(lease)
    },
    remove(name, lease) {
      const leases = held.get(name)
      if (leases?.delete(lease) !== true) return
      if (leases.size === 0) held.delete(name)
      giveUp(name, lease)
    },
    stop: () => clearInterval(renewing),
    async close() {
      clearInterval(renewing)
      const pipeline = redis.pipeline()
      for (const [name, leases] of held) for (const lease of leases) pipeline.zrem(keyOf(name), lease)
      held.clear()
      await pipeline.exec()
    },
  }
}
