import fc from 'fast-check'
import { expect, test } from 'vitest'
import { covers, mergedWith, missingIn, type BlockRange } from './ranges.js'

const range = fc.tuple(fc.nat(30), fc.nat(8)).map(([from, length]): BlockRange => ({ from, to: from + length }))
const heights = ({ from, to }: BlockRange): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

test('what is missing is exactly what no range covers, in pieces as large as can be', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 5 }), range, (ranges, wanted) => {
      const missing = missingIn(ranges, wanted)
      expect(missing.flatMap(heights)).toEqual(heights(wanted).filter((height) => !covers(ranges, height)))
      for (const [i, piece] of missing.entries()) expect(piece.from).toBeGreaterThan((missing[i - 1]?.to ?? -2) + 1)
    }),
  )
})

test('ranges that overlap or touch merge, others stay apart', () => {
  const ranges = [
    { from: 0, to: 4 },
    { from: 10, to: 14 },
    { from: 30, to: 40 },
  ]
  expect(mergedWith(ranges, { from: 5, to: 9 })).toEqual({ from: 0, to: 14 })
  expect(mergedWith(ranges, { from: 16, to: 28 })).toEqual({ from: 16, to: 28 })
  expect(mergedWith([], { from: 1, to: 1 })).toEqual({ from: 1, to: 1 })
})
