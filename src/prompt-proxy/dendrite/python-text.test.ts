import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bodyHash, PyFloat, pythonFloat, pythonJson, pythonRepr, pythonStr, sha3Hex, type PyValue } from './python-text.js'
import { unprintableClass } from './python-unprintable.js'

interface Vectors {
  values: { json_text: string | null; python_str: string; sha3_256: string }[]
  body_hashes: { fields: [string, unknown][]; body_hash: string }[]
}
const text = readFileSync(new URL('../../../test/fixtures/python_str_sha3.json', import.meta.url), 'utf8')
const vectors = JSON.parse(text) as Vectors

/** JSON as Python reads it: 1.0 stays a float, integers are exact, objects keep the order of their keys. */
function parseLikePython(json: string): PyValue {
  const tagged = json.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
    token.startsWith('"') ? token : `{"#": "${token}"}`,
  )
  return JSON.parse(tagged, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    const number = (value as Record<string, string>)['#']
    if (number !== undefined) return /[.eE]/.test(number) ? new PyFloat(Number(number)) : BigInt(number)
    return new Map(Object.entries(value))
  }) as PyValue
}

test.each(vectors.values.filter((row) => row.json_text !== null))('str($json_text) is what Python makes of it', (row) => {
  const value = parseLikePython(row.json_text as string)
  expect(pythonStr(value)).toBe(row.python_str)
  expect(sha3Hex(pythonStr(value))).toBe(row.sha3_256)
})

test('numbers that JSON cannot say have the text of Python', () => {
  const rows = vectors.values.filter((row) => row.json_text === null)
  expect(rows).toHaveLength(3)
  const values = [Infinity, -Infinity, NaN]
  rows.forEach((row, at) => {
    expect(pythonStr(values[at] as number)).toBe(row.python_str)
    expect(sha3Hex(pythonStr(values[at] as number))).toBe(row.sha3_256)
  })
})

test.each(vectors.body_hashes)('the body hash of $fields', ({ fields, body_hash }) => {
  expect(bodyHash(fields.map(([, value]) => value as PyValue))).toBe(body_hash)
})

test('whole numbers are ints, and floats only when they say so', () => {
  expect(pythonStr([12, new PyFloat(12), 2 ** 63, -0, new PyFloat(-0)])).toBe('[12, 12.0, 9223372036854775808, 0, -0.0]')
  expect(pythonJson([12n ** 30n, new PyFloat(4.5), NaN, -Infinity])).toBe(`[${12n ** 30n}, 4.5, NaN, -Infinity]`)
})

test('a long text is made in native passes, not by character', () => {
  const megabyte = ['plain english text. ', 'it\'s "both" ', 'naïve 你好世界 ☃ ', '\u{1f600} smile '].map((piece) =>
    piece.repeat(Math.ceil(2 ** 20 / piece.length)),
  )
  const start = performance.now()
  for (const long of megabyte) bodyHash([[long]])
  // About 100 ms where this was written; a pass by character takes seconds.
  expect(performance.now() - start).toBeLessThan(2_000)
})

const PYTHON = `
import sys, json, unicodedata
sys.stdout.reconfigure(encoding='ascii')
print(json.dumps(unicodedata.unidata_version))
print(json.dumps([c for c in range(0x110000) if not chr(c).isprintable()]))
for line in sys.stdin:
    v = json.loads(line)
    print(json.dumps([repr(v), json.dumps(v)]))
`

function askPython(lines: readonly string[]): string[] | null {
  const run = spawnSync('python3', ['-c', PYTHON], { input: lines.join('\n'), encoding: 'utf8', maxBuffer: 2 ** 28 })
  if (run.error !== undefined || run.status !== 0) return null
  return run.stdout.trimEnd().split('\n')
}

describe('against python3', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom("'", '"', '\\', '\n', 'a', '\u0085', '\ud800', '\u{e0001}', '\u{10ffff}', '\u007f') }),
  )
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => pythonFloat(value)),
      fc.bigInt().map(String),
      fc.constantFrom('null', 'true', 'false'),
      anyText.map((value) => JSON.stringify(value)),
      fc.array(tie('value')).map((items) => `[${items.join(', ')}]`),
      // Names that are no numbers, whose order an object of this language would change.
      fc
        .array(fc.tuple(anyText, tie('value')))
        .map((items) => `{${items.map(([key, item]) => `${JSON.stringify(`k${key}`)}: ${item as string}`).join(', ')}}`),
    ),
  })).value
  const lines = fc.sample<unknown>(json, { numRuns: 1500, seed: 20_231 }) as string[]
  const answers = askPython(lines)
  if (answers === null) console.warn('SKIPPED: there is no python3 here to compare repr() and json.dumps() with')

  test.skipIf(answers === null)('repr and json.dumps of 1,500 random values are the same', () => {
    const [, , ...rows] = answers as string[]
    const version = (answers as string[])[0]
    const mayDiffer = version !== '"14.0.0"'
    expect(rows).toHaveLength(lines.length)
    rows.forEach((row, at) => {
      const value = parseLikePython(lines[at] as string)
      const [repr, dumped] = JSON.parse(row) as [string, string]
      expect(pythonJson(value)).toBe(dumped)
      if (!mayDiffer) expect(pythonRepr(value)).toBe(repr)
    })
  })

  test.skipIf(answers === null)('the unprintable code points are those of Unicode 14', () => {
    const version = JSON.parse((answers as string[])[0] as string) as string
    const theirs = new Set(JSON.parse((answers as string[])[1] as string) as number[])
    // Spaces keep surrogates apart, and are printable.
    const all = Array.from({ length: 0x110000 }, (_, code) => String.fromCodePoint(code)).join(' ')
    const ours = new Set(Array.from(all.matchAll(new RegExp(`[${unprintableClass()}]`, 'gu')), ([match]) => match.codePointAt(0) as number))
    // Later versions only assign more.
    const major = Number(version.split('.')[0])
    if (major <= 14) expect([...ours].filter((code) => !theirs.has(code))).toEqual([])
    if (major >= 14) expect([...theirs].filter((code) => !ours.has(code))).toEqual([])
  })
})
