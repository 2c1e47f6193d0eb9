import { expect, test } from 'vitest'
import { AppError } from '../core/errors.js'
import { backoffMs, queueDown, settledWithin, within } from './waiting.js'

test('pauses double from the first to the longest, and vary by half', () => {
  expect([1, 2, 3, 4, 5, 1000].map((attempt) => backoffMs(attempt, 100, 1_000, () => 1))).toEqual([100, 200, 400, 800, 1_000, 1_000])
  expect([1, 5].map((attempt) => backoffMs(attempt, 100, 1_000, () => 0))).toEqual([50, 500])
})

test('work in time is what it comes to, late work what is said then, and its later failure is no crash', async () => {
  expect(await within(1_000, Promise.resolve(1), () => 2)).toBe(1)
  await expect(within(1_000, Promise.reject(new Error('no')), () => 2)).rejects.toThrow('no')
  const fails = new Promise<number>((_, reject) => setTimeout(() => reject(new Error('too late')), 20))
  expect(await within(1, fails, () => 2)).toBe(2)
  const late = (): never => {
    throw new Error('late')
  }
  await expect(within(1, new Promise(() => {}), late)).rejects.toThrow('late')
  await settledWithin(1, new Promise(() => {}))
  await settledWithin(1_000, Promise.reject(new Error('no')))
})

test('a lost server is QUEUE_DOWN with what was going on, an error with a code stays what it is', () => {
  expect(queueDown('Redis', 'adding a job', new Error('ECONNREFUSED'))).toMatchObject({
    code: 'QUEUE_DOWN',
    message: expect.stringMatching(/Redis.*adding a job.*ECONNREFUSED/),
  })
  const aborted = new AppError('ABORTED', 'closing')
  expect(queueDown('Redis', 'adding a job', aborted)).toBe(aborted)
})
