import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { keyPairOf } from '../../../src/chain/submit/keys.js'
import { silentLog } from '../../../src/core/log.js'
import { sleep } from '../../../src/core/lifecycle.js'
import { buyPlace, openJournal } from '../../../src/pow-service/index.js'
import { migrate, openDatabase } from '../../../src/store/index.js'
import { testDatabase } from '../../support/database.js'
import { startPowWorld, type PowWorld, type PowWorldOptions } from '../../support/pow-world.js'
import { hasRedis, testRedis } from '../../support/redis.js'
import { eventually } from '../../support/waiting.js'

/** Not found while a test runs, and found at once. */
const HOPELESS = 10n ** 15n
const EASY = { Difficulty: [[[1], '1000']] }
const TAO = 1_000_000_000n
const TIMING = { lockMs: 2_000, stalledMs: 500, leadMs: 200, patienceMs: 1_000 }

function worldOf(options: PowWorldOptions): Promise<PowWorld> {
  return startPowWorld({ timing: TIMING, blockMs: 250, ...options })
}

/** One registration from the request to the chain, which made it once. */
async function registers(world: PowWorld, name: string, trouble: (id: string) => Promise<void> = async () => {}): Promise<void> {
  const customer = await world.customer(name)
  const { id } = await customer.ask()
  const submitted = customer.submit(id)
  submitted.catch(() => undefined)
  await trouble(id)
  expect(await submitted).toMatchObject([{ netuid: 1, uid: expect.any(Number) as number }])
  await eventually('the service knows', async () => (await customer.client.get(id)).state === 'registered')
  expect(await world.registrations(customer.pair.publicKey)).toBe(1)
}

