import { expect, test } from 'vitest'
import { subtensorGenesis } from './genesis.js'
import { findWork } from './proof-of-work.js'
import { entries, get } from './storage.js'
import { account, createTestChain } from './test-chain.js'

const TAO = 1_000_000_000n
const OWNER = account(7)

function newChain() {
  return createTestChain(subtensorGenesis({ subnets: 3, issuanceRao: 5n * TAO, difficulty: 20n, owners: [OWNER], tempos: [9] }))
}

test('a devnet begins with open, empty subnets that share one TAO a block', () => {
  const { ctx } = newChain()
  expect(entries(ctx, 'NetworksAdded').map(({ keys }) => keys[0])).toEqual([0, 1, 2, 3])
  expect(get(ctx, 'TotalNetworks')).toBe(4)
  expect([1, 2, 3].reduce((sum, netuid) => sum + get(ctx, 'EmissionValues', netuid), 0n)).toBe(TAO)
  expect(get(ctx, 'TotalIssuance')).toBe(5n * TAO)
})

test('both ways into a subnet are open from the first block on', () => {
  const chain = newChain()
  const [cold, worker, payer] = [account(1), account(2), account(3)]
  chain.fund(cold, 2n * TAO)
  chain.hashes.set(0, account(0xee))
  chain.block(1)
  const { nonce, seal } = findWork(account(0xee), worker, 20n)
  expect(chain.send(worker, 'register', { netuid: 2, block_number: 0n, nonce, work: seal, hotkey: worker, coldkey: cold })).toBe('ok')
  expect(chain.send(cold, 'burned_register', { netuid: 2, hotkey: payer })).toBe('ok')
  expect(entries(chain.ctx, 'Keys', 2).map(({ value }) => value)).toEqual([worker, payer])
})

test('without epochs, emission is queued past the tempo, and the owner is paid its cut', () => {
  const chain = newChain()
  for (let block = 1; block <= 12; block++) chain.block(block)
  const share = get(chain.ctx, 'EmissionValues', 1)
  const cut = (share * 11_796n) / 65_535n
  expect(chain.balance(OWNER)).toBe(12n * cut)
  expect(get(chain.ctx, 'PendingEmission', 1)).toBe(12n * (share - cut - 1n))
  expect(get(chain.ctx, 'PendingEmission', 2)).toBe(12n * get(chain.ctx, 'EmissionValues', 2))
  expect([get(chain.ctx, 'BlocksSinceLastStep', 1), get(chain.ctx, 'LastMechansimStepBlock', 1)]).toEqual([12n, 0n])
})

test('what an epoch shares out is paid a block later, to nominators by stake and to the delegate its take', () => {
  const [cold, hot, nominator] = [account(1), account(2), account(3)]
  const chain = createTestChain(subtensorGenesis({ subnets: 1, issuanceRao: 0n, tempos: [9] }), {
    epoch: { root: () => {}, subnet: (_ctx, _netuid, emission) => [[hot, 0n, emission]] },
  })
  chain.fund(cold, 50n * TAO)
  chain.fund(nominator, 50n * TAO)
  chain.block(1)
  expect(chain.send(cold, 'burned_register', { netuid: 1, hotkey: hot })).toBe('ok')
  expect(chain.send(cold, 'become_delegate', { hotkey: hot })).toBe('ok')
  expect(chain.send(cold, 'add_stake', { hotkey: hot, amount_staked: TAO })).toBe('ok')
  expect(chain.send(nominator, 'add_stake', { hotkey: hot, amount_staked: 3n * TAO })).toBe('ok')
  for (let block = 2; block <= 7; block++) chain.block(block)
  expect(get(chain.ctx, 'LastMechansimStepBlock', 1)).toBe(7n)
  expect(get(chain.ctx, 'LoadedEmission', 1)).toEqual([[hot, 0n, 7n * TAO]])
  chain.block(8)
  const take = (7n * TAO * 11_796n) / 65_535n
  const gained = get(chain.ctx, 'Stake', hot, nominator) - 3n * TAO
  const exact = ((7n * TAO - take) * 3n) / 4n
  expect(gained).toBeGreaterThanOrEqual(exact - 1n)
  expect(gained).toBeLessThanOrEqual(exact + 1n)
  expect(get(chain.ctx, 'TotalHotkeyStake', hot)).toBe(11n * TAO)
  expect(get(chain.ctx, 'LoadedEmission', 1)).toBeUndefined()
})
