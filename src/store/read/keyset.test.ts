import { expect, test } from 'vitest'
import { accounts } from './entities/accounts.js'
import { extrinsics } from './entities/chain.js'
import { subnets } from './entities/subnets.js'
import type { Entity } from './entity.js'
import { afterBranches } from './keyset.js'
import { parseOrder } from './order.js'
import { createParams } from './params.js'

function branches(entity: Entity, orderBy: string[], values: unknown[]): string[] {
  return afterBranches(entity, 't', parseOrder(entity, orderBy, new Set()), values, createParams())
}

test('a sort key of one direction is one comparison of rows', () => {
  expect(branches(extrinsics, ['ID_DESC'], [5, 1])).toEqual(['(t."block_height", t."index") < ($1::int8, $2::int4)'])
})

test('mixed directions are one index range for each run', () => {
  expect(branches(accounts, ['TOTAL_DESC'], [7n, '0xab'])).toEqual([
    't."total" < $1::int8',
    't."total" = $1::int8 AND t."address" > $2::bytea',
  ])
})

test('nulls are last ascending and first descending', () => {
  expect(branches(subnets, ['EMISSION_ASC'], [7n, 1])).toEqual([
    '(t."emission" > $1::int8 OR t."emission" IS NULL)',
    't."emission" = $1::int8 AND t."netuid" > $2::int4',
  ])
  expect(branches(subnets, ['EMISSION_ASC'], [null, 1])[0]).toBe('FALSE')
  expect(branches(subnets, ['EMISSION_DESC'], [null, 1])).toEqual([
    't."emission" IS NOT NULL',
    't."emission" IS NULL AND t."netuid" < $1::int4',
  ])
  expect(branches(subnets, ['EMISSION_DESC'], [7n, 1])[0]).toBe('t."emission" < $1::int8')
})
