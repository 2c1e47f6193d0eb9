import { ApiPromise, Keyring, WsProvider } from '@polkadot/api'
import type { KeyringPair } from '@polkadot/keyring/types'
import type { SubmittableExtrinsic } from '@polkadot/api/types'
import { expect, test } from 'vitest'
import { silentLog } from '../../src/core/log.js'
import { startDevnet, type Devnet } from '../../src/devnet/index.js'
import { testDatabase } from '../support/database.js'
import { indexTo } from '../support/indexing.js'
import { readOracle } from '../support/oracle.js'
import { compareWithTruth } from '../support/truth.js'

type Tx = SubmittableExtrinsic<'promise'>
const RAO = 1_000_000_000n

/** A chain driven by hand: what is submitted goes into the next block. */
class Driver {
  constructor(
    readonly api: ApiPromise,
    readonly devnet: Devnet,
  ) {}

  async block(...sent: [KeyringPair, Tx][]): Promise<number> {
    for (const [signer, tx] of sent) {
      // The chain's own cast may use the same accounts: the pool knows what is taken.
      const nonce = (await this.api.rpc.system.accountNextIndex(signer.address)).toNumber()
      await tx.signAsync(signer, { nonce, era: 0 })
      await this.api.rpc.author.submitExtrinsic(tx)
    }
    return this.devnet.newBlock().number
  }

  tx(pallet: string, call: string, ...args: unknown[]): Tx {
    const found = this.api.tx[pallet]?.[call]
    if (!found) throw new Error(`no call ${pallet}.${call}`)
    return found(...args)
  }
}

/**
 * Calls that a chain rarely sees and that change much at once. After each the index is compared with what another library reads of the chain, once with
 * a batch for everything and once block by block.
 */
test('rare calls: everything they change is seen', { timeout: 240_000 }, async () => {
  const devnet = await startDevnet({ blockMs: null, seed: 'rare', subnets: 1, neurons: 6, log: silentLog })
  const api = await ApiPromise.create({ provider: new WsProvider(devnet.url), noInitWarn: true })
  try {
    const heights = await live(new Driver(api, devnet))
    await using batched = await testDatabase()
    await using stepwise = await testDatabase()
    let from = 1
    for (const height of heights) {
      const truth = await readOracle(devnet.url, height, from)
      for (const [db, batchBlocks] of [
        [batched, 64],
        [stepwise, 1],
      ] as const) {
        await indexTo(devnet.url, db.pool, height, { batchBlocks })
        const { differences } = await compareWithTruth(db.pool, truth)
        expect(differences, `at block ${height}, batches of ${batchBlocks}`).toEqual([])
      }
      from = height + 1
    }
    // Everything was done, but for what was meant to fail.
    const failed = await batched.pool.query<{ call: string; error_name: string | null }>(
      `select call, error_name from extrinsics where not success union all
       (select call, error_name from calls where success is not true order by block_height, extrinsic_index, index)`,
    )
    expect(failed.rows.map((row) => `${row.call}: ${row.error_name ?? 'not known'}`)).toEqual([
      'transfer: InsufficientBalance',
      'transfer: not known',
      'transfer: InsufficientBalance',
      'batch_all: InsufficientBalance',
      'transfer: not known',
      'transfer: not known',
      'sudo_set_tempo: NetworkDoesNotExist',
    ])
    const { rows } = await batched.pool.query<{ reason: string; count: number }>(
      'select reason, count(*)::int from neuron_deregistrations group by 1 order by 1',
    )
    expect(rows.map((row) => row.reason)).toEqual(['REPLACED', 'SUBNET_REMOVED'])
  } finally {
    await api.disconnect()
    await devnet.close()
  }
})

