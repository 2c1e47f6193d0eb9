/**
 * The devnet says yes and no as the chain does, and with the same words. The fixture has what a real chain of spec 143 answered; here
 * the same kinds of extrinsics meet the same situations.
 */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Hex } from '../../../src/core/records.js'
import type { Account } from '../../../src/devnet/cast/accounts.js'
import type { CallValue } from '../../../src/devnet/runtime/types.js'
import { ownChain, type Item, type OwnChain } from '../../support/own-chain.js'
import { workOf, type WorkKind } from '../../support/work.js'

const fixture = new URL('../../fixtures/devnet/results-143.json', import.meta.url)
const { results: real } = JSON.parse(readFileSync(fixture, 'utf8')) as { results: Record<string, string | string[]> }

const RAO = 1_000_000_000n
const DIFFICULTY = 2_000n
const NEURONS = 10
const VALIDATORS = 4
/** Not funded: not a person of this chain. */
const POOR = 19

describe('answers of a real chain', () => {
  let chain: OwnChain
  const seen: { label: string; answer: string }[] = []

  const cold = (i: number) => chain.accounts.coldkeys[i] as Account
  const hot = (i: number) => chain.accounts.hotkeys[i] as Account
  const nominator = (i: number) => chain.accounts.nominators[i] as Account
  const subtensor = (by: Account, call: string, args: Record<string, unknown>, label: string): Item => ({
    by,
    call: { pallet: 'SubtensorModule', call, args },
    label,
  })
  const admin = (call: string, args: Record<string, unknown>): CallValue => ({ pallet: 'AdminUtils', call, args })
  const sudo = (call: CallValue, label = `sudo ${call.call.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())}`): Item => ({
    by: chain.accounts.alice,
    call: { pallet: 'Sudo', call: 'sudo', args: { call } },
    label,
  })
  const head = () => chain.author.store.best

  function block(...items: Item[]): void {
    chain.block(items).forEach((answer, i) => seen.push({ label: (items[i] as Item).label, answer }))
  }

  function register(
    netuid: number,
    i: number,
    label: string,
    { age = 0, kind = 'good', by = hot(i) }: { age?: number; kind?: WorkKind; by?: Account } = {},
  ): Item {
    const at = chain.author.store.byNumber(head().number - age)
    const { nonce, seal } = workOf(kind, at?.hash as Hex, hot(i).id, DIFFICULTY)
    return subtensor(
      by,
      'register',
      { netuid, block_number: BigInt(head().number - age), nonce, work: seal, hotkey: hot(i).id, coldkey: cold(i).id },
      label,
    )
  }

  const burned = (netuid: number, i: number, label: string, by = cold(i)) =>
    subtensor(by, 'burned_register', { netuid, hotkey: hot(i).id }, label)
  const stake = (by: Account, i: number, tao: bigint, label: string) =>
    subtensor(by, 'add_stake', { hotkey: hot(i).id, amount_staked: tao * RAO }, label)
  const weights = (i: number, netuid: number, dests: number[], values: number[], label: string) =>
    subtensor(hot(i), 'set_weights', { netuid, dests, weights: values, version_key: 0n }, label)
  const axon = (i: number, label: string, more: Record<string, unknown> = {}) =>
    subtensor(
      hot(i),
      'serve_axon',
      { netuid: 1, version: 1, ip: 0x1200_0007n, port: 8090, ip_type: 4, protocol: 4, placeholder1: 0, placeholder2: 0, ...more },
      label,
    )

  beforeAll(async () => {
    chain = await ownChain()
    // An empty account where the real run had one with 600 rao.
    const { id } = cold(POOR)
    chain.block([
      sudo({ pallet: 'Balances', call: 'set_balance', args: { who: { type: 'Id', value: id }, new_free: 600n, new_reserved: 0n } }),
    ])
    openSubnets()
    registrations()
    stakes()
    axons()
    epochs()
    settingWeights()
    fullSubnet()
  })

  function openSubnets(): void {
    block(
      sudo(admin('sudo_set_network_rate_limit', { rate_limit: 0n })),
      sudo(admin('sudo_set_subnet_limit', { max_subnets: 64 })),
      sudo(admin('sudo_set_network_min_lock_cost', { lock_cost: 100n * RAO })),
      sudo(admin('sudo_set_lock_reduction_interval', { interval: 2n })),
    )
    for (const i of [0, 1]) block(subtensor(cold(i), 'register_network', {}, 'register a subnet'))
    block(sudo(admin('sudo_set_weights_set_rate_limit', { netuid: 0, weights_set_rate_limit: 0n })))
    for (const netuid of [1, 2]) {
      const set = (name: string, value: number | bigint) => sudo(admin(`sudo_set_${name}`, { netuid, [name]: value }))
      block(
        set('tempo', 9),
        set('min_difficulty', 100n),
        set('difficulty', DIFFICULTY),
        set('max_difficulty', DIFFICULTY * 10n),
        set('min_burn', RAO / 10n),
        set('max_registrations_per_block', 3),
        set('target_registrations_per_interval', 12),
        set('adjustment_interval', 25),
        set('max_allowed_uids', NEURONS),
        set('max_allowed_validators', VALIDATORS - 1),
        set('min_allowed_weights', 3),
        set('max_weight_limit', netuid === 1 ? 65535 : 32767),
        set('immunity_period', 15),
        set('activity_cutoff', 45),
        set('weights_set_rate_limit', 5n),
        set('serving_rate_limit', 8n),
        set('bonds_moving_average', 900_000n),
        set('kappa', 32767),
        set('rho', 10),
        set('weights_version_key', 0n),
        sudo(admin('sudo_set_network_registration_allowed', { netuid, registration_allowed: true })),
        sudo(admin('sudo_set_network_pow_registration_allowed', { netuid, registration_allowed: true })),
      )
    }
    block(sudo(admin('sudo_set_tx_rate_limit', { tx_rate_limit: 0n })), sudo(admin('sudo_set_weights_min_stake', { min_stake: 0n })))
  }

  function registrations(): void {
    for (const netuid of [1, 2]) {
      for (let i = 0; i < NEURONS - 1; i += 3) {
        block(
          register(netuid, i, `pow register subnet 1 hot0`),
          register(netuid, i + 1, `pow register subnet 1 hot0`),
          burned(netuid, i + 2, 'burned register subnet 1 hot2'),
        )
      }
    }
    const x = NEURONS
    block()
    block()
    block()
    block(register(1, x, 'work too old', { age: 3 }), register(1, x, 'wrong nonce', { kind: 'wrong nonce' }))
    block(register(1, x, 'work too easy', { kind: 'too easy' }), register(1, 0, 'registered already'))
    block(burned(60_000, x, 'no such subnet'), burned(1, x, 'cannot pay the burn', cold(POOR)))
    block(register(1, NEURONS - 1, 'work two blocks old', { age: 1 }))
    block(register(1, x, 'not signed by the hotkey', { by: cold(x) }))
    block(burned(2, NEURONS - 1, 'burned register subnet 2 hot12'))
  }

  function stakes(): void {
    const delegate = (by: Account, i: number, label: string) => subtensor(by, 'become_delegate', { hotkey: hot(i).id }, label)
    block(
      ...[0, 1, 2, 3].map((i) => delegate(cold(i), i, `delegate hot${i}`)),
      delegate(cold(1), 0, 'delegate a hotkey of another'),
      delegate(cold(0), 0, 'delegate twice'),
    )
    block(
      ...[0, 1, 2, 3].map((i) => stake(cold(i), i, 300n + 100n * BigInt(i), `own stake hot${i}`)),
      stake(cold(5), 5, 20n, 'stake of a miner'),
    )
    block(
      stake(nominator(0), 1, 5n, 'a second delegate for nominator0'),
      stake(nominator(1), 0, 10n ** 8n, 'stake more than the balance'),
      stake(nominator(1), NEURONS + 5, 1n, 'stake on a hotkey nobody owns'),
      stake(nominator(2), VALIDATORS + 1, 1n, 'stake on one who is no delegate'),
      subtensor(nominator(3), 'remove_stake', { hotkey: hot(3).id, amount_unstaked: 10n ** 17n }, 'unstake more than is there'),
    )
    block(...[0, 1, 2].map((i) => subtensor(cold(i), 'root_register', { hotkey: hot(i).id }, `root register hot${i}`)))
    for (const i of [0, 1]) block(weights(i, 0, [0, 1, 2], [0, 100, 140], `root weights hot${i}`))
    const much = { dest: { type: 'Id', value: cold(0).id }, value: 10n ** 16n }
    block(
      { by: cold(6), call: { pallet: 'Balances', call: 'transfer', args: much }, label: 'transfer of too much' },
      { by: cold(6), call: { pallet: 'Balances', call: 'transfer', args: { ...much, value: RAO } }, label: 'transfer' },
      { ...sudo(admin('sudo_set_rho', { netuid: 1, rho: 3 }), 'sudo by a stranger'), by: cold(6) },
      { by: cold(6), call: admin('sudo_set_rho', { netuid: 1, rho: 3 }), label: 'root call by a stranger' },
    )
  }

  function axons(): void {
    block(
      ...[0, 1, 3].map((i) => axon(i, `axon hot${i} on 1`)),
      subtensor(hot(0), 'serve_prometheus', { netuid: 1, version: 1, ip: 7n, port: 7090, ip_type: 4 }, 'prometheus hot0 on 1'),
    )
    block(
      axon(2, 'ip type 5', { ip_type: 5 }),
      axon(4, 'ip 0', { ip: 0n }),
      axon(3, 'axon again too soon', { version: 2 }),
      axon(NEURONS + 4, 'axon of an unregistered hotkey'),
    )
  }

  /** Permits go to those with the most stake, by the first epoch after they have it. */
  function epochs(): void {
    const before = head().number
    const hasRun = (netuid: number) =>
      chain.read((ctx) => ctx.get<bigint>('SubtensorModule', 'LastMechansimStepBlock', netuid)) > BigInt(before)
    while (![1, 2].every(hasRun)) block()
    for (const netuid of [1, 2]) {
      const permits = chain.read((ctx) => ctx.get<boolean[]>('SubtensorModule', 'ValidatorPermit', netuid))
      expect(permits.flatMap((permit, uid) => (permit ? [uid] : []))).toEqual([1, 2, 3])
    }
  }

  function settingWeights(): void {
    const dests = [4, 5, 6, 7]
    const values = [1000, 2000, 3000, 4000]
    block(...[1, 2, 3].map((i) => weights(i, 1, dests, values, `weights hot${i} on 1`)), weights(0, 1, dests, values, 'weights hot0 on 1'))
    block(weights(3, 1, dests, values, 'weights too soon'), weights(VALIDATORS + 2, 1, dests, values, 'weights without a permit'))
    block(weights(1, 1, [5, 5, 6, 7], values, 'weights with a uid twice'), weights(2, 1, [5, 6], [1, 2, 3], 'weights of unequal length'))
    block(
      weights(1, 1, [5, 6, 7, 60_000], values, 'weights on a uid that is not there'),
      weights(2, 60_000, [1], [1], 'weights on no subnet'),
    )
    block(weights(NEURONS + 4, 1, [1], [1], 'weights of a stranger'))
    block(
      weights(1, 2, dests, values, 'weights hot1 on 2'),
      weights(0, 2, dests, values, 'weights hot0 on 2'),
      weights(VALIDATORS + 1, 1, [VALIDATORS + 1], [65_535], 'self weight'),
    )
    block(weights(1, 2, [6, 7, 8], [65_535, 1, 1], 'one weight over the limit'))
    block(sudo(admin('sudo_set_weights_version_key', { netuid: 1, weights_version_key: 17n })))
    block(weights(2, 1, dests, values, 'old version key'))
  }

  function fullSubnet(): void {
    for (let i = 0; i < 12; i++) block()
    block(register(1, NEURONS, 'replaces a neuron'))
    block(burned(1, NEURONS + 1, 'replaces a neuron (burn)'))
    block(...[2, 3, 4, 5].map((i) => burned(1, NEURONS + i, 'many in one block')))
    block(sudo(admin('sudo_set_tx_rate_limit', { tx_rate_limit: 20n })))
    block(stake(cold(2), 2, 1n, 'stake under a rate limit'))
    block()
    block(stake(cold(2), 2, 1n, 'stake too soon'))
  }

  test('every extrinsic is taken or refused as on the real chain, for the same reason', () => {
    const wanted = new Map<string, string[]>()
    const differences = seen.flatMap(({ label, answer }) => {
      const answers = real[label]
      if (answers === undefined) return [`${label}: not in the fixture`]
      const queue = wanted.get(label) ?? (Array.isArray(answers) ? [...answers] : [])
      wanted.set(label, queue)
      const want = Array.isArray(answers) ? queue.shift() : answers
      return want === answer ? [] : [`${label}: ${answer}, not ${want}`]
    })
    expect(differences).toEqual([])
  })

  test('every refusal of the real run is among them', () => {
    const labels = new Set(seen.map(({ label }) => label))
    const refusals = Object.entries(real).filter(([, answers]) => answers !== 'ok')
    // "weights in time" met SettingWeightsTooFast by the timing of that run; `weights too soon` is the same refusal.
    const left = refusals.map(([label]) => label).filter((label) => !labels.has(label))
    expect(left).toEqual(['weights in time'])
  })
})
