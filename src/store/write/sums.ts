import type pg from 'pg'
import type { BlockRange } from './ranges.js'

/**
 * Puts what the state tables add up to beside the chain's totals of a block, in rao. The tables must be those of exactly this block, and its totals
 * must be written. An unknown stake makes both sums of stake null rather than too small; delegations are empty in runtimes whose stake is not read.
 */
export async function sumState(client: pg.ClientBase, blockHeight: number): Promise<void> {
  await client.query(SUM_STATE, [blockHeight])
}

const SUM_STATE = `
  UPDATE network_stats SET
    stake_sum = CASE WHEN known.stake THEN (SELECT coalesce(sum(amount), 0) FROM delegations) END,
    hotkey_stake_sum = CASE WHEN known.stake THEN h.total END,
    balance_sum = a.total
  FROM (SELECT coalesce(sum(total_stake), 0) AS total, coalesce(bool_and(total_stake IS NOT NULL), true) AS known FROM hotkeys) h,
    (SELECT coalesce(sum(free), 0) + coalesce(sum(reserved), 0) AS total, coalesce(bool_and(staked IS NOT NULL), true) AS known FROM accounts) a,
    LATERAL (SELECT h.known AND a.known AS stake) known
  WHERE block_height = $1`

/**
 * Puts the emission of the epochs of subnets beside the chain's totals of blocks, in rao: of the blocks after the totals before these, or from the start
 * of the index where these are the first. It is null, not too small, where one of the epochs does not say, and where blocks in between are missing.
 *
 * Done for all totals of `range`, whose facts must be written and noted, and for the first above it, which may have lacked these blocks. Facts
 * alone decide what comes out, so it is the same in whatever order and pieces blocks are stored.
 */
export async function sumEmission(client: pg.ClientBase, { from, to }: BlockRange): Promise<void> {
  await client.query(SUM_EMISSION, [from, to])
}

// The root network (netuid 0) divides emission between subnets: counting its epochs would count it twice.
const SUM_EMISSION = `
  UPDATE network_stats s SET emission_due = n.due, emission_given = n.given
  FROM (
    SELECT t.block_height, CASE WHEN since.whole AND e.due_known THEN e.due END AS due,
      CASE WHEN since.whole AND e.given_known THEN e.given END AS given
    FROM (
        SELECT block_height FROM network_stats WHERE block_height BETWEEN $1 AND $2
        UNION ALL (SELECT block_height FROM network_stats WHERE block_height > $2 ORDER BY block_height LIMIT 1)
      ) t
      JOIN indexed_ranges r ON t.block_height BETWEEN r.from_block AND r.to_block,
      LATERAL (SELECT max(block_height) + 1 AS next FROM network_stats WHERE block_height < t.block_height) before,
      LATERAL (SELECT coalesce(before.next, r.from_block) AS height, coalesce(before.next >= r.from_block, true) AS whole) since,
      LATERAL (SELECT coalesce(sum(emission_due), 0) AS due, coalesce(bool_and(emission_due IS NOT NULL), true) AS due_known,
          coalesce(sum(emission_given), 0) AS given, coalesce(bool_and(emission_given IS NOT NULL), true) AS given_known
        FROM epochs WHERE since.whole AND block_height BETWEEN since.height AND t.block_height AND netuid <> 0) e
  ) n
  WHERE s.block_height = n.block_height AND (s.emission_due, s.emission_given) IS DISTINCT FROM (n.due, n.given)`
