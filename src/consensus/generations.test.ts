import { expect, test } from 'vitest'
import { generationOf } from './generations.js'

test.each([
  [102, null],
  [103, '2023-03'],
  [108, null],
  [133, null],
  [134, '2024-03'],
  [137, null],
  [143, '2024-03'],
  [145, '2024-03'],
  [146, null],
])('spec %d is of generation %s', (specVersion, id) => {
  expect(generationOf({ specName: 'node-subtensor', specVersion })?.id ?? null).toBe(id)
})

test('another chain’s runtime has none', () => {
  expect(generationOf({ specName: 'node-template', specVersion: 143 })).toBeNull()
})
