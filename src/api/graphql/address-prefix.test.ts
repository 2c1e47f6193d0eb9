import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Hex } from '../../core/records.js'
import { encodeSs58 } from '../../core/units/ss58.js'
import { accountsWithPrefix } from './address-prefix.js'

const account = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes): Hex => `0x${Buffer.from(bytes).toString('hex')}`)

test('an account is in the range of every beginning of its address', () => {
  fc.assert(
    fc.property(account, fc.integer({ min: 4, max: 48 }), (hex, length) => {
      const range = accountsWithPrefix(encodeSs58(hex).slice(0, length))
      return range !== null && range.first <= hex && hex <= range.last
    }),
  )
})

test('an account whose address begins otherwise is not in the range', () => {
  fc.assert(
    fc.property(account, account, fc.integer({ min: 4, max: 48 }), (one, other, length) => {
      const prefix = encodeSs58(one).slice(0, length)
      const range = accountsWithPrefix(prefix)
      if (range === null || encodeSs58(other).startsWith(prefix)) return
      // The checksum is cut off, so only the account next to either end may be let in.
      const inside = range.first < other && other < range.last
      expect(inside).toBe(false)
    }),
    { numRuns: 300 },
  )
})

test('the ends of the whole range and what no address begins with', () => {
  expect(accountsWithPrefix('5C4h')).not.toBeNull()
  expect(accountsWithPrefix('zzzz')).toBeNull()
  expect(accountsWithPrefix('1111')).toBeNull()
  expect(accountsWithPrefix('5C')).toBeNull()
  expect(accountsWithPrefix('5C0O')).toBeNull()
  expect(accountsWithPrefix('0xAbcd')).toEqual({ first: `0xabcd${'0'.repeat(60)}`, last: `0xabcd${'f'.repeat(60)}` })
  expect(accountsWithPrefix('0xzzzz')).toBeNull()
})
