/**
 * Validator information, as the delegates registry of 2023 takes it: a JSON text that names one hotkey, and that hotkey's signature over this very text.
 * It says nothing about time or chain: whoever has text and signature can show them again.
 */
import { isSs58, decodeSs58 } from '../units/ss58.js'
import { fromHex } from '../units/bytes.js'
import { verify, type KeyPair } from './keys.js'

export interface ValidatorInfo {
  readonly name: string
  readonly url: string
  readonly description: string
}

export interface SignedValidatorInfo {
  /** What was signed: to be handed on byte for byte. */
  readonly text: string
  /** Hex of 64 bytes, without `0x`. */
  readonly signature: string
}

/** Signs with the validator's hotkey. */
export function signValidatorInfo(info: ValidatorInfo, hotkey: KeyPair): SignedValidatorInfo {
  const text = validatorInfoText(hotkey.address, info)
  return { text, signature: Buffer.from(hotkey.sign(Buffer.from(text))).toString('hex') }
}

/**
 * The text for a hotkey, character by character as Python's `json.dumps` writes it: a blank behind colons and commas, and everything outside printable
 * ASCII escaped. A registry's record is checked by making its text again.
 */
export function validatorInfoText(hotkey: string, { name, url, description }: ValidatorInfo): string {
  const fields = Object.entries({ name, url, description }).map(([key, value]) => `"${key}": ${asciiJson(value)}`)
  return `{${asciiJson(hotkey)}: {${fields.join(', ')}}}`
}

/** The hotkey that signed the text, or null when it did not. The text is taken as it came: written anew it would be another. Wait for `prepareKeys` before. */
export function verifyValidatorInfo({ text, signature }: SignedValidatorInfo): { hotkey: string; info: ValidatorInfo } | null {
  const named = parse(text)
  if (named === null || !/^(?:0x)?[0-9a-f]{128}$/i.test(signature)) return null
  return verify(Buffer.from(text), fromHex(signature), decodeSs58(named.hotkey)) ? named : null
}

function parse(text: string): { hotkey: string; info: ValidatorInfo } | null {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return null
  const [entry, ...others] = Object.entries(json) as [string, unknown][]
  if (entry === undefined || others.length > 0 || !isSs58(entry[0])) return null
  const { name, url, description } = (entry[1] ?? {}) as Partial<Record<keyof ValidatorInfo, unknown>>
  if (typeof name !== 'string' || typeof url !== 'string' || typeof description !== 'string') return null
  return { hotkey: entry[0], info: { name, url, description } }
}

function asciiJson(text: string): string {
  return JSON.stringify(text).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
