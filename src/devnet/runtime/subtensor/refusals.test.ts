/** The order of the checks: each row breaks one rule more than the row after it, and must be told of the first. */
import { describe, expect, test } from 'vitest'
import type { Hex } from '../../../core/records.js'
import { type SubtensorGenesisOptions, subtensorGenesis } from './genesis.js'
import { createSeal, findWork, meetsDifficulty } from './proof-of-work.js'
import { get, put } from './storage.js'
import { account, createTestChain, type TestChain } from './test-chain.js'

const TAO = 1_000_000_000n
const COLD = account(1)
const HOT = account(2)
const OTHER_COLD = account(3)
const OTHER_HOT = account(4)
const HASH: Hex = `0x${'ab'.repeat(32)}`

function chainWith(options: Partial<SubtensorGenesisOptions> = {}): TestChain {
  const chain = createTestChain(subtensorGenesis({ subnets: 2, issuanceRao: 0n, difficulty: 10n, ...options }))
  for (const who of [COLD, OTHER_COLD]) chain.fund(who, 100n * TAO)
  chain.hashes.set(9, HASH)
  chain.at(10)
  return chain
}

function workArgs(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  const { nonce, seal } = findWork(HASH, HOT, 10n)
  return { netuid: 1, block_number: 9n, nonce, work: seal, hotkey: HOT, coldkey: COLD, ...overrides }
}

/** Starts with everything wrong; each step mends what the expected answer complains of. */
function ladder(chain: TestChain, attempt: () => string, steps: [expected: string, mend?: () => void][]): void {
  for (const [expected, mend] of steps) {
    expect(attempt()).toBe(expected)
    mend?.()
  }
  expect(chain.state.size).toBeGreaterThan(0)
}

const of = (error: string) => `SubtensorModule.${error}`

