import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createVersionMap } from './version-map.js'

test('what it says of a height is right, whatever was learnt in whatever order', () => {
  const upgrades = fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { maxLength: 6 })
  fc.assert(
    fc.property(upgrades, fc.array(fc.nat(1000), { minLength: 1, maxLength: 40 }), (heights, learnt) => {
      const versionAt = (height: number): number => 100 + heights.filter((upgrade) => upgrade <= height).length
      const map = createVersionMap<{ specVersion: number }>()
      for (const height of learnt) map.learn(height, { specVersion: versionAt(height) })
      for (const height of learnt) expect(map.at(height)?.specVersion).toBe(versionAt(height))
      const wrong = Array.from({ length: 1001 }, (_, height) => height).filter(
        (height) => ![undefined, versionAt(height)].includes(map.at(height)?.specVersion),
      )
      expect(wrong).toEqual([])
    }),
  )
})

test('two heights with one version tell everything between them', () => {
  const map = createVersionMap<{ specVersion: number }>()
  map.learn(10, { specVersion: 143 })
  expect(map.at(500)).toBeNull()
  map.learn(900, { specVersion: 143 })
  expect(map.at(500)?.specVersion).toBe(143)
})
