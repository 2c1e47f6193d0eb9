import type { ChainState } from '../chain/state.js'
import { jsonObject, networkItems, readNetworkValues, SUBTENSOR } from '../chain/views/subnet-view.js'
import type { NetworkStatRecord } from '../core/records.js'

/** Totals of the network after a block. */
export async function readNetworkStats(state: ChainState, timestamp: number): Promise<NetworkStatRecord> {
  const rao = (pallet: string, item: string): Promise<bigint | null> => state.get(pallet, item) as Promise<bigint | null>
  const [balancesIssuance, totalIssuance, totalStake, blockEmission, subnets, totals] = await Promise.all([
    rao('Balances', 'TotalIssuance'),
    rao(SUBTENSOR, 'TotalIssuance'),
    rao(SUBTENSOR, 'TotalStake'),
    rao(SUBTENSOR, 'BlockEmission'),
    state.get(SUBTENSOR, 'TotalNetworks') as Promise<number | null>,
    readNetworkValues(state, networkItems(state.runtime)),
  ])
  return {
    blockHeight: state.height,
    timestamp,
    balancesIssuance,
    totalIssuance,
    totalStake,
    blockEmission,
    subnets,
    totals: jsonObject(totals),
  }
}
