/** Epochs as the chain runs them: what they read from storage and where their results go. What is computed in between is consensus, and not here. */
import { sparseRows, rowOf, type SparseRows } from '../../../consensus/sparse-rows.js'
import type { Generation, RootEpochInputs, SubnetEpochInputs, SubnetEpochOutputs } from '../../../consensus/types.js'
import type { Hex } from '../../../core/records.js'
import type { Context } from '../types.js'
import type { EmissionTuple } from './definition.js'
import type { EpochRunner } from './epoch.js'
import { entries, get, put, ROOT_NETUID } from './storage.js'

interface Seat {
  uid: number
  hotkey: Hex
}

/**
 * The reading and writing halves of `epoch` (epoch.rs) and `root_epoch` (root.rs) of pallets/subtensor/src at spec 143. The root epoch reads stake as the block
 * before left it; a subnet's epoch comes after LoadedEmission is paid out, see `blockStep`.
 */
export function createEpochRunner({ id, subnetEpoch, rootEpoch }: Generation): EpochRunner {
  return {
    root: (ctx) => {
      if (rootEpoch === null) throw new Error(`generation ${id} has no root network`)
      const inputs = rootInputs(ctx)
      const outputs = rootEpoch(inputs)
      if (outputs.ok) inputs.netuids.forEach((netuid, i) => put(ctx, 'EmissionValues', netuid, outputs.emissionValues[i] as bigint))
      else if (outputs.failure === 'HALTS') throw new Error(`the root epoch of block ${ctx.blockNumber} halts the chain`)
    },
    subnet: (ctx, netuid, emission) => {
      const seats = seatsOf(ctx, netuid)
      const inputs = subnetInputs(ctx, netuid, emission, seats)
      const outputs = subnetEpoch(inputs)
      write(ctx, inputs, outputs)
      return seats.map(({ uid, hotkey }): EmissionTuple => [hotkey, at(outputs.serverEmission, uid), at(outputs.validatorEmission, uid)])
    },
  }
}

function subnetInputs(ctx: Context, netuid: number, emission: bigint, seats: Seat[]): SubnetEpochInputs {
  const n = get(ctx, 'SubnetworkN', netuid)
  const registeredBlock = new Float64Array(n)
  const registered = new Uint8Array(n)
  for (const { uid } of seats) {
    registered[uid] = 1
    registeredBlock[uid] = Number(get(ctx, 'BlockAtRegistration', netuid, uid))
  }
  return {
    kind: 'subnet',
    netuid,
    block: ctx.blockNumber,
    tempo: get(ctx, 'Tempo', netuid),
    n,
    kappa: get(ctx, 'Kappa', netuid),
    bondsMovingAverage: get(ctx, 'BondsMovingAverage', netuid),
    activityCutoff: get(ctx, 'ActivityCutoff', netuid),
    maxAllowedValidators: get(ctx, 'MaxAllowedValidators', netuid),
    emission,
    registered,
    stake: stakeOf(ctx, n, seats),
    lastUpdate: Float64Array.from(get(ctx, 'LastUpdate', netuid), Number),
    registeredBlock,
    validatorPermit: Uint8Array.from(get(ctx, 'ValidatorPermit', netuid), Number),
    weights: rowsOf(ctx, 'Weights', netuid, n),
    bonds: rowsOf(ctx, 'Bonds', netuid, n),
  }
}

function rootInputs(ctx: Context): RootEpochInputs {
  const n = get(ctx, 'SubnetworkN', ROOT_NETUID)
  return {
    kind: 'root',
    block: ctx.blockNumber,
    tempo: get(ctx, 'Tempo', ROOT_NETUID),
    n,
    netuids: entries(ctx, 'NetworksAdded').map(({ keys: [netuid] }) => netuid),
    totalNetworks: get(ctx, 'TotalNetworks'),
    blockEmission: get(ctx, 'BlockEmission'),
    rho: get(ctx, 'Rho', ROOT_NETUID),
    kappa: get(ctx, 'Kappa', ROOT_NETUID),
    stake: stakeOf(ctx, n, seatsOf(ctx, ROOT_NETUID)),
    weights: rowsOf(ctx, 'Weights', ROOT_NETUID, n),
  }
}

/** In the order in which the chain goes through them, which is not that of the uids: 0, 256, 1. */
function seatsOf(ctx: Context, netuid: number): Seat[] {
  const n = get(ctx, 'SubnetworkN', netuid)
  const seats = entries(ctx, 'Keys', netuid).map(({ keys: [, uid], value: hotkey }) => ({ uid, hotkey }))
  for (const { uid } of seats) ensureUid(uid, n)
  return seats
}

function stakeOf(ctx: Context, n: number, seats: Seat[]): BigUint64Array {
  const stake = new BigUint64Array(n)
  for (const { uid, hotkey } of seats) stake[uid] = get(ctx, 'TotalHotkeyStake', hotkey)
  return stake
}

function rowsOf(ctx: Context, item: 'Weights' | 'Bonds', netuid: number, n: number): SparseRows {
  const rows: (readonly (readonly [number, number])[])[] = Array.from({ length: n }, () => [])
  for (const { keys, value } of entries(ctx, item, netuid)) {
    ensureUid(keys[1], n)
    rows[keys[1]] = value
  }
  return sparseRows(rows)
}

/** The chain indexes its vectors with these and would stop if one were too big; only state that was set by hand can bring that about. */
function ensureUid(uid: number, n: number): void {
  if (uid >= n) throw new RangeError(`uid ${uid} in a network of ${n}`)
}

function write(ctx: Context, { netuid, validatorPermit }: SubnetEpochInputs, outputs: SubnetEpochOutputs): void {
  put(ctx, 'Active', netuid, Array.from(outputs.active, Boolean))
  put(ctx, 'Emission', netuid, [...outputs.emission])
  put(ctx, 'Rank', netuid, [...outputs.rank])
  put(ctx, 'Trust', netuid, [...outputs.trust])
  put(ctx, 'Consensus', netuid, [...outputs.consensus])
  put(ctx, 'Incentive', netuid, [...outputs.incentive])
  put(ctx, 'Dividends', netuid, [...outputs.dividends])
  put(ctx, 'PruningScores', netuid, [...outputs.pruningScore])
  put(ctx, 'ValidatorTrust', netuid, [...outputs.validatorTrust])
  put(ctx, 'ValidatorPermit', netuid, Array.from(outputs.validatorPermit, Boolean))
  // Who has a permit gets a row, who has lost it an empty one; what others left behind stays.
  outputs.validatorPermit.forEach((permit, uid) => {
    if (permit === 1) put(ctx, 'Bonds', netuid, uid, rowOf(outputs.bonds, uid))
    else if (validatorPermit[uid] === 1) put(ctx, 'Bonds', netuid, uid, [])
  })
}

function at(list: BigUint64Array | null, uid: number): bigint {
  return list?.[uid] ?? 0n
}