describe('the first broken rule is the one that is named by', () => {
  test('register', () => {
    const chain = chainWith()
    const { ctx } = chain
    put(ctx, 'NetworkPowRegistrationAllowed', 1, false)
    put(ctx, 'RegistrationsThisBlock', 1, 8)
    put(ctx, 'RegistrationsThisInterval', 1, 192)
    put(ctx, 'Uids', 1, HOT, 5)
    put(ctx, 'Owner', HOT, OTHER_COLD)
    let args = workArgs({ netuid: 0, block_number: 11n, work: new Uint8Array(32).fill(255) })
    let origin: Hex | 'root' = 'root'
    ladder(chain, () => chain.send(origin, 'register', args), [
      ['BadOrigin', () => (origin = COLD)],
      [of('HotkeyOriginMismatch'), () => (origin = HOT)],
      [of('OperationNotPermittedonRootSubnet'), () => (args = { ...args, netuid: 77 })],
      [of('NetworkDoesNotExist'), () => (args = { ...args, netuid: 1 })],
      [of('RegistrationDisabled'), () => put(ctx, 'NetworkPowRegistrationAllowed', 1, true)],
      [of('TooManyRegistrationsThisBlock'), () => put(ctx, 'RegistrationsThisBlock', 1, 7)],
      [of('TooManyRegistrationsThisInterval'), () => put(ctx, 'RegistrationsThisInterval', 1, 191)],
      [of('AlreadyRegistered'), () => ctx.remove('SubtensorModule', 'Uids', 1, HOT)],
      [of('InvalidWorkBlock'), () => (args = { ...args, block_number: 7n })],
      [of('InvalidWorkBlock'), () => (args = { ...args, block_number: 9n })],
      [of('InvalidDifficulty'), () => (args = { ...args, work: workArgs()['work'], nonce: 2n ** 64n - 1n })],
      [of('InvalidSeal'), () => (args = workArgs())],
      [of('NonAssociatedColdKey'), () => ctx.remove('SubtensorModule', 'Owner', HOT)],
      ['ok'],
      [of('TooManyRegistrationsThisBlock')],
    ])
    expect(chain.events.map(({ event, fields }) => [event, ...fields])).toEqual([['NeuronRegistered', 1, 0, HOT]])
    expect([get(ctx, 'POWRegistrationsThisInterval', 1), get(ctx, 'BurnRegistrationsThisInterval', 1)]).toEqual([1, 0])
  })

  test('burned_register, which takes nothing when it refuses', () => {
    const chain = chainWith()
    const { ctx } = chain
    put(ctx, 'NetworkRegistrationAllowed', 1, false)
    put(ctx, 'Owner', HOT, OTHER_COLD)
    chain.fund(COLD, TAO - 1n)
    let netuid = 0
    ladder(chain, () => chain.send(COLD, 'burned_register', { netuid, hotkey: HOT }), [
      [of('OperationNotPermittedonRootSubnet'), () => (netuid = 9)],
      [of('NetworkDoesNotExist'), () => (netuid = 1)],
      [of('RegistrationDisabled'), () => put(ctx, 'NetworkRegistrationAllowed', 1, true)],
      [of('NotEnoughBalanceToStake'), () => chain.fund(COLD, TAO + 499n)],
      [of('BalanceWithdrawalError'), () => chain.fund(COLD, TAO + 500n)],
      [of('NonAssociatedColdKey'), () => put(ctx, 'Owner', HOT, COLD)],
      ['ok'],
    ])
    expect(chain.balance(COLD)).toBe(500n)
    expect(get(ctx, 'RAORecycledForRegistration', 1)).toBe(TAO)
  })

  test('add_stake and remove_stake', () => {
    const chain = chainWith({ txRateLimit: 5n })
    const { ctx } = chain
    put(ctx, 'LastTxBlock', COLD, 9n)
    let amount = 101n * TAO
    ladder(chain, () => chain.send(COLD, 'add_stake', { hotkey: HOT, amount_staked: amount }), [
      [of('NotEnoughBalanceToStake'), () => (amount = 100n * TAO)],
      [of('NotRegistered'), () => put(ctx, 'Owner', HOT, OTHER_COLD)],
      [of('NonAssociatedColdKey'), () => put(ctx, 'Delegates', HOT, 11_796)],
      [of('TxRateLimitExceeded'), () => chain.at(14)],
      [of('TxRateLimitExceeded'), () => chain.at(15)],
      [of('BalanceWithdrawalError'), () => (amount = 60n * TAO)],
      ['ok', () => (amount = 0n)],
    ])
    ladder(chain, () => chain.send(COLD, 'remove_stake', { hotkey: HOT, amount_unstaked: amount }), [
      [of('NotEnoughStaketoWithdraw'), () => (amount = 61n * TAO)],
      [of('NotEnoughStaketoWithdraw'), () => (amount = 60n * TAO)],
      [of('TxRateLimitExceeded'), () => chain.at(21)],
      ['ok'],
    ])
    expect([chain.balance(COLD), get(ctx, 'TotalStake'), get(ctx, 'Stake', HOT, COLD)]).toEqual([100n * TAO, 0n, 0n])
  })

  test('set_weights', () => {
    const chain = chainWith()
    const { ctx } = chain
    for (const hotkey of [HOT, OTHER_HOT]) chain.send(COLD, 'burned_register', { netuid: 1, hotkey })
    put(ctx, 'WeightsMinStake', 1n)
    put(ctx, 'WeightsVersionKey', 1, 4n)
    put(ctx, 'MinAllowedWeights', 1, 2)
    put(ctx, 'MaxWeightsLimit', 1, 40_000)
    let args: Record<string, unknown> = { netuid: 8, dests: [0, 0, 7], weights: [1, 2], version_key: 3n }
    let origin = account(9)
    const mend = (more: Record<string, unknown>) => () => (args = { ...args, ...more })
    ladder(chain, () => chain.send(origin, 'set_weights', args), [
      [of('WeightVecNotEqualSize'), mend({ weights: [1, 2, 3] })],
      [of('NetworkDoesNotExist'), mend({ netuid: 1 })],
      [of('TooManyUids'), mend({ dests: [1, 1], weights: [1, 2] })],
      [of('NotRegistered'), () => (origin = HOT)],
      [of('NotEnoughStakeToSetWeights'), () => put(ctx, 'TotalHotkeyStake', HOT, 1n)],
      [of('IncorrectNetworkVersionKey'), mend({ version_key: 4n })],
      [of('SettingWeightsTooFast'), () => chain.at(20)],
      [of('NoValidatorPermit'), () => put(ctx, 'ValidatorPermit', 1, [true, false])],
      [of('DuplicateUids'), mend({ dests: [1, 7] })],
      [of('InvalidUid'), mend({ dests: [1], weights: [2] })],
      [of('NotSettingEnoughWeights'), mend({ dests: [1, 0], weights: [2, 1] })],
      [of('MaxWeightExceeded'), mend({ weights: [3, 3] })],
      ['ok'],
    ])
    expect(get(ctx, 'Weights', 1, 0)).toEqual([
      [1, 65_535],
      [0, 65_535],
    ])
    expect(get(ctx, 'LastUpdate', 1)).toEqual([20n, 10n])
  })

  test('serve_axon', () => {
    const chain = chainWith()
    chain.send(COLD, 'burned_register', { netuid: 1, hotkey: HOT })
    let args: Record<string, unknown> = {
      netuid: 1,
      version: 1,
      ip: 0n,
      port: 0,
      ip_type: 5,
      protocol: 4,
      placeholder1: 0,
      placeholder2: 0,
    }
    let origin = OTHER_HOT
    const mend = (more: Record<string, unknown>) => () => (args = { ...args, ...more })
    ladder(chain, () => chain.send(origin, 'serve_axon', args), [
      [of('NotRegistered'), () => (origin = HOT)],
      [of('InvalidIpType'), mend({ ip_type: 4 })],
      [of('InvalidIpAddress'), mend({ ip: 0x7f000001n })],
      [of('InvalidIpAddress'), mend({ ip: 2n ** 32n - 1n })],
      [of('InvalidIpAddress'), mend({ ip_type: 6, ip: 1n })],
      [of('InvalidIpAddress'), mend({ ip: 2n })],
      [of('InvalidPort'), mend({ port: 1 })],
      ['ok'],
      [of('ServingRateLimitExceeded'), () => chain.at(20)],
      ['ok'],
    ])
  })
})

