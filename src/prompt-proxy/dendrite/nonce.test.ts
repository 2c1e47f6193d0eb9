import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createNonceLanes, createNonceSource, type NonceSource, processNonces } from './nonce.js'

test('nonces are unix nanoseconds', () => {
  const before = BigInt(Date.now()) * 1_000_000n
  const nonce = processNonces.next()
  expect(nonce).toBeGreaterThanOrEqual(before)
  expect(nonce).toBeLessThan(before + 60_000_000_000n)
})

test('they rise strictly whatever the clock does, and follow it when it goes on', () => {
  const clock = fc.array(fc.integer({ min: 1_600_000_000_000, max: 1_600_000_000_010 }), { minLength: 2, maxLength: 200 })
  fc.assert(
    fc.property(clock, (times) => {
      let at = 0
      const source = createNonceSource(() => times[at] as number)
      let last = 0n
      for (at = 0; at < times.length; at++) {
        const nonce = source.next()
        expect(nonce).toBeGreaterThan(last)
        const time = BigInt(times[at] as number) * 1_000_000n
        expect(nonce).toBe(time > last ? time : last + 1n)
        last = nonce
      }
    }),
  )
})

test('a hundred thousand in a row are all different', () => {
  const seen = new Set(Array.from({ length: 100_000 }, () => processNonces.next()))
  expect(seen.size).toBe(100_000)
})

test('the uuid is one of version 1: its time is that of its making, its node no card', () => {
  const made = Date.UTC(2023, 6, 7, 12, 30, 1, 250)
  const { uuid } = createNonceSource(() => made)
  expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  const [low = '', middle = '', high = '', , node = ''] = uuid.split('-')
  const ticks = BigInt(`0x${high.slice(1)}${middle}${low}`)
  // 1582-10-15 to 1970-01-01 are 141427 days.
  expect(Number(ticks / 10_000n) - 141_427 * 86_400_000).toBe(made)
  expect(parseInt(node.slice(0, 2), 16) & 1).toBe(1)
  expect(createNonceSource(() => made).uuid).not.toBe(uuid)
  expect(processNonces.uuid).toBe(processNonces.uuid)
})

test('requests under way to one axon never share a sequence, and it sees as few of them as it can', () => {
  const lanes = createNonceLanes()
  const step = fc.record({ axon: fc.constantFrom('a', 'b'), ends: fc.boolean(), which: fc.nat() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const out: Record<string, NonceSource[]> = { a: [], b: [] }
      const seen: Record<string, Set<string>> = { a: new Set(), b: new Set() }
      const most: Record<string, number> = { a: 0, b: 0 }
      for (const { axon, ends, which } of steps) {
        const mine = out[axon] as NonceSource[]
        const [ended] = ends ? mine.splice(which % Math.max(mine.length, 1), 1) : []
        if (ended !== undefined) lanes.giveBack(axon, ended)
        if (ends) continue
        const lane = lanes.take(axon)
        expect(mine).not.toContain(lane)
        mine.push(lane)
        seen[axon]?.add(lane.uuid)
        most[axon] = Math.max(most[axon] ?? 0, mine.length)
      }
      for (const axon of ['a', 'b']) {
        expect(seen[axon]?.size).toBe(most[axon])
        for (const lane of out[axon] ?? []) lanes.giveBack(axon, lane)
      }
    }),
  )
})
