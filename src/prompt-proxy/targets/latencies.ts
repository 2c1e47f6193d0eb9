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
  /** Those of the ring in order, from when somebody first asked. */
  let sorted: number[] | null = null

  /** Where the first one is that is not below. */
  function placeOf(ms: number, list: readonly number[]): number {
    let [low, high] = [0, list.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((list[middle] as number) < ms) low = middle + 1
      else high = middle
    }
    return low
  }

  return {
    add(ms) {
      const old = ring[at]
      ring[at] = ms
      at = (at + 1) % size
      if (sorted === null) return
      if (old !== undefined) sorted.splice(placeOf(old, sorted), 1)
      sorted.splice(placeOf(ms, sorted), 0, ms)
    },
    count: () => ring.length,
    percentile(share) {
      sorted ??= ring.toSorted((a, b) => a - b)
      return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null
    },
  }
}
