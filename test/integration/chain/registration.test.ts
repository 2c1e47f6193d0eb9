import { ApiPromise, WsProvider } from '@polkadot/api'
import type { SubmittableExtrinsic } from '@polkadot/api/types'
import { Keyring } from '@polkadot/keyring'
import type { EventRecord } from '@polkadot/types/interfaces'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createChainReader, createRpcClient, type ChainReader, type ChainState, type RpcClient } from '../../../src/chain/index.js'
import { readByteOrder, readRegistration, readRegistrations, refusalOf } from '../../../src/chain/registration/index.js'
import {
  createSubmitter,
  prepareBurn,
  prepareProxyRegister,
  prepareRegister,
  type KeyPair,
  type Submitter,
} from '../../../src/chain/submit/index.js'
import { keyPairOf } from '../../../src/chain/submit/keys.js'
import type { RegistrationCall } from '../../../src/chain/submit/calls.js'
import { unknownOutcomeError } from '../../../src/chain/rpc/errors.js'
import { forecastPrices } from '../../../src/pow-service/forecast.js'
import { silentLog } from '../../../src/core/log.js'
import type { Hex } from '../../../src/core/records.js'
import { fromHex, toHex } from '../../../src/core/units/bytes.js'
import { startDevnet, type Devnet } from '../../../src/devnet/index.js'
import { refusedFor } from '../../support/refused-for.js'
import { workOf } from '../../support/work.js'

const TAO = 1_000_000_000n
const BLOCK_MS = 40

/** A devnet that makes blocks on request, and a submitter on it. */
async function world({
  later = {},
  finalityLag = 1,
  rpcOf = (rpc: RpcClient) => rpc,
}: { later?: NonNullable<Parameters<typeof startDevnet>[0]['later']>; finalityLag?: number; rpcOf?: (rpc: RpcClient) => RpcClient } = {}) {
  const devnet = await startDevnet({ blockMs: null, subnets: 2, neurons: 8, cast: false, finalityLag, later, log: silentLog })
  const rpc = createRpcClient({ endpoints: [devnet.url], log: silentLog })
  const reader = createChainReader(rpc)
  const submitter = createSubmitter({ rpc: rpcOf(rpc), reader, log: silentLog, blockTimeMs: BLOCK_MS })
  devnet.newBlock({ count: 3 })
  const key = (role: 'cold' | 'hot', i: number): Promise<KeyPair> => keyPairOf(`//devnet//${role}//${i}`)
  return {
    devnet,
    rpc,
    reader,
    submitter,
    hot: (i: number) => key('hot', i),
    cold: (i: number) => key('cold', i),
    state: (): Promise<ChainState> => reader.reading().stateAt(devnet.best.number, devnet.best.hash),
    set: (items: Record<string, unknown>) => rpc.request('dev_setStorage', [{ SubtensorModule: items }]),
    async close() {
      await rpc.close()
      await devnet.close()
    },
  }
}
type World = Awaited<ReturnType<typeof world>>

async function solve({ devnet, state }: World, hotkey: Hex, coldkey: Hex, netuid = 1, at = devnet.best) {
  const { difficulty } = await readRegistration(await state(), { netuid: 1 })
  const { nonce, seal } = workOf('good', at.hash, hotkey, difficulty?.current ?? 1n)
  return { netuid, blockNumber: at.number, blockHash: at.hash, nonce, work: toHex(seal), hotkey, coldkey }
}

/** Sends past the checks of this side, and tells what the chain says. */
async function chainSays({ submitter, devnet }: World, pair: KeyPair, call: RegistrationCall): Promise<string> {
  const submission = await submitter.signAndSend({ pair, call })
  devnet.newBlock({ count: 2 })
  const end = await submitter.follow(submission)
  if (end.state === 'dropped') return 'dropped'
  return end.error === null ? `uid ${end.uid}` : `${end.error.pallet}.${end.error.name}`
}

