/**
 * Python's text of values, which is what axons hash: `str()`, `repr()` and `json.dumps` of CPython, and the body hash made of them. Checked against
 * CPython 3.11; a later one may print a character that came into Unicode after version 14 as it is.
 */
import { hash } from 'node:crypto'
import { unprintableClass } from './python-unprintable.js'

/** A Python float. A plain `number` is an int when it is whole and a float when not; 12.0 and -0.0 need this. */
export class PyFloat {
  constructor(readonly value: number) {}
}

export type PyValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | PyFloat
  | readonly PyValue[]
  | ReadonlyMap<string, PyValue>
  | { readonly [key: string]: PyValue }

/** `str(value)`: a string as it is, everything else as `repr`. */
export function pythonStr(value: PyValue): string {
  return typeof value === 'string' ? value : pythonRepr(value)
}

/** `repr(value)`, such as `['it\'s', 12.0, None, {'k': True}]`. */
export function pythonRepr(value: PyValue): string {
  if (typeof value === 'string') return reprText(value)
  return scalarText(value, 'None', 'True', 'False') ?? containerText(value as Container, pythonRepr)
}

/** `json.dumps(value)`: `", "` and `": "` between, everything outside ASCII as `\uNNNN`. */
export function pythonJson(value: PyValue): string {
  if (typeof value === 'string') return jsonText(value)
  return scalarText(value, 'null', 'true', 'false', JSON_NOT_FINITE) ?? containerText(value as Container, pythonJson)
}

/** `repr` of a float: the shortest digits that read back as the same number, with an exponent below 1e-4 and from 1e16 on. */
export function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const [mantissa = '', power = '0'] = Math.abs(value).toExponential().split('e')
  const digits = mantissa.replace('.', '')
  const exponent = Number(power)
  return (value < 0 ? '-' : '') + (exponent < -4 || exponent >= 16 ? scientific(digits, exponent) : positional(digits, exponent))
}

/** Lower-case hex of sha3-256 over the UTF-8 of a text. */
export function sha3Hex(text: string): string {
  return hash('sha3-256', text, 'hex')
}

/** The body hash of a synapse: sha3-256 over the digests of its hashed fields, one after the other in hex. The order of the fields matters. */
export function bodyHash(values: readonly PyValue[]): string {
  return sha3Hex(values.map((value) => sha3Hex(pythonStr(value))).join(''))
}

type Container = readonly PyValue[] | ReadonlyMap<string, PyValue> | { readonly [key: string]: PyValue }

const JSON_NOT_FINITE: Readonly<Record<string, string>> = { nan: 'NaN', inf: 'Infinity', '-inf': '-Infinity' }
/** Written shorter than the general class, and the case of nearly all English text. */
const PLAIN_ASCII = /^[ -[\]-~]*$/
const ESCAPED = new RegExp(`[\\\\${unprintableClass()}]`, 'gu')
const NOT_JSON_ASCII = /[\u007f-\uffff]/g
const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function reprText(text: string): string {
  const escaped = PLAIN_ASCII.test(text) ? text : text.replace(ESCAPED, escapeRepr)
  if (!text.includes("'")) return `'${escaped}'`
  return text.includes('"') ? `'${escaped.replaceAll("'", "\\'")}'` : `"${escaped}"`
}

function escapeRepr(character: string): string {
  const short = SHORT_ESCAPES[character]
  if (short !== undefined) return short
  const code = character.codePointAt(0) as number
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`
}

/** The engine's own routine escapes quotes, controls and lone surrogates just as Python does. */
function jsonText(text: string): string {
  return JSON.stringify(text).replace(NOT_JSON_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function scalarText(value: PyValue, none: string, yes: string, no: string, floats?: Readonly<Record<string, string>>): string | null {
  if (value === null) return none
  if (typeof value === 'boolean') return value ? yes : no
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number' && Number.isInteger(value))
    return Number.isSafeInteger(value) ? String(value + 0) : BigInt(value).toString()
  if (typeof value !== 'number' && !(value instanceof PyFloat)) return null
  const text = pythonFloat(typeof value === 'number' ? value : value.value)
  return floats?.[text] ?? text
}

function containerText(value: Container, inner: (value: PyValue) => string): string {
  if (Array.isArray(value)) return `[${(value as readonly PyValue[]).map(inner).join(', ')}]`
  const entries = value instanceof Map ? [...(value as ReadonlyMap<string, PyValue>)] : Object.entries(value as Record<string, PyValue>)
  return `{${entries.map(([key, item]) => `${inner(key)}: ${inner(item)}`).join(', ')}}`
}

/** Exponents have two digits at least. */
function scientific(digits: string, exponent: number): string {
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : ''
  return `${digits.charAt(0)}${fraction}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

function positional(digits: string, exponent: number): string {
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  return `${whole}.${digits.slice(exponent + 1) || '0'}`
}
