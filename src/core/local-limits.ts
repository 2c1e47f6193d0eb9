/** Limits of one process, and the arithmetic of all of them. */
import type { Limits, Place, Quota } from './limits.js'

/** Answers at once. */
export interface LocalLimits extends Limits {
  take(name: string, limit: number, cost?: number): Quota
  enter(name: string, limit: number): Place | null
  first(name: string, withinMs: number): boolean
  /** Whether somebody was the first to say this name and the time is not over. */
  said(name: string): boolean
}

export interface LocalLimitsOptions {
  /** Milliseconds, whole ones; of a clock that is not set back by default. */
  now?: () => number
  /** Buckets that are kept. The half of them that was asked for last is safe from being dropped for others, which would make them full again. */
  maxNames?: number
  /** Names that `first` keeps. Where all are within their time a new one is refused: an old one that was forgotten would be let in twice. */
  maxFirsts?: number
}

const MINUTE_MS = 60_000

/** Buckets hold this many units for each thing that can be taken. `limit` units come back each millisecond, so that whole numbers stay whole. */
export const UNITS = MINUTE_MS

interface Bucket {
  units: number
  /** When `units` was right. */
  at: number
}

/** Limits that hold for this process alone, in bounded memory. */
export function createLocalLimits({
  now = () => Math.floor(performance.now()),
  maxNames = 50_000,
  maxFirsts = 100_000,
}: LocalLimitsOptions = {}): LocalLimits {
  const buckets = createBuckets(maxNames, now())
  const firsts = createFirsts(maxFirsts)
  const places = new Map<string, number>()

  function filled(name: string, limit: number): Bucket {
    const at = now()
    const full = limit * UNITS
    const bucket = buckets.get(name, at)
    if (bucket === undefined) return buckets.add(name, { units: full, at }, at)
    bucket.units = Math.min(bucket.units + Math.max(at - bucket.at, 0) * limit, full)
    bucket.at = at
    return bucket
  }

  function leaver(name: string): () => void {
    let isIn = true
    return () => {
      if (!isIn) return
      isIn = false
      const left = (places.get(name) ?? 1) - 1
      if (left === 0) places.delete(name)
      else places.set(name, left)
    }
  }

  return {
    take(name, limit, cost = 1) {
      if (limit <= 0) return quotaOf(false, 0, limit, cost)
      const bucket = filled(name, limit)
      const wanted = unitsWanted(limit, cost)
      const ok = bucket.units >= wanted
      if (ok) bucket.units -= wanted
      return quotaOf(ok, bucket.units, limit, cost)
    },
    spend(name, limit, cost) {
      if (limit <= 0) return
      const bucket = filled(name, limit)
      const full = limit * UNITS
      bucket.units = Math.max(Math.min(bucket.units - cost * UNITS, full), -full)
    },
    enter(name, limit) {
      const taken = places.get(name) ?? 0
      if (taken >= limit) return null
      places.set(name, taken + 1)
      return { leave: leaver(name) }
    },
    first: (name, withinMs) => firsts.add(name, now(), withinMs),
    said: (name) => firsts.has(name, now()),
  }
}

interface Buckets {
  get(name: string, at: number): Bucket | undefined
  add(name: string, bucket: Bucket, at: number): Bucket
}

/**
 * Two generations: what is asked for comes into the young one, which becomes the old one when it is half of all or two minutes old. What was in the old
 * one was not asked for as long, and the deepest debt is worked off in two minutes.
 */
function createBuckets(most: number, begunAt: number): Buckets {
  let young = new Map<string, Bucket>()
  let old = new Map<string, Bucket>()
  let turnedAt = begunAt

  function add(name: string, bucket: Bucket, at: number): Bucket {
    if (young.size >= most / 2 || at - turnedAt >= 2 * MINUTE_MS) {
      old = young
      young = new Map()
      turnedAt = at
    }
    young.set(name, bucket)
    return bucket
  }

  return {
    add,
    get(name, at) {
      const bucket = young.get(name)
      if (bucket !== undefined) return bucket
      const resting = old.get(name)
      return resting === undefined ? undefined : add(name, resting, at)
    },
  }
}

interface Firsts {
  has(name: string, at: number): boolean
  /** False when it is there, or when there is no room. */
  add(name: string, at: number, withinMs: number): boolean
}

const SWEEP_MS = 1_000
const FEW = 1_000

/** Those whose time is over are dropped all at once when there are twice as many as were left the last time, and not more than once a second where it is full. */
function createFirsts(most: number): Firsts {
  /** Until when it was said. */
  const firsts = new Map<string, number>()
  let sweepAbove = Math.min(FEW, most - 1)
  let sweptAt = -Infinity

  function sweep(at: number): void {
    if (firsts.size >= most && Math.abs(at - sweptAt) < SWEEP_MS) return
    for (const [name, until] of firsts) if (until <= at) firsts.delete(name)
    sweptAt = at
    sweepAbove = Math.min(Math.max(firsts.size * 2, FEW), most - 1)
  }

  function has(name: string, at: number): boolean {
    const until = firsts.get(name)
    return until !== undefined && until > at
  }

  return {
    has,
    add(name, at, withinMs) {
      if (has(name, at)) return false
      firsts.delete(name)
      if (firsts.size > sweepAbove) sweep(at)
      if (firsts.size >= most) return false
      firsts.set(name, at + withinMs)
      return true
    },
  }
}

/** Units that a take of so much wants: all there can be at most. */
export function unitsWanted(limit: number, cost: number): number {
  return Math.max(Math.min(cost, limit), 0) * UNITS
}

/** What is said of a bucket that holds so many units after a take of `cost`. */
export function quotaOf(ok: boolean, units: number, limit: number, cost: number): Quota {
  // What holds nothing never fills up; a minute is as good as any other time.
  if (limit <= 0) return { ok, limit, remaining: 0, resetSeconds: 0, retrySeconds: MINUTE_MS / 1_000 }
  return {
    ok,
    limit,
    remaining: Math.max(Math.floor(units / UNITS), 0),
    resetSeconds: (limit * UNITS - units) / limit / 1_000,
    retrySeconds: ok ? 0 : (unitsWanted(limit, cost) - units) / limit / 1_000,
  }
}
