import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createChainReader, createRpcClient, type ChainReader, type RpcClient } from '../../../src/chain/index.js'
import { readRegistration, refusalOf, type RegistrationFacts } from '../../../src/chain/registration/index.js'
import type { RegistrationCall } from '../../../src/chain/submit/calls.js'
import { createSubmitter, prepareBurn, prepareRegister, type KeyPair, type Submitter } from '../../../src/chain/submit/index.js'
import { keyPairOf } from '../../../src/chain/submit/keys.js'
import { silentLog } from '../../../src/core/log.js'
import { toHex } from '../../../src/core/units/bytes.js'
import { refusedFor } from '../../support/refused-for.js'
import { needsRig, startRig, type RigProcess } from '../../support/rig.js'
import { workOf } from '../../support/work.js'

/**
 * Registrations on the real runtime of spec 143: what is refused beforehand is refused by the chain with the error that belongs to it, and what is not
 * refused is taken. Runs where the rig is (test/support/rig.ts names the variables).
 */
const TAO = 1_000_000_000n
const NETUID = 1
const MINUTES = 60_000

describe.skipIf(!needsRig())('registering on the real runtime of spec 143', { timeout: 5 * MINUTES }, () => {
  let node: RigProcess
  let rpc: RpcClient
  let reader: ChainReader
  let submitter: Submitter

  const hot = (i: number): Promise<KeyPair> => keyPairOf(`//registration//hot//${i}`)
  const cold = (i: number): Promise<KeyPair> => keyPairOf(`//registration//cold//${i}`)
  const newBlock = (count = 1) => rpc.request('dev_newBlock', [{ count }])
  const set = (items: Record<string, unknown>) => rpc.request('dev_setStorage', [{ SubtensorModule: items }])
  // Named values that count as false are taken for "unset" by the node: zeros are given as bytes.
  const of = async (item: string, value: unknown) => {
    if (typeof value !== 'string') return set({ [item]: [[[NETUID], value]] })
    const { runtime } = await submitter.head()
    return rpc.request('dev_setStorage', [[[runtime.item('SubtensorModule', item)?.key(NETUID), value]]])
  }
  // The same block's state changes under `dev_setStorage`, so nothing is read through a cache that outlives it.
  const facts = async (question: Partial<Parameters<typeof readRegistration>[1]> = {}): Promise<RegistrationFacts> =>
    readRegistration((await submitter.head()).state, { netuid: NETUID, ...question })

  beforeAll(async () => {
    node = await startRig(143)
    rpc = createRpcClient({ endpoints: [node.url], log: silentLog })
    reader = createChainReader(rpc)
    submitter = createSubmitter({ rpc, reader, log: silentLog, blockTimeMs: 200 })
    const people = await Promise.all([0, 1, 2].map(cold))
    await rpc.request('dev_setStorage', [
      {
        System: { Account: people.map(({ address }) => [[address], { providers: 1, data: { free: String(100n * TAO) } }]) },
        SubtensorModule: Object.fromEntries(
          Object.entries({
            NetworksAdded: true,
            NetworkRegistrationAllowed: true,
            NetworkPowRegistrationAllowed: true,
            MaxAllowedUids: 8,
            Difficulty: 2000,
            MinDifficulty: 100,
            Burn: String(TAO),
            MinBurn: 1,
            MaxBurn: String(100n * TAO),
            // No prices move while the test lasts.
            AdjustmentInterval: 1000,
            LastAdjustmentBlock: 1,
            TargetRegistrationsPerInterval: 8,
            MaxRegistrationsPerBlock: 1,
          }).map(([item, value]) => [item, [[[NETUID], value]]]),
        ),
      },
    ])
    await newBlock(2)
  }, MINUTES)
  afterAll(async () => {
    await rpc?.close()
    await node?.close()
  })

  async function solve(hotkey: KeyPair, coldkey: KeyPair, netuid = NETUID) {
    const { state } = await submitter.head()
    const { nonce, seal } = workOf('good', state.hash, hotkey.publicKey, 2000n)
    return {
      netuid,
      blockNumber: state.height,
      blockHash: state.hash,
      nonce,
      work: toHex(seal),
      hotkey: hotkey.publicKey,
      coldkey: coldkey.publicKey,
    }
  }

  async function chainSays(pair: KeyPair, call: RegistrationCall): Promise<string> {
    const submission = await submitter.signAndSend({ pair, call })
    await newBlock(2)
    const end = await submitter.follow(submission)
    if (end.state === 'dropped') return 'dropped'
    return end.error === null ? `uid ${end.uid}` : `${end.error.pallet}.${end.error.name}`
  }

  test('work that nothing speaks against is taken, every time', async () => {
    for (const i of [0, 1, 2]) {
      const [hotkey, coldkey] = [await hot(i), await cold(i)]
      const submission = await prepareRegister(submitter, { pair: hotkey, work: await solve(hotkey, coldkey) })
      await submitter.send(submission)
      await newBlock()
      expect(await submitter.follow(submission)).toMatchObject({
        state: 'finalised',
        blockNumber: submission.birthBlock + 1,
        error: null,
        uid: i,
      })
    }
    expect(await facts({ hotkey: (await hot(2)).publicKey })).toMatchObject({
      neurons: 3,
      hotkey: { uid: 2, owner: (await cold(2)).publicKey },
    })
  })

  test.each([
    { code: 'ALREADY_REGISTERED', error: 'AlreadyRegistered', who: 0 },
    { code: 'POW_DISABLED', error: 'RegistrationDisabled', item: 'NetworkPowRegistrationAllowed', value: '0x00', back: true },
    { code: 'SUBNET_NOT_FOUND', error: 'NetworkDoesNotExist', netuid: 99 },
    { code: 'ROOT_SUBNET', error: 'OperationNotPermittedonRootSubnet', netuid: 0 },
    { code: 'QUOTA_USED', error: 'TooManyRegistrationsThisInterval', item: 'RegistrationsThisInterval', value: 24, back: 3 },
    { code: 'QUOTA_USED', error: 'TooManyRegistrationsThisBlock', item: 'MaxRegistrationsPerBlock', value: '0x0000', back: 1 },
    { code: 'NO_SLOT', error: 'NetworkDoesNotExist', item: 'MaxAllowedUids', value: '0x0000', back: 8 },
  ])('refused with $code, and by the chain with $error', async ({ code, error, who = 5, netuid = NETUID, item, value, back }) => {
    if (item !== undefined) await of(item, value)
    const [hotkey, coldkey] = [await hot(who), await cold(who)]
    const work = await solve(hotkey, coldkey, netuid)
    expect(refusalOf(await facts(work), { coldkey: coldkey.publicKey }, 'solve')?.code).toBe(code)
    expect(await refusedFor(prepareRegister(submitter, { pair: hotkey, work }))).toBe(code)
    expect(await chainSays(hotkey, { kind: 'register', ...work })).toBe(`SubtensorModule.${error}`)
    if (item !== undefined) await of(item, back)
  })

  test('refused: another owner, and work that is too old', async () => {
    const [hotkey, owner, other] = [await hot(6), await cold(1), await cold(2)]
    await set({ Owner: [[[hotkey.address], owner.address]] })
    const work = await solve(hotkey, other)
    expect(await refusedFor(prepareRegister(submitter, { pair: hotkey, work }))).toBe('OWNER_MISMATCH')
    expect(await chainSays(hotkey, { kind: 'register', ...work })).toBe('SubtensorModule.NonAssociatedColdKey')
    const stale = await solve(hotkey, owner)
    await newBlock(2)
    expect(await refusedFor(prepareRegister(submitter, { pair: hotkey, work: stale }))).toBe('STALE_WORK')
    expect(await chainSays(hotkey, { kind: 'register', ...stale })).toBe('SubtensorModule.InvalidWorkBlock')
  })

  test('work of the block before the head is taken', async () => {
    const [hotkey, coldkey] = [await hot(7), await cold(1)]
    const work = await solve(hotkey, coldkey)
    await newBlock()
    const submission = await prepareRegister(submitter, { pair: hotkey, work })
    await submitter.send(submission)
    await newBlock()
    expect(await submitter.follow(submission)).toMatchObject({ blockNumber: work.blockNumber + 2, error: null, uid: 3 })
  })

  test('a place is bought within the limit only', async () => {
    const [hotkey, coldkey] = [await hot(8), await cold(0)]
    const price = (await facts()).burn?.current ?? 0n
    const buy = (limitRao: bigint) => prepareBurn(submitter, { pair: coldkey, netuid: NETUID, hotkey: hotkey.publicKey, limitRao })
    expect(await refusedFor(buy(price - 1n))).toBe('TOO_EXPENSIVE')
    const before = (await facts({ coldkey: coldkey.publicKey })).coldkey?.free ?? 0n
    const submission = await buy(price)
    await submitter.send(submission)
    await newBlock()
    expect(await submitter.follow(submission)).toMatchObject({ state: 'finalised', error: null, uid: 4 })
    const after = (await facts({ coldkey: coldkey.publicKey })).coldkey?.free ?? 0n
    expect(before - after).toBe(price)
  })

  test('an extrinsic whose turn does not come is dropped with its era', async () => {
    const [hotkey, coldkey] = [await hot(9), await cold(1)]
    const call: RegistrationCall = { kind: 'burnedRegister', netuid: NETUID, hotkey: hotkey.publicKey, limitRao: 100n * TAO }
    const next = BigInt(await rpc.request<number>('system_accountNextIndex', [coldkey.address]))
    const submission = await submitter.signAndSend({ pair: coldkey, call, nonce: next + 1n })
    await newBlock(2)
    expect(await submitter.lookUp(submission)).toMatchObject({ state: 'pending' })
    await newBlock()
    expect(await submitter.follow(submission)).toEqual({ state: 'dropped', lastBlock: submission.lastBlock })
  })
})