async function registered(submitter: Submitter, devnet: Devnet, prepared: Promise<Parameters<Submitter['send']>[0]>) {
  const submission = await prepared
  await submitter.send(submission)
  devnet.newBlock({ count: 2 })
  return { submission, end: await submitter.follow(submission) }
}

describe('registering on a chain of spec 143', () => {
  let w: World
  beforeAll(async () => {
    w = await world()
  })
  afterAll(() => w.close())

  test('what decides is read in one round trip for many subnets', async () => {
    const state = await w.state()
    const [hotkey, coldkey] = [(await w.hot(0)).publicKey, (await w.cold(0)).publicKey]
    const before = w.rpc.stats().requests
    const facts = await readRegistrations(
      state,
      [0, 1, 2, 9].map((netuid) => ({ netuid, hotkey, coldkey })),
    )
    expect(w.rpc.stats().requests - before).toBe(1)
    expect(facts.map(({ exists }) => exists)).toEqual([true, true, true, false])
    expect(facts[1]).toEqual({
      block: { number: 3, hash: w.devnet.best.hash },
      specVersion: 143,
      netuid: 1,
      exists: true,
      powRemoved: false,
      powAllowed: true,
      registrationAllowed: true,
      difficulty: { current: 1_000n, min: 101n, max: (2n ** 64n - 1n) / 4n },
      burn: { current: TAO, min: TAO / 10n, max: 100n * TAO },
      adjustmentAlpha: expect.any(BigInt),
      burnDecay: null,
      quota: {
        usedInBlock: 0,
        perBlock: 8,
        usedInInterval: 0,
        byWork: 0,
        byBurn: 0,
        target: 8,
        perInterval: 24,
        intervalBlocks: 100,
        lastAdjustmentBlock: 0,
        intervalEndsAt: 100,
      },
      slot: 'free',
      neurons: 0,
      maxNeurons: 8,
      hasRegisterLimit: false,
      existentialDeposit: 500n,
      hotkey: { id: hotkey, uid: null, owner: null, alive: true, free: TAO, proxies: null },
      coldkey: { id: coldkey, free: expect.any(BigInt) },
    })
  })

  test('the hotkey signs its work in a mortal extrinsic that is bound to the block of the work', async () => {
    const [hot, cold] = [await w.hot(0), await w.cold(0)]
    const work = await solve(w, hot.publicKey, cold.publicKey)
    const { submission, end } = await registered(w.submitter, w.devnet, prepareRegister(w.submitter, { pair: hot, work }))
    expect(end).toMatchObject({ state: 'finalised', blockNumber: 4, extrinsicIndex: 1, error: null, uid: 0 })
    expect(submission).toMatchObject({ birthBlock: 3, lastBlock: 6, nonce: '0', signer: hot.publicKey, kind: 'register' })
    const { signature, call, hash } = (await w.reader.runtimeOf(4)).decodeExtrinsic(fromHex(submission.extrinsic))
    expect(hash).toBe(submission.hash)
    expect(signature).toEqual({ signer: hot.publicKey, nonce: 0n, tip: 0n, era: { period: 4, phase: 3 } })
    expect(call.values()).toMatchObject({ netuid: 1, block_number: 3n, nonce: work.nonce, work: work.work })
    const after = await readRegistration(await w.state(), { netuid: 1, hotkey: hot.publicKey })
    expect(after).toMatchObject({ neurons: 1, hotkey: { uid: 0, owner: cold.publicKey }, quota: { usedInInterval: 1, byWork: 1 } })
  })

  test.each([
    {
      why: 'already registered',
      code: 'ALREADY_REGISTERED',
      error: 'SubtensorModule.AlreadyRegistered',
      who: 0,
    },
    {
      why: 'work is off',
      code: 'POW_DISABLED',
      error: 'SubtensorModule.RegistrationDisabled',
      set: { NetworkPowRegistrationAllowed: [[[1], false]] },
    },
    { why: 'another owner', code: 'OWNER_MISMATCH', error: 'SubtensorModule.NonAssociatedColdKey', who: 0, netuid: 2, coldkey: 5 },
    { why: 'an unknown subnet', code: 'SUBNET_NOT_FOUND', error: 'SubtensorModule.NetworkDoesNotExist', netuid: 9 },
    { why: 'the root network', code: 'ROOT_SUBNET', error: 'SubtensorModule.OperationNotPermittedonRootSubnet', netuid: 0 },
    {
      why: 'the quota is used',
      code: 'QUOTA_USED',
      error: 'SubtensorModule.TooManyRegistrationsThisInterval',
      set: { RegistrationsThisInterval: [[[1], 24]] },
      retryAt: 100,
    },
    {
      why: 'nobody per block',
      code: 'QUOTA_USED',
      error: 'SubtensorModule.TooManyRegistrationsThisBlock',
      set: { MaxRegistrationsPerBlock: [[[1], 0]] },
    },
    { why: 'no places', code: 'NO_SLOT', error: 'SubtensorModule.NetworkDoesNotExist', set: { MaxAllowedUids: [[[1], 0]] } },
  ])('refused, as the chain would: $why', async ({ code, error, who = 1, netuid = 1, coldkey = who, set, retryAt }) => {
    const keep = set === undefined ? [] : Object.keys(set)
    const state = await w.state()
    const before = await Promise.all(keep.map(async (item) => [item, [[[1], await state.get('SubtensorModule', item, 1)]]]))
    if (set !== undefined) await w.set(set)
    onTestFinished(async () => void (await w.set(Object.fromEntries(before))))
    const [hot, cold] = [await w.hot(who), await w.cold(coldkey)]
    const work = await solve(w, hot.publicKey, cold.publicKey, netuid)
    const facts = await readRegistration(await w.state(), work)
    const refusal = refusalOf(facts, { coldkey: cold.publicKey }, 'solve')
    expect([refusal?.code, refusal?.retryAt]).toEqual([code, retryAt])
    expect(await refusedFor(prepareRegister(w.submitter, { pair: hot, work }))).toBe(code)
    expect(await chainSays(w, hot, { kind: 'register', ...work })).toBe(error)
  })

  test('refused: work of two blocks ago, of a block to come, and on a block that is no more', async () => {
    const [hot, cold] = [await w.hot(1), await w.cold(1)]
    const old = w.devnet.best
    const stale = await solve(w, hot.publicKey, cold.publicKey, 1, old)
    w.devnet.newBlock({ count: 2 })
    expect(await refusedFor(prepareRegister(w.submitter, { pair: hot, work: stale }))).toBe('STALE_WORK')
    // Now two blocks old, it would be three in the next block.
    expect(await chainSays(w, hot, { kind: 'register', ...stale })).toBe('SubtensorModule.InvalidWorkBlock')
    const fresh = await solve(w, hot.publicKey, cold.publicKey)
    expect(await refusedFor(prepareRegister(w.submitter, { pair: hot, work: { ...fresh, blockNumber: fresh.blockNumber + 1 } }))).toBe(
      'STALE_WORK',
    )
    const elsewhere = { ...fresh, blockHash: old.hash }
    expect(await refusedFor(prepareRegister(w.submitter, { pair: hot, work: elsewhere }))).toBe('WORK_FORKED')
  })

  test('never signed: work by a coldkey, by a stranger, for a hotkey that is its own coldkey; a purchase by the hotkey', async () => {
    const [hot, cold, stranger] = [await w.hot(1), await w.cold(1), await w.hot(2)]
    const work = await solve(w, hot.publicKey, cold.publicKey)
    const reason = (pair: KeyPair, call: RegistrationCall) => refusedFor(w.submitter.prepare({ pair, call }))
    expect(await reason(cold, { kind: 'register', ...work })).toBe('KEYS_MIXED')
    expect(await reason(cold, { kind: 'proxyRegister', ...work })).toBe('KEYS_MIXED')
    expect(await reason(hot, { kind: 'register', ...work, coldkey: hot.publicKey })).toBe('KEYS_MIXED')
    expect(await reason(stranger, { kind: 'register', ...work })).toBe('NOT_THE_HOTKEY')
    expect(await reason(hot, { kind: 'burnedRegister', netuid: 1, hotkey: hot.publicKey, limitRao: TAO })).toBe('KEYS_MIXED')
    expect(await refusedFor(prepareRegister(w.submitter, { pair: stranger, work }))).toBe('NOT_THE_HOTKEY')
  })

  test('a place is bought within the limit, and not above it', async () => {
    const [hot, cold] = [await w.hot(3), await w.cold(3)]
    const buy = (limitRao: bigint) => prepareBurn(w.submitter, { pair: cold, netuid: 1, hotkey: hot.publicKey, limitRao })
    const balance = async () => (await readRegistration(await w.state(), { netuid: 1, coldkey: cold.publicKey })).coldkey?.free ?? 0n
    const before = await balance()
    expect(await refusedFor(buy(TAO - 1n))).toBe('TOO_EXPENSIVE')
    const { end } = await registered(w.submitter, w.devnet, buy(TAO))
    expect(end).toMatchObject({ state: 'finalised', error: null, uid: 1 })
    // The call itself is free.
    expect(before - (await balance())).toBe(TAO)
    expect(await refusedFor(buy(TAO))).toBe('ALREADY_REGISTERED')
  })

  test('a purchase waits when the price may rise above the limit while it is on its way', async () => {
    const [hot, cold] = [await w.hot(2), await w.cold(2)]
    const buy = (limitRao: bigint, eraBlocks?: number) =>
      prepareBurn(w.submitter, { pair: cold, netuid: 2, hotkey: hot.publicKey, limitRao, eraBlocks })
    w.devnet.newBlock({ count: 96 - w.devnet.best.number })
    expect((await buy(TAO)).lastBlock).toBe(99)
    // The interval ends in block 100, and an era from here on holds it.
    expect(await refusedFor(buy(TAO, 8))).toBe('TOO_EXPENSIVE')
    w.devnet.newBlock()
    expect(await refusedFor(buy(TAO))).toBe('TOO_EXPENSIVE')
    expect((await buy(2n * TAO)).lastBlock).toBe(100)
    w.devnet.newBlock({ count: 3 })
    const { burn } = await readRegistration(await w.state(), { netuid: 2 })
    expect(burn?.current).toBeLessThanOrEqual(TAO)
    expect((await buy(TAO)).birthBlock).toBe(100)
  })

  test('the order of the bytes of a seal is seen in a registration that the chain took', async () => {
    const state = await w.state()
    expect(await readByteOrder(w.reader, state)).toBe('big')
    const between = { ...state.runtime, specVersion: 275 }
    const reader: ChainReader = { ...w.reader, runtimeOf: async (height) => ({ ...(await w.reader.runtimeOf(height)), specVersion: 275 }) }
    expect(await readByteOrder(reader, { ...state, runtime: between })).toBe('big')
    // Not far enough back to see the one in block 4.
    expect(await readByteOrder(reader, { ...state, runtime: between }, 5)).toBe('unknown')
  })
})

