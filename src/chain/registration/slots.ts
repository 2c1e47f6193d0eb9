import type { Hex } from '../../core/records.js'
import type { ChainState } from '../state.js'
import { SUBTENSOR } from '../views/subnet-view.js'

export interface Places {
  netuid: number
  neurons: number
  maxNeurons: number
}

type Slot = 'free' | 'prunable' | 'none'

/**
 * Whether a newcomer finds a place, for several subnets at once. Before spec 365 a full subnet always gives one up. Since then it may refuse: hotkeys of
 * the subnet's owner are never pruned (as many as ImmuneOwnerUidsLimit), those past their immunity only while more of them are left than
 * MinNonImmuneUids, and otherwise one that still is immune.
 *
 * pallets/subtensor/src/subnets/registration.rs, `register_neuron` and `get_neuron_to_prune`, spec 143 and 393.
 */
export async function readSlots(state: ChainState, all: readonly Places[]): Promise<Slot[]> {
  return Promise.all(all.map((places) => readSlot(state, places)))
}

async function readSlot(state: ChainState, { netuid, neurons, maxNeurons }: Places): Promise<Slot> {
  if (maxNeurons === 0) return 'none'
  if (neurons < maxNeurons) return 'free'
  if (!state.has(SUBTENSOR, 'MinNonImmuneUids')) return 'prunable'
  const uids = Array.from({ length: neurons }, (_, uid) => [netuid, uid] as const)
  const [keys, registered, [period], [floor], [limit], [owner], [ownerHotkey]] = await Promise.all([
    state.stored(SUBTENSOR, 'Keys', uids) as Promise<(Hex | null)[]>,
    state.many(SUBTENSOR, 'BlockAtRegistration', uids) as Promise<bigint[]>,
    state.many(SUBTENSOR, 'ImmunityPeriod', [[netuid]]) as Promise<number[]>,
    state.many(SUBTENSOR, 'MinNonImmuneUids', [[netuid]]) as Promise<number[]>,
    state.many(SUBTENSOR, 'ImmuneOwnerUidsLimit', [[netuid]]) as Promise<(number | null)[]>,
    state.stored(SUBTENSOR, 'SubnetOwner', [[netuid]]) as Promise<(Hex | null)[]>,
    state.stored(SUBTENSOR, 'SubnetOwnerHotkey', [[netuid]]) as Promise<(Hex | null)[]>,
  ])
  const owned = owner ? ((await state.get(SUBTENSOR, 'OwnedHotkeys', owner)) as Hex[] | null) : null
  const seats = keys.flatMap((hotkey, uid) => (hotkey === null ? [] : [{ hotkey, uid, registered: Number(registered[uid] ?? 0n) }]))
  const immortal = immortalHotkeys(seats, owned ?? [], ownerHotkey ?? null, limit ?? 0)
  const executing = state.height + 1
  const mortal = seats.filter((seat) => !immortal.has(seat.hotkey))
  const immune = mortal.filter((seat) => executing - seat.registered < (period ?? 0)).length
  return mortal.length - immune > (floor ?? 0) || immune > 0 ? 'prunable' : 'none'
}

interface Seat {
  hotkey: Hex
  uid: number
  registered: number
}

/** The owner's hotkeys that came first, the declared one before them. */
export function immortalHotkeys(seats: readonly Seat[], owned: readonly Hex[], ownerHotkey: Hex | null, limit: number): Set<Hex> {
  const ownedSet = new Set(owned)
  const kept = seats
    .filter((seat) => ownedSet.has(seat.hotkey))
    .sort((a, b) => a.registered - b.registered || a.uid - b.uid)
    .slice(0, limit)
    .map((seat) => seat.hotkey)
  const declared = seats.some((seat) => seat.hotkey === ownerHotkey) ? ownerHotkey : null
  if (declared === null || kept.includes(declared)) return new Set(kept)
  return new Set([declared, ...kept].slice(0, Math.max(limit, 0)))
}
