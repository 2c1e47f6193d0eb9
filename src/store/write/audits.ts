import type pg from 'pg'
import type { AuditRecord, EpochRecord } from '../../core/records.js'
import { bytesParameter, jsonbText } from './encode.js'

/** Where those who listen learn of epochs that were audited; they are told when the transaction is committed, and not at all when it is not. */
const CHANNEL = 'taogate_audit'

/**
 * Tells of epochs that this transaction writes: one `{netuid, blockHeight, status, differenceCount}` for each that differs, and one
 * `{from, to, exact, notAuditable}` for all the others, `from` and `to` being the first and last block among them. One statement.
 */
export async function notifyAudits(client: pg.ClientBase, epochs: readonly EpochRecord[]): Promise<void> {
  if (epochs.length === 0) return
  const payloads: object[] = []
  const others: EpochRecord[] = []
  for (const epoch of epochs) {
    const { netuid, blockHeight, audit } = epoch
    if (audit.status === 'DIFFERS') payloads.push({ netuid, blockHeight, status: audit.status, differenceCount: audit.differenceCount })
    else others.push(epoch)
  }
  if (others.length > 0) payloads.push(summary(others))
  await client.query('SELECT pg_notify($1, payload) FROM unnest($2::text[]) payload', [CHANNEL, payloads.map((one) => JSON.stringify(one))])
}

function summary(epochs: readonly EpochRecord[]): object {
  let [from, to, exact] = [Infinity, -Infinity, 0]
  for (const { blockHeight, audit } of epochs) {
    from = Math.min(from, blockHeight)
    to = Math.max(to, blockHeight)
    if (audit.status === 'EXACT') exact++
  }
  return { from, to, exact, notAuditable: epochs.length - exact }
}

/** Gives how many of the epochs are stored. */
export async function saveAudits(
  client: pg.ClientBase,
  rows: readonly { netuid: number; blockHeight: number; audit: AuditRecord }[],
): Promise<number> {
  if (rows.length === 0) return 0
  const audits = rows.map(({ audit }) => audit)
  const { rowCount } = await client.query(SAVE_AUDITS, [
    ...[rows.map((r) => r.netuid), rows.map((r) => r.blockHeight), audits.map((a) => a.inputsHash && bytesParameter(a.inputsHash))],
    ...[audits.map((a) => a.status), audits.map((a) => a.reason), audits.map((a) => a.generation), audits.map((a) => a.differenceCount)],
    audits.map((a) => a.differences && jsonbText(a.differences)),
  ])
  return rowCount ?? 0
}

const SAVE_AUDITS = `
  UPDATE epochs e SET inputs_hash = u.inputs_hash, audit_status = u.status, audit_reason = u.reason, audit_generation = u.generation,
    audit_difference_count = u.difference_count, audit_differences = u.differences
  FROM unnest($1::int[], $2::bigint[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::int[], $8::json[])
    u (netuid, block_height, inputs_hash, status, reason, generation, difference_count, differences)
  WHERE e.netuid = u.netuid AND e.block_height = u.block_height`
