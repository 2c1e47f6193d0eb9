import type pg from 'pg'

/**
 * Puts what the index itself adds up to beside the chain's totals of a block, in rao. The state tables must be those of exactly this block, and its
 * facts must be written. An unknown stake makes both sums of stake null rather than too small; delegations are empty in runtimes whose stake is not read.
 *
 * Emission is of the epochs of subnets in the blocks after the totals before these, or from the start of the index where these are the first. It is
 * null, not too small, where one of the epochs does not say, and where blocks in between are missing.
 */
export async function sumState(client: pg.ClientBase, blockHeight: number): Promise<void> {
  await client.query(SUM_STATE, [blockHeight])
}

// The root network (netuid 0) divides emission between subnets: counting its epochs would count it twice.
const SUM_STATE = `
  UPDATE network_stats SET
    stake_sum = CASE WHEN known.stake THEN (SELECT coalesce(sum(amount), 0) FROM delegations) END,
    hotkey_stake_sum = CASE WHEN known.stake THEN h.total END,
    balance_sum = a.total,
    emission_due = CASE WHEN since.whole AND e.due_known THEN e.due END,
    emission_given = CASE WHEN since.whole AND e.given_known THEN e.given END
  FROM (SELECT coalesce(sum(total_stake), 0) AS total, coalesce(bool_and(total_stake IS NOT NULL), true) AS known FROM hotkeys) h,
    (SELECT coalesce(sum(free), 0) + coalesce(sum(reserved), 0) AS total, coalesce(bool_and(staked IS NOT NULL), true) AS known FROM accounts) a,
    LATERAL (SELECT h.known AND a.known AS stake) known,
    (SELECT coalesce(before.next, r.from_block) AS height, coalesce(before.next >= r.from_block, true) AS whole
      FROM indexed_ranges r, (SELECT max(block_height) + 1 AS next FROM network_stats WHERE block_height < $1) before
      WHERE $1 BETWEEN r.from_block AND r.to_block) since,
    LATERAL (SELECT coalesce(sum(emission_due), 0) AS due, coalesce(bool_and(emission_due IS NOT NULL), true) AS due_known,
        coalesce(sum(emission_given), 0) AS given, coalesce(bool_and(emission_given IS NOT NULL), true) AS given_known
      FROM epochs WHERE block_height BETWEEN since.height AND $1 AND netuid <> 0) e
  WHERE block_height = $1`
