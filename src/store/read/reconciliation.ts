import { networkStats } from './entities/chain.js'
import { columnSql, type Row } from './entity.js'
import { decodeRow } from './page.js'
import type { ReadSession } from './session.js'

/** Epochs by what recomputing them came to; `unknown` are those that nobody has recomputed. */
export interface AuditTotals {
  exact: number
  differs: number
  notAuditable: number
  unknown: number
}

const TOTAL_COLUMNS = [
  'blockHeight',
  'balancesIssuance',
  'totalIssuance',
  'totalStake',
  'stakeSum',
  'hotkeyStakeSum',
  'balanceSum',
  'emissionDue',
  'emissionGiven',
] as const

/** The chain's totals of a block with the index's own sums beside them. */
export type Reconciliation = Pick<Row<typeof networkStats>, (typeof TOTAL_COLUMNS)[number]>

/** The newest there are; null where no block with totals has ended a batch yet. */
export async function readReconciliation(session: ReadSession): Promise<Reconciliation | null> {
  const list = TOTAL_COLUMNS.map((name) => columnSql(networkStats, 't', name)).join(', ')
  const [row] = await session.query({
    text: `SELECT ${list} FROM network_stats t WHERE t.balance_sum IS NOT NULL ORDER BY t.block_height DESC LIMIT 1`,
    values: [],
  })
  return row === undefined ? null : decodeRow(networkStats, TOTAL_COLUMNS, row)
}

/** How all epochs came out. */
export async function readAuditTotals(session: ReadSession): Promise<AuditTotals> {
  const rows = await session.query({ text: 'SELECT audit_status, count(*) FROM epochs GROUP BY audit_status', values: [] })
  const counts = new Map(rows.map(([status, count]) => [status ?? null, Number(count)]))
  const of = (status: string | null): number => counts.get(status) ?? 0
  return { exact: of('EXACT'), differs: of('DIFFERS'), notAuditable: of('NOT_AUDITABLE'), unknown: of(null) }
}
