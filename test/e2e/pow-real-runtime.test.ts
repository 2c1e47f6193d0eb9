import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sleep } from '../../src/core/lifecycle.js'
import { silentLog } from '../../src/core/log.js'
import { buyPlace, openJournal } from '../../src/pow-service/index.js'
import { testDatabase, type TestDatabase } from '../support/database.js'
import { startPowWorld, type PowWorld } from '../support/pow-world.js'
import { needsRig, startRig, type RigProcess } from '../support/rig.js'
import { eventually } from '../support/waiting.js'

/** The registration service in front of the real runtime of spec 143. Runs where the rig is (test/support/rig.ts names the variables). */
const TAO = 1_000_000_000n
const REGISTRATIONS = 20
const BLOCK_MS = 1_000
const MINUTES = 60_000

describe.skipIf(!needsRig())('registrations on the real runtime of spec 143', { timeout: 10 * MINUTES }, () => {
  let node: RigProcess
  let database: TestDatabase
  let world: PowWorld
  const stop = new AbortController()
  let making: Promise<void>

  const set = (item: string, value: unknown, netuid = 1) => world.set({ [item]: [[[netuid], value]] })

  beforeAll(async () => {
    node = await startRig(143)
    database = await testDatabase()
    world = await startPowWorld({ databaseUrl: database.url, nodeUrl: node.url, blockMs: BLOCK_MS })
    const params = {
      ...{ NetworksAdded: true, NetworkRegistrationAllowed: true, NetworkPowRegistrationAllowed: true, MaxAllowedUids: 64 },
      ...{ Difficulty: 1_000_000, MinDifficulty: 100, Burn: String(TAO), MinBurn: 1, MaxBurn: String(100n * TAO) },
      // Prices stay, and the quota holds all of them.
      ...{ AdjustmentInterval: 10_000, LastAdjustmentBlock: 1, TargetRegistrationsPerInterval: 100, MaxRegistrationsPerBlock: 1 },
    }
    for (const [item, value] of Object.entries(params)) await set(item, value)
    making = (async () => {
      while (!stop.signal.aborted) {
        await world.rpc.request('dev_newBlock', [{ count: 1 }])
        await sleep(BLOCK_MS, stop.signal).catch(() => undefined)
      }
    })()
  }, MINUTES)

  afterAll(async () => {
    stop.abort()
    await making
    await world?.[Symbol.asyncDispose]()
    await database?.[Symbol.asyncDispose]()
    await node?.close()
  })

  const reasonOf = (asking: Promise<unknown>): Promise<unknown> =>
    asking.then(
      () => 'taken',
      (error: { code?: string; detail?: { reason?: unknown } }) => `${error.code} ${String(error.detail?.reason)}`,
    )

  test(`${REGISTRATIONS} in a row are registered, and the chain refuses none`, async () => {
    for (let i = 0; i < REGISTRATIONS; i++) {
      const customer = await world.customer(`row ${i}`)
      const { id } = await customer.ask()
      expect(await customer.submit(id)).toMatchObject([{ netuid: 1, uid: i }])
    }
    const events = await world.events()
    expect(events.filter(({ name }) => name === 'NeuronRegistered')).toHaveLength(REGISTRATIONS)
    expect(events.filter(({ name }) => name === 'ExtrinsicFailed')).toEqual([])
  })

  test('what the chain would refuse is refused before any work, with its reason', async () => {
    const [done, other] = [await world.customer('row 0'), await world.customer('other')]
    expect(await reasonOf(done.ask())).toBe('REFUSED ALREADY_REGISTERED')
    expect(await reasonOf(other.ask([77]))).toBe('REFUSED SUBNET_NOT_FOUND')
    await set('NetworksAdded', true, 2)
    expect(await reasonOf(other.ask([2]))).toBe('REFUSED POW_DISABLED')
    await set('NetworkPowRegistrationAllowed', true, 2)
    await set('MaxAllowedUids', 8, 2)
    const foreign = { hotkey: done.pair.address, coldkey: other.cold.address, netuids: [2] }
    await eventually('the owner is looked at', async () => (await reasonOf(done.client.create(foreign))) === 'REFUSED OWNER_MISMATCH')
    // The quota of an interval only has to be waited for.
    await set('RegistrationsThisInterval', 1_000)
    const { id } = await other.ask()
    await eventually('it waits', async () => (await other.client.get(id)).reason?.code === 'QUOTA_USED')
    const before = await world.store.get(id, 'open')
    expect(before).toMatchObject({ attempts: 0, solutions: 0 })
    await set('RegistrationsThisInterval', 1)
    expect(await other.submit(id)).toMatchObject([{ uid: REGISTRATIONS }])
  })

  test('a solution that is not used in time is replaced, and an old one is not sent', async () => {
    const customer = await world.customer('slow')
    const { id } = await customer.ask()
    await eventually('there is work', async () => (await customer.client.get(id)).state === 'ready')
    const [first] = (await customer.client.get(id)).targets
    await eventually('there is newer work', async () => {
      const [target] = (await customer.client.get(id)).targets
      return (target?.solution?.blockNumber ?? 0) > (first?.solution?.blockNumber ?? 0) + 2
    })
    expect(await customer.submit(id)).toMatchObject([{ netuid: 1 }])
  })

  test('burn mode buys within its limit, and holds back above it', async () => {
    const customer = await world.customer('burner')
    const hotkey = customer.pair.publicKey
    await world.rpc.request('dev_setStorage', [
      { System: { Account: [[[customer.cold.address], { providers: 1, data: { free: String(100n * TAO) } }]] } },
    ])
    const asked = {
      hotkey: customer.pair.address,
      coldkey: customer.cold.address,
      netuids: [1],
      mode: 'burn' as const,
      maxCost: String(2n * TAO),
    }
    await set('Burn', String(3n * TAO))
    await sleep(2 * BLOCK_MS)
    const { id } = await customer.client.create(asked)
    const bought = buyPlace({
      ...{ netuid: 1, hotkey, pair: customer.cold, limitRao: 2n * TAO, submitter: customer.submitter, lookMs: 500 },
      ...{ told: { client: customer.client, id, onNews: () => undefined }, journal: openJournal(world.folder, world.genesisHash) },
      ...{ log: silentLog, signal: AbortSignal.timeout(2 * MINUTES) },
    })
    bought.catch(() => undefined)
    await eventually('it waits for the price', async () => (await customer.client.get(id)).reason?.code === 'TOO_EXPENSIVE')
    await sleep(3 * BLOCK_MS)
    expect(await world.registrations(hotkey)).toBe(0)
    await set('Burn', String(TAO))
    expect(await bought).toMatchObject({ netuid: 1 })
    await eventually('the service knows', async () => (await customer.client.get(id)).state === 'registered')
    expect(await world.registrations(hotkey)).toBe(1)
    const { data } = (await (await customer.submitter.head()).state.get('System', 'Account', customer.cold.publicKey)) as {
      data: { free: bigint }
    }
    // The price of a TAO, and a fee.
    expect(100n * TAO - data.free).toBeGreaterThanOrEqual(TAO)
    expect(100n * TAO - data.free).toBeLessThan(TAO + TAO / 100n)
  })
})
