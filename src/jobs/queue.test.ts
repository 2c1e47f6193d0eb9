import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromBullId, toBullId } from './queue.js'

test('any id has a form that BullMQ takes, and comes back', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (id) => {
      const bull = toBullId(id)
      expect(bull).not.toContain(':')
      expect(String(Number.parseInt(bull, 10))).not.toBe(bull)
      expect(fromBullId(bull)).toBe(id)
    }),
  )
  expect(() => toBullId('')).toThrow('an id')
})
