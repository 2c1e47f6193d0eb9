import { formatIp } from '../../core/units/ip.js'
import type { DendriteProtocol } from '../dendrite/types.js'
import type { PromptNeuron } from '../../core/prompting.js'
import type { TargetSettings } from './settings.js'

/** A neuron with where it is and whether it may be asked. */
export interface Judged {
  row: PromptNeuron
  /** Text of its IP; null when the chain has none that can be written. */
  ip: string | null
  /** null: none that is known. */
  protocol: DendriteProtocol | null
  /** Why it may not be asked; null when it may. */
  refusal: string | null
  /** Whether it is asked without being named. */
  isOrdinary: boolean
}

export interface EligibilityOptions {
  settings: TargetSettings
  isDialable: (ip: string, options: { allowPrivate: boolean }) => boolean
  protocolOf: (netuid: number, version: number) => DendriteProtocol | null
}

/**
 * Whether a neuron may be asked, and why not. First what would be wrong for everybody (subnet, own hotkey, address, protocol), which nothing lifts; then what
 * the operator wants of targets (permit, stake), which does not hold for pinned hotkeys.
 */
export function judge(row: PromptNeuron, { settings, isDialable, protocolOf }: EligibilityOptions): Judged {
  const ip = row.ip === 0n ? null : formatIp(row.ip, row.ipType)
  const protocol = protocolOf(row.netuid, row.version)
  const unfit = unfitFor(row, settings)
  const isPinned = settings.pinnedHotkeys.includes(row.hotkey)
  return { row, ip, protocol, refusal: wrongWith() ?? (isPinned ? null : unfit), isOrdinary: unfit === null }

  function wrongWith(): string | null {
    if (!settings.netuids.includes(row.netuid)) return `subnet ${row.netuid} is not offered`
    if (settings.ownHotkeys.includes(row.hotkey)) return 'it is our own hotkey'
    if (row.ip === 0n || row.port === 0) return 'it does not serve'
    if (ip === null) return 'its address is none'
    if (!isDialable(ip, { allowPrivate: settings.allowPrivate })) return 'its address may not be dialled'
    if (protocol === null) return `axons of version ${row.version} are not spoken to`
    return null
  }
}

function unfitFor(row: PromptNeuron, settings: TargetSettings): string | null {
  if (settings.requireValidatorPermit && !row.validatorPermit) return 'it has no validator permit'
  if (row.stake < settings.minStake) return `its stake is below ${settings.minStake} rao`
  return null
}
