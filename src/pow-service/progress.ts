import type { RegistrationProgress } from './contract.js'
import type { Head, TargetFacts } from './scheduler/facts.js'

/** Of an exponential distribution, 95% lies below this many times its mean: -ln(0.05). */
export const P95_OF_MEAN = -Math.log(0.05)

export interface ProgressInput {
  wanted: readonly TargetFacts[]
  /** What those who have their turn before want. */
  before: readonly (readonly TargetFacts[])[]
  /** Hashes a second of all solvers together. */
  rate: number
  head: Head | null
}

/** How long a search takes: D/R on average with hash rate R at difficulty D, as it has no memory; those before come first. */
export function progressOf({ wanted, before, rate, head }: ProgressInput): RegistrationProgress {
  const own = hashesOf(wanted)
  const others = before.reduce((sum, each) => sum + hashesOf(each), 0)
  const isOn = before.length === 0
  return {
    hashRate: isOn ? rate : 0,
    expectedSeconds: rate > 0 ? (others + own) / rate : null,
    p95Seconds: rate > 0 ? (others + P95_OF_MEAN * own) / rate : null,
    blockNumber: head?.number ?? null,
    ahead: before.length,
  }
}

/** Seconds until all that are searched for now have a solution; null while no hash rate is known. */
export function waitOf(searches: readonly (readonly TargetFacts[])[], rate: number): number | null {
  if (searches.length === 0) return 0
  return rate > 0 ? searches.reduce((sum, wanted) => sum + hashesOf(wanted), 0) / rate : null
}

/** Expected hashes until all subnets have a solution; the hardest one's decides, as one search serves all. */
function hashesOf(wanted: readonly TargetFacts[]): number {
  return Math.max(0, ...wanted.map(({ difficulty }) => Number(difficulty ?? 0n)))
}
