import { expect, test } from 'vitest'
import {
  bytes,
  bytesOrNull,
  bytesParameter,
  intArray,
  json,
  jsonOrNull,
  line,
  numberOrNull,
  rawBytes,
  text,
  textOrNull,
  timestamp,
} from './encode.js'

test('what separates fields and rows is escaped, and U+0000 is replaced', () => {
  expect(text('plain é \u{1f916}')).toBe('plain é \u{1f916}')
  expect(text('a\tb\nc\rd\\e\0f')).toBe('a\\tb\\nc\\rd\\\\e\ufffdf')
  expect(text('\\N')).toBe('\\\\N')
})

test('null is \\N and nothing else is', () => {
  expect([textOrNull(null), jsonOrNull(null), bytesOrNull(null), numberOrNull(null)]).toEqual(['\\N', '\\N', '\\N', '\\N'])
  expect([textOrNull(''), jsonOrNull('null'), numberOrNull(0), numberOrNull(0n)]).toEqual(['', 'null', '0', '0'])
})

test('JSON keeps its escapes; those that jsonb refuses become U+FFFD', () => {
  expect(json('{"a":"x\\ny\\"z"}')).toBe('{"a":"x\\\\ny\\\\"z"}')
  expect(json('"\\u0000"')).toBe('"\ufffd"')
  expect(json('"\\\\u0000"')).toBe('"\\\\\\\\u0000"')
  expect(json('"\\\\\\u0000"')).toBe('"\\\\\\\\\ufffd"')
  expect(json('"\\ud83e\\udd16 \\ud83e \\udd16 \\u00e9"')).toBe('"\\\\ud83e\\\\udd16 \ufffd \ufffd \\\\u00e9"')
})

test('bytes, arrays, times and lines', () => {
  expect(bytes('0x00ff')).toBe('\\\\x00ff')
  expect(bytesParameter('0x00ff')).toBe('\\x00ff')
  expect([rawBytes(Uint8Array.of(9, 0, 255).subarray(1)), rawBytes(new Uint8Array())]).toEqual(['\\\\x00ff', '\\\\x'])
  expect([intArray([]), intArray([1, 65_535])]).toEqual(['{}', '{1,65535}'])
  expect([timestamp(0), timestamp(1_679_270_400_123), timestamp(0)]).toEqual([
    '1970-01-01T00:00:00.000Z',
    '2023-03-20T00:00:00.123Z',
    '1970-01-01T00:00:00.000Z',
  ])
  expect(line(1, 2n, 'x')).toBe('1\t2\tx\n')
})
