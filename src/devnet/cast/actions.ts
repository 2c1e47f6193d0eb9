/** What the accounts of the cast do, as functions of the chain they see. */
import type { Hex } from '../../core/records.js'
import { findWork } from '../runtime/subtensor/index.js'
import type { Context } from '../runtime/types.js'
import type { Account, CastAccounts } from './accounts.js'
import type { Random } from './random.js'
import type { AxonChoice } from './serving.js'

export interface Scene {
  ctx: Context
  accounts: CastAccounts
  subnets: number
  /** Of each subnet. */
  seats: number
  random: Random
  head: { number: number; hash: Hex }
  /** What some of the cast serve; the others', and everybody's when absent, lead nowhere. */
  axons?: AxonChoice
}

export interface Action {
  by: Account
  pallet: string
  call: string
  args: Record<string, unknown>
}

export const SUBTENSOR = 'SubtensorModule'
const RAO = 1_000_000_000n
/** Registrations per subnet and block: below the chain's own limit, so that a stranger finds room too. */
const REGISTRATIONS = 4
/** In a full subnet, somebody new comes in once in this many blocks. */
const NEWCOMER_EVERY = 8
/** Each this many neurons, one is a validator. */
const VALIDATOR_EVERY = 4
const ROOT_NETUID = 0
const ROOT_REGISTRATIONS = 2
const WEIGHTS_EVERY = 5
/** A validator overlooks one in this many miners. */
const OVERLOOKED = 8

export const netuidsOf = (scene: Scene) => Array.from({ length: scene.subnets }, (_, i) => i + 1)
export const subtensor = (by: Account, call: string, args: Record<string, unknown>): Action => ({ by, pallet: SUBTENSOR, call, args })
/** Whether a place of the cast, in a subnet of so many seats, is a validator's. */
export const isValidatorPlace = (seats: number, place: number): boolean => place < seats && place % VALIDATOR_EVERY === 0
const isValidator = ({ seats }: Scene, place: number) => isValidatorPlace(seats, place)
/** How many validators a subnet of so many seats has. */
export const validatorsOf = (seats: number): number => Math.ceil(seats / VALIDATOR_EVERY)

export function pairAt({ accounts }: Scene, place: number): { cold: Account; hot: Account } {
  return { cold: accounts.coldkeys[place] as Account, hot: accounts.hotkeys[place] as Account }
}

export function places({ accounts }: Scene): number[] {
  return accounts.hotkeys.map((_, place) => place)
}

export function uidOf({ ctx }: Scene, netuid: number, hotkey: Hex): number | undefined {
  return ctx.get<number | undefined>(SUBTENSOR, 'Uids', netuid, hotkey)
}

/** About half a second of the one thread that the cast shares with the whole chain. */
const MAX_CAST_DIFFICULTY = 50_000n

/** Work on the head is one block old when it runs, and may be up to two. */
export function registerActions(scene: Scene): Action[] {
  const { ctx, head } = scene
  return netuidsOf(scene).flatMap((netuid) =>
    entrants(scene, netuid).map((place) => {
      const { cold, hot } = pairAt(scene, place)
      // The difficulty may be raised before the work is looked at.
      const difficulty = ctx.get<bigint>(SUBTENSOR, 'Difficulty', netuid) * 2n
      const pays = (place + netuid) % 3 === 0 || difficulty > MAX_CAST_DIFFICULTY
      if (pays) return subtensor(cold, 'burned_register', { netuid, hotkey: hot.id })
      const { nonce, seal } = findWork(head.hash, hot.id, difficulty)
      return subtensor(hot, 'register', { netuid, block_number: BigInt(head.number), nonce, work: seal, hotkey: hot.id, coldkey: cold.id })
    }),
  )
}

/**
 * As long as there is room, all who are outside. Once the subnet is full and an epoch has said what everybody is worth, one at a time: each pushes out the
 * neuron with the lowest score. A validator that was pushed out is the first to come back.
 */
function entrants(scene: Scene, netuid: number): number[] {
  const { ctx, head, random } = scene
  const outside = places(scene).filter((place) => uidOf(scene, netuid, pairAt(scene, place).hot.id) === undefined)
  const room = ctx.get<number>(SUBTENSOR, 'MaxAllowedUids', netuid) - ctx.get<number>(SUBTENSOR, 'SubnetworkN', netuid)
  if (room > 0) return outside.slice(0, Math.min(room, REGISTRATIONS))
  const ranked = ctx.get<bigint>(SUBTENSOR, 'LastMechansimStepBlock', netuid) > 0n
  if (outside.length === 0 || !ranked || (head.number + netuid) % NEWCOMER_EVERY !== 0) return []
  return [outside.find((place) => isValidator(scene, place)) ?? random.pick(outside)]
}

