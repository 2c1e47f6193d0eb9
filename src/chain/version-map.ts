/**
 * Which runtime version was in force after which blocks, learnt from single heights. Versions only grow along a chain, so two heights with the
 * same version have it everywhere between them; a stretch is kept as one interval however many blocks it covers.
 */
export interface VersionMap<T extends { specVersion: number }> {
  /** The version after a block, when what is known tells it. */
  at(height: number): T | null
  learn(height: number, version: T): void
  forget(): void
}

interface Interval<T> {
  from: number
  to: number
  version: T
}

export function createVersionMap<T extends { specVersion: number }>(): VersionMap<T> {
  const intervals: Interval<T>[] = [] // one for each version, in the order they were met

  return {
    at: (height) => intervals.find((i) => i.from <= height && height <= i.to)?.version ?? null,
    forget: () => void intervals.splice(0),
    learn(height, version) {
      const known = intervals.find((i) => i.version.specVersion === version.specVersion)
      if (!known) intervals.push({ from: height, to: height, version })
      else {
        known.from = Math.min(known.from, height)
        known.to = Math.max(known.to, height)
      }
    },
  }
}
