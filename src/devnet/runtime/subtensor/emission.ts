/** New issuance on its way: queued per subnet each block, shared out by the epoch, paid to stakes in the block after. */
import type { Hex } from '../../../core/records.js'
import type { Context } from '../types.js'
import type { SubtensorConfig } from './config.js'
import type { EmissionTuple } from './definition.js'
import { blocksUntilNextEpoch } from './epoch.js'
import { increaseStake, issue } from './stake-ledger.js'
import { entries, get, has, now, put, remove, ROOT_NETUID, U16_MAX } from './storage.js'

const MAX = BigInt(U16_MAX)

/** Pays what epochs have loaded. The sum is issued here a second time, after each stake has counted itself: so it is at spec 143. */
export function drainEmission(ctx: Context): void {
  for (const {
    keys: [netuid],
  } of entries(ctx, 'Tempo')) {
    const loaded = get(ctx, 'LoadedEmission', netuid)
    if (!loaded) continue
    let total = 0n
    for (const [hotkey, server, validator] of loaded) {
      payHotkey(ctx, hotkey, server, validator)
      total += server + validator
    }
    remove(ctx, 'LoadedEmission', netuid)
    issue(ctx, total)
  }
}

/** A delegate keeps its take of what it earned as a validator and shares the rest with its nominators by stake. */
function payHotkey(ctx: Context, hotkey: Hex, server: bigint, validator: bigint): void {
  const owner = get(ctx, 'Owner', hotkey)
  if (!has(ctx, 'Delegates', hotkey)) {
    increaseStake(ctx, owner, hotkey, server + validator)
    return
  }
  const total = get(ctx, 'TotalHotkeyStake', hotkey)
  const take = ratio(BigInt(get(ctx, 'Delegates', hotkey)), MAX, validator)
  const shared = validator - take
  let rest = shared
  for (const { keys, value } of entries(ctx, 'Stake', hotkey)) {
    const share = total === 0n ? 0n : ratio(value, total, shared)
    increaseStake(ctx, keys[1], hotkey, share)
    rest -= share
  }
  increaseStake(ctx, owner, hotkey, take + rest)
  increaseStake(ctx, owner, hotkey, server)
}

/** `amount * part / whole` with the quotient truncated to I64F64 first, as the chain does it. */
function ratio(part: bigint, whole: bigint, amount: bigint): bigint {
  return (amount * ((part << 64n) / whole)) >> 64n
}

export function generateEmission(ctx: Context, config: SubtensorConfig): void {
  for (const {
    keys: [netuid],
    value: tempo,
  } of entries(ctx, 'Tempo')) {
    if (netuid === ROOT_NETUID) continue
    const queued = get(ctx, 'PendingEmission', netuid) + payOwner(ctx, config, netuid, get(ctx, 'EmissionValues', netuid))
    if (config.epoch && blocksUntilNextEpoch(netuid, tempo, ctx.blockNumber) === 0) {
      put(ctx, 'PendingEmission', netuid, 0n)
      loadEmission(ctx, netuid, queued, config.epoch.subnet(ctx, netuid, queued))
    } else {
      put(ctx, 'PendingEmission', netuid, queued)
      put(ctx, 'BlocksSinceLastStep', netuid, get(ctx, 'BlocksSinceLastStep', netuid) + 1n)
    }
  }
}

/** Pays the subnet's owner and returns what is left of `emission`. Both parts are cut to whole rao, so one may get lost. */
function payOwner(ctx: Context, config: SubtensorConfig, netuid: number, emission: bigint): bigint {
  if (!has(ctx, 'SubnetOwner', netuid)) return emission
  const exact = emission << 32n
  const cut = (exact * BigInt(get(ctx, 'SubnetOwnerCut'))) / MAX
  const paid = cut >> 32n
  config.currency.deposit(ctx, get(ctx, 'SubnetOwner', netuid), paid)
  issue(ctx, paid)
  return (exact - cut) >> 32n
}

/** An epoch that shares out more than there was counts as not having run. */
function loadEmission(ctx: Context, netuid: number, emission: bigint, tuples: EmissionTuple[]): void {
  const sum = tuples.reduce((total, [, server, validator]) => total + server + validator, 0n)
  if (sum > emission) return
  put(ctx, 'LoadedEmission', netuid, [...tuples, ...(get(ctx, 'LoadedEmission', netuid) ?? [])])
  put(ctx, 'BlocksSinceLastStep', netuid, 0n)
  put(ctx, 'LastMechansimStepBlock', netuid, now(ctx))
}
