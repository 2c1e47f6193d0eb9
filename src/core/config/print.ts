import { MASK, maskUrl } from '../mask.js'
import { listSettings, type Setting } from './list.js'
import type { Config } from './types.js'
import type { Network } from './networks.js'

/** The configuration in the form of a config file, with secrets masked: what `--print-config` shows. */
export function printConfig(config: Config): string {
  const shown: Record<string, Record<string, unknown>> = {}
  for (const setting of listSettings()) {
    const section = (shown[setting.section] ??= {})
    const value = (config[setting.section] as Record<string, unknown>)[setting.key]
    section[setting.key] = value === undefined ? null : showValue(setting, value)
  }
  return JSON.stringify(shown, null, 2)
}

/** A value as it may be shown to a person. */
export function showValue(setting: Pick<Setting, 'secret' | 'path'>, value: unknown): unknown {
  if (setting.path === 'chain.network' && typeof value === 'object' && value !== null) return showNetwork(value as Network)
  if (setting.secret === 'whole') return MASK
  if (setting.secret === 'url' && typeof value === 'string') return value.split(',').map(maskUrl).join(',')
  return Array.isArray(value) ? value.map(showEntry) : value
}

/** An entry of a list as it is written in a list. */
function showEntry(entry: unknown): unknown {
  if (typeof entry !== 'object' || entry === null) return entry
  const { netuid, value } = entry as { netuid: number; value: string }
  return `${netuid}=${value}`
}

function showNetwork(network: Network): string {
  return network.name === 'custom' ? network.endpoints.map(maskUrl).join(',') : network.name
}
