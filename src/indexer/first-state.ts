import type { ChainState } from '../chain/state.js'
import {
  camelCase,
  readNetuids,
  readNetworkValues,
  readSubnets,
  stableNetworkItems,
  stableSubnetItems,
} from '../chain/views/subnet-view.js'
import type { Facts } from '../core/records.js'
import { addSnapshot } from './epochs.js'
import { NETWORK } from './touches.js'

/** History starts somewhere: parameters, metagraphs and neurons as they were at the first block indexed. */
export async function addFirstState(state: ChainState, timestamp: number, facts: Facts): Promise<void> {
  const { height, runtime } = state
  const netuids = await readNetuids(state)
  const stable = new Set(stableSubnetItems(runtime).map(camelCase))
  for (const { netuid, params } of await readSubnets(state, netuids)) {
    for (const [name, value] of params) if (stable.has(name)) facts.subnetParams.push({ netuid, name, blockHeight: height, value })
  }
  for (const [name, value] of await readNetworkValues(state, stableNetworkItems(runtime))) {
    facts.subnetParams.push({ netuid: NETWORK, name, blockHeight: height, value })
  }
  const known = new Set(facts.neuronSnapshots.map((row) => row.netuid))
  await Promise.all(netuids.filter((netuid) => !known.has(netuid)).map((netuid) => addSnapshot(state, netuid, facts)))
  const registered = new Set(facts.neuronRegistrations.map((row) => `${row.netuid}/${row.uid}`))
  for (const { netuid, uid, hotkey, coldkey } of facts.neuronSnapshots) {
    if (registered.has(`${netuid}/${uid}`)) continue
    const unknown = { cost: null, difficulty: null, replacedHotkey: null, extrinsicIndex: null }
    facts.neuronRegistrations.push({ blockHeight: height, netuid, uid, hotkey, coldkey, method: 'GENESIS', ...unknown, timestamp })
  }
  sortFacts(facts)
}

/** Blocks are read side by side; rows go in by height, so that the tables do not depend on which answer came first. */
export function sortFacts(facts: Facts): void {
  for (const rows of Object.values(facts) as { blockHeight?: number; netuid?: number; uid?: number }[][]) {
    rows.sort((a, b) => (a.blockHeight ?? 0) - (b.blockHeight ?? 0) || (a.netuid ?? 0) - (b.netuid ?? 0) || (a.uid ?? 0) - (b.uid ?? 0))
  }
  // A parameter may have been read for two reasons at one block; the value is the same.
  facts.subnetParams = [...new Map(facts.subnetParams.map((row) => [`${row.blockHeight}/${row.netuid}/${row.name}`, row])).values()]
}
