import { expect, test } from 'vitest'
import { AppError } from '../../core/errors.js'
import { silentLog } from '../../core/log.js'
import { retryWhileDown } from './retry.js'

const down = new AppError('DATABASE_DOWN', 'away')

test('work is tried again for as long as the database is away', async () => {
  let calls = 0
  const work = (): Promise<string> => (++calls < 4 ? Promise.reject(down) : Promise.resolve('done'))
  expect(await retryWhileDown(work, { log: silentLog, firstPauseMs: 1 })).toBe('done')
  expect(calls).toBe(4)
})

test('an error that will not pass is thrown at once, and a stop ends the waiting', async () => {
  const mismatch = new AppError('HEAD_MISMATCH', 'no')
  await expect(retryWhileDown(() => Promise.reject(mismatch), { log: silentLog })).rejects.toBe(mismatch)
  const stop = new Error('stop')
  const controller = new AbortController()
  const waiting = retryWhileDown(() => Promise.reject(down), { log: silentLog, signal: controller.signal, firstPauseMs: 60_000 })
  setTimeout(() => controller.abort(stop), 5)
  await expect(waiting).rejects.toBe(stop)
})
