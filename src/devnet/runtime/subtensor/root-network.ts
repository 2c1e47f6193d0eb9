/** `root_register`: a seat among the root validators goes with one in the senate, if there is room or enough stake. */
import type { Hex } from '../../../core/records.js'
import type { Context, Origin } from '../types.js'
import type { Senate, SubtensorConfig } from './config.js'
import { appendNeuron, replaceNeuron } from './neurons.js'
import { ensure, ensureSigned } from './origin.js'
import { ensureRoomForRegistration, increment } from './registration.js'
import { createAccountIfMissing } from './stake-ledger.js'
import { emit, entries, get, has, put, ROOT_NETUID, U64_MAX } from './storage.js'

/** Written into the call at spec 143; it does not follow DefaultTake. */
const ROOT_TAKE = 11_796

export function rootRegister(ctx: Context, config: SubtensorConfig, origin: Origin, hotkey: Hex): void {
  ensure(get(ctx, 'NetworksAdded', ROOT_NETUID), 'NetworkDoesNotExist')
  const coldkey = ensureSigned(origin)
  ensureRoomForRegistration(ctx, ROOT_NETUID)
  ensure(!has(ctx, 'Uids', ROOT_NETUID, hotkey), 'AlreadyRegistered')
  createAccountIfMissing(ctx, coldkey, hotkey)
  const uid = takeSeat(ctx, config, hotkey)
  joinSenate(ctx, config.senate, hotkey)
  if (!has(ctx, 'Delegates', hotkey)) put(ctx, 'Delegates', hotkey, ROOT_TAKE)
  increment(ctx, 'RegistrationsThisInterval', ROOT_NETUID)
  increment(ctx, 'RegistrationsThisBlock', ROOT_NETUID)
  emit(ctx, 'NeuronRegistered', ROOT_NETUID, uid, hotkey)
}

function takeSeat(ctx: Context, config: SubtensorConfig, hotkey: Hex): number {
  const n = get(ctx, 'SubnetworkN', ROOT_NETUID)
  if (n < get(ctx, 'MaxAllowedUids', ROOT_NETUID)) {
    appendNeuron(ctx, ROOT_NETUID, hotkey)
    return n
  }
  let lowest = U64_MAX
  let uid = 0
  for (const { keys, value } of entries(ctx, 'Keys', ROOT_NETUID)) {
    const stake = get(ctx, 'TotalHotkeyStake', value)
    if (stake < lowest) {
      lowest = stake
      uid = keys[1]
    }
  }
  ensure(lowest < get(ctx, 'TotalHotkeyStake', hotkey), 'StakeTooLowForRoot')
  replaceNeuron(ctx, config.currency, ROOT_NETUID, uid, hotkey)
  return uid
}

function joinSenate(ctx: Context, senate: Senate, hotkey: Hex): void {
  const members = senate.members(ctx)
  if (members.length !== senate.maxMembers) {
    senate.add(ctx, hotkey)
    return
  }
  const stakeOf = (member: Hex) => get(ctx, 'TotalHotkeyStake', member)
  // Of equally poor members the last one goes, as after a stable sort by falling stake.
  const poorest = members.reduce((a, b) => (stakeOf(b) <= stakeOf(a) ? b : a))
  if (stakeOf(poorest) < stakeOf(hotkey)) senate.swap(ctx, poorest, hotkey)
}
