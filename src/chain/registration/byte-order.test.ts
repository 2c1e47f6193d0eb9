import { expect, test } from 'vitest'
import type { Hex } from '../../core/records.js'
import { byteOrderFrom } from './byte-order.js'

test.each([
  ['low at the end', `0x${'ff'.repeat(29)}000000`, 'little'],
  ['low at the start', `0x000000${'ff'.repeat(29)}`, 'big'],
  ['low at both ends', `0x000000${'ff'.repeat(26)}000000`, 'unknown'],
  ['low at neither end, so that the chain cannot have taken it', `0x${'ff'.repeat(32)}`, 'unknown'],
])('a seal that is %s was read as %s', (_, seal, order) => {
  expect(byteOrderFrom(seal as Hex, 10_000_000n)).toBe(order)
})