describe('the registration service', () => {
  test('registers by work that the customer signs, several customers and subnets at once', async () => {
    await using db = await testDatabase()
    await using world = await worldOf({ databaseUrl: db.url })
    const both = await world.customer('both')
    const asked = await both.ask([1, 2])
    expect((await both.ask([2, 1])).id).toBe(asked.id)
    const [places] = await Promise.all([both.submit(asked.id), ...['a', 'b', 'c'].map((name) => registers(world, name))])
    expect(places.map(({ netuid }) => netuid).sort()).toEqual([1, 2])
  })

  test('refuses before any work what the chain would refuse, with the reason', async () => {
    await using db = await testDatabase()
    await using world = await worldOf({ databaseUrl: db.url })
    await registers(world, 'a')
    const [a, b] = [await world.customer('a'), await world.customer('b')]
    const reasonOf = (asking: Promise<unknown>): Promise<unknown> =>
      asking.then(
        () => 'taken',
        (error: { code?: string; detail?: { reason?: unknown } }) => `${error.code} ${String(error.detail?.reason)}`,
      )
    expect(await reasonOf(a.ask())).toBe('REFUSED ALREADY_REGISTERED')
    expect(await reasonOf(b.ask([9]))).toBe('REFUSED SUBNET_NOT_FOUND')
    expect(await reasonOf(b.ask([0]))).toBe('REFUSED ROOT_SUBNET')
    const otherOwner = { hotkey: a.pair.address, coldkey: b.pair.address, netuids: [2] }
    expect(await reasonOf(a.client.create(otherOwner))).toBe('REFUSED OWNER_MISMATCH')
    await world.set({ NetworkPowRegistrationAllowed: [[[1], false]] })
    await eventually('the quote says so', async () => {
      const { pow } = (await (await fetch(`${world.url()}/pow/v1/quote?netuid=1`)).json()) as { pow: { reason: { code: string } | null } }
      return pow.reason?.code === 'POW_DISABLED'
    })
    expect(await reasonOf(b.ask())).toBe('REFUSED POW_DISABLED')
  })

  test('registers for hotkeys that made it their Registration proxy, two at a time, and refuses those that did not', async () => {
    await using db = await testDatabase()
    await using world = await worldOf({ databaseUrl: db.url, proxy: true })
    const alice = await keyPairOf('//Alice')
    const customers = await Promise.all(['a', 'b'].map((name) => world.customer(name)))
    const asked = customers.map(({ pair, cold }) => ({
      hotkey: pair.address,
      coldkey: cold.address,
      netuids: [1, 2],
      mode: 'proxy' as const,
    }))
    const [first] = customers
    await expect(first?.client.create(asked[0] as (typeof asked)[number])).rejects.toMatchObject({ detail: { reason: 'PROXY_MISSING' } })
    const proxies = customers.map(({ pair }) => [[pair.address], [[{ delegate: alice.address, proxyType: 'Registration', delay: 0 }], '0']])
    await world.rpc.request('dev_setStorage', [{ Proxy: { Proxies: proxies } }])
    await eventually('the proxies are seen', async () =>
      world
        .service()
        .ready()
        .then(({ ok }) => ok),
    )
    await sleep(700)
    await Promise.all(
      customers.map(async ({ client, pair }, i) => {
        const { id } = await client.create(asked[i] as (typeof asked)[number])
        await eventually('it is registered', async () => (await client.get(id)).state === 'registered')
        expect(await world.registrations(pair.publicKey)).toBe(2)
        expect((await client.get(id)).targets).toMatchObject([{ uid: expect.any(Number) as number }, { uid: expect.any(Number) as number }])
      }),
    )
    // The hotkeys themselves signed nothing, and the new owner is who they named.
    const { state } = await (first as (typeof customers)[number]).submitter.head()
    for (const { pair, cold } of customers) {
      expect(await world.rpc.request('system_accountNextIndex', [pair.address])).toBe(0)
      expect(await state.get('SubtensorModule', 'Owner', pair.publicKey)).toBe(cold.publicKey)
    }
  })

  test('where the chain takes no work any more, refuses it and says when a place is within the limit', async () => {
    await using db = await testDatabase()
    await using world = await worldOf({ databaseUrl: db.url, paid: true })
    const { pair, cold, client, submitter } = await world.customer('a')
    const asked = { hotkey: pair.address, coldkey: cold.address, netuids: [1] }
    await expect(client.create(asked)).rejects.toMatchObject({ code: 'REFUSED', detail: { reason: 'POW_REMOVED' } })
    await world.rpc.request('dev_setStorage', [
      {
        System: { Account: [[[cold.address], { providers: 1, data: { free: String(100n * TAO) } }]] },
        SubtensorModule: { Burn: [[[1], String(8n * TAO)]], MinBurn: [[[1], '1']], BurnHalfLife: [[[1], 3]] },
      },
    ])
    await sleep(700)
    const limitRao = TAO + TAO / 2n
    // A limit that is never met, mended by asking again.
    const first = await client.create({ ...asked, mode: 'burn', maxCost: '2' })
    const { id } = await client.create({ ...asked, mode: 'burn', maxCost: String(limitRao) })
    expect(id).toBe(first.id)
    const states: string[] = []
    const journal = openJournal(world.folder, world.genesisHash)
    const place = await buyPlace({
      ...{ netuid: 1, hotkey: pair.publicKey, pair: cold, limitRao, submitter, journal, log: silentLog, lookMs: 200 },
      ...{
        told: { client, id, onNews: ({ state, reason }) => void states.push(reason?.code ?? state) },
        signal: AbortSignal.timeout(30_000),
      },
    })
    expect(place.uid).toEqual(expect.any(Number))
    expect(states).toEqual(expect.arrayContaining(['TOO_EXPENSIVE', 'ready']))
    const account = (await (await submitter.head()).state.get('System', 'Account', cold.publicKey)) as { data: { free: bigint } }
    expect(100n * TAO - account.data.free).toBeLessThanOrEqual(limitRao + TAO / 100n)
  })

  test('waits for a used quota, and says until when', async () => {
    await using db = await testDatabase()
    await using world = await worldOf({ databaseUrl: db.url })
    await world.set({ RegistrationsThisInterval: [[[1], 1_000]] })
    const customer = await world.customer('a')
    const { id } = await customer.ask()
    await eventually('it waits', async () => (await customer.client.get(id)).state === 'waiting')
    const [row] = await world.store.active(world.genesisHash)
    expect(row).toMatchObject({ reason: { code: 'QUOTA_USED', retryAtBlock: expect.any(Number) as number }, attempts: 0 })
    await world.set({ RegistrationsThisInterval: [[[1], 0]] })
    await customer.submit(id)
  })

  test('goes on with what was asked for after a restart, and ends what is cancelled', async () => {
    await using db = await testDatabase()
    await using world = await worldOf({ databaseUrl: db.url, difficulty: HOPELESS })
    const [a, b] = [await world.customer('a'), await world.customer('b')]
    const [one, two] = [await a.ask(), await b.ask()]
    await eventually('both are searched for', async () =>
      (await Promise.all([a.client.get(one.id), b.client.get(two.id)])).every(({ state }) => state === 'solving'),
    )
    const cancelled = (await (await fetch(`${world.url()}/pow/v1/registrations/${two.id}`, { method: 'DELETE' })).json()) as {
      state: string
    }
    expect(cancelled.state).toBe('cancelled')
    await world.restartService()
    await world.set(EASY)
    const again = await world.customer('a')
    await again.submit(one.id)
    expect((await again.client.get(two.id)).state).toBe('cancelled')
  })

  test('a worker killed in the middle of a search costs no registration', async () => {
    await using db = await testDatabase()
    await using world = await worldOf({ databaseUrl: db.url, threads: 0, difficulty: HOPELESS })
    const worker = await world.startWorker()
    await registers(world, 'a', async (id) => {
      await eventually('it is searched for', async () => (await (await world.customer('a')).client.get(id)).state !== 'queued')
      await world.killWorker(worker)
      await world.startWorker()
      await world.set(EASY)
    })
  })

  test('PostgreSQL killed in the middle costs no registration', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'taogate-pow-pg-'))
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
    const database = await openDatabase({ dataDir, log: silentLog })
    await using _ = { [Symbol.asyncDispose]: () => database.close() }
    await migrate(database.pool, silentLog)
    await using world = await worldOf({ databaseUrl: database.url, difficulty: HOPELESS })
    await registers(world, 'a', async () => {
      await sleep(500)
      const [pid] = (await readFile(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8')).split('\n')
      process.kill(Number(pid), 'SIGQUIT')
      await sleep(1_000)
      await world.set(EASY)
    })
  })

  test('a node that is away for a while costs no registration', async () => {
    await using db = await testDatabase()
    const devnetDir = await mkdtemp(join(tmpdir(), 'taogate-pow-chain-'))
    onTestFinished(() => rm(devnetDir, { recursive: true, force: true }))
    await using world = await worldOf({ databaseUrl: db.url, difficulty: HOPELESS, devnetDir })
    await registers(world, 'a', async () => {
      await sleep(500)
      await world.nodeAway(1_500)
      await world.set(EASY)
    })
  })

  test.skipIf(!hasRedis())('Redis killed in the middle, with all it knew, costs no registration', async () => {
    await using db = await testDatabase()
    await using redis = await testRedis()
    await using world = await worldOf({
      ...{ databaseUrl: db.url, redisUrl: redis.url, threads: 0, difficulty: HOPELESS },
    })
    await world.startWorker()
    await registers(world, 'a', async () => {
      await sleep(500)
      await redis.kill()
      await sleep(500)
      await redis.start()
      await world.set(EASY)
    })
  })
})
