import { expect, test } from 'vitest'
import { AppError } from './errors.js'
import { isConnectionLoss, toDatabaseError } from './pg-errors.js'

const withCode = (code: string, more: object = {}): Error => Object.assign(new Error(code), { code, ...more })

test.each([
  withCode('ECONNREFUSED'),
  withCode('ENOTFOUND'),
  withCode('57P01'),
  withCode('57P03'),
  withCode('08006'),
  withCode('53300'),
  withCode('ENOENT', { syscall: 'connect' }),
  new Error('Connection terminated unexpectedly'),
  new Error('timeout exceeded when trying to connect'),
  new Error('Query read timeout'),
  new AggregateError([withCode('ECONNREFUSED'), withCode('ECONNREFUSED')]),
  new AppError('DATABASE_DOWN', 'away'),
])('%s means the database was not there', (error) => {
  expect(isConnectionLoss(error)).toBe(true)
})

test.each([
  withCode('23505'),
  withCode('42P01'),
  withCode('28P01'),
  withCode('ENOENT', { syscall: 'open' }),
  new Error('no'),
  null,
  undefined,
])('%s means something else', (error) => {
  expect(isConnectionLoss(error)).toBe(false)
  expect(toDatabaseError(error, 'it was asked')).toBe(error)
})

test('a loss is told as DATABASE_DOWN with what was being done, and keeps its cause', () => {
  const cause = withCode('ECONNRESET')
  expect(toDatabaseError(cause, 'blocks 1 to 2 were written')).toMatchObject({
    code: 'DATABASE_DOWN',
    message: 'the database went away while blocks 1 to 2 were written: ECONNRESET',
    cause,
  })
})
