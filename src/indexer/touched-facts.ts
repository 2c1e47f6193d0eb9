import type { ChainState } from '../chain/state.js'
import { readAccounts } from '../chain/views/account-view.js'
import { endpointIp, readEndpoints, readWeights } from '../chain/views/neuron-view.js'
import { readNetworkValues, readParams, stableNetworkItems, stableSubnetItems, SUBTENSOR } from '../chain/views/subnet-view.js'
import type { Facts, Hex } from '../core/records.js'
import { NETWORK, type RegistrationTouch, type Touches } from './touches.js'

export interface TouchedContext {
  /** State after the block. */
  state: ChainState
  /** State before it; asked for only by registrations and removed subnets. */
  parent: () => Promise<ChainState>
  timestamp: number
  touches: Touches
  /** Whether accounts that only the chain credited get a balance row at this block. */
  sampleBalances: boolean
}

/** Rows that a block's touches announce and its state holds: everything is read in one round trip, registrations in two. */
export async function addTouchedFacts(context: TouchedContext, out: Facts): Promise<void> {
  await Promise.all([
    addBalances(context, out),
    addParams(context, out),
    addWeights(context, out),
    addEndpoints(context, out),
    addRegistrations(context, out),
    addRemovedSubnets(context, out),
  ])
}

async function addBalances({ state, touches, timestamp, sampleBalances }: TouchedContext, out: Facts): Promise<void> {
  const addresses = [...touches.accounts, ...(sampleBalances ? touches.credited : [])]
  for (const { address, free, reserved, staked } of await readAccounts(state, addresses)) {
    out.accountBalances.push({ address, blockHeight: state.height, free, reserved, staked, timestamp })
  }
}

async function addParams({ state, touches }: TouchedContext, out: Facts): Promise<void> {
  const subnetItems = touches.params.size > 0 ? stableSubnetItems(state.runtime) : []
  const read = [...touches.params].map(async (netuid) => {
    const values =
      netuid === NETWORK ? await readNetworkValues(state, stableNetworkItems(state.runtime)) : await readParams(state, netuid, subnetItems)
    return { netuid, values }
  })
  for (const { netuid, values } of await Promise.all(read)) {
    for (const [name, value] of values) out.subnetParams.push({ netuid, name, blockHeight: state.height, value })
  }
}

async function addWeights({ state, touches, timestamp }: TouchedContext, out: Facts): Promise<void> {
  // A validator may set its weights twice in a block; the second row is what counts.
  const last = new Map(touches.weights.map((w) => [`${w.netuid}/${w.uid}`, w]))
  const rows = [...last.values()]
  const read = await Promise.all([
    state.stored(
      SUBTENSOR,
      'Keys',
      rows.map((w) => [w.netuid, w.uid]),
    ) as Promise<(Hex | null)[]>,
    ...rows.map((w) => readWeights(state, w.netuid, w.uid)),
  ])
  const [hotkeys, ...weights] = read
  rows.forEach(({ netuid, uid, extrinsicIndex }, i) => {
    const hotkey = hotkeys[i]
    const row = weights[i]
    if (!hotkey || !row) return
    out.weightSets.push({ blockHeight: state.height, netuid, validatorUid: uid, hotkey, ...row, extrinsicIndex, timestamp })
  })
}

async function addEndpoints({ state, touches }: TouchedContext, out: Facts): Promise<void> {
  const unique = [...new Map(touches.endpoints.map((e) => [`${e.netuid}/${e.hotkey}/${e.kind}`, e])).values()]
  const read = (['AXON', 'PROMETHEUS'] as const).map(async (kind) => {
    const rows = unique.filter((e) => e.kind === kind)
    const keys = rows.map((e) => [e.netuid, e.hotkey] as const)
    const values = await readEndpoints(state, kind === 'AXON' ? 'Axons' : 'Prometheus', keys)
    return rows.map((row, i) => ({ row, value: values[i] ?? null }))
  })
  for (const { row, value } of (await Promise.all(read)).flat()) {
    if (!value) continue
    const { ipType, port, protocol, version, placeholder1, placeholder2 } = value
    out.endpoints.push({
      ...row,
      blockHeight: state.height,
      ip: endpointIp(value),
      ipType,
      port,
      protocol,
      version,
      placeholder1,
      placeholder2,
    })
  }
}

