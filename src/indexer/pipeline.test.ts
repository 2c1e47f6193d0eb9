import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AppError } from '../core/errors.js'
import { silentLog } from '../core/log.js'
import { inOrder, planRanges, untilDone } from './pipeline.js'

const anyPlan = fc.record({ from: fc.nat(5000), length: fc.integer({ min: 1, max: 700 }), size: fc.integer({ min: 1, max: 128 }) })

test('ranges cover every block once, in order, and are no longer than asked', () => {
  fc.assert(
    fc.property(anyPlan, ({ from, length, size }) => {
      const ranges = [...planRanges(from, from + length - 1, size)]
      expect(ranges.flatMap((r) => Array.from({ length: r.to - r.from + 1 }, (_, i) => r.from + i))).toEqual(
        Array.from({ length }, (_, i) => from + i),
      )
      for (const range of ranges) expect(range.to - range.from + 1).toBeLessThanOrEqual(size)
    }),
  )
})

test('a range ends at the next multiple of its size, so that blocks sampled at such heights are the last of a batch', () => {
  expect([...planRanges(0, 130, 64)]).toEqual([
    { from: 0, to: 0 },
    { from: 1, to: 64 },
    { from: 65, to: 128 },
    { from: 129, to: 130 },
  ])
  expect([...planRanges(64, 66, 64)]).toEqual([
    { from: 64, to: 64 },
    { from: 65, to: 66 },
  ])
  fc.assert(
    fc.property(anyPlan, ({ from, length, size }) => {
      const to = from + length - 1
      for (const range of planRanges(from, to, size)) expect(range.to === to || range.to % size === 0).toBe(true)
    }),
  )
})

test('a run that was stopped anywhere plans the same batch ends as one that was not', () => {
  fc.assert(
    fc.property(anyPlan, fc.nat(), ({ from, length, size }, at) => {
      const to = from + length - 1
      const whole = [...planRanges(from, to, size)]
      const stopped = whole[at % whole.length]!
      expect([...planRanges(stopped.to + 1, to, size)]).toEqual(whole.filter((r) => r.from > stopped.to))
    }),
  )
})

test('results are used in the order of the items, with no more under way than allowed', async () => {
  let running = 0
  let most = 0
  const used: number[] = []
  await inOrder(
    Array.from({ length: 40 }, (_, i) => i),
    5,
    async (item) => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, (item * 7) % 5))
      running--
      return item * 2
    },
    (result, item) => {
      expect(result).toBe(item * 2)
      used.push(item)
      return Promise.resolve()
    },
  )
  expect(used).toEqual(Array.from({ length: 40 }, (_, i) => i))
  expect(most).toBe(5)
})

test('a failure stops the run before later results are used', async () => {
  const used: number[] = []
  const run = inOrder(
    [1, 2, 3, 4],
    2,
    (item) => (item === 3 ? Promise.reject(new Error('no')) : Promise.resolve(item)),
    (result) => {
      used.push(result)
      return Promise.resolve()
    },
  )
  await expect(run).rejects.toThrow('no')
  expect(used).toEqual([1, 2])
})

const retry = { log: silentLog, signal: new AbortController().signal, what: 'test', minMs: 1, maxMs: 2 }

test('an outage is waited for; an error that trying again cannot mend is not', async () => {
  let tries = 0
  const outage = (): Promise<string> => (++tries < 20 ? Promise.reject(new AppError('UPSTREAM_DOWN', 'gone')) : Promise.resolve('back'))
  expect(await untilDone(retry, outage)).toBe('back')
  expect(tries).toBe(20)
  await expect(untilDone(retry, () => Promise.reject(new AppError('WRONG_CHAIN', 'other')))).rejects.toThrow('other')
})

test('answers that stay senseless are given up with their message', async () => {
  let tries = 0
  const run = untilDone(retry, () => {
    tries++
    return Promise.reject(new AppError('UPSTREAM_INVALID', 'garbage'))
  })
  await expect(run).rejects.toThrow('garbage')
  expect(tries).toBe(6)
})

test('a stop ends the waiting', async () => {
  const controller = new AbortController()
  const run = untilDone({ ...retry, signal: controller.signal, minMs: 60_000, maxMs: 60_000 }, () =>
    Promise.reject(new AppError('UPSTREAM_DOWN', 'gone')),
  )
  setTimeout(() => controller.abort(new AppError('ABORTED', 'stopped')), 10)
  await expect(run).rejects.toThrow('stopped')
})
