/** Whose hotkey the solvers work on: one at a time, so that the first ones are done sooner, and fair between customers. */

/** Customers whose past turns are kept in mind. */
const MOST_REMEMBERED = 10_000

export interface Candidate {
  id: string
  customer: string
  createdAt: string
}

export interface Turns {
  /** The order in which candidates would be served from now on. */
  order<T extends Candidate>(candidates: readonly T[]): T[]
  /** Charges a customer for work that was done. */
  charge(customer: string, hashes: number): void
}

/**
 * Customers take turns by the work they got: the one with the least comes next, and within a customer the oldest registration. A search has no memory,
 * so nothing is lost when turns change at a new block. Whoever comes (back) starts no lower than the least served of those who are there: having
 * been away is no lead.
 */
export function createTurns(): Turns {
  const served = new Map<string, number>()
  let present = new Set<string>()

  function admit(candidates: readonly Candidate[]): void {
    const now = new Set(candidates.map(({ customer }) => customer))
    const staying = [...now].filter((customer) => present.has(customer)).map((customer) => served.get(customer) ?? 0)
    const floor = staying.length === 0 ? 0 : Math.min(...staying)
    for (const customer of now) if (!present.has(customer)) served.set(customer, Math.max(served.get(customer) ?? 0, floor))
    if (served.size > MOST_REMEMBERED) for (const customer of [...served.keys()]) if (!now.has(customer)) served.delete(customer)
    present = now
  }

  return {
    order(candidates) {
      admit(candidates)
      const oldestFirst = [...candidates].sort((a, b) =>
        a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : a.id < b.id ? -1 : 1,
      )
      const rounds = new Map<string, number>()
      const placed = oldestFirst.map((candidate) => {
        const round = rounds.get(candidate.customer) ?? 0
        rounds.set(candidate.customer, round + 1)
        return { candidate, round, served: served.get(candidate.customer) ?? 0 }
      })
      return placed.sort((a, b) => a.round - b.round || a.served - b.served).map(({ candidate }) => candidate)
    },
    charge(customer, hashes) {
      served.set(customer, (served.get(customer) ?? 0) + hashes)
    },
  }
}
