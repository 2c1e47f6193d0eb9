export interface PriorityPoolOptions {
  workers: number
  /** Places for work that waits; at most so much is kept besides what is worked on. */
  queue: number
  /** Work that waited longer is dropped, and nobody is told. */
  maxWaitMs: number
  /** 0 to 1, for the jitter. */
  random?: () => number
}

/** The queue of SDK 5.x before the work of an axon: more priority goes first. */
export interface PriorityPool {
  /** Throws at once when the queue is full. The work begins when a worker is free, or never. */
  submit(priority: number, work: () => Promise<void>): void
}

/** What Python says of a full queue: nothing. */
class QueueFull extends Error {
  constructor() {
    super('')
  }
}

interface Waiting {
  priority: number
  since: number
  work: () => Promise<void>
}

/** A priority of exactly 0 becomes a random one of 1 to 100, and each gets up to 1 % more, so that equals do not stay in line. */
export function createPriorityPool({ workers, queue, maxWaitMs, random = Math.random }: PriorityPoolOptions): PriorityPool {
  const waiting: Waiting[] = []
  let busy = 0

  function next(): void {
    while (busy < workers) {
      const first = takeFirst()
      if (first === undefined) return
      if (performance.now() - first.since > maxWaitMs) continue
      busy++
      void first
        .work()
        .catch(() => undefined)
        .finally(() => {
          busy--
          next()
        })
    }
  }

  function takeFirst(): Waiting | undefined {
    const best = waiting.reduce((at, { priority }, i) => (priority > (waiting[at]?.priority ?? -Infinity) ? i : at), 0)
    return waiting.splice(best, 1)[0]
  }

  return {
    submit(priority, work) {
      if (busy >= workers && waiting.length >= queue) throw new QueueFull()
      const start = priority === 0 ? 1 + Math.floor(random() * 100) : priority
      waiting.push({ priority: start * (1 + random() / 100), since: performance.now(), work })
      next()
    },
  }
}