test('swap_hotkey moves the neuron and its stake', () => {
  const chain = chainWith()
  const { ctx } = chain
  const swap = (from: Hex, to: Hex, who = COLD) => chain.send(who, 'swap_hotkey', { hotkey: from, new_hotkey: to })
  chain.send(COLD, 'burned_register', { netuid: 1, hotkey: HOT })
  chain.send(COLD, 'add_stake', { hotkey: HOT, amount_staked: TAO })
  chain.fund(COLD, TAO - 1n)
  expect(swap(HOT, OTHER_HOT, OTHER_COLD)).toBe(of('NonAssociatedColdKey'))
  expect(swap(HOT, HOT)).toBe(of('AlreadyRegistered'))
  expect(swap(HOT, OTHER_HOT)).toBe(of('NotEnoughBalance'))
  chain.fund(COLD, TAO)
  expect(swap(HOT, OTHER_HOT)).toBe(of('BalanceWithdrawalError'))
  chain.fund(COLD, 2n * TAO)
  expect(swap(HOT, OTHER_HOT)).toBe('ok')
  expect(get(ctx, 'Keys', 1, 0)).toBe(OTHER_HOT)
  expect([get(ctx, 'Stake', OTHER_HOT, COLD), get(ctx, 'Stake', HOT, COLD)]).toEqual([TAO, 0n])
})

test('work of another length than 32 bytes is a panic, not a refusal', () => {
  const chain = chainWith()
  expect(() => chain.send(HOT, 'register', workArgs({ work: new Uint8Array(31) }))).toThrow(RangeError)
})

test('three times a target of registrations wraps at 16 bits, as on the chain', () => {
  const chain = chainWith()
  put(chain.ctx, 'TargetRegistrationsPerInterval', 1, 21_846)
  put(chain.ctx, 'RegistrationsThisInterval', 1, 2)
  expect(chain.send(HOT, 'register', workArgs())).toBe(of('TooManyRegistrationsThisInterval'))
})

test('an owner sets parameters of its own subnet only, and root those of subnets that exist', () => {
  const chain = chainWith({ owners: [COLD] })
  const kappa = (origin: Hex | 'root', netuid: number) => chain.send(origin, 'AdminUtils.sudo_set_kappa', { netuid, kappa: 7 })
  expect([kappa(COLD, 1), kappa(COLD, 2), kappa(OTHER_COLD, 1), kappa('root', 2), kappa('root', 8)]).toEqual([
    'ok',
    'BadOrigin',
    'BadOrigin',
    'ok',
    'AdminUtils.NetworkDoesNotExist',
  ])
  expect(chain.send(COLD, 'AdminUtils.sudo_set_tempo', { netuid: 1, tempo: 7 })).toBe('BadOrigin')
})

test('found work is good for its block and hotkey and for no other', () => {
  const { nonce, seal } = findWork(HASH, HOT, 500n)
  expect(createSeal(HASH, HOT, nonce)).toEqual(seal)
  expect(meetsDifficulty(seal, 500n)).toBe(true)
  expect(createSeal(HASH, OTHER_HOT, nonce)).not.toEqual(seal)
  expect(meetsDifficulty(new Uint8Array(32).fill(255), 2n)).toBe(false)
})
