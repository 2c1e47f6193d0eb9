import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { PROMPT_LIMITS } from '../../../test/support/memory-prompt.js'
import { AppError, ERRORS, type ErrorCode } from '../../core/errors.js'
import { HOTKEY_PROOF } from '../admission/hotkey-proof.js'
import { STRATEGIES } from '../contract.js'
import { openAiError } from './errors.js'
import { challengeSchema, chatSchema, legacySchema, promptSchema, proofSchema } from './input.js'

const page = readFileSync(new URL('../../../docs/reference/prompt-api.md', import.meta.url), 'utf8')

function section(heading: string): string {
  const from = page.indexOf(`\n${heading}\n`)
  if (from < 0) throw new Error(`no ${heading}`)
  const next = page.slice(from + heading.length).search(/\n## /)
  return next < 0 ? page.slice(from) : page.slice(from, from + heading.length + next)
}

test('the page has every field, in the section of its route', () => {
  for (const [heading, schema] of [
    ['## Chat completions', chatSchema(PROMPT_LIMITS)],
    ['## Prompt', promptSchema(PROMPT_LIMITS)],
    ['## The API of 2023', legacySchema(PROMPT_LIMITS)],
  ] as const)
    for (const field of Object.keys(schema.shape)) expect(section(heading), `${field} in ${heading}`).toContain(`\`${field}\``)
  for (const field of [...Object.keys(challengeSchema.shape), ...Object.keys(proofSchema.shape)])
    expect(section('## Limits'), field).toContain(`"${field}":`)
  for (const strategy of STRATEGIES) expect(section('## Chat completions')).toContain(`\`${strategy}\``)
})

test('the page has the status, type and code of every error that can reach a caller', () => {
  const rows = section('## Errors')
    .split('\n')
    .filter((line) => /^\| \d/.test(line))
  const codes: ErrorCode[] = ['BAD_INPUT', 'UNAUTHORIZED', 'FORBIDDEN', 'NOT_FOUND', 'TOO_LARGE', 'RATE_LIMITED', 'UPSTREAM_DOWN']
  codes.push('OVERLOADED', 'UPSTREAM_TIMEOUT', 'UPSTREAM_INVALID', 'DATABASE_DOWN', 'QUEUE_DOWN', 'ABORTED', 'INTERNAL')
  const errors = codes.map((code) => new AppError(code, 'x'))
  errors.push(new AppError('RATE_LIMITED', 'x', { reason: 'insufficient_quota' }), new AppError('NOT_FOUND', 'x', { url: '/x' }))
  errors.push(new AppError('UNAUTHORIZED', 'x', { reason: HOTKEY_PROOF }))
  for (const error of errors) {
    const { type, code } = openAiError(error, 'id').error
    const told = rows.some((row) => {
      const [, status, ofType, ofCodes] = row.split('|').map((cell) => cell.trim())
      return status === String(ERRORS[error.code].http) && ofType === `\`${type}\`` && ofCodes?.split(', ').includes(`\`${code}\``)
    })
    expect(told, `${error.code} ${type} ${code}`).toBe(true)
  }
})
