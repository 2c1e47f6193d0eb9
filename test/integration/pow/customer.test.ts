import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createChainReader, createRpcClient, type ChainReader, type RpcClient } from '../../../src/chain/index.js'
import { readRegistration } from '../../../src/chain/registration/index.js'
import { createSubmitter, prepareBurn, prepareRegister, type KeyPair, type Submitter } from '../../../src/chain/submit/index.js'
import { keyPairOf } from '../../../src/chain/submit/keys.js'
import { sleep } from '../../../src/core/lifecycle.js'
import { silentLog } from '../../../src/core/log.js'
import { toHex } from '../../../src/core/units/bytes.js'
import { startDevnet, type Devnet } from '../../../src/devnet/index.js'
import {
  buyPlace,
  openJournal,
  submitWork,
  type Journal,
  type RegistrationClient,
  type ToldRegistration,
} from '../../../src/pow-service/index.js'
import { sendOnce } from '../../../src/pow-service/client/send-once.js'
import { workOf } from '../../support/work.js'
import { eventually } from '../../support/waiting.js'

/** The customer's signers against a service that says whatever the test wants. */
const TAO = 1_000_000_000n
const BLOCK_MS = 150

type Target = ToldRegistration['targets'][number]

/** A service of one registration: tells these states, then nothing more until it is stopped. */
function telling(...states: Target[][]): RegistrationClient {
  const told = (targets: Target[]): ToldRegistration => ({ id: 'r', state: 'ready', reason: null, targets, progress: null })
  return {
    create: () => Promise.reject(new Error('not asked')),
    get: () => Promise.reject(new Error('not asked')),
    async *follow(_id, signal) {
      for (const targets of states) yield told(targets)
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve()
        else signal.addEventListener('abort', () => resolve(), { once: true })
      })
    },
  }
}

const target = (netuid: number, over: Partial<Target>): Target => ({
  ...{ netuid, state: 'ready', reason: null, solution: null, offer: null, uid: null, ...over },
})

