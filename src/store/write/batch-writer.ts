import type pg from 'pg'
import { AppError } from '../../core/errors.js'
import type { Logger } from '../../core/log.js'
import type { Metrics } from '../../core/metrics.js'
import type { AuditRecord, Batch, ChainIdentity, EpochRecord, Facts, Head, Hex, HistoryBatch } from '../../core/records.js'
import { toHex } from '../../core/units/bytes.js'
import { notifyAudits, saveAudits } from './audits.js'
import { claimChain } from './chain.js'
import { filterFacts, insertFacts } from './facts.js'
import { createStoreMetrics } from './metrics.js'
import { addRange, covers, mergedWith, missingIn, readRanges, type BlockRange } from './ranges.js'
import { rollback } from './rollback.js'
import { applyState } from './state.js'
import { sumEmission, sumState } from './sums.js'
import { readCheckpoint, transactions, writeCheckpoint, type Checkpoint, type Transactions } from './transaction.js'
import { noteBatch } from './undo.js'

export type Outcome = 'applied' | 'already'

/**
 * The only writer of the index. Every method is one transaction under one lock, so any number of processes may write; and every method
 * may be called again with the same input after an error that left its outcome unknown.
 */
export interface BatchWriter {
  /** Stores which chain this database holds, or refuses (WRONG_CHAIN) when it holds another. */
  claimChain(chain: ChainIdentity): Promise<void>
  head(): Promise<{ head: Head; finalizedHeight: number } | null>
  ranges(): Promise<BlockRange[]>
  /** Hash of a stored block; null when it is not stored. */
  hashAt(height: number): Promise<Hex | null>
  /** Writes a batch on top of the head. 'already' when the head has passed it on the same branch. */
  apply(batch: Batch): Promise<Outcome>
  /** Writes the facts of blocks behind the head; of blocks that are stored already, nothing. */
  applyHistory(batch: HistoryBatch): Promise<Outcome>
  /** Takes the index back to the end of an earlier batch above the finalised height. */
  rollbackTo(height: number): Promise<Head>
  /** Blocks up to here will not be undone. Never moves back. */
  setFinalized(height: number): Promise<void>
  /** Puts new audits in the place of those of epochs that are stored; gives how many were. One statement however many there are. */
  saveAudits(rows: readonly SavedAudit[]): Promise<number>
}

export interface SavedAudit {
  netuid: number
  blockHeight: number
  audit: AuditRecord
}

export function createBatchWriter(options: { pool: pg.Pool; log: Logger; metrics: Metrics }): BatchWriter {
  const { pool, log } = options
  const metrics = createStoreMetrics(options.metrics)
  const tx = transactions(pool)

  return {
    claimChain: (chain) => tx.run({ doing: 'the chain was claimed' }, (client) => claimChain(client, chain)),

    async head() {
      const checkpoint = await tx.read('the checkpoint was read', readCheckpoint)
      return checkpoint && { head: { height: checkpoint.height, hash: checkpoint.hash }, finalizedHeight: checkpoint.finalizedHeight }
    },

    ranges: () => tx.read('the indexed ranges were read', readRanges),

    hashAt: (height) =>
      tx.read('a block was looked up', async (client) => {
        const { rows } = await client.query<{ hash: Buffer }>('SELECT hash FROM blocks WHERE height = $1', [height])
        return rows[0] ? toHex(rows[0].hash) : null
      }),

    async apply(batch) {
      const end = metrics.batchSeconds.startTimer({ kind: 'live' })
      const outcome = await apply(tx, batch)
      const ms = Math.round(end() * 1000)
      if (outcome === 'applied') {
        metrics.blocks.inc({ kind: 'live' }, batch.next.height - batch.from + 1)
        metrics.rows.inc(countRows(batch.facts))
      }
      log.debug({ from: batch.from, blockNumber: batch.next.height, outcome, ms }, 'batch written')
      return outcome
    },

    async applyHistory(batch) {
      const end = metrics.batchSeconds.startTimer({ kind: 'history' })
      const written = await applyHistory(tx, batch)
      const ms = Math.round(end() * 1000)
      metrics.blocks.inc({ kind: 'history' }, written.blocks)
      metrics.rows.inc(written.rows)
      log.debug({ from: batch.from, to: batch.to, blocks: written.blocks, ms }, 'history written')
      return written.blocks > 0 ? 'applied' : 'already'
    },

    async rollbackTo(height) {
      const { head, removed } = await tx.run({ doing: 'blocks were rolled back' }, (client) => rollback(client, height))
      metrics.rolledBack.inc(removed)
      log.info({ blockNumber: head.height, removed }, 'rolled back')
      return head
    },

    async setFinalized(height) {
      await tx.run({ doing: 'the finalised height was set' }, async (client) => {
        await client.query('UPDATE checkpoint SET finalized_height = $1 WHERE finalized_height < $1', [height])
        await client.query('DELETE FROM undo WHERE block_height <= (SELECT finalized_height FROM checkpoint)')
      })
    },

    saveAudits: (rows) => tx.run({ doing: 'audits were stored' }, (client) => saveAudits(client, rows)),
  }
}

