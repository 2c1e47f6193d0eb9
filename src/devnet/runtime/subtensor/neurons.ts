/** Places in a subnet: taking the next free one, or that of the neuron that earns least. */
import type { Hex } from '../../../core/records.js'
import type { Context } from '../types.js'
import type { Currency } from './config.js'
import { unstakeAll } from './stake-ledger.js'
import { entries, get, has, now, PALLET, type PerSubnet, put, remove, U16_MAX } from './storage.js'

const U16_VECTORS = ['Rank', 'Trust', 'Consensus', 'Incentive', 'Dividends', 'PruningScores', 'ValidatorTrust'] as const

export function isRegistered(ctx: Context, netuid: number, hotkey: Hex): boolean {
  return has(ctx, 'Uids', netuid, hotkey)
}

export function isRegisteredAnywhere(ctx: Context, hotkey: Hex): boolean {
  return entries(ctx, 'IsNetworkMember', hotkey).some(({ value }) => value)
}

/** Puts a hotkey into a subnet and returns its uid. */
export function placeNeuron(ctx: Context, currency: Currency, netuid: number, hotkey: Hex): number {
  const n = get(ctx, 'SubnetworkN', netuid)
  if (n < get(ctx, 'MaxAllowedUids', netuid)) {
    appendNeuron(ctx, netuid, hotkey)
    return n
  }
  const uid = neuronToPrune(ctx, netuid)
  replaceNeuron(ctx, currency, netuid, uid, hotkey)
  return uid
}

export function appendNeuron(ctx: Context, netuid: number, hotkey: Hex): void {
  const uid = get(ctx, 'SubnetworkN', netuid)
  put(ctx, 'SubnetworkN', netuid, uid + 1)
  for (const item of U16_VECTORS) put(ctx, item, netuid, [...get(ctx, item, netuid), 0])
  put(ctx, 'Active', netuid, [...get(ctx, 'Active', netuid), true])
  put(ctx, 'Emission', netuid, [...get(ctx, 'Emission', netuid), 0n])
  put(ctx, 'LastUpdate', netuid, [...get(ctx, 'LastUpdate', netuid), now(ctx)])
  put(ctx, 'ValidatorPermit', netuid, [...get(ctx, 'ValidatorPermit', netuid), false])
  seat(ctx, netuid, uid, hotkey)
}

/** The newcomer takes over weights, bonds and scores of the old neuron until the next epoch; only the keys change hands. */
export function replaceNeuron(ctx: Context, currency: Currency, netuid: number, uid: number, hotkey: Hex): void {
  const old = get(ctx, 'Keys', netuid, uid)
  remove(ctx, 'Uids', netuid, old)
  remove(ctx, 'IsNetworkMember', old, netuid)
  remove(ctx, 'Keys', netuid, uid)
  if (!isRegisteredAnywhere(ctx, old)) unstakeAll(ctx, currency, old)
  setAt(ctx, 'Active', netuid, uid, true)
  seat(ctx, netuid, uid, hotkey)
}

function seat(ctx: Context, netuid: number, uid: number, hotkey: Hex): void {
  put(ctx, 'Keys', netuid, uid, hotkey)
  put(ctx, 'Uids', netuid, hotkey, uid)
  put(ctx, 'BlockAtRegistration', netuid, uid, now(ctx))
  put(ctx, 'IsNetworkMember', hotkey, netuid, true)
}

/**
 * The neuron to go: the lowest score among those out of immunity, the last one of equals; if there is none, the lowest score in
 * immunity, the first one of equals. Its score becomes the highest, so that a second registration in this block hits another.
 */
function neuronToPrune(ctx: Context, netuid: number): number {
  const n = get(ctx, 'SubnetworkN', netuid)
  if (n === 0) return 0
  const scores = get(ctx, 'PruningScores', netuid)
  const immunity = BigInt(get(ctx, 'ImmunityPeriod', netuid))
  let lowest = U16_MAX
  let lowestImmune = U16_MAX
  let uid = 0
  let immuneUid = 0
  for (let i = 0; i < n; i++) {
    const score = scores[i] ?? U16_MAX
    if (score > lowest) continue
    if (now(ctx) - get(ctx, 'BlockAtRegistration', netuid, i) >= immunity) {
      lowest = score
      uid = i
    } else if (score < lowestImmune) {
      lowestImmune = score
      immuneUid = i
    }
  }
  const pruned = lowest === U16_MAX ? immuneUid : uid
  put(ctx, 'PruningScores', netuid, scores.with(pruned, U16_MAX))
  return pruned
}

/** Writes one place of a vector; a place beyond its end is left alone. */
export function setAt<V>(ctx: Context, item: PerSubnet<readonly V[]>, netuid: number, uid: number, value: V): void {
  const vector = get(ctx, item, netuid) as readonly V[]
  if (uid < vector.length) ctx.set(PALLET, item, [netuid], vector.with(uid, value))
}
