import { describe, expect, it } from 'vitest'
import { createTurns } from './turns.js'

const candidate = (id: string, customer: string, second: number): { id: string; customer: string; createdAt: string } => ({
  id,
  customer,
  createdAt: new Date(second * 1000).toISOString(),
})
const ids = (list: { id: string }[]): string => list.map(({ id }) => id).join('')

describe('turns', () => {
  it('are first come, first served for one customer', () => {
    expect(ids(createTurns().order([candidate('b', 'x', 2), candidate('a', 'x', 1)]))).toBe('ab')
  })

  it('alternate between customers however many registrations one of them has', () => {
    const many = [1, 2, 3, 4].map((i) => candidate(String(i), 'x', i))
    expect(ids(createTurns().order([...many, candidate('n', 'y', 9)]))).toBe('1n234')
  })

  it('give each customer the same work in the long run', () => {
    const turns = createTurns()
    const all = [candidate('a', 'x', 1), candidate('b', 'x', 2), candidate('c', 'y', 3), candidate('d', 'z', 4)]
    const got: Record<string, number> = {}
    for (let block = 0; block < 300; block++) {
      const [next] = turns.order(all)
      if (!next) throw new Error('nobody is next')
      got[next.customer] = (got[next.customer] ?? 0) + 1
      turns.charge(next.customer, 1)
    }
    expect(got).toEqual({ x: 100, y: 100, z: 100 })
  })

  it('give no lead to who was away, and no debt to who is new', () => {
    const turns = createTurns()
    const x = candidate('a', 'x', 1)
    const y = candidate('b', 'y', 2)
    turns.order([x, y])
    turns.charge('x', 50)
    turns.charge('y', 40)
    turns.order([x]) // y is away
    turns.charge('x', 50)
    expect(ids(turns.order([x, y]))).toBe('ab') // level at 100: the older one first
    turns.charge('x', 10)
    expect(ids(turns.order([x, y, candidate('c', 'z', 3)]))).toBe('bca')
  })
})
