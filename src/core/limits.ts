/**
 * Limits by name that instances of a service may share. Names say what they are for in their first word (`requests <customer>`, `wrong <network>`), so that
 * uses do not meet; a name has one limit at a time. The methods answer at once, or with a promise where somebody else has to be asked; none of them rejects.
 */

/** What is left under a limit after something was taken, or refused to be. */
export interface Quota {
  /** Whether there was as much to take. */
  ok: boolean
  limit: number
  /** What is left, in whole numbers, 0 at least. */
  remaining: number
  /** Seconds until all of it is back, and, where there was too little, until there is as much as was wanted. */
  resetSeconds: number
  retrySeconds: number
}

/** One of the places that a limit of things at once gives. */
export interface Place {
  /** Gives it back. Safe to call twice. */
  leave(): void
}

export interface Limits {
  /**
   * Takes `cost` (1 when absent) from the bucket of a name. It holds `limit`, is full at first, and is filled up by as much a minute. A cost above the limit is taken as
   * the limit; a limit of 0 gives nothing.
   */
  take(name: string, limit: number, cost?: number): Quota | Promise<Quota>
  /** Takes from the same bucket what was spent without asking; it may then hold less than nothing, down to `-limit`. A negative cost gives back. */
  spend(name: string, limit: number, cost: number): void
  /** One of `limit` places under a name; null when all are taken. A process that dies gives its places back after a while. */
  enter(name: string, limit: number): Place | null | Promise<Place | null>
  /** True for the first who says this name within so long, from when it was said first. */
  first(name: string, withinMs: number): boolean | Promise<boolean>
}
