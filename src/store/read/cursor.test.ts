import { expect, test } from 'vitest'
import { decodeCursor, encodeCursor } from './cursor.js'
import { neurons } from './entities/neurons.js'
import { subnets } from './entities/subnets.js'
import { extrinsics } from './entities/chain.js'
import type { Entity } from './entity.js'
import { orderSignature, parseOrder } from './order.js'

const bound = new Set<string>()

function forged(...parts: unknown[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}

test('an order is what was asked, then the key, in the direction that the index has', () => {
  expect(orderSignature(parseOrder(neurons, ['STAKE_DESC', 'UID_ASC'], bound))).toBe('stake-,uid+,netuid+')
  expect(orderSignature(parseOrder(neurons, ['STAKE_ASC'], bound))).toBe('stake+,netuid-,uid-')
  expect(orderSignature(parseOrder(extrinsics, null, bound))).toBe('blockHeight-,index-')
  expect(orderSignature(parseOrder(extrinsics, ['BLOCK_HEIGHT_ASC', 'ID_DESC'], bound))).toBe('blockHeight+,index-')
})

test('an order without an index of its own needs the column that makes it cheap', () => {
  expect(() => parseOrder(neurons, ['INCENTIVE_DESC'], bound)).toThrow('needs a filter with equalTo on netuid or hotkey or coldkey')
  expect(orderSignature(parseOrder(neurons, ['INCENTIVE_DESC'], new Set(['netuid'])))).toBe('incentive-,netuid+,uid+')
  expect(() => parseOrder(extrinsics, ['FEE_ASC'], bound)).toThrow('orderBy FEE_ASC is not an order of extrinsics')
})

test('a cursor gives back the sort key of its row, nulls and 64-bit numbers included', () => {
  const sort = parseOrder(subnets, ['EMISSION_DESC', 'DIFFICULTY_ASC'], bound)
  const row = { netuid: 7, emission: 9_007_199_254_740_993n, difficulty: null }
  expect(decodeCursor(subnets, sort, encodeCursor(subnets, sort, row))).toEqual([9_007_199_254_740_993n, null, 7])
})

test.each<[string, Entity, string]>([
  ['of another list', neurons, forged('subnets', 'netuid+', 1)],
  ['of another order', subnets, forged('subnets', 'netuid-', 1)],
  ['with too few values', subnets, forged('subnets', 'netuid+')],
  ['with too many values', subnets, forged('subnets', 'netuid+', 1, 2)],
  ['with text for a number', subnets, forged('subnets', 'netuid+', '1')],
  ['with a number out of range', subnets, forged('subnets', 'netuid+', 2 ** 40)],
  ['with null for a key', subnets, forged('subnets', 'netuid+', null)],
  ['with an object', subnets, forged('subnets', 'netuid+', { a: 1 })],
  ['that is JSON but no list', subnets, Buffer.from('{}').toString('base64url')],
  ['that is not base64url', subnets, 'a b'],
  ['that is far too long', subnets, 'a'.repeat(5_000)],
])('a cursor %s is BAD_INPUT', (_name, entity, cursor) => {
  const sort = parseOrder(entity, null, bound)
  expect(() => decodeCursor(entity, sort, cursor)).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }))
})
