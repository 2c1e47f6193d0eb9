/** What the accounts of the cast do, as functions of the chain they see. */
import type { Hex } from '../../core/records.js'
import { findWork } from '../runtime/subtensor/index.js'
import type { Context } from '../runtime/types.js'
import type { Account, CastAccounts } from './accounts.js'
import type { Random } from './random.js'

export interface Scene {
  ctx: Context
  accounts: CastAccounts
  subnets: number
  random: Random
  head: { number: number; hash: Hex }
}

export interface Action {
  by: Account
  pallet: string
  call: string
  args: Record<string, unknown>
}

const SUBTENSOR = 'SubtensorModule'
const RAO = 1_000_000_000n
/** Registrations per subnet and block: below the chain's own limit, so that a stranger finds room too. */
const REGISTRATIONS = 4
/** Each this many neurons, one is a validator. */
const VALIDATOR_EVERY = 4
const AXONS_PER_BLOCK = 6
const WEIGHTS_EVERY = 5
const WEIGHTED_MINERS = 8

const netuidsOf = (scene: Scene) => Array.from({ length: scene.subnets }, (_, i) => i + 1)
const subtensor = (by: Account, call: string, args: Record<string, unknown>): Action => ({ by, pallet: SUBTENSOR, call, args })
const isValidator = (place: number) => place % VALIDATOR_EVERY === 0

function pairAt({ accounts }: Scene, place: number): { cold: Account; hot: Account } {
  return { cold: accounts.coldkeys[place] as Account, hot: accounts.hotkeys[place] as Account }
}

function places({ accounts }: Scene): number[] {
  return accounts.hotkeys.map((_, place) => place)
}

function uidOf({ ctx }: Scene, netuid: number, hotkey: Hex): number | undefined {
  return ctx.get<number | undefined>(SUBTENSOR, 'Uids', netuid, hotkey)
}

/** Work on the head is one block old when it runs, and may be up to two. */
export function registerActions(scene: Scene): Action[] {
  const { ctx, head } = scene
  return netuidsOf(scene).flatMap((netuid) => {
    const missing = places(scene).filter((place) => uidOf(scene, netuid, pairAt(scene, place).hot.id) === undefined)
    return missing.slice(0, REGISTRATIONS).map((place) => {
      const { cold, hot } = pairAt(scene, place)
      if ((place + netuid) % 3 === 0) return subtensor(cold, 'burned_register', { netuid, hotkey: hot.id })
      // The difficulty may be raised before the work is looked at.
      const difficulty = ctx.get<bigint>(SUBTENSOR, 'Difficulty', netuid) * 2n
      const { nonce, seal } = findWork(head.hash, hot.id, difficulty)
      return subtensor(hot, 'register', { netuid, block_number: BigInt(head.number), nonce, work: seal, hotkey: hot.id, coldkey: cold.id })
    })
  })
}

/** Axons at addresses that lead nowhere: 10.x.y.z, from the account's own bytes. */
export function serveActions(scene: Scene): Action[] {
  const silent = netuidsOf(scene).flatMap((netuid) =>
    places(scene)
      .map((place) => ({ netuid, place, hot: pairAt(scene, place).hot }))
      .filter(({ hot }) => uidOf(scene, netuid, hot.id) !== undefined && !scene.ctx.has(SUBTENSOR, 'Axons', netuid, hot.id)),
  )
  return silent.slice(0, AXONS_PER_BLOCK).map(({ netuid, place, hot }) => {
    const ip = (10n << 24n) | (BigInt(`0x${hot.id.slice(2, 8)}`) & 0xff_ffffn)
    const port = 8091 + netuid * 100 + (place % 100)
    if (isValidator(place) && !scene.ctx.has(SUBTENSOR, 'Prometheus', netuid, hot.id) && scene.head.number % 2 === 0) {
      return subtensor(hot, 'serve_prometheus', { netuid, version: 500, ip, port: port + 1000, ip_type: 4 })
    }
    return subtensor(hot, 'serve_axon', { netuid, version: 500, ip, port, ip_type: 4, protocol: 4, placeholder1: 0, placeholder2: 0 })
  })
}

/** Validators open themselves to delegation and stake on themselves; nominators follow now and then, and sometimes leave again. */
export function delegateActions(scene: Scene): Action[] {
  const { ctx, random, accounts, head } = scene
  const validators = places(scene).filter((place) => isValidator(place) && uidOf(scene, 1, pairAt(scene, place).hot.id) !== undefined)
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

/** One validator after another, each every few blocks. Those without a permit may only speak of themselves, and say nothing. */
export function weightActions(scene: Scene): Action[] {
  const { ctx, random, head } = scene
  return netuidsOf(scene).flatMap((netuid) => {
    const permits = ctx.get<boolean[]>(SUBTENSOR, 'ValidatorPermit', netuid)
    const updates = ctx.get<bigint[]>(SUBTENSOR, 'LastUpdate', netuid)
    const rateLimit = ctx.get<bigint>(SUBTENSOR, 'WeightsSetRateLimit', netuid)
    const miners = places(scene).flatMap((place) => {
      const uid = isValidator(place) ? undefined : uidOf(scene, netuid, pairAt(scene, place).hot.id)
      return uid === undefined ? [] : [uid]
    })
    return places(scene)
      .filter((place) => isValidator(place) && (head.number + place / VALIDATOR_EVERY + netuid) % WEIGHTS_EVERY === 0)
      .flatMap((place) => {
        const { hot } = pairAt(scene, place)
        const uid = uidOf(scene, netuid, hot.id)
        if (uid === undefined) return []
        const waited = BigInt(head.number + 1) - (updates[uid] ?? 0n)
        if (waited <= rateLimit) return []
        // Until an epoch has given permits, a validator can vote for itself alone.
        const dests = permits[uid] === true && miners.length > 0 ? someOf(miners, WEIGHTED_MINERS, random) : [uid]
        const weights = dests.map(() => 1 + random.below(0xffff))
        return [
          subtensor(hot, 'set_weights', { netuid, dests, weights, version_key: ctx.get<bigint>(SUBTENSOR, 'WeightsVersionKey', netuid) }),
        ]
      })
  })
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

/** Different ones, in the order of their numbers. */
function someOf(list: number[], count: number, random: Random): number[] {
  const rest = [...list]
  const chosen: number[] = []
  while (chosen.length < count && rest.length > 0) chosen.push(...rest.splice(random.below(rest.length), 1))
  return chosen.sort((a, b) => a - b)
}
