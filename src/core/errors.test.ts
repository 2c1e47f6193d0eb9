import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { AppError, ERRORS, errorMessage, isRetryable, toAppError, type ErrorKind } from './errors.js'

function documentedErrors(): Record<string, ErrorKind> {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` *\| (\d+) *\| (\d+) *\| (yes|no) *\|/gm)]
  return Object.fromEntries(
    rows.map(([, code, http, grpc, retry]) => [code, { http: Number(http), grpc: Number(grpc), retry: retry === 'yes' }]),
  )
}

test('docs/errors.md has a row for each code, with the same numbers', () => {
  expect(documentedErrors()).toEqual(ERRORS)
})

test('retry follows the table, and an unknown error is not retried', () => {
  expect(isRetryable(new AppError('UPSTREAM_DOWN', 'no'))).toBe(true)
  expect(isRetryable(new AppError('WRONG_CHAIN', 'no'))).toBe(false)
  expect(isRetryable(new Error('no'))).toBe(false)
  expect(isRetryable('no')).toBe(false)
})

test('an unknown error becomes INTERNAL without its text, and keeps its cause', () => {
  const cause = new Error('password is hunter2')
  const error = toAppError(cause)
  expect(error).toMatchObject({ code: 'INTERNAL', message: 'internal error', cause })
  expect(toAppError(error)).toBe(error)
})

test('the message of an aggregate error without text is that of its parts', () => {
  expect(errorMessage(new AggregateError([new Error('v4 refused'), new Error('v6 refused')]))).toBe('v4 refused; v6 refused')
  expect(errorMessage('plain')).toBe('plain')
})
