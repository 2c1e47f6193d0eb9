import { expect, test } from 'vitest'
import { events, extrinsics } from './entities/chain.js'
import { neurons } from './entities/neurons.js'
import type { Entity } from './entity.js'
import { boundColumns, compileFilter, type Filter } from './filter.js'
import { createParams } from './params.js'

function compile(entity: Entity, filter: Filter) {
  const params = createParams()
  return { sql: compileFilter(entity, 't', filter, params), values: params.values }
}

test('values travel as parameters, never in the text', () => {
  const { sql, values } = compile(extrinsics, {
    pallet: { equalTo: "x'; DROP TABLE blocks; --" },
    signer: { equalTo: `0x${'ab'.repeat(32)}` },
  })
  expect(sql).toBe('t."pallet" = $1::text AND t."signer" = $2::bytea')
  expect(values).toEqual(["x'; DROP TABLE blocks; --", Buffer.from('ab'.repeat(32), 'hex')])
})

test('a filter that states nothing is no condition', () => {
  expect(compile(extrinsics, {}).sql).toBeNull()
  expect(compile(extrinsics, { pallet: {}, and: [], not: {}, signer: null }).sql).toBeNull()
})

test('a step to another list is a look-up by its key', () => {
  expect(compile(events, { extrinsic: { success: { equalTo: true } } }).sql).toBe(
    'EXISTS (SELECT 1 FROM extrinsics r1 WHERE r1."block_height" = t."block_height" AND r1."index" = t."extrinsic_index" AND (r1."success" = $1::bool))',
  )
})

test('a time range is read as the range of heights that it is', () => {
  const { sql, values } = compile(extrinsics, { timestamp: { greaterThan: new Date(0) } })
  expect(sql).toBe(
    't."block_height" >= coalesce((SELECT b.height FROM blocks b WHERE b.timestamp > $1::timestamptz ' +
      'ORDER BY b.timestamp ASC, b.height ASC LIMIT 1), 9223372036854775807)',
  )
  expect(values).toEqual([new Date(0)])
  expect(compile(extrinsics, { timestamp: { in: [new Date(0)] } }).sql).toBe('t."timestamp" = ANY($1::timestamptz[])')
})

test.each([
  ['greaterThan', 0.5, 32_767],
  ['greaterThanOrEqualTo', 0.5, 32_768],
  ['lessThan', 0.5, 32_768],
  ['lessThanOrEqualTo', 0.5, 32_767],
  ['equalTo', 0.5, -1],
  ['equalTo', 100 / 65_535, 100],
  ['greaterThan', 100 / 65_535, 100],
  ['lessThan', 1e300, 65_536],
])('the ratio %s %d is asked as the u16 that means the same', (operator, fraction, raw) => {
  expect(compile(neurons, { rank: { [operator]: fraction } }).values).toEqual([raw])
})

test('columns are fixed only where every row must have the value', () => {
  expect([...boundColumns({ netuid: { equalTo: 1 }, and: [{ hotkey: { equalTo: '0x' } }], or: [{ uid: { equalTo: 1 } }] })]).toEqual([
    'netuid',
    'hotkey',
  ])
  expect([...boundColumns({ netuid: { in: [1] }, not: { uid: { equalTo: 1 } } })]).toEqual([])
})

test('what cannot be filtered is said by name', () => {
  expect(() => compile(extrinsics, { args: { equalTo: 1 } })).toThrow('extrinsics cannot be filtered by args')
  expect(() => compile(extrinsics, { pallet: { like: '%' } })).toThrow('like is not an operator')
  expect(() => compile(extrinsics, { pallet: { startsWith: 'a\0' } })).toThrow('zero byte')
  expect(() => compile(events, { extrinsicId: { equalTo: '1-2-3' } })).toThrow('wanted 2 numbers with dashes')
})