async function apply(tx: Transactions, batch: Batch): Promise<Outcome> {
  const { prev, next, from, facts, state } = batch
  const doing = `blocks ${from} to ${next.height} were written`
  return tx.run({ doing, partitions: { from, to: next.height } }, async (client) => {
    const checkpoint = await readCheckpoint(client)
    if (!sameHead(prev, checkpoint)) {
      if (checkpoint !== null && (await isStored(client, next, checkpoint))) return 'already'
      throw headMismatch(batch, checkpoint)
    }
    if (prev !== null && from !== prev.height + 1) {
      throw new AppError('HEAD_MISMATCH', `a batch on top of block ${prev.height} starts at ${prev.height + 1}, this one starts at ${from}`)
    }
    const finalizedHeight = Math.max(batch.finalizedHeight, checkpoint?.finalizedHeight ?? 0)
    const undoAt = next.height > finalizedHeight ? next.height : null
    // History that was filled in before the live index came here is not written twice.
    await insertMissing(client, { from, to: next.height }, facts)
    await applyState(client, state, next.height, undoAt)
    if (facts.networkStats.some(({ blockHeight }) => blockHeight === next.height)) await sumState(client, next.height)
    await writeCheckpoint(client, { ...next, finalizedHeight })
    if (prev === null) await client.query('UPDATE chain SET first_block = $1', [from])
    if (undoAt !== null) await noteBatch(client, from, undoAt)
    await client.query('DELETE FROM undo WHERE block_height <= $1', [finalizedHeight])
    return 'applied'
  })
}

async function applyHistory(tx: Transactions, batch: HistoryBatch): Promise<{ blocks: number; rows: number }> {
  const { from, to } = batch
  return tx.run({ doing: `history of blocks ${from} to ${to} was written`, partitions: { from, to } }, async (client) => {
    const checkpoint = await readCheckpoint(client)
    if (checkpoint !== null && to > checkpoint.height) {
      throw new AppError(
        'HEAD_MISMATCH',
        `history reaches block ${to}, past the head ${checkpoint.height}; blocks there come from following the chain`,
        {
          to,
          head: checkpoint.height,
        },
      )
    }
    return insertMissing(client, { from, to }, batch.facts)
  })
}

/** Writes the facts of those blocks of a range that are not stored yet, which is all of them but for overlaps, and notes the range. */
async function insertMissing(client: pg.ClientBase, range: BlockRange, facts: Facts): Promise<{ blocks: number; rows: number }> {
  const ranges = await readRanges(client)
  const written = { blocks: 0, rows: 0 }
  const epochs: EpochRecord[] = []
  let totals = false
  for (const piece of missingIn(ranges, range)) {
    const whole = piece.from === range.from && piece.to === range.to
    const part = whole ? facts : filterFacts(facts, (height) => covers([piece], height))
    await insertFacts(client, part, { piece, within: mergedWith(ranges, piece) })
    ranges.push(piece)
    written.blocks += piece.to - piece.from + 1
    written.rows += countRows(part)
    epochs.push(...part.epochs)
    totals ||= part.networkStats.length > 0
  }
  if (written.blocks > 0) {
    await addRange(client, range)
    // Totals above the range count from the newest below them, which may be among these.
    if (totals || ranges.some(({ to }) => to > range.to)) await sumEmission(client, range)
  }
  await notifyAudits(client, epochs)
  return written
}

function sameHead(prev: Head | null, checkpoint: Checkpoint | null): boolean {
  return prev === null ? checkpoint === null : checkpoint?.height === prev.height && checkpoint.hash === prev.hash
}

/** Whether the head of a batch is on the stored branch. */
async function isStored(client: pg.ClientBase, next: Head, checkpoint: Checkpoint): Promise<boolean> {
  if (checkpoint.height < next.height) return false
  if (checkpoint.height === next.height) return checkpoint.hash === next.hash
  const { rowCount } = await client.query('SELECT 1 FROM blocks WHERE height = $1 AND hash = $2', [next.height, hashBytes(next.hash)])
  return rowCount === 1
}

function headMismatch({ prev, next }: Batch, checkpoint: Checkpoint | null): AppError {
  const show = (head: Head | null): string => (head === null ? 'the empty index' : `block ${head.height} (${head.hash})`)
  return new AppError(
    'HEAD_MISMATCH',
    `the batch up to block ${next.height} builds on ${show(prev)}, but the index is at ${show(checkpoint)}`,
    { wanted: prev, found: checkpoint && { height: checkpoint.height, hash: checkpoint.hash }, next },
  )
}

function hashBytes(hash: Hex): Buffer {
  return Buffer.from(hash.slice(2), 'hex')
}

function countRows(facts: Facts): number {
  let count = 0
  for (const list of Object.keys(facts) as (keyof Facts)[]) count += facts[list].length
  return count
}
