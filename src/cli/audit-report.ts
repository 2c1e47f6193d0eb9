/** What `taogate audit` says: a line for each epoch that is worth one, and what it came to in all. */
import type { AuditRecord } from '../core/records.js'

export interface AuditedEpoch {
  netuid: number
  blockHeight: number
  audit: AuditRecord
}

export interface AuditTally {
  epochs: number
  exact: number
  differs: number
  notAuditable: number
  /** How many epochs could not be audited for which reason. */
  reasons: Record<string, number>
  /** Results that were not the stored ones, and are now. */
  changed: number
}

interface Difference {
  uid: number
  field: string
  chain: string
  computed: string
}

/** More differences of one epoch are counted, not shown. */
const SHOWN = 20
/** A row of bonds can be thousands of letters. */
const VALUE_LENGTH = 60

export function emptyTally(): AuditTally {
  return { epochs: 0, exact: 0, differs: 0, notAuditable: 0, reasons: {}, changed: 0 }
}

export function count(tally: AuditTally, { status, reason }: AuditRecord): void {
  tally.epochs++
  if (status === 'EXACT') tally.exact++
  else if (status === 'DIFFERS') tally.differs++
  else {
    tally.notAuditable++
    const name = reason ?? 'UNKNOWN'
    tally.reasons[name] = (tally.reasons[name] ?? 0) + 1
  }
}

/** One line about an epoch that is not EXACT; null for one that is. */
export function epochLine({ netuid, blockHeight, audit }: AuditedEpoch): string | null {
  const name = `subnet ${netuid}, block ${blockHeight}`
  if (audit.status === 'EXACT') return null
  if (audit.status === 'NOT_AUDITABLE') return `${name}: NOT_AUDITABLE, ${audit.reason ?? 'UNKNOWN'}`
  const shown = differencesOf(audit).slice(0, SHOWN)
  const more = audit.differenceCount - shown.length
  const texts = shown.map(
    ({ uid, field, chain, computed }) => `uid ${uid} ${field}: chain ${shortened(chain)}, computed ${shortened(computed)}`,
  )
  if (more > 0) texts.push(`and ${more} more`)
  return `${name}: DIFFERS, ${texts.join('; ')}`
}

/** `--json`: any epoch as one line. */
export function epochJson({ netuid, blockHeight, audit }: AuditedEpoch): string {
  return JSON.stringify({ netuid, blockHeight, ...audit, differences: differencesOf(audit) })
}

export function summaryLine(tally: AuditTally, stopped: boolean): string {
  const reasons = Object.entries(tally.reasons)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([reason, epochs]) => `${reason} ${epochs}`)
  const why = reasons.length === 0 ? '' : ` (${reasons.join(', ')})`
  const verb = tally.differs === 1 ? 'differs' : 'differ'
  const text = `${tally.epochs} ${tally.epochs === 1 ? 'epoch' : 'epochs'}: ${tally.exact} exact, ${tally.differs} ${verb}, ${tally.notAuditable} not auditable${why}`
  return stopped ? `${text}; stopped before the end` : text
}

/** The last line of `--json`. */
export function summaryJson(tally: AuditTally, stopped: boolean): string {
  return JSON.stringify({ summary: { ...tally, stopped } })
}

export function sameAudit(a: AuditRecord, b: AuditRecord): boolean {
  return (
    a.status === b.status &&
    a.reason === b.reason &&
    a.generation === b.generation &&
    a.inputsHash === b.inputsHash &&
    a.differenceCount === b.differenceCount &&
    // The database gives JSON back with spaces and keys of its own order.
    differenceKey(a) === differenceKey(b)
  )
}

function differenceKey(audit: AuditRecord): string {
  return JSON.stringify(differencesOf(audit).map(({ uid, field, chain, computed }) => [uid, field, chain, computed]))
}

function differencesOf({ differences }: AuditRecord): Difference[] {
  return differences === null ? [] : (JSON.parse(differences) as Difference[])
}

function shortened(value: string): string {
  return value.length <= VALUE_LENGTH ? value : `${value.slice(0, VALUE_LENGTH)}... (${value.length} letters)`
}
