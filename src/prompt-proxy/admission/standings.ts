import type { CallerStanding, PromptReads } from '../../core/prompting.js'
import type { Clock } from '../targets/clock.js'

/** What the index knows of hotkeys that call, kept for a minute. */
export interface Standings {
  /** What was read within the last minute; null when nothing was. */
  known(hotkey: string): CallerStanding | null
  /** The same, read where it is not known. Rejects as the index does; nothing is kept then. */
  of(hotkey: string): Promise<CallerStanding>
}

const KEPT_MS = 60_000
const MOST_KEPT = 10_000

interface Entry {
  standing: CallerStanding
  until: number
}

/** Asked for a hotkey by many at once, the index is read once. */
export function createStandings({ read, clock }: { read: PromptReads['standing']; clock: Clock }): Standings {
  const entries = new Map<string, Entry>()
  const readings = new Map<string, Promise<CallerStanding>>()

  function known(hotkey: string): CallerStanding | null {
    const entry = entries.get(hotkey)
    return entry !== undefined && clock.now() < entry.until ? entry.standing : null
  }

  async function readAndKeep(hotkey: string): Promise<CallerStanding> {
    const standing = await read(hotkey)
    // Those that were read first are at the front of the map.
    entries.delete(hotkey)
    if (entries.size >= MOST_KEPT) for (const oldest of entries.keys()) if (entries.delete(oldest)) break
    entries.set(hotkey, { standing, until: clock.now() + KEPT_MS })
    return standing
  }

  return {
    known,
    of(hotkey) {
      const standing = known(hotkey)
      if (standing !== null) return Promise.resolve(standing)
      const running = readings.get(hotkey)
      if (running !== undefined) return running
      const reading = readAndKeep(hotkey).finally(() => readings.delete(hotkey))
      readings.set(hotkey, reading)
      return reading
    },
  }
}
