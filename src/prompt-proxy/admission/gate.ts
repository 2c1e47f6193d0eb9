import { AppError } from '../../core/errors.js'
import type { Clock } from '../targets/clock.js'
import { createPriorityQueue, headStartMs, type Standing } from './queue.js'
import type { AdmissionSettings } from './settings.js'

export interface WaitOptions {
  /** rao, of the caller. */
  stake: bigint
  /** By the clock: when it came. */
  since: number
  /** How long it waits from now. */
  waitMs: number
  signal: AbortSignal
}

/** A number of places, and a queue in front of them. */
export interface Gate {
  /** Takes a place where one is free. Nobody waits while one is. */
  tryEnter(): boolean
  /**
   * Takes a place as soon as it is this one's turn. OVERLOADED with `{reason, retryAfterSeconds}` in its detail: `queue_full` where there is no room to wait, or someone
   * with more stake took it; `waited_too_long`. ABORTED when the signal says so.
   */
  enter(options: WaitOptions): Promise<void>
  /** Gives a place back: whoever is next has it. */
  leave(): void
  waiting(): number
  inFlight(): number
}

export interface GateOptions {
  settings: Pick<AdmissionSettings, 'maxInFlight' | 'queue' | 'maxWaitMs'>
  clock: Clock
  /** In [0, 1): spreads those that were refused, so that they do not all come back at once. */
  random: () => number
}

interface Waiter extends Standing {
  letIn(): void
  refuse(error: AppError): void
}

const MAX_RETRY_SECONDS = 60
/** Weight of the latest gap between two places that became free. */
const LATEST = 0.1

/**
 * Who waits longest and has the most stake is next: priority is `waited + maxWaitMs / 2 * min(1, log10(1 + TAO) / 6)`, in milliseconds. Of two that came together the one
 * with more stake is first. Whoever has waited for half of `maxWaitMs` is overtaken by no one who comes from then on, and pushed out by no one, however much stake comes.
 */
export function createGate({ settings, clock, random }: GateOptions): Gate {
  const { maxInFlight, queue: room, maxWaitMs } = settings
  const queue = createPriorityQueue<Waiter>()
  let inFlight = 0
  let turns = 0
  /** Milliseconds between places that became free while somebody waited; null before there were two. */
  let gapMs: number | null = null
  let freedAt: number | null = null

  function enter({ stake, since, waitMs, signal }: WaitOptions): Promise<void> {
    if (signal.aborted) return Promise.reject(hungUp())
    if (tryEnter()) return Promise.resolve()
    if (waitMs <= 0) return Promise.reject(overloaded('waited_too_long'))
    const standing = { key: since - headStartMs(stake, maxWaitMs / 2), turn: ++turns }
    if (queue.size() >= room) {
      if (room === 0 || !queue.isBeforeLast(standing)) return Promise.reject(overloaded('queue_full'))
      queue.last()?.refuse(overloaded('queue_full'))
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        ...standing,
        letIn() {
          settled()
          resolve()
        },
        refuse(error) {
          settled()
          reject(error)
        },
      }
      const leaveQueue = (error: AppError): void => {
        queue.remove(waiter)
        waiter.refuse(error)
      }
      const onAbort = (): void => leaveQueue(hungUp())
      const stopTimer = clock.after(waitMs, () => leaveQueue(overloaded('waited_too_long')))
      signal.addEventListener('abort', onAbort, { once: true })
      queue.add(waiter)

      function settled(): void {
        stopTimer()
        signal.removeEventListener('abort', onAbort)
      }
    })
  }

  function tryEnter(): boolean {
    if (inFlight >= maxInFlight) return false
    inFlight++
    return true
  }

  function leave(): void {
    const next = queue.next()
    if (next === undefined) {
      inFlight--
      freedAt = null
      return
    }
    const now = clock.now()
    if (freedAt !== null) gapMs = gapMs === null ? now - freedAt : gapMs + LATEST * (now - freedAt - gapMs)
    freedAt = now
    next.letIn()
  }

  function overloaded(reason: 'queue_full' | 'waited_too_long'): AppError {
    // When those that wait now will have had their turn.
    const drainedMs = (gapMs ?? 0) * (queue.size() + 1) * (1 + random() / 2)
    const retryAfterSeconds = Math.min(Math.max(Math.ceil(drainedMs / 1000), 1), MAX_RETRY_SECONDS)
    const what = reason === 'queue_full' ? 'too many prompts wait for their turn' : 'the prompt waited too long for its turn'
    return new AppError('OVERLOADED', `${what}; try again in ${retryAfterSeconds} s`, { reason, retryAfterSeconds })
  }

  return {
    tryEnter,
    enter,
    leave,
    waiting: () => queue.size(),
    inFlight: () => inFlight,
  }
}

function hungUp(): AppError {
  return new AppError('ABORTED', 'the caller went away')
}