describe("the customer's signers", () => {
  let devnet: Devnet
  let rpc: RpcClient
  let reader: ChainReader
  let submitter: Submitter
  let folder: string
  let journal: Journal
  let count = 0
  let [hot, cold] = [] as unknown as [KeyPair, KeyPair]

  beforeAll(async () => {
    devnet = await startDevnet({ blockMs: BLOCK_MS, subnets: 2, neurons: 32, cast: false, finalityLag: 1, log: silentLog })
    rpc = createRpcClient({ endpoints: [devnet.url], log: silentLog })
    reader = createChainReader(rpc)
    folder = await mkdtemp(join(tmpdir(), 'taogate-customer-'))
  })
  beforeEach(async () => {
    count++
    ;[hot, cold] = await Promise.all([keyPairOf(`//signer//${count}`), keyPairOf(`//devnet//cold//${count}`)])
    submitter = createSubmitter({ rpc, reader, log: silentLog, blockTimeMs: BLOCK_MS })
    journal = openJournal(folder, await reader.hashOf(0))
  })
  afterAll(async () => {
    await rpc.close()
    await devnet.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function solution(): Promise<NonNullable<Target['solution']>> {
    const { state } = await submitter.head()
    const facts = await Promise.all([1, 2].map((netuid) => readRegistration(state, { netuid })))
    const hardest = facts.reduce((most, { difficulty }) => ((difficulty?.current ?? 0n) > most ? (difficulty?.current ?? 0n) : most), 1n)
    const { nonce, seal } = workOf('good', state.hash, hot.publicKey, hardest)
    return { blockNumber: state.height, blockHash: state.hash, nonce: String(nonce), work: toHex(seal), byteOrder: 'big' }
  }

  const submit = (client: RegistrationClient) =>
    submitWork({
      ...{ client, id: 'r', pair: hot, coldkey: cold.publicKey, submitter, journal, isLocal: true },
      ...{ log: silentLog, signal: AbortSignal.timeout(20_000), onNews: () => undefined },
    })

  async function uidOf(netuid = 1): Promise<number | null> {
    const { state } = await submitter.head()
    return (await readRegistration(state, { netuid, hotkey: hot.publicKey })).hotkey?.uid ?? null
  }

  const nonceOf = (pair: KeyPair): Promise<number> => rpc.request<number>('system_accountNextIndex', [pair.address])

  /** Fresh work as long as it is wanted: on a busy machine blocks pass quicker than extrinsics are signed. */
  async function* freshWork(netuids: readonly number[], id: string, signal: AbortSignal): AsyncGenerator<ToldRegistration> {
    while (!signal.aborted) {
      const work = await solution()
      const targets = netuids.map((netuid) => target(netuid, { solution: work }))
      yield { id, state: 'ready', reason: null, progress: null, targets }
      await sleep(2 * BLOCK_MS)
    }
  }

  test('register one hotkey on two subnets with one piece of work', async () => {
    const places = await submit({ ...telling(), follow: (id, signal) => freshWork([1, 2], id, signal) })
    expect(places.map(({ netuid }) => netuid).sort()).toEqual([1, 2])
    expect([await uidOf(1), await uidOf(2)]).toEqual(places.toSorted((a, b) => a.netuid - b.netuid).map(({ uid }) => uid))
  })

  test('sign nothing for work that is not what it says', async () => {
    const work = await solution()
    const forged = { ...work, nonce: String(BigInt(work.nonce) + 1n) }
    await expect(submit(telling([target(1, { solution: forged })]))).rejects.toMatchObject({ code: 'UPSTREAM_INVALID' })
    expect(await nonceOf(hot)).toBe(0)
  })

  test('wait for other work when this is too old, on a block that is not there, or too easy', async () => {
    const good = await solution()
    devnet.newBlock({ count: 3 })
    const old = good
    const forked = { ...(await solution()), blockHash: `0x${'77'.repeat(32)}` as const }
    const own = workOf('good', forked.blockHash, hot.publicKey, 100_000n)
    const elsewhere = { ...forked, nonce: String(own.nonce), work: toHex(own.seal) }
    const submitted = submit({
      ...telling(),
      async *follow(id, signal) {
        for (const step of [old, elsewhere]) {
          yield { id, state: 'ready', reason: null, progress: null, targets: [target(1, { solution: step })] }
          await sleep(2 * BLOCK_MS)
        }
        expect(await nonceOf(hot)).toBe(0)
        yield* freshWork([1], id, signal)
      },
    })
    expect(await submitted).toMatchObject([{ netuid: 1 }])
    expect(await nonceOf(hot)).toBe(1)
  })

  test('after a crash look for what was sent, and send nothing again', async () => {
    const of = { netuid: 1, hotkey: hot.publicKey }
    let prepared: Awaited<ReturnType<typeof prepareRegister>> | undefined
    await eventually('it is on the chain', async () => {
      if ((await uidOf()) !== null) return true
      const { nonce, work, ...block } = await solution()
      prepared = await prepareRegister(submitter, {
        ...{ pair: hot, isLocal: true, work: { ...of, ...block, nonce: BigInt(nonce), work, coldkey: cold.publicKey } },
      })
      await journal.write(prepared)
      // Refused where the work is too old by now.
      await submitter.send(prepared).catch(() => undefined)
      await sleep(4 * BLOCK_MS)
      return false
    })
    // Another process, which knows only what was written down.
    const again = createSubmitter({ rpc, reader, log: silentLog, blockTimeMs: BLOCK_MS })
    const outcome = await sendOnce({ submitter: again, journal, log: silentLog, signal: AbortSignal.timeout(20_000) }, of, () => {
      throw new Error('nothing is to be prepared')
    })
    expect(outcome).toMatchObject({ is: 'registered', place: { netuid: 1, uid: await uidOf(), hash: prepared?.hash } })
    expect(await nonceOf(hot)).toBe(1)
  })

  test('send anew what was written down and never arrived', async () => {
    await fund()
    const of = { netuid: 1, hotkey: hot.publicKey }
    const lost = await prepareBurn(submitter, { ...of, pair: cold, limitRao: 1000n * TAO })
    await journal.write(lost)
    const again = createSubmitter({ rpc, reader, log: silentLog, blockTimeMs: BLOCK_MS })
    const deps = { submitter: again, journal, log: silentLog, signal: AbortSignal.timeout(20_000) }
    const outcome = await sendOnce(deps, of, () => prepareBurn(again, { ...of, pair: cold, limitRao: 1000n * TAO }))
    expect(outcome).toMatchObject({ is: 'registered' })
    expect((outcome as { place: { hash: string } }).place.hash).not.toBe(lost.hash)
  })

  const fund = () =>
    rpc.request('dev_setStorage', [
      { System: { Account: [[[cold.address], { nonce: 0, providers: 1, data: { free: String(2_000n * TAO) } }]] } },
    ])
  const price = (rao: bigint) => rpc.request('dev_setStorage', [{ SubtensorModule: { Burn: [[[1], String(rao)]] } }])

  test.each(['told by a service that sees another price', 'watching the chain alone'])(
    'buy within the limit, once, and hold back above it: %s',
    async (how) => {
      await fund()
      await price(5n * TAO)
      // The service says all the time that now is the moment.
      const client = telling([target(1, { offer: { price: '1' } })])
      const bought = buyPlace({
        ...{ netuid: 1, hotkey: hot.publicKey, pair: cold, limitRao: 3n * TAO, submitter, journal, lookMs: BLOCK_MS },
        ...{ told: how.startsWith('told') ? { client, id: 'r', onNews: () => undefined } : undefined },
        ...{ log: silentLog, signal: AbortSignal.timeout(20_000) },
      })
      bought.catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, 6 * BLOCK_MS))
      expect([await uidOf(), await nonceOf(cold)]).toEqual([null, 0])
      await price(2n * TAO)
      const place = await bought
      expect(place.uid).toBe(await uidOf())
      expect(await nonceOf(cold)).toBe(1)
      const account = (await (await submitter.head()).state.get('System', 'Account', cold.publicKey)) as { data: { free: bigint } }
      expect(2_000n * TAO - account.data.free).toBeLessThan(2n * TAO + TAO / 100n)
      expect(2_000n * TAO - account.data.free).toBeGreaterThanOrEqual(2n * TAO)
    },
  )

  test('stop when told to, with nothing sent', async () => {
    await fund()
    await price(5n * TAO)
    const stop = new AbortController()
    const bought = buyPlace({
      ...{ netuid: 1, hotkey: hot.publicKey, pair: cold, limitRao: TAO, submitter, journal, lookMs: BLOCK_MS },
      ...{ log: silentLog, signal: stop.signal },
    })
    setTimeout(() => stop.abort(), 3 * BLOCK_MS)
    await expect(bought).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await nonceOf(cold)).toBe(0)
  })
})
