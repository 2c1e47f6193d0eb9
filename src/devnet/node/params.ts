/** Reads RPC parameters; what is wrong with one is said in the error. */
import type { Hex } from '../../core/records.js'
import { fromHex } from '../../core/units/bytes.js'
import { invalidParams } from './rpc-error.js'

export function hexParam(value: unknown, name: string): Hex {
  if (typeof value !== 'string' || !/^0x([0-9a-fA-F]{2})*$/.test(value)) throw invalidParams(`${name}: wanted 0x-hex`)
  return value.toLowerCase() as Hex
}

export function bytesParam(value: unknown, name: string): Uint8Array {
  return fromHex(hexParam(value, name))
}

export function hexListParam(value: unknown, name: string): Hex[] {
  if (!Array.isArray(value)) throw invalidParams(`${name}: wanted a list of 0x-hex`)
  return value.map((entry) => hexParam(entry, name))
}

export function numberParam(value: unknown, name: string): number {
  const number = typeof value === 'string' && /^(0x[0-9a-f]+|\d+)$/i.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw invalidParams(`${name}: wanted a number`)
  return number
}

export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}
