import type pg from 'pg'

/**
 * Puts what the index itself adds up to beside the chain's totals of a block, in rao. The state tables must be those of exactly this block. An
 * unknown stake makes both sums of stake null rather than too small; delegations are empty in runtimes whose stake is not read.
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
