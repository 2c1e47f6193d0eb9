import { expect, test } from 'vitest'
import type { AuditRecord } from '../core/records.js'
import { count, emptyTally, epochJson, epochLine, sameAudit, summaryJson, summaryLine } from './audit-report.js'

const EXACT: AuditRecord = {
  status: 'EXACT',
  reason: null,
  generation: '2024-03',
  inputsHash: '0xab',
  differenceCount: 0,
  differences: null,
}

function differing(differenceCount: number, kept = differenceCount): AuditRecord {
  const differences = Array.from({ length: kept }, (_, uid) => ({
    uid,
    field: 'incentive',
    chain: String(uid * 10),
    computed: String(uid),
  }))
  return { ...EXACT, status: 'DIFFERS', differenceCount, differences: JSON.stringify(differences) }
}

function missing(reason: string): AuditRecord {
  return { ...EXACT, status: 'NOT_AUDITABLE', reason, generation: null, inputsHash: null }
}

const at = (audit: AuditRecord) => ({ netuid: 3, blockHeight: 700, audit })

test('an exact epoch has no line, one that cannot be audited its reason', () => {
  expect(epochLine(at(EXACT))).toBeNull()
  expect(epochLine(at(missing('NO_INPUTS')))).toBe('subnet 3, block 700: NOT_AUDITABLE, NO_INPUTS')
})

test('a differing epoch is one line that says whose value, which, and both', () => {
  expect(epochLine(at(differing(2)))).toBe(
    'subnet 3, block 700: DIFFERS, uid 0 incentive: chain 0, computed 0; uid 1 incentive: chain 10, computed 1',
  )
})

test('of many differences twenty are shown and the rest counted, those that were never kept too', () => {
  const line = epochLine(at(differing(140, 100))) ?? ''
  expect(line.match(/uid \d+ /g)).toHaveLength(20)
  expect(line).toMatch(/; uid 19 incentive: chain 190, computed 19; and 120 more$/)
  expect(epochLine(at(differing(20)))).not.toContain('more')
  expect(epochLine(at(differing(21)))).toMatch(/; and 1 more$/)
})

test('a value as long as a row of bonds is cut short', () => {
  const row = Array.from({ length: 200 }, (_, uid) => `${uid}:65535`).join(' ')
  const audit = { ...differing(1), differences: JSON.stringify([{ uid: 5, field: 'bonds', chain: row, computed: '0:1' }]) }
  const line = epochLine(at(audit)) ?? ''
  expect(line.length).toBeLessThan(200)
  expect(line).toContain(`... (${row.length} letters), computed 0:1`)
})

test('with --json every epoch is an object on a line of its own', () => {
  expect(JSON.parse(epochJson(at(EXACT)))).toEqual({
    netuid: 3,
    blockHeight: 700,
    status: 'EXACT',
    reason: null,
    generation: '2024-03',
    inputsHash: '0xab',
    differenceCount: 0,
    differences: [],
  })
  expect(JSON.parse(epochJson(at(differing(1))))).toMatchObject({
    differences: [{ uid: 0, field: 'incentive', chain: '0', computed: '0' }],
  })
})

test('the summary counts by status and by reason', () => {
  const tally = emptyTally()
  for (const audit of [EXACT, EXACT, differing(4), missing('NO_INPUTS'), missing('INPUTS_CORRUPT'), missing('NO_INPUTS')])
    count(tally, audit)
  expect(summaryLine(tally, false)).toBe('6 epochs: 2 exact, 1 differs, 3 not auditable (INPUTS_CORRUPT 1, NO_INPUTS 2)')
  expect(summaryLine(tally, true)).toMatch(/; stopped before the end$/)
  expect(JSON.parse(summaryJson(tally, false))).toEqual({
    summary: {
      epochs: 6,
      exact: 2,
      differs: 1,
      notAuditable: 3,
      reasons: { NO_INPUTS: 2, INPUTS_CORRUPT: 1 },
      changed: 0,
      stopped: false,
    },
  })
  const one = emptyTally()
  count(one, EXACT)
  expect(summaryLine(one, false)).toBe('1 epoch: 1 exact, 0 differ, 0 not auditable')
})

test('audits are the same whatever the database did to the order of keys', () => {
  const stored = { ...differing(1), differences: '[{"uid": 0, "chain": "0", "field": "incentive", "computed": "0"}]' }
  expect(sameAudit(stored, differing(1))).toBe(true)
  expect(sameAudit(differing(2), differing(1))).toBe(false)
  expect(sameAudit({ ...EXACT, generation: '2023-03' }, EXACT)).toBe(false)
  expect(sameAudit({ ...EXACT, inputsHash: null }, EXACT)).toBe(false)
  expect(sameAudit(missing('NO_INPUTS'), missing('NO_OUTPUTS'))).toBe(false)
})
