import { expect, test } from 'vitest'
import { createUuidV7, isUuid } from './uuid-v7.js'

test('ids have the time, version and variant where RFC 9562 has them', () => {
  // Its own example, appendix A.6: 2022-02-22 19:22:22 UTC.
  const id = createUuidV7(() => 0x017f22e279b0)()
  expect(id).toMatch(/^017f22e2-79b0-7000-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(isUuid(id)).toBe(true)
})

test('ids rise within a millisecond, when it is full, and when the clock is set back', () => {
  let time = 1_700_000_000_000
  const next = createUuidV7(() => time)
  const ids = Array.from({ length: 10_000 }, next)
  time -= 60_000
  ids.push(next(), next())
  time += 120_000
  ids.push(next())
  expect([...ids].sort()).toEqual(ids)
  expect(new Set(ids).size).toBe(ids.length)
  expect(Number.parseInt((ids.at(-1) ?? '').replace('-', '').slice(0, 12), 16)).toBe(time)
})

test.each(['', 'x', '017f22e2-79b0-7000-8000', '{017f22e2-79b0-7000-8000-000000000000}', '017f22e2-79b0-7000-8000-00000000000g'])(
  '%j is no id',
  (text) => expect(isUuid(text)).toBe(false),
)
