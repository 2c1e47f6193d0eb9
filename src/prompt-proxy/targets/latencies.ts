/** A ring of the newest durations, for percentiles that follow what happens now. */
export interface Latencies {
  add(ms: number): void
  count(): number
  /** The smallest duration that `share` of those kept do not exceed (nearest rank); null without any. */
  percentile(share: number): number | null
}

export function createLatencies(size: number): Latencies {
  const ring: number[] = []
  let at = 0
  let sorted: number[] | null = null
  return {
    add(ms) {
      ring[at] = ms
      at = (at + 1) % size
      sorted = null
    },
    count: () => ring.length,
    percentile(share) {
      // Sorted when asked for: many are asked for only when somebody looks.
      sorted ??= ring.toSorted((a, b) => a - b)
      return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null
    },
  }
}