/** Validators open themselves to delegation and stake on themselves; nominators follow now and then, and sometimes leave again. */
export function delegateActions(scene: Scene): Action[] {
  const { ctx, random, accounts, head } = scene
  const validators = places(scene).filter(
    (place) => isValidator(scene, place) && uidOf(scene, 1, pairAt(scene, place).hot.id) !== undefined,
  )
  const actions: Action[] = []
  for (const place of validators) {
    const { cold, hot } = pairAt(scene, place)
    if (!ctx.has(SUBTENSOR, 'Delegates', hot.id)) actions.push(subtensor(cold, 'become_delegate', { hotkey: hot.id }))
    else if (ctx.get<bigint>(SUBTENSOR, 'TotalHotkeyStake', hot.id) === 0n) {
      actions.push(subtensor(cold, 'add_stake', { hotkey: hot.id, amount_staked: (1_000n + 100n * BigInt(random.below(20))) * RAO }))
    }
  }
  const delegates = validators.map((place) => pairAt(scene, place).hot.id).filter((hotkey) => ctx.has(SUBTENSOR, 'Delegates', hotkey))
  if (delegates.length > 0 && accounts.nominators.length > 0 && head.number % 4 === 1) {
    const by = random.pick(accounts.nominators)
    const hotkey = random.pick(delegates)
    const staked = ctx.get<bigint>(SUBTENSOR, 'Stake', hotkey, by.id)
    if (staked > 10n * RAO && random.below(3) === 0) actions.push(subtensor(by, 'remove_stake', { hotkey, amount_unstaked: staked / 4n }))
    else actions.push(subtensor(by, 'add_stake', { hotkey, amount_staked: BigInt(1 + random.below(9)) * RAO }))
  }
  return actions
}

interface Miner {
  uid: number
  worth: number
}

/** How well a miner works, 1 to 256. All validators see the same, each with an error of its own, so that there is something to agree on. */
function worthOf(hotkey: Hex): number {
  return 1 + parseInt(hotkey.slice(2, 4), 16)
}

/** One validator after another, each every few blocks. Those without a permit may only speak of themselves, and say nothing. */
export function weightActions(scene: Scene): Action[] {
  const { ctx, random, head } = scene
  return netuidsOf(scene).flatMap((netuid) => {
    const permits = ctx.get<boolean[]>(SUBTENSOR, 'ValidatorPermit', netuid)
    const updates = ctx.get<bigint[]>(SUBTENSOR, 'LastUpdate', netuid)
    const rateLimit = ctx.get<bigint>(SUBTENSOR, 'WeightsSetRateLimit', netuid)
    const miners = places(scene).flatMap((place): Miner[] => {
      const { id } = pairAt(scene, place).hot
      const uid = isValidator(scene, place) ? undefined : uidOf(scene, netuid, id)
      return uid === undefined ? [] : [{ uid, worth: worthOf(id) }]
    })
    return places(scene)
      .filter((place) => isValidator(scene, place) && (head.number + place / VALIDATOR_EVERY + netuid) % WEIGHTS_EVERY === 0)
      .flatMap((place) => {
        const { hot } = pairAt(scene, place)
        const uid = uidOf(scene, netuid, hot.id)
        if (uid === undefined) return []
        const waited = BigInt(head.number + 1) - (updates[uid] ?? 0n)
        if (waited <= rateLimit) return []
        // Until an epoch has given permits, a validator can vote for itself alone.
        const seen = permits[uid] === true ? miners.filter(() => random.below(OVERLOOKED) > 0) : []
        const rows = seen.length === 0 ? [{ uid, worth: 1 }] : seen
        const dests = rows.map((row) => row.uid)
        const weights = rows.map(({ worth }) => worth * (75 + random.below(51)))
        return [
          subtensor(hot, 'set_weights', { netuid, dests, weights, version_key: ctx.get<bigint>(SUBTENSOR, 'WeightsVersionKey', netuid) }),
        ]
      })
  })
}

/** Validators with stake behind them take seats in the root network, and say from there which subnet is worth how much. */
export function rootActions(scene: Scene): Action[] {
  const { ctx, random, head } = scene
  const pairs = places(scene)
    .filter((place) => isValidator(scene, place))
    .map((place) => ({ place, ...pairAt(scene, place), uid: uidOf(scene, ROOT_NETUID, pairAt(scene, place).hot.id) }))
  const entering = pairs.filter(({ hot, uid }) => uid === undefined && ctx.get<bigint>(SUBTENSOR, 'TotalHotkeyStake', hot.id) > 0n)
  const updates = ctx.get<bigint[]>(SUBTENSOR, 'LastUpdate', ROOT_NETUID)
  const rateLimit = ctx.get<bigint>(SUBTENSOR, 'WeightsSetRateLimit', ROOT_NETUID)
  const voting = pairs.filter(
    ({ place, uid }) =>
      uid !== undefined &&
      (head.number + place / VALIDATOR_EVERY) % WEIGHTS_EVERY === 0 &&
      BigInt(head.number + 1) - (updates[uid] ?? 0n) > rateLimit,
  )
  const netuids = netuidsOf(scene)
  return [
    ...entering.slice(0, ROOT_REGISTRATIONS).map(({ cold, hot }) => subtensor(cold, 'root_register', { hotkey: hot.id })),
    ...voting.map(({ hot }) =>
      subtensor(hot, 'set_weights', {
        netuid: ROOT_NETUID,
        dests: netuids,
        weights: netuids.map(() => 1 + random.below(0xffff)),
        version_key: ctx.get<bigint>(SUBTENSOR, 'WeightsVersionKey', ROOT_NETUID),
      }),
    ),
  ]
}

export function transferActions({ random, accounts }: Scene): Action[] {
  const people = [...accounts.developers, ...accounts.coldkeys, ...accounts.nominators]
  return Array.from({ length: 1 + random.below(3) }, () => {
    const value = BigInt(1 + random.below(5_000)) * (RAO / 1_000n)
    return {
      by: random.pick(people),
      pallet: 'Balances',
      call: 'transfer_keep_alive',
      args: { dest: { type: 'Id', value: random.pick(people).id }, value },
    }
  })
}
