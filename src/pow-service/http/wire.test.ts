import { expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { fromWire, type Inside, toWire } from './wire.js'

const schema = z.strictObject({
  valid_in: z.tuple([z.int(), z.int()]),
  found_at: z.string().nullable(),
  retry_at_block: z.int().optional(),
  p95_seconds: z.number(),
  sub_nets: z.array(z.object({ block_hash: z.string() })),
  best_of: z.object({ hash_rate: z.number() }).nullable(),
  raw_data: z.record(z.string(), z.unknown()),
})
const wire = {
  ...{ valid_in: [1, 2] as [number, number], found_at: null, p95_seconds: 3, sub_nets: [{ block_hash: 'a_b' }], best_of: { hash_rate: 4 } },
  raw_data: { camelKey: { innerKey: 1 }, snake_key: 2 },
}
const inside = {
  ...{ validIn: [1, 2] as [number, number], foundAt: null, p95Seconds: 3, subNets: [{ blockHash: 'a_b' }], bestOf: { hashRate: 4 } },
  rawData: { camelKey: { innerKey: 1 }, snake_key: 2 },
}

test('names are exchanged at any depth, and what is data stays as it is', () => {
  expect(toWire(schema, inside)).toEqual(wire)
  expect(fromWire(schema, wire)).toEqual(inside)
  expect(fromWire(schema, { ...wire, retry_at_block: 0 })).toEqual({ ...inside, retryAtBlock: 0 })
  expect(toWire(z.array(schema), [{ ...inside, bestOf: null }])).toEqual([{ ...wire, best_of: null }])
})

test('what the schema does not know is not told, and what is absent stays absent', () => {
  const told = toWire(schema, { ...inside, retryAtBlock: undefined, customer: 'secret', found_at: 'of the wire' })
  expect(told).toEqual(wire)
  expect(Object.keys(told as object)).not.toContain('retry_at_block')
  for (const odd of [undefined, null, 5, 'text']) expect(toWire(schema, odd)).toBe(odd)
})

test('the types are exchanged as the values are', () => {
  expectTypeOf<
    Inside<{ max_cost: string | null; p95_seconds?: number; valid_in: [number, number]; of: { at_block: 1 }[] }>
  >().toEqualTypeOf<{
    maxCost: string | null
    p95Seconds?: number
    validIn: [number, number]
    of: { atBlock: 1 }[]
  }>()
})
