const RAO_PER_TAO = 1e9
/** 1,000,000 TAO, and more, count the same. */
const MOST_DECADES = 6

/**
 * What stake (rao) is worth in milliseconds of waiting: `mostMs * min(1, log10(1 + TAO) / 6)`. Each tenfold of the stake is worth as much as the one before it, and nothing
 * is worth more than `mostMs`.
 */
export function headStartMs(stake: bigint, mostMs: number): number {
  return mostMs * Math.min(1, Math.log10(1 + Number(stake) / RAO_PER_TAO) / MOST_DECADES)
}

/** Where something stands in the queue. */
export interface Standing {
  /** Arrival less head start, in milliseconds: the smallest is next. */
  readonly key: number
  /** Number of arrival: decides between equal keys. */
  readonly turn: number
}

export interface PriorityQueue<T extends Standing> {
  size(): number
  /** Whether it would come before the last one, or be alone. */
  isBeforeLast(one: Standing): boolean
  add(one: T): void
  /** Takes out the next, or the last. */
  next(): T | undefined
  last(): T | undefined
  /** Takes out this one, where it is there. */
  remove(one: T): void
}

/**
 * Those that wait, in order. The priority of one at a time is its head start and the time it has waited; all gain by waiting alike, so that which of two comes first
 * never changes: an order by arrival less head start is the same.
 *
 * An array, kept in order, the next at its end: adding moves pointers within it, which for the few thousand that may wait costs less than keeping a tree.
 */
export function createPriorityQueue<T extends Standing>(): PriorityQueue<T> {
  const all: T[] = []

  /** The number of those that come after it. */
  function placeOf(one: Standing): number {
    let [low, high] = [0, all.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (isBefore(one, all[middle] as T)) low = middle + 1
      else high = middle
    }
    return low
  }

  return {
    size: () => all.length,
    isBeforeLast: (one) => all[0] === undefined || isBefore(one, all[0]),
    add: (one) => void all.splice(placeOf(one), 0, one),
    next: () => all.pop(),
    last: () => all.shift(),
    remove(one) {
      const at = placeOf(one)
      if (all[at] === one) all.splice(at, 1)
    },
  }
}

function isBefore(one: Standing, other: Standing): boolean {
  return one.key < other.key || (one.key === other.key && one.turn < other.turn)
}
