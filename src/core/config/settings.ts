/** The pieces the schema is made of: value types that read text as well as JSON, and what each setting is called. */
import { z } from 'zod'

export interface SettingInfo {
  /** Environment variable. */
  env: string
  /** Flag without the dashes. */
  flag: string
  /** One sentence: what it is for. */
  about: string
  /** Completes "wanted ..." in an error. */
  wanted: string
  /** Text for a default that depends on other settings. */
  defaultText?: string
  /** How `--print-config` and errors show the value. */
  secret?: 'url' | 'whole'
  example?: string
  /** On the command line the flag alone means yes. */
  isSwitch?: boolean
}

/** Names and descriptions of all settings, kept beside the schema objects they belong to. */
export const settingInfo = z.registry<SettingInfo>()

/** Whole numbers within bounds. Text of digits is read as a number; anything else is left to fail. */
export function integer(min: number, max: number) {
  return z.preprocess(
    (value) => (typeof value === 'string' && /^\s*-?\d+\s*$/.test(value) ? Number(value) : value),
    z.int().min(min).max(max),
  )
}

/** `integer`, with the sentence that errors and the reference print for the same bounds. */
export function integerWanted(min: number, max: number): string {
  return `a whole number from ${min} to ${max}`
}

/** Text that a URL with one of the given protocols. */
export function urlOf(...protocols: string[]) {
  return z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol.replace(/:$/, '')))
}

/** Yes or no, as text of the usual words. */
export function flag() {
  return z.preprocess((value) => (typeof value === 'string' ? (BOOLEANS[value.trim().toLowerCase()] ?? value) : value), z.boolean())
}

const BOOLEANS: Record<string, boolean | undefined> = { true: true, false: false, 1: true, 0: false, yes: true, no: false }

/** A value of a setting with what it is called. */
export function setting<T extends z.ZodType>(schema: T, info: SettingInfo): T {
  settingInfo.add(schema, info)
  return schema
}

/** A whole number with bounds and a default. */
export function count(fallback: number, min: number, max: number, info: Omit<SettingInfo, 'wanted'>) {
  return setting(integer(min, max).default(fallback), { ...info, wanted: integerWanted(min, max) })
}

/** Values separated by commas, or a JSON array of them; each is read by `one`, which gives undefined for what is none. */
export function listOf<T>(one: (text: string) => T | undefined) {
  return z.union([z.string(), z.array(z.union([z.string(), z.number()]))]).transform((given, context): T[] => {
    const texts = typeof given === 'string' ? given.split(',') : given.map(String)
    const values = texts.map((text) => text.trim()).filter((text) => text !== '')
    const read = values.map(one)
    if (read.every((value) => value !== undefined)) return read
    context.addIssue({ code: 'custom', message: 'not such a list' })
    return z.NEVER
  })
}
