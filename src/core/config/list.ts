import type { z } from 'zod'
import { configSchema, type SectionName } from './schema.js'
import { settingInfo, type SettingInfo } from './settings.js'

export interface Setting extends SettingInfo {
  section: SectionName
  key: string
  /** `api.port`: its place in the config file. */
  path: string
  default: string | number | undefined
}

/** All settings in the order of the schema. */
export function listSettings(): Setting[] {
  return sectionNames().flatMap((section) =>
    Object.entries<z.ZodType>(configSchema.shape[section].shape).map(([key, schema]) => {
      const info = settingInfo.get(schema)
      if (info === undefined) throw new Error(`setting ${section}.${key} has no description`)
      return { ...info, section, key, path: `${section}.${key}`, default: defaultOf(schema) }
    }),
  )
}

export function sectionNames(): SectionName[] {
  return Object.keys(configSchema.shape) as SectionName[]
}

function defaultOf(schema: z.ZodType): string | number | undefined {
  const { def } = schema as unknown as { def: { type: string; defaultValue?: string | number } }
  return def.type === 'default' || def.type === 'prefault' ? def.defaultValue : undefined
}
