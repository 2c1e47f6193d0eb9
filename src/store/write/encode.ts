import type { Hex, JsonText } from '../../core/records.js'

/** Values as fields of COPY's text format: tab between fields, newline after rows, backslash escapes, `\N` for null. */

const NULL = '\\N'
// U+0000 is among them because Postgres cannot store it in text.
const NEEDS_ESCAPE = /[\\\n\r\t\0]/
const ESCAPED = /[\\\n\r\t\0]/g
const ESCAPES: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\ufffd' }
/** One escape of JSON text, surrogate pairs in one piece. */
const JSON_ESCAPE = /\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[\s\S]/g
const REFUSED_BY_JSONB = /^\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})$/

export function text(value: string): string {
  return NEEDS_ESCAPE.test(value) ? value.replace(ESCAPED, (c) => ESCAPES[c] ?? c) : value
}

export function textOrNull(value: string | null): string {
  return value === null ? NULL : text(value)
}

/**
 * JSON text that a jsonb column takes. jsonb refuses two things that are valid JSON and that a chain can hold in any string: U+0000
 * and halves of surrogate pairs. Both become U+FFFD, as a decoder does with bytes that are no text.
 */
export function jsonbText(value: JsonText): JsonText {
  return value.includes('\\u') ? value.replace(JSON_ESCAPE, (e) => (REFUSED_BY_JSONB.test(e) ? '\ufffd' : e)) : value
}

export function json(value: JsonText): string {
  return text(jsonbText(value))
}

export function jsonOrNull(value: JsonText | null): string {
  return value === null ? NULL : json(value)
}

export function bytes(value: Hex): string {
  return `\\\\x${value.slice(2)}`
}

export function bytesOrNull(value: Hex | null): string {
  return value === null ? NULL : bytes(value)
}

export function rawBytes(value: Uint8Array): string {
  return `\\\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`
}

export function numberOrNull(value: number | bigint | null): string {
  return value === null ? NULL : String(value)
}

export function bool(value: boolean): string {
  return value ? 't' : 'f'
}

export function boolOrNull(value: boolean | null): string {
  return value === null ? NULL : bool(value)
}

export function intArray(values: readonly number[]): string {
  return `{${values.join(',')}}`
}

let lastMs = Number.NaN
let lastText = ''

/** Unix milliseconds as a timestamp. The rows of a block follow each other and share theirs, so the last one is kept. */
export function timestamp(ms: number): string {
  if (ms !== lastMs) {
    lastText = new Date(ms).toISOString()
    lastMs = ms
  }
  return lastText
}

/** One line of COPY input. */
export function line(...fields: (string | number | bigint)[]): string {
  return `${fields.join('\t')}\n`
}

/** Bytes as Postgres reads them from a parameter. */
export function bytesParameter(value: Hex): string {
  return `\\x${value.slice(2)}`
}
