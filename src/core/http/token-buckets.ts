/** What a bucket says after something was taken, or refused to be. */
export interface Quota {
  /** Whether there was something to take. */
  ok: boolean
  limit: number
  /** Whole tokens that are left. */
  remaining: number
  /** Seconds until the bucket is full again, and, where nothing was left, until there is something to take. */
  resetSeconds: number
  retrySeconds: number
}

export interface TokenBuckets {
  /** Takes one token from the bucket of a name. It holds `limit` tokens, is full at first, and is filled up by as many a minute. */
  take(name: string, limit: number): Quota
  /** Puts back a token that was taken. */
  giveBack(name: string, limit: number): void
}

interface Bucket {
  tokens: number
  /** When `tokens` was right. */
  at: number
}

const MINUTE_MS = 60_000

/**
 * Limits by name: bursts up to the limit, and the limit a minute in the long run. A bucket that has had a minute of rest is full, the same as
 * none; such are dropped, and beyond `maxBuckets` those that were made first.
 */
export function createTokenBuckets({
  now = Date.now,
  maxBuckets = 10_000,
}: { now?: () => number; maxBuckets?: number } = {}): TokenBuckets {
  const buckets = new Map<string, Bucket>()
  let sweptAt = now()

  function filled(name: string, limit: number): Bucket {
    const at = now()
    const bucket = buckets.get(name) ?? { tokens: limit, at }
    const gained = (Math.max(at - bucket.at, 0) / MINUTE_MS) * limit
    bucket.tokens = Math.min(bucket.tokens + gained, limit)
    bucket.at = at
    return bucket
  }

  function keep(name: string, bucket: Bucket): void {
    if (!buckets.has(name)) makeRoom()
    buckets.set(name, bucket)
  }

  function makeRoom(): void {
    const at = now()
    if (at - sweptAt >= MINUTE_MS || buckets.size >= maxBuckets) {
      sweptAt = at
      for (const [name, bucket] of buckets) if (at - bucket.at >= MINUTE_MS) buckets.delete(name)
    }
    for (const name of buckets.keys()) {
      if (buckets.size < maxBuckets) return
      buckets.delete(name)
    }
  }

  return {
    take(name, limit) {
      const bucket = filled(name, limit)
      const ok = bucket.tokens >= 1
      if (ok) bucket.tokens -= 1
      keep(name, bucket)
      const secondsOf = (tokens: number): number => (tokens / limit) * (MINUTE_MS / 1000)
      return {
        ok,
        limit,
        remaining: Math.floor(bucket.tokens),
        resetSeconds: secondsOf(limit - bucket.tokens),
        retrySeconds: ok ? 0 : secondsOf(1 - bucket.tokens),
      }
    },
    giveBack(name, limit) {
      const bucket = filled(name, limit)
      bucket.tokens = Math.min(bucket.tokens + 1, limit)
      keep(name, bucket)
    },
  }
}
