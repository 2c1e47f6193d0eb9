/** Time after which half of a rate's weight is newer measurements. */
const HALF_LIFE_MS = 10_000

export interface Rate {
  /** So many hashes in so much time of work. */
  add(hashes: number, ms: number): void
  /** Hashes a second, smoothed; 0 before the first measurement. */
  value(): number
}

/** An exponentially weighted mean in which a measurement weighs by how long it took, however long that was. */
export function createRate(): Rate {
  let rate = 0
  let weight = 0
  return {
    add(hashes, ms) {
      if (ms <= 0) return
      const kept = 0.5 ** (ms / HALF_LIFE_MS)
      // Divided by the weight, so that the first measurement counts whole instead of being averaged with nothing.
      rate = (rate * weight * kept + ((hashes * 1000) / ms) * (1 - kept)) / (weight * kept + 1 - kept)
      weight = weight * kept + 1 - kept
    },
    value: () => rate,
  }
}
