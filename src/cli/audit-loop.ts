/** Goes through stored epochs page by page, recomputes each, and writes back what came out differently than before. */
import type { AuditRecord } from '../core/records.js'
import { count, emptyTally, sameAudit, type AuditedEpoch, type AuditTally } from './audit-report.js'

/** An epoch as far as the loop looks into it. */
export interface AuditableEpoch {
  readonly netuid: number
  readonly blockHeight: number
  /** What was found before; null where nobody has audited it. */
  readonly stored: AuditRecord | null
}

export interface AuditLoop<E extends AuditableEpoch> {
  /** The epochs that follow one, or the first ones; empty at the end. */
  page(after: E | null): Promise<readonly E[]>
  recompute(epoch: E): AuditRecord
  save(changed: readonly AuditedEpoch[]): Promise<void>
  onEpoch(epoch: AuditedEpoch, tally: AuditTally): void
  /** Ends the loop after the epoch at hand; what is done is kept. */
  signal: AbortSignal
}

/** Recomputing holds the event loop: between two breaths signals wait. */
const BREATH_MS = 50

/** Runs to the end, or until the signal. Two pages are in memory at a time: one is worked on while the next is read. */
export async function auditEpochs<E extends AuditableEpoch>(loop: AuditLoop<E>): Promise<AuditTally> {
  const { signal } = loop
  const tally = emptyTally()
  let breathedAt = Date.now()
  let page = await loop.page(null)
  while (page.length > 0 && !signal.aborted) {
    const next = loop.page(page.at(-1) ?? null)
    // Its failure is told where it is awaited, and must not count as unhandled until then.
    next.catch(() => undefined)
    const changed: AuditedEpoch[] = []
    for (const epoch of page) {
      if (signal.aborted) break
      const audit = judge(loop, epoch)
      const audited = { netuid: epoch.netuid, blockHeight: epoch.blockHeight, audit }
      count(tally, audit)
      if (epoch.stored === null || !sameAudit(epoch.stored, audit)) changed.push(audited)
      loop.onEpoch(audited, tally)
      if (Date.now() - breathedAt < BREATH_MS) continue
      await new Promise((resolve) => setImmediate(resolve))
      breathedAt = Date.now()
    }
    if (changed.length > 0) await loop.save(changed)
    tally.changed += changed.length
    page = await next
  }
  return tally
}

/** Inputs that the indexer found impossible were never stored: that they are missing now is no news. */
function judge<E extends AuditableEpoch>(loop: AuditLoop<E>, epoch: E): AuditRecord {
  const audit = loop.recompute(epoch)
  const { stored } = epoch
  return audit.reason === 'NO_INPUTS' && stored?.reason === 'INPUTS_IMPOSSIBLE' && stored.inputsHash === null ? stored : audit
}
