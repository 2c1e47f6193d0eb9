import { Option, type Command } from 'commander'
import { listSettings, type Setting } from '../core/config/index.js'

/** How a command renames the flags of some settings. */
export type SettingNames = Readonly<Record<string, (flag: string) => string>>

/** The paths of all settings of a section. */
export function settingsOf(section: Setting['section']): string[] {
  return listSettings()
    .filter((setting) => setting.section === section)
    .map((setting) => setting.path)
}

/** Gives a command a flag per setting. Values stay text; the configuration checks them together with all others. */
export function addSettings(command: Command, paths: readonly string[], names: SettingNames = {}): void {
  for (const setting of chosen(paths)) {
    const fallback = setting.defaultText ?? setting.default
    const about = fallback === undefined ? setting.about : `${setting.about} (default: ${String(fallback)})`
    command.addOption(optionOf(setting, names, about.replaceAll('`', '')))
  }
}

/** The values that came on the command line, by setting path. */
export function readFlags(
  options: Readonly<Record<string, unknown>>,
  paths: readonly string[],
  names: SettingNames = {},
): Record<string, string> {
  const flags: Record<string, string> = {}
  for (const setting of chosen(paths)) {
    const value = options[optionOf(setting, names).attributeName()]
    if (typeof value === 'string') flags[setting.path] = value
    else if (value === true) flags[setting.path] = 'true'
  }
  return flags
}

function chosen(paths: readonly string[]): Setting[] {
  const wanted = new Set(paths)
  return listSettings().filter((setting) => wanted.has(setting.path))
}

function flagOf(setting: Setting, names: SettingNames): string {
  return names[setting.path]?.(setting.flag) ?? setting.flag
}

function optionOf(setting: Setting, names: SettingNames, about?: string): Option {
  return new Option(`--${flagOf(setting, names)} ${setting.isSwitch ? '[value]' : '<value>'}`, about)
}