async function addRegistrations({ state, parent, touches, timestamp }: TouchedContext, out: Facts): Promise<void> {
  const rows = touches.registrations
  if (rows.length === 0) return
  const before = await parent()
  const nets = rows.map((r) => [r.netuid])
  const slots = rows.map((r) => [r.netuid, r.uid] as const)
  const [owners, burns, difficulties, replaced] = await Promise.all([
    state.stored(
      SUBTENSOR,
      'Owner',
      rows.map((r) => [r.hotkey]),
    ) as Promise<(Hex | null)[]>,
    state.many(SUBTENSOR, 'Burn', nets) as Promise<(bigint | null)[]>,
    state.many(SUBTENSOR, 'Difficulty', nets) as Promise<(bigint | null)[]>,
    before.stored(SUBTENSOR, 'Keys', slots) as Promise<(Hex | null)[]>,
  ])
  const previous = replacedHotkeys(rows, replaced)
  const previousOwners = (await before.stored(
    SUBTENSOR,
    'Owner',
    previous.flatMap((hotkey) => (hotkey ? [[hotkey]] : [])),
  )) as (Hex | null)[]
  const ownerOf = new Map(previous.filter((hotkey) => hotkey !== null).map((hotkey, i) => [hotkey, previousOwners[i] ?? null]))
  rows.forEach(({ netuid, uid, hotkey, method, extrinsicIndex }, i) => {
    const replacedHotkey = previous[i] ?? null
    const registration = { blockHeight: state.height, netuid, uid, hotkey, timestamp }
    out.neuronRegistrations.push({
      ...registration,
      coldkey: owners[i] ?? null,
      method,
      cost: method === 'BURN' ? (burns[i] ?? null) : null,
      difficulty: method === 'POW' ? (difficulties[i] ?? null) : null,
      replacedHotkey,
      extrinsicIndex,
    })
    if (replacedHotkey) {
      const coldkey = ownerOf.get(replacedHotkey) ?? null
      out.neuronDeregistrations.push({ ...registration, hotkey: replacedHotkey, coldkey, reason: 'REPLACED' })
    }
  })
}

/** Who held each slot before: a registration earlier in the block, else the state before the block. */
export function replacedHotkeys(rows: readonly RegistrationTouch[], before: readonly (Hex | null)[]): (Hex | null)[] {
  const inBlock = new Map<string, Hex>()
  return rows.map(({ netuid, uid, hotkey }, i) => {
    const slot = `${netuid}/${uid}`
    const previous = inBlock.get(slot) ?? before[i] ?? null
    inBlock.set(slot, hotkey)
    return previous
  })
}

async function addRemovedSubnets({ state, parent, touches, timestamp }: TouchedContext, out: Facts): Promise<void> {
  if (touches.removedSubnets.size === 0) return
  const before = await parent()
  for (const netuid of touches.removedSubnets) {
    const n = ((await before.get(SUBTENSOR, 'SubnetworkN', netuid)) as number | null) ?? 0
    const uids = Array.from({ length: n }, (_, uid) => [netuid, uid])
    const hotkeys = (await before.stored(SUBTENSOR, 'Keys', uids)) as (Hex | null)[]
    const owners = (await before.stored(
      SUBTENSOR,
      'Owner',
      hotkeys.map((hotkey) => [hotkey ?? `0x${'00'.repeat(32)}`]),
    )) as (Hex | null)[]
    hotkeys.forEach((hotkey, uid) => {
      if (!hotkey) return
      const coldkey = owners[uid] ?? null
      out.neuronDeregistrations.push({ blockHeight: state.height, netuid, uid, hotkey, coldkey, reason: 'SUBNET_REMOVED', timestamp })
    })
  }
}
