/** The axons of the cast: whoever starts the chain may say where some of them are; the others are nowhere. */
import type { IpType } from '../../core/units/ip.js'
import { encodeSs58 } from '../../core/units/ss58.js'
import type { Account } from './accounts.js'
import { isValidatorPlace, netuidsOf, pairAt, places, SUBTENSOR, subtensor, uidOf, type Action, type Scene } from './actions.js'

/** A registered neuron that is about to serve. */
export interface CastNeuron {
  netuid: number
  /** ss58. */
  hotkey: string
  place: number
  isValidator: boolean
}

/** What `serve_axon` takes. */
export interface ServedAxon {
  ip: bigint
  ipType: IpType
  port: number
  version: number
  protocol: number
}

/** The axon that a neuron serves; undefined when it may be anywhere. Asked for every neuron in every block. */
export type AxonChoice = (neuron: CastNeuron) => ServedAxon | undefined

interface Serving {
  netuid: number
  place: number
  hot: Account
  /** On the chain. */
  current: StoredAxon | undefined
  wanted: ServedAxon | undefined
}

interface StoredAxon {
  block: bigint
  ip: bigint
  ip_type: number
  port: number
  version: number
  protocol: number
}

const FIRST_AXONS_PER_BLOCK = 6
/** All that moved in a restart, unless there are very many: callers find nobody where they were. */
const MOVES_PER_BLOCK = 64

/** Everybody's is asked for in every block. */
const addresses = new WeakMap<Account, string>()

/** Axons that are not where the chain has them, and then some of those that the chain has not. */
export function serveActions(scene: Scene): Action[] {
  const neurons = netuidsOf(scene).flatMap((netuid) =>
    places(scene).flatMap((place) => {
      const { hot } = pairAt(scene, place)
      return uidOf(scene, netuid, hot.id) === undefined ? [] : [servingOf(scene, netuid, place, hot)]
    }),
  )
  const moved = neurons.filter((neuron) => hasMoved(neuron) && mayServe(scene, neuron))
  const silent = neurons.filter(({ current }) => current === undefined)
  return [
    ...moved.slice(0, MOVES_PER_BLOCK).map(serveAxon),
    ...silent.slice(0, FIRST_AXONS_PER_BLOCK).map((neuron) => {
      const { netuid, place, hot } = neuron
      const isDue = isValidatorPlace(scene.seats, place) && scene.head.number % 2 === 0
      if (!isDue || scene.ctx.has(SUBTENSOR, 'Prometheus', netuid, hot.id)) return serveAxon(neuron)
      return subtensor(hot, 'serve_prometheus', { netuid, version: 500, ip: ipOf(hot), port: portOf(neuron) + 1000, ip_type: 4 })
    }),
  ]
}

function servingOf({ ctx, axons, seats }: Scene, netuid: number, place: number, hot: Account): Serving {
  const wanted = axons?.({ netuid, hotkey: addressOf(hot), place, isValidator: isValidatorPlace(seats, place) })
  return { netuid, place, hot, current: ctx.get<StoredAxon | undefined>(SUBTENSOR, 'Axons', netuid, hot.id), wanted }
}

function addressOf(account: Account): string {
  const known = addresses.get(account)
  if (known !== undefined) return known
  const address = encodeSs58(account.id)
  addresses.set(account, address)
  return address
}

function hasMoved({ current, wanted }: Serving): boolean {
  if (current === undefined || wanted === undefined) return false
  const { ip, ipType, port, version, protocol } = wanted
  return (
    current.ip !== ip || current.ip_type !== ipType || current.port !== port || current.version !== version || current.protocol !== protocol
  )
}

/** A chain of before has a limit. */
function mayServe({ ctx, head }: Scene, { netuid, current }: Serving): boolean {
  const limit = ctx.get<bigint>(SUBTENSOR, 'ServingRateLimit', netuid)
  return limit === 0n || BigInt(head.number + 1) - (current?.block ?? 0n) >= limit
}

function serveAxon(neuron: Serving): Action {
  const { netuid, hot, wanted } = neuron
  const { ip, ipType, port, version, protocol } = wanted ?? { ip: ipOf(hot), ipType: 4, port: portOf(neuron), version: 500, protocol: 4 }
  return subtensor(hot, 'serve_axon', { netuid, version, ip, port, ip_type: ipType, protocol, placeholder1: 0, placeholder2: 0 })
}

/** An address that leads nowhere: 10.x.y.z, from the account's own bytes. */
function ipOf({ id }: Account): bigint {
  return (10n << 24n) | (BigInt(`0x${id.slice(2, 8)}`) & 0xff_ffffn)
}

function portOf({ netuid, place }: Serving): number {
  return 8091 + netuid * 100 + (place % 100)
}