/** Plays the calls and gives the heights at which to look. */
async function live(driver: Driver): Promise<number[]> {
  const keyring = new Keyring({ type: 'sr25519', ss58Format: 42 })
  const [alice, bob, charlie, dave] = ['Alice', 'Bob', 'Charlie', 'Dave'].map((name) => keyring.addFromUri(`//${name}`)) as [
    KeyringPair,
    KeyringPair,
    KeyringPair,
    KeyringPair,
  ]
  const hot = (i: number): KeyringPair => keyring.addFromUri(`//mine//hot//${i}`)
  const sudo = (tx: Tx): Tx => driver.tx('sudo', 'sudo', tx)
  const admin = (call: string, ...args: unknown[]): [KeyringPair, Tx] => [alice, sudo(driver.tx('adminUtils', call, ...args))]
  const subtensor = (call: string, ...args: unknown[]): Tx => driver.tx('subtensorModule', call, ...args)
  const heights: number[] = []
  const look = (height: number): void => void heights.push(height)
  for (let i = 0; i < 12; i++) await driver.block()

  // A subnet of a user's own, with room for two.
  await driver.block(admin('sudoSetNetworkRateLimit', 0), admin('sudoSetTxRateLimit', 0))
  look(await driver.block([bob, subtensor('registerNetwork')]))
  const netuid = 2
  await driver.block(
    admin('sudoSetMaxAllowedUids', netuid, 2),
    admin('sudoSetImmunityPeriod', netuid, 0),
    admin('sudoSetMaxRegistrationsPerBlock', netuid, 5),
    admin('sudoSetTargetRegistrationsPerInterval', netuid, 20),
  )
  await driver.block(
    [bob, subtensor('burnedRegister', netuid, hot(0).address)],
    [charlie, subtensor('burnedRegister', netuid, hot(1).address)],
  )
  await driver.block([bob, subtensor('becomeDelegate', hot(0).address)], [bob, subtensor('addStake', hot(0).address, 50n * RAO)])
  look(
    await driver.block(
      [dave, subtensor('addStake', hot(0).address, 20n * RAO)],
      [charlie, subtensor('addStake', hot(1).address, 5n * RAO)],
    ),
  )

  // Two more push the first two out: the chain unstakes whoever stood behind them.
  look(
    await driver.block(
      [charlie, subtensor('burnedRegister', netuid, hot(2).address)],
      [dave, subtensor('burnedRegister', netuid, hot(3).address)],
    ),
  )
  await driver.block(
    [dave, subtensor('addStake', hot(3).address, 7n * RAO)],
    [hot(2), subtensor('serveAxon', netuid, 7, 3_232_235_777n, 9000, 4, 4, 1, 2)],
  )

  // A hotkey changes its name, with neuron, stake and axon.
  look(await driver.block([dave, subtensor('swapHotkey', hot(3).address, hot(4).address)]))

  // Calls in calls: done, failed in the middle, forced, all or nothing.
  const transfer = (amount: bigint): Tx => driver.tx('balances', 'transfer', keyring.addFromUri('//mine//fresh').address, amount)
  look(
    await driver.block(
      [bob, driver.tx('utility', 'batch', [transfer(RAO), transfer(10n ** 18n), transfer(RAO)])],
      [
        charlie,
        driver.tx('utility', 'forceBatch', [
          transfer(10n ** 18n),
          transfer(2n * RAO),
          driver.tx('utility', 'batchAll', [transfer(RAO), transfer(10n ** 18n)]),
        ]),
      ],
      [dave, driver.tx('utility', 'batchAll', [transfer(3n * RAO), subtensor('addStake', hot(4).address, RAO)])],
      [
        alice,
        sudo(
          driver.tx('utility', 'batch', [
            driver.tx('adminUtils', 'sudoSetTempo', netuid, 77),
            driver.tx('adminUtils', 'sudoSetTempo', 999, 7),
          ]),
        ),
      ],
    ),
  )

  // An account that is emptied is gone; one whose balance is set is not asked.
  const fresh = keyring.addFromUri('//mine//fresh')
  look(
    await driver.block(
      [fresh, driver.tx('balances', 'transferAll', bob.address, false)],
      [alice, sudo(driver.tx('balances', 'setBalance', hot(5).address, 5n * RAO, RAO))],
    ),
  )

  // And the subnet goes, with all who were on it.
  look(await driver.block([bob, subtensor('dissolveNetwork', netuid)]))
  await driver.block([charlie, subtensor('registerNetwork')], [charlie, subtensor('burnedRegister', netuid, hot(6).address)])
  for (let i = 0; i < 5; i++) await driver.block()
  look(await driver.block())
  return heights
}
