import { NO_LIMITS, type Caller } from '../../core/api-keys.js'
import { AppError } from '../../core/errors.js'
import { networkOf, refuse, TOO_MANY } from '../../core/http/access.js'
import type { Limits } from '../../core/limits.js'
import type { CallerStanding, PromptReads } from '../../core/prompting.js'
import { formatTao } from '../../core/units/rao.js'
import type { Clock } from '../targets/clock.js'
import { createStandings } from './standings.js'

export interface HotkeyCallerSettings {
  /** Who is let in: neurons of any subnet, or whoever has a hotkey. */
  callers: 'registered' | 'any'
  /** rao, that such a caller has to have. */
  minStake: bigint
  /** Of one hotkey; also of one address, where hotkeys that cost nothing are let in. */
  requestsPerMinute: number
}

/** Callers who are known by their hotkey's signature, as those of the gRPC service are. */
export interface HotkeyCallers {
  /**
   * The caller `hotkey:<ss58>`, one request of whom is counted. `hotkey`: ss58, format 42, whose signature was checked. FORBIDDEN when it is not registered or has too little
   * stake, RATE_LIMITED with `retryAfterSeconds` in its detail after too many requests; whatever the index throws when it cannot be read.
   */
  admit(hotkey: string, remoteAddress: string): Promise<Caller>
}

export interface HotkeyCallersOptions {
  limits: Pick<Limits, 'take'>
  standing: PromptReads['standing']
  settings: HotkeyCallerSettings
  clock: Clock
}

export function createHotkeyCallers({ limits, standing, settings, clock }: HotkeyCallersOptions): HotkeyCallers {
  const { callers, minStake, requestsPerMinute } = settings
  const standings = createStandings({ read: standing, clock })
  const isFree = callers === 'any' && minStake <= 0n

  async function count(name: string): Promise<void> {
    refuse(await limits.take(`requests ${name}`, requestsPerMinute), TOO_MANY)
  }

  return {
    async admit(hotkey, remoteAddress) {
      const customer = `hotkey:${hotkey}`
      if (isFree) await count(`hotkeys of ${networkOf(remoteAddress)}`)
      else {
        let known = standings.known(hotkey)
        if (known === null) {
          // A new hotkey is made in no time: one address does not make the index work without end.
          await count(`new hotkeys of ${networkOf(remoteAddress)}`)
          known = await standings.of(hotkey)
        }
        check(hotkey, known)
      }
      await count(customer)
      return { customer, limits: NO_LIMITS, hotkey }
    },
  }

  function check(hotkey: string, { isRegistered, stake }: CallerStanding): void {
    if (callers === 'registered' && !isRegistered)
      throw new AppError('FORBIDDEN', `the hotkey ${hotkey} is not registered on any subnet`, { reason: 'not_registered' })
    if (stake < minStake)
      throw new AppError('FORBIDDEN', `the hotkey ${hotkey} has too little stake; wanted at least ${formatTao(minStake)} TAO`, {
        ...{ reason: 'too_little_stake', wantedRao: String(minStake), stakeRao: String(stake) },
      })
  }
}
