/** New issuance on its way: queued per subnet each block, shared out by the epoch, paid to stakes in the block after. */
import { epochDue, queueEmission2024 } from '../../../consensus/tokenomics/emission-queue.js'
import { payout2024 } from '../../../consensus/tokenomics/payout.js'
import type { Hex } from '../../../core/records.js'
import type { Context } from '../types.js'
import type { SubtensorConfig } from './config.js'
import type { EmissionTuple } from './definition.js'
import { increaseStake, issue } from './stake-ledger.js'
import { entries, get, has, now, put, remove, ROOT_NETUID } from './storage.js'

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

/** Credits each coldkey in the chain's order, the owner last: what rounding leaves and the server's part go to it. */
function payHotkey(ctx: Context, hotkey: Hex, server: bigint, validator: bigint): void {
  const stakes = entries(ctx, 'Stake', hotkey)
  const take = has(ctx, 'Delegates', hotkey) ? get(ctx, 'Delegates', hotkey) : null
  const total = get(ctx, 'TotalHotkeyStake', hotkey)
  const { shares, owner } = payout2024({ server, validator, take, total, stakes: stakes.map(({ value }) => value) })
  if (take !== null) stakes.forEach(({ keys }, i) => increaseStake(ctx, keys[1], hotkey, shares[i] ?? 0n))
  increaseStake(ctx, get(ctx, 'Owner', hotkey), hotkey, owner)
}

export function generateEmission(ctx: Context, config: SubtensorConfig): void {
  for (const {
    keys: [netuid],
    value: tempo,
  } of entries(ctx, 'Tempo')) {
    if (netuid === ROOT_NETUID) continue
    const queued = get(ctx, 'PendingEmission', netuid) + payOwner(ctx, config, netuid, get(ctx, 'EmissionValues', netuid))
    if (config.epoch && epochDue(netuid, tempo, ctx.blockNumber)) {
      put(ctx, 'PendingEmission', netuid, 0n)
      loadEmission(ctx, netuid, queued, config.epoch.subnet(ctx, netuid, queued))
    } else {
      put(ctx, 'PendingEmission', netuid, queued)
      put(ctx, 'BlocksSinceLastStep', netuid, get(ctx, 'BlocksSinceLastStep', netuid) + 1n)
    }
  }
}

/** Pays the subnet's owner and returns what is queued for the others. */
function payOwner(ctx: Context, config: SubtensorConfig, netuid: number, emission: bigint): bigint {
  const ownerCut = has(ctx, 'SubnetOwner', netuid) ? get(ctx, 'SubnetOwnerCut') : null
  const { queued, owner } = queueEmission2024(emission, ownerCut)
  if (ownerCut === null) return queued
  config.currency.deposit(ctx, get(ctx, 'SubnetOwner', netuid), owner)
  issue(ctx, owner)
  return queued
}

/** An epoch that shares out more than there was counts as not having run. */
function loadEmission(ctx: Context, netuid: number, emission: bigint, tuples: EmissionTuple[]): void {
  const sum = tuples.reduce((total, [, server, validator]) => total + server + validator, 0n)
  if (sum > emission) return
  put(ctx, 'LoadedEmission', netuid, [...tuples, ...(get(ctx, 'LoadedEmission', netuid) ?? [])])
  put(ctx, 'BlocksSinceLastStep', netuid, 0n)
  put(ctx, 'LastMechansimStepBlock', netuid, now(ctx))
}
