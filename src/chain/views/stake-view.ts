import type { DelegationState, Hex, HotkeyState } from '../../core/records.js'
import type { ChainState } from '../state.js'
import { SUBTENSOR } from './subnet-view.js'

/** Netuid of stake that is not put on a subnet, in runtimes before dTAO. */
export const NO_NETUID = -1

export type HotkeyView = Omit<HotkeyState, 'block'>

export type DelegationView = Omit<DelegationState, 'block'>

export async function readHotkeys(state: ChainState, hotkeys: readonly Hex[]): Promise<HotkeyView[]> {
  const keys = hotkeys.map((hotkey) => [hotkey])
  const [owners, takes, totals] = await Promise.all([
    state.stored(SUBTENSOR, 'Owner', keys) as Promise<(Hex | null)[]>,
    state.stored(SUBTENSOR, 'Delegates', keys) as Promise<(number | null)[]>,
    state.many(SUBTENSOR, 'TotalHotkeyStake', keys) as Promise<(bigint | null)[]>,
  ])
  return hotkeys.map((hotkey, i) => ({ hotkey, coldkey: owners[i] ?? null, take: takes[i] ?? null, totalStake: totals[i] ?? null }))
}

export async function readAllHotkeys(state: ChainState): Promise<HotkeyView[]> {
  const [owners, takes, totals] = await Promise.all([
    state.entries(SUBTENSOR, 'Owner'),
    state.entries(SUBTENSOR, 'Delegates'),
    state.entries(SUBTENSOR, 'TotalHotkeyStake'),
  ])
  const none = state.has(SUBTENSOR, 'TotalHotkeyStake') ? 0n : null
  const all = new Map<Hex, HotkeyView>()
  const row = (hotkey: Hex): HotkeyView => {
    let found = all.get(hotkey)
    if (!found) all.set(hotkey, (found = { hotkey, coldkey: null, take: null, totalStake: none }))
    return found
  }
  for (const { args, value } of owners) row(args[0] as Hex).coldkey = value as Hex
  for (const { args, value } of takes) row(args[0] as Hex).take = value as number
  for (const { args, value } of totals) row(args[0] as Hex).totalStake = value as bigint
  return [...all.values()]
}

/** Stake of given pairs. */
export async function readDelegations(state: ChainState, pairs: readonly (readonly [Hex, Hex])[]): Promise<DelegationView[]> {
  if (!state.has(SUBTENSOR, 'Stake')) return []
  const amounts = (await state.many(SUBTENSOR, 'Stake', pairs)) as (bigint | null)[]
  return pairs.map(([hotkey, coldkey], i) => ({ hotkey, coldkey, netuid: NO_NETUID, amount: amounts[i] ?? 0n }))
}

/** All who have stake on the given hotkeys. */
export async function readDelegationsOf(state: ChainState, hotkeys: readonly Hex[]): Promise<DelegationView[]> {
  const lists = await Promise.all(hotkeys.map((hotkey) => state.entries(SUBTENSOR, 'Stake', hotkey)))
  return lists.flat().map(delegation)
}

export async function readAllDelegations(state: ChainState): Promise<DelegationView[]> {
  return (await state.entries(SUBTENSOR, 'Stake')).map(delegation)
}

function delegation({ args, value }: { args: unknown[]; value: unknown }): DelegationView {
  return { hotkey: args[0] as Hex, coldkey: args[1] as Hex, netuid: NO_NETUID, amount: value as bigint }
}
