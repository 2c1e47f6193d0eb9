import type { Clock } from '../../../src/prompt-proxy/targets/clock.js'

/** Time that passes only when a test says so; between two timers all promises that can settle do. */
export interface VirtualClock extends Clock {
  /** Lets that many milliseconds pass. */
  pass(ms: number): Promise<void>
  /** Timers that are set. */
  pending(): number
}

export function createVirtualClock(): VirtualClock {
  let now = 0
  let order = 0
  const timers = new Map<number, { at: number; run: () => void }>()

  /** Promises settle in microtasks, all of which run before an immediate does. */
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

  function earliest(until: number): [number, { at: number; run: () => void }] | undefined {
    let found: [number, { at: number; run: () => void }] | undefined
    for (const entry of timers) if (entry[1].at <= until && (found === undefined || entry[1].at < found[1].at)) found = entry
    return found
  }

  return {
    now: () => now,
    after(ms, run) {
      const id = ++order
      timers.set(id, { at: now + Math.max(0, ms), run })
      return () => void timers.delete(id)
    },
    async pass(ms) {
      const until = now + ms
      await settle()
      for (let next = earliest(until); next !== undefined; next = earliest(until)) {
        timers.delete(next[0])
        now = next[1].at
        next[1].run()
        await settle()
      }
      now = until
    },
    pending: () => timers.size,
  }
}

/** Numbers in [0, 1) from a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
