import { expect, test } from 'vitest'
import type { AuditRecord } from '../core/records.js'
import { auditEpochs, type AuditableEpoch, type AuditLoop } from './audit-loop.js'
import type { AuditedEpoch } from './audit-report.js'

const EXACT: AuditRecord = {
  status: 'EXACT',
  reason: null,
  generation: '2024-03',
  inputsHash: '0xab',
  differenceCount: 0,
  differences: null,
}
const missing = (reason: string): AuditRecord => ({ ...EXACT, status: 'NOT_AUDITABLE', reason, inputsHash: null })

interface Epoch extends AuditableEpoch {
  now: AuditRecord
}

function epochs(many: number, fields: (block: number) => Partial<Epoch> = () => ({})): Epoch[] {
  return Array.from({ length: many }, (_, blockHeight) => ({ netuid: 1, blockHeight, stored: EXACT, now: EXACT, ...fields(blockHeight) }))
}

/** A loop over a list, with a record of what it did. */
function over(all: readonly Epoch[], pageSize: number, fields: Partial<AuditLoop<Epoch>> = {}) {
  const log = { saved: [] as AuditedEpoch[], seen: [] as number[], pagesRead: 0, recomputed: 0 }
  const loop: AuditLoop<Epoch> = {
    page(after) {
      log.pagesRead++
      const from = after === null ? 0 : all.indexOf(after) + 1
      return Promise.resolve(all.slice(from, from + pageSize))
    },
    recompute(epoch) {
      log.recomputed++
      return epoch.now
    },
    save(changed) {
      log.saved.push(...changed)
      return Promise.resolve()
    },
    onEpoch: ({ blockHeight }) => void log.seen.push(blockHeight),
    signal: new AbortController().signal,
    ...fields,
  }
  return { loop, log }
}

test.each([0, 1, 9, 10, 11, 35])('every one of %i epochs is audited once, in order', async (many) => {
  const { loop, log } = over(epochs(many), 10)
  const tally = await auditEpochs(loop)
  expect(log.seen).toEqual(Array.from({ length: many }, (_, i) => i))
  expect(tally).toMatchObject({ epochs: many, exact: many, changed: 0 })
})

test('only results that are new or other than the stored ones are written', async () => {
  const differing: AuditRecord = { ...EXACT, status: 'DIFFERS', differenceCount: 1, differences: '[{"uid":1}]' }
  const all = epochs(6, (block) =>
    block === 2 ? { stored: null } : block === 4 ? { now: differing } : block === 5 ? { now: differing, stored: differing } : {},
  )
  const { loop, log } = over(all, 4)
  expect(await auditEpochs(loop)).toMatchObject({ epochs: 6, exact: 4, differs: 2, changed: 2 })
  expect(log.saved).toEqual([
    { netuid: 1, blockHeight: 2, audit: EXACT },
    { netuid: 1, blockHeight: 4, audit: differing },
  ])
})

test('that the inputs were impossible is kept, because they were never stored; any other reason gives way to what is found now', async () => {
  const impossible = missing('INPUTS_IMPOSSIBLE')
  const before = [impossible, missing('UNKNOWN_GENERATION'), impossible, { ...impossible, inputsHash: '0xab' as const }]
  const all = epochs(4, (block) => ({ stored: before[block] ?? null, now: block === 2 ? EXACT : missing('NO_INPUTS') }))
  const { loop, log } = over(all, 10)
  expect((await auditEpochs(loop)).reasons).toEqual({ INPUTS_IMPOSSIBLE: 1, NO_INPUTS: 2 })
  expect(log.saved.map(({ blockHeight }) => blockHeight)).toEqual([1, 2, 3])
})

test('a stop ends it after the epoch at hand, and keeps what was found until then', async () => {
  const stop = new AbortController()
  const { loop, log } = over(
    epochs(1000, () => ({ stored: null })),
    10,
    { signal: stop.signal, onEpoch: ({ blockHeight }) => void (blockHeight === 25 && stop.abort()) },
  )
  expect(await auditEpochs(loop)).toMatchObject({ epochs: 26, changed: 26 })
  expect(log.recomputed).toBe(26)
  expect(log.saved).toHaveLength(26)
  expect(log.pagesRead).toBe(4)
})

test('a signal is heard while epochs are heavy', async () => {
  const stop = new AbortController()
  const until = (ms: number): void => {
    for (const end = Date.now() + ms; Date.now() < end;);
  }
  const { loop, log } = over(epochs(500), 500, {
    signal: stop.signal,
    recompute: () => {
      until(10)
      return EXACT
    },
  })
  setTimeout(() => stop.abort(), 100)
  await auditEpochs(loop)
  expect(log.seen.length).toBeGreaterThan(0)
  expect(log.seen.length).toBeLessThan(100)
})

test('a page that cannot be read fails the audit, after what is at hand was written', async () => {
  const all = epochs(20, () => ({ stored: null }))
  const { loop, log } = over(all, 10)
  const { page } = loop
  loop.page = (after) => (after === null ? page(after) : Promise.reject(new Error('gone')))
  await expect(auditEpochs(loop)).rejects.toThrow('gone')
  expect(log.saved).toHaveLength(10)
})
