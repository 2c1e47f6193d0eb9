import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError } from '../core/errors.js'
import { encodeSs58 } from '../core/units/ss58.js'
import { parseListQuery, parseQuoteQuery, parseRegistrationId, parseRegistrationInput } from './input.js'

const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
const GOOD = { hotkey: ALICE, netuids: [1] }

/** What is wrong with what, as it is told. */
function problemsOf(parse: () => unknown): unknown {
  try {
    parse()
    return 'taken'
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'BAD_INPUT') throw error
    const problems = error.detail['problems'] as { field: string; message: string }[]
    expect(error.detail['field']).toBe(problems[0]?.field)
    expect(error.message).toBe(problems.map(({ field, message }) => `${field}: ${message}`).join('; '))
    return Object.fromEntries(problems.map(({ field, message }) => [field, message]))
  }
}

describe('a registration asked for', () => {
  test('comes out in one form: addresses of format 42, netuids in order, the deadline in UTC', () => {
    const account = `0x${'5a'.repeat(32)}` as const
    const input = {
      ...{ hotkey: encodeSs58(account, 0), coldkey: encodeSs58(account, 16_383), netuids: [65_535, 0, 7] },
      ...{ mode: 'burn', max_cost: '18446744073709551615', deadline: '2999-01-01T01:00:00+02:00' },
    }
    expect(parseRegistrationInput(input)).toEqual({
      ...{ hotkey: encodeSs58(account), coldkey: encodeSs58(account), netuids: [0, 7, 65_535] },
      ...{ mode: 'burn', maxCost: '18446744073709551615', deadline: '2998-12-31T23:00:00.000Z' },
    })
    expect(parseRegistrationInput({ ...GOOD, coldkey: undefined, mode: undefined })).toEqual(GOOD)
  })

  test('what is wrong is told by field, with what came and what was wanted', () => {
    const wrong = (body: unknown): unknown => problemsOf(() => parseRegistrationInput(body))
    const list = '1 to 16 netuids, each once'
    const rao = 'a whole number of rao from 1 to 2^64-1, as text in decimal digits'
    expect(wrong(null)).toEqual({ request: 'null came; wanted an object with hotkey and netuids' })
    expect(wrong('x')).toEqual({ request: '"x" came; wanted an object with hotkey and netuids' })
    expect(wrong({})).toEqual({ hotkey: 'nothing came; wanted an ss58 address', netuids: `nothing came; wanted ${list}` })
    expect(wrong({ ...GOOD, hotkey: ALICE.replace('5G', '5H') })).toEqual({ hotkey: expect.stringContaining('its checksum is wrong') })
    expect(wrong({ ...GOOD, netuids: [1, 1] })).toEqual({ netuids: `[1,1] came; wanted ${list}` })
    expect(wrong({ ...GOOD, netuids: Array.from({ length: 17 }, (_, at) => at) })).toEqual({ netuids: expect.stringContaining(list) })
    expect(wrong({ ...GOOD, mode: 'Burn' })).toEqual({ mode: '"Burn" came; wanted one of solve, proxy, burn' })
    expect(wrong({ ...GOOD, mode: 'burn' })).toEqual({ max_cost: `nothing came; wanted ${rao}: burn mode needs it` })
    expect(wrong({ ...GOOD, max_cost: '5' })).toEqual({ max_cost: '"5" came; wanted none: solve mode spends nothing' })
    expect(wrong({ ...GOOD, mode: 'proxy' })).toEqual({ coldkey: 'nothing came; wanted an ss58 address: proxy mode needs the owner-to-be' })
    for (const maxCost of ['0', '-1', '1.5', '01', '18446744073709551616', '1e3', '', 5])
      expect(wrong({ ...GOOD, mode: 'burn', max_cost: maxCost })).toEqual({ max_cost: `${JSON.stringify(maxCost)} came; wanted ${rao}` })
    expect(wrong({ ...GOOD, deadline: '2020-01-01T00:00:00Z' })).toEqual({
      deadline: '"2020-01-01T00:00:00Z" came; wanted a time in the future',
    })
    for (const deadline of ['2999-01-01', '2999-01-01T00:00:00', 'tomorrow', 5, null])
      expect(wrong({ ...GOOD, deadline })).toEqual({ deadline: expect.stringContaining('wanted a time in ISO 8601') })
    expect(wrong({ ...GOOD, cold_key: ALICE, maxCost: '1' })).toEqual({
      cold_key: 'there is no such field',
      maxCost: 'there is no such field',
    })
  })

  test('whatever comes, it is taken or refused in a few words', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.record({ hotkey: fc.anything(), netuids: fc.anything(), mode: fc.jsonValue() })), (body) => {
        try {
          parseRegistrationInput(body)
        } catch (error) {
          if (!(error instanceof AppError)) throw error
          expect(error.code).toBe('BAD_INPUT')
          expect(JSON.stringify(error.detail).length).toBeLessThan(4000)
        }
      }),
      { numRuns: 300 },
    )
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => ['x'.repeat(500) + String(at), at]))
    expect(Object.keys(problemsOf(() => parseRegistrationInput(many)) as object).length).toBeLessThanOrEqual(8)
  })
})

describe('queries', () => {
  test('a page has 20 unless it says otherwise, in digits or as a number', () => {
    expect(parseListQuery({})).toEqual({ limit: 20 })
    expect(parseListQuery({ limit: '7', state: 'ready', hotkey: ALICE, after: 'r_1-2' })).toEqual({
      limit: 7,
      state: 'ready',
      hotkey: ALICE,
      after: 'r_1-2',
    })
    expect(parseListQuery({ limit: 100 })).toEqual({ limit: 100 })
    for (const limit of [0, 101, '0', '101', '', ' 5', '1e1', '0x5', 1.5, '99999999999999999999', ['1', '2'], null])
      expect(problemsOf(() => parseListQuery({ limit }))).toEqual({
        limit: `${/^\d{1,15}$/.test(String(limit)) ? String(limit) : JSON.stringify(limit)} came; wanted a whole number from 1 to 100`,
      })
  })

  test('a quote is of a u16', () => {
    expect([parseQuoteQuery({ netuid: 0 }), parseQuoteQuery({ netuid: '65535' })]).toEqual([0, 65_535])
    for (const netuid of ['65536', -1, '-1', '', 'a', undefined])
      expect(problemsOf(() => parseQuoteQuery({ netuid }))).toHaveProperty('netuid')
  })
})

test('an id that cannot be one is not found, without a look anywhere', () => {
  expect(parseRegistrationId('0e3b9a52-6a3c-4d0e-9f0e-6d2a54b3d5a1')).toBe('0e3b9a52-6a3c-4d0e-9f0e-6d2a54b3d5a1')
  for (const id of ['', 'a b', 'é', '../x', 'x'.repeat(65), 5, undefined])
    expect(() => parseRegistrationId(id)).toThrow(/there is no registration/)
})