describe('what became of an extrinsic', () => {
  test('one whose era goes by is dropped, for good once that is final, and then there may be another', async () => {
    await using w = disposable(await world({ finalityLag: 2 }))
    const [hot, cold] = [await w.hot(0), await w.cold(0)]
    const call: RegistrationCall = { kind: 'burnedRegister', netuid: 1, hotkey: hot.publicKey, limitRao: TAO }
    // A nonce that is not its turn yet stays in the pool.
    const submission = await w.submitter.signAndSend({ pair: cold, call, nonce: 1n })
    expect(submission.lastBlock).toBe(6)
    w.devnet.newBlock({ count: 3 })
    expect(await w.submitter.lookUp(submission)).toEqual({ state: 'pending', headBlock: 6 })
    w.devnet.newBlock()
    expect(await w.submitter.lookUp(submission)).toEqual({ state: 'pending', headBlock: 7 })
    expect(await refusedFor(w.submitter.prepare({ pair: cold, call }))).toBe('IN_FLIGHT')
    w.devnet.newBlock()
    expect(await w.submitter.follow(submission)).toEqual({ state: 'dropped', lastBlock: 6 })
    const again = await w.submitter.signAndSend({ pair: cold, call })
    w.devnet.newBlock({ count: 3 })
    expect(await w.submitter.follow(again)).toMatchObject({ state: 'finalised', blockNumber: 9, uid: 0 })
  })

  test('an answer that is lost does not make a second extrinsic', async () => {
    let lose = true
    await using w = disposable(
      await world({
        rpcOf: (rpc) => ({
          ...rpc,
          async request<T>(method: string, params: readonly unknown[]): Promise<T> {
            const answer = await rpc.request<T>(method, params)
            if (method !== 'author_submitExtrinsic' || !lose) return answer
            lose = false
            throw unknownOutcomeError('UPSTREAM_DOWN', method, 'ws://node', 'cut')
          },
        }),
      }),
    )
    const [hot, cold] = [await w.hot(0), await w.cold(0)]
    const work = await solve(w, hot.publicKey, cold.publicKey)
    const submission = await prepareRegister(w.submitter, { pair: hot, work })
    await w.submitter.send(submission)
    expect(await refusedFor(w.submitter.send(submission))).toBe('IN_FLIGHT')
    expect(await refusedFor(prepareRegister(w.submitter, { pair: hot, work }))).toBe('IN_FLIGHT')
    const states: string[] = []
    const end = w.submitter.follow(submission, { onState: ({ state }) => states.push(state) })
    await expect.poll(() => states, { timeout: 10_000 }).toEqual(['pending'])
    w.devnet.newBlock({ count: 2 })
    expect(await end).toMatchObject({ state: 'finalised', uid: 0 })
    const { neurons } = await readRegistration(await w.state(), { netuid: 1 })
    expect(neurons).toBe(1)
  })

  test('a fork takes an inclusion back, and the block of the work with it', async () => {
    await using w = disposable(await world({ finalityLag: 3 }))
    const [hot, cold] = [await w.hot(0), await w.cold(0)]
    const submission = await prepareRegister(w.submitter, { pair: hot, work: await solve(w, hot.publicKey, cold.publicKey) })
    await w.submitter.send(submission)
    const states: string[] = []
    const end = w.submitter.follow(submission, { onState: ({ state }) => states.push(state) })
    w.devnet.newBlock()
    await expect.poll(() => states.at(-1), { timeout: 10_000 }).toBe('included')
    w.devnet.fork({ depth: 2 })
    await expect.poll(() => states.at(-1), { timeout: 10_000 }).toBe('pending')
    w.devnet.newBlock({ count: 4 })
    expect(await end).toEqual({ state: 'dropped', lastBlock: 6 })
  })

  test('a node is asked before anything is sent, and what it would not take is not sent', async () => {
    await using w = disposable(await world())
    const [hot, cold] = [await w.hot(0), await w.cold(0)]
    const call: RegistrationCall = { kind: 'burnedRegister', netuid: 1, hotkey: hot.publicKey, limitRao: TAO }
    const first = await w.submitter.signAndSend({ pair: cold, call })
    w.devnet.newBlock({ count: 2 })
    expect(await w.submitter.follow(first)).toMatchObject({ state: 'finalised', uid: 0 })
    const other: RegistrationCall = { ...call, netuid: 2 }
    const attempt = w.submitter.prepare({ pair: cold, call: other, nonce: 0n })
    await expect(attempt).rejects.toMatchObject({ code: 'REFUSED', detail: { reason: 'INVALID_TRANSACTION', invalid: 'Stale' } })
    expect(await refusedFor(w.submitter.prepare({ pair: cold, call: other, birthBlock: 1 }))).toBe('ERA_OVER')
  })

  test('following stops when told to', async () => {
    await using w = disposable(await world())
    const [hot, cold] = [await w.hot(0), await w.cold(0)]
    const call: RegistrationCall = { kind: 'burnedRegister', netuid: 1, hotkey: hot.publicKey, limitRao: TAO }
    const submission = await w.submitter.signAndSend({ pair: cold, call })
    const stop = new AbortController()
    const end = w.submitter.follow(submission, { signal: stop.signal, onState: () => stop.abort() })
    await expect(end).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

describe('a Registration proxy of the hotkey', () => {
  test('sends its work, which belongs to the coldkey that the customer named, and can do nothing else', async () => {
    await using w = disposable(await world({ later: { proxies: true } }))
    const api = await ApiPromise.create({ provider: new WsProvider(w.devnet.url), noInitWarn: true })
    onTestFinished(() => api.disconnect())
    const keyring = new Keyring({ type: 'sr25519' })
    const [hot, cold, operator] = [await w.hot(0), await w.cold(0), await keyPairOf('//Bob')]
    const send = async (path: string, extrinsic: SubmittableExtrinsic<'promise'>): Promise<string[]> => {
      await extrinsic.signAndSend(keyring.createFromUri(path))
      const at = await api.at(w.devnet.newBlock().hash)
      const events = (await at.query.system!.events!()) as unknown as EventRecord[]
      return events
        .filter(({ phase }) => phase.isApplyExtrinsic && phase.asApplyExtrinsic.eqn(1))
        .map(({ event }) => JSON.stringify(event.toHuman()))
    }
    const submit = async () => prepareProxyRegister(w.submitter, { pair: operator, work: await solve(w, hot.publicKey, cold.publicKey) })

    expect(await refusedFor(submit())).toBe('PROXY_MISSING')
    const { proxy, subtensorModule, utility } = api.tx
    await send('//devnet//hot//0', proxy!.addProxy!(operator.address, 'Staking', 0))
    expect(await refusedFor(submit())).toBe('PROXY_MISSING')
    const added = await send('//devnet//hot//0', proxy!.addProxy!(operator.address, 'Registration', 0))
    expect(added.join()).toMatch(/"Reserved".*33,000,000.*ProxyAdded.*Registration/)
    const { hotkey } = await readRegistration(await w.state(), { netuid: 1, hotkey: hot.publicKey })
    expect(hotkey?.proxies).toEqual(['Staking', 'Registration'].map((type) => ({ delegate: operator.publicKey, type, delayBlocks: 0 })))
    expect(hotkey?.free).toBeLessThan(TAO - 126_000_000n)

    const { end } = await registered(w.submitter, w.devnet, submit())
    expect(end).toMatchObject({ state: 'finalised', error: null, uid: 0 })
    expect((await readRegistration(await w.state(), { netuid: 1, hotkey: hot.publicKey })).hotkey?.owner).toBe(cold.publicKey)
    // The extrinsic itself goes well when what is in it fails.
    const call: RegistrationCall = { kind: 'proxyRegister', ...(await solve(w, hot.publicKey, cold.publicKey)) }
    const again = createSubmitter({ rpc: w.rpc, reader: w.reader, log: silentLog, blockTimeMs: BLOCK_MS })
    expect(await chainSays({ ...w, submitter: again }, operator, call)).toBe('SubtensorModule.AlreadyRegistered')

    const stake = subtensorModule!.addStake!(hot.address, 1)
    const filtered = await send('//Bob', proxy!.proxy!(hot.address, 'Registration', stake))
    const batched = await send(
      '//Bob',
      proxy!.proxy!(hot.address, 'Registration', utility!.batch!([subtensorModule!.burnedRegister!(2, hot.address)])),
    )
    // System.CallFiltered.
    for (const events of [filtered, batched]) expect(events.join()).toMatch(/ProxyExecuted.*"index":"0","error":"0x05000000"/)
    expect((await send('//Eve', proxy!.proxy!(hot.address, null, stake))).join()).toMatch(/ExtrinsicFailed/)
    expect((await send('//devnet//hot//0', proxy!.removeProxies!())).join()).toMatch(/"Unreserved".*126,000,000/)
    expect((await readRegistration(await w.state(), { netuid: 1, hotkey: hot.publicKey })).hotkey?.proxies).toEqual([])
  })
})

describe('where a place can only be bought, as since spec 401', () => {
  test('work is refused and never signed, and the chain keeps the limit of a purchase', async () => {
    await using w = disposable(await world({ later: { paidRegistration: true } }))
    const [hot, cold] = [await w.hot(3), await w.cold(3)]
    const facts = async () => readRegistration(await w.state(), { netuid: 1, hotkey: hot.publicKey, coldkey: cold.publicKey })
    const before = await facts()
    expect(before).toMatchObject({
      powRemoved: true,
      hasRegisterLimit: true,
      quota: null,
      burnDecay: { halfLifeBlocks: 360, increaseBits: (126n * 2n ** 64n) / 100n },
    })
    const work = await solve(w, hot.publicKey, cold.publicKey)
    expect(await refusedFor(prepareRegister(w.submitter, { pair: hot, work }))).toBe('POW_REMOVED')
    expect(await refusedFor(w.submitter.prepare({ pair: hot, call: { kind: 'register', ...work } }))).toBe('POW_REMOVED')

    const price = before.burn?.current ?? 0n
    const buy = (limitRao: bigint) => prepareBurn(w.submitter, { pair: cold, netuid: 1, hotkey: hot.publicKey, limitRao })
    expect(await refusedFor(buy(price - 1n))).toBe('TOO_EXPENSIVE')
    // On its way the price rises, because somebody else was first: the chain refuses what was within the limit before.
    const [otherHot, otherCold] = [await w.hot(4), await w.cold(4)]
    const other = await prepareBurn(w.submitter, { pair: otherCold, netuid: 1, hotkey: otherHot.publicKey, limitRao: price })
    const late = await buy(price)
    expect(late.kind).toBe('registerLimit')
    await w.submitter.send(other)
    await w.submitter.send(late)
    w.devnet.newBlock({ count: 2 })
    expect(await w.submitter.follow(other)).toMatchObject({ error: null, uid: 0 })
    expect(await w.submitter.follow(late)).toMatchObject({
      error: { pallet: 'SubtensorModule', name: 'RegistrationPriceLimitExceeded' },
      uid: null,
    })

    const after = await facts()
    const [step] = forecastPrices(after, 1)
    w.devnet.newBlock({ count: (step?.block ?? 0) - w.devnet.best.number })
    const { burn } = await facts()
    expect(burn?.current).toBe(step?.burn?.low)
    const { end } = await registered(w.submitter, w.devnet, buy(burn?.current ?? 0n))
    expect(end).toMatchObject({ state: 'finalised', error: null, uid: 1 })
  })

  test('the signer of "register" pays, whatever work it brings: what is never to be signed', async () => {
    await using w = disposable(await world({ later: { paidRegistration: true } }))
    const [hot, cold] = [await w.hot(3), await w.cold(3)]
    // By another runtime's rules, as a client would that does not look at the runtime.
    const careless = { ...(await w.reader.runtimeOf(4)), hasCall: (_: string, name: string) => name !== 'register_limit' }
    const submitter = createSubmitter({
      rpc: w.rpc,
      reader: { ...w.reader, runtimeOf: () => Promise.resolve(careless) },
      log: silentLog,
      blockTimeMs: BLOCK_MS,
    })
    await w.rpc.request('dev_setStorage', [{ SubtensorModule: { Burn: [[[1], 1000]], MinBurn: [[[1], 1000]] } }])
    const call: RegistrationCall = { kind: 'register', ...(await solve(w, hot.publicKey, cold.publicKey)) }
    expect(await chainSays({ ...w, submitter }, hot, call)).toBe('uid 0')
    const { hotkey } = await readRegistration(await w.state(), { netuid: 1, hotkey: hot.publicKey })
    expect(hotkey?.owner).toBe(hot.publicKey)
    expect(hotkey?.free).toBeLessThanOrEqual(TAO - 1000n)
  })
})

function disposable<T extends { close(): Promise<void> }>(one: T): T & AsyncDisposable {
  return Object.assign(one, { [Symbol.asyncDispose]: () => one.close() })
}
