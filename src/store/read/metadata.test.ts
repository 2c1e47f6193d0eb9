import { expect, test } from 'vitest'
import { gapsOf } from './metadata.js'

test('gaps are what of 0 to the head is not stored', () => {
  expect(gapsOf([], 9)).toEqual([{ from: 0, to: 9 }])
  expect(gapsOf([{ from: 0, to: 9 }], 9)).toEqual([])
  expect(
    gapsOf(
      [
        { from: 3, to: 4 },
        { from: 8, to: 9 },
      ],
      9,
    ),
  ).toEqual([
    { from: 0, to: 2 },
    { from: 5, to: 7 },
  ])
  expect(gapsOf([{ from: 0, to: 5 }], 9)).toEqual([{ from: 6, to: 9 }])
  expect(gapsOf([{ from: 0, to: 50 }], 9)).toEqual([])
})
