/** @polkadot/api, which everybody's tools are made of, takes the devnet for a node. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiPromise, WsProvider } from '@polkadot/api'
import { Keyring } from '@polkadot/keyring'
import type { EventRecord } from '@polkadot/types/interfaces'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { startDevnet, type Devnet } from '../../../src/devnet/index.js'

interface Client {
  api: ApiPromise
  rpc<T>(method: string, ...params: unknown[]): Promise<T>
  close(): Promise<void>
}

async function connect(url: string): Promise<Client> {
  const provider = new WsProvider(url)
  const api = await ApiPromise.create({ provider, noInitWarn: true })
  return { api, rpc: (method, ...params) => provider.send(method, params), close: () => api.disconnect() }
}

const keyring = new Keyring({ type: 'sr25519', ss58Format: 42 })
const person = (name: string) => keyring.addFromUri(`//${name}`)
const TAO = 1_000_000_000n

describe('a client', () => {
  let devnet: Devnet
  let client: Client

  beforeAll(async () => {
    devnet = await startDevnet({ blockMs: null, subnets: 1, neurons: 8, cast: false, finalityLag: 1, log: silentLog })
    client = await connect(devnet.url)
  })
  afterAll(async () => {
    await client.close()
    await devnet.close()
  })

  const balanceOf = async (name: string, at?: string) => {
    const api = at === undefined ? client.api : await client.api.at(at)
    const account = (await api.query.system!.account!(person(name).address)).toJSON() as { nonce: number; data: { free: number } }
    return { nonce: account.nonce, free: BigInt(account.data.free) }
  }
  const eventsAt = async (hash: string) => (await (await client.api.at(hash)).query.system!.events!()) as unknown as EventRecord[]
  const namesAt = async (hash: string) => (await eventsAt(hash)).map(({ event }) => `${event.section}.${event.method}`)

  test('reads what the chain is', () => {
    expect(client.api.runtimeVersion.specVersion.toNumber()).toBe(143)
    expect(client.api.registry.chainSS58).toBe(42)
    expect(client.api.registry.chainTokens).toEqual(['TAO'])
    expect(client.api.tx.subtensorModule!.setWeights!.meta.args.map(({ name }) => name.toString())).toEqual([
      'netuid',
      'dests',
      'weights',
      'versionKey',
    ])
  })

  test('transfers, with the fee and the events of a real chain', async () => {
    const before = await balanceOf('Alice')
    const transfer = client.api.tx.balances!.transfer!(person('Bob').address, 2_319_494_496n)
    const { partialFee } = await transfer.paymentInfo(person('Alice').address)
    await transfer.signAsync(person('Alice'), { nonce: before.nonce })
    // Recorded at spec 143: one rao a byte, and weight for nothing; all the rest is the extrinsic's length.
    expect(partialFee.toBigInt()).toBe(BigInt(transfer.encodedLength))
    await client.rpc('author_submitExtrinsic', transfer.toHex())
    const { hash } = devnet.newBlock()
    const events = (await eventsAt(hash)).filter(({ phase }) => phase.isApplyExtrinsic && phase.asApplyExtrinsic.eqn(1))
    expect(events.map(({ event }) => `${event.section}.${event.method}`)).toEqual([
      'balances.Withdraw',
      'balances.Transfer',
      'transactionPayment.TransactionFeePaid',
      'system.ExtrinsicSuccess',
    ])
    expect(events[2]?.event.data[1]?.toString()).toBe(String(transfer.encodedLength))
    expect(events[3]?.event.data[0]?.toJSON()).toEqual({
      weight: { refTime: 273_154_000, proofSize: 2_603 },
      class: 'Normal',
      paysFee: 'Yes',
    })
    const after = await balanceOf('Alice')
    expect(before.free - after.free).toBe(2_319_494_496n + BigInt(transfer.encodedLength))
    expect(after.nonce).toBe(before.nonce + 1)
  })

  test('follows what it sent until it is final', async () => {
    const statuses: string[] = []
    const done = new Promise<void>((resolve, reject) => {
      client.api.tx.system!.remarkWithEvent!('0x1234')
        .signAndSend(person('Charlie'), ({ status, events }) => {
          statuses.push(status.type)
          if (status.isReady) devnet.newBlock()
          if (status.isInBlock) {
            expect(events.some(({ event }) => event.method === 'Remarked')).toBe(true)
            devnet.newBlock()
          }
          if (status.isFinalized) resolve()
        })
        .catch(reject)
    })
    await done
    expect(statuses).toEqual(['Ready', 'InBlock', 'Finalized'])
  })

  test('batches are taken apart, and one that fails takes all its writes along', async () => {
    const { tx } = client.api
    const good = tx.balances!.transfer!(person('Bob').address, TAO)
    const bad = tx.balances!.transfer!(person('Bob').address, 10n ** 17n)
    const before = await balanceOf('Bob')
    await tx.utility!.batchAll!([good, bad]).signAndSend(person('Dave'))
    const failed = await namesAt(devnet.newBlock().hash)
    expect(failed).toContain('system.ExtrinsicFailed')
    expect(failed).not.toContain('balances.Transfer')
    expect(await balanceOf('Bob')).toEqual(before)
    await tx.utility!.forceBatch!([good, bad, good]).signAndSend(person('Dave'))
    const forced = await namesAt(devnet.newBlock().hash)
    expect(forced.filter((name) => name.startsWith('utility.'))).toEqual([
      'utility.ItemCompleted',
      'utility.ItemFailed',
      'utility.ItemCompleted',
      'utility.BatchCompletedWithErrors',
    ])
    expect((await balanceOf('Bob')).free - before.free).toBe(2n * TAO)
  })

  test('an account that falls under the existential deposit goes, and its dust with it', async () => {
    const poor = person('Poor')
    await client.api.tx.balances!.transfer!(poor.address, 1_000n).signAndSend(person('Dave'))
    expect(await namesAt(devnet.newBlock().hash)).toEqual(expect.arrayContaining(['system.NewAccount', 'balances.Endowed']))
    await client.api.tx.sudo!.sudo!(client.api.tx.balances!.forceTransfer!(poor.address, person('Bob').address, 700n)).signAndSend(
      person('Alice'),
    )
    const names = await namesAt(devnet.newBlock().hash)
    expect(names.filter((name) => /Killed|Dust|Transfer/.test(name))).toEqual([
      'system.KilledAccount',
      'balances.DustLost',
      'balances.Transfer',
    ])
    expect(await balanceOf('Poor')).toEqual({ nonce: 0, free: 0n })
  })

  test("bad extrinsics are refused in a node's words", async () => {
    const { api } = client
    const remark = api.tx.system!.remark!('0x00')
    const { nonce } = await balanceOf('Eve')
    const options = { nonce, era: 0 }
    const era = api.createType('ExtrinsicEra', { current: devnet.best.number, period: 64 })
    const ofOtherChain = { nonce, era, blockHash: `0x${'11'.repeat(32)}` }
    const submit = (hex: string) => client.rpc('author_submitExtrinsic', hex)
    const signed = (await remark.signAsync(person('Eve'), options)).toHex()
    const forged = `${signed.slice(0, 90)}${signed[90] === '0' ? '1' : '0'}${signed.slice(91)}`
    await expect(submit(forged)).rejects.toThrow('1010: Invalid Transaction: Transaction has a bad signature')
    await expect(submit((await remark.signAsync(person('Nobody'), { ...options, nonce: 0 })).toHex())).rejects.toThrow(
      'Inability to pay some fees',
    )
    await expect(submit((await remark.signAsync(person('Eve'), ofOtherChain)).toHex())).rejects.toThrow('bad signature')
    await submit(signed)
    await expect(submit(signed)).rejects.toThrow('1013: Transaction Already Imported')
    await expect(submit((await api.tx.system!.remark!('0x01').signAsync(person('Eve'), options)).toHex())).rejects.toThrow(
      '1014: Priority is too low',
    )
    devnet.newBlock()
    await expect(submit(signed)).rejects.toThrow('1010: Invalid Transaction: Transaction is outdated')
    await expect(submit('0x1234')).rejects.toThrow('1002')
  })

  test('an extrinsic with a nonce to come waits for the ones before', async () => {
    const { api } = client
    const { nonce } = await balanceOf('Ferdie')
    const send = (i: number) =>
      api.tx.system!.remark!(`0x0${i}`)
        .signAsync(person('Ferdie'), { nonce: nonce + i })
        .then((tx) => client.rpc<string>('author_submitExtrinsic', tx.toHex()))
    const later = await send(1)
    const waiting = await api.rpc.chain.getBlock(devnet.newBlock().hash)
    expect(waiting.block.extrinsics).toHaveLength(1)
    const first = await send(0)
    const { block } = await api.rpc.chain.getBlock(devnet.newBlock().hash)
    expect(block.extrinsics.slice(1).map(({ hash }) => hash.toHex())).toEqual([first, later])
  })

  test('mortal extrinsics live as long as their era', async () => {
    const { api } = client
    const header = await api.rpc.chain.getHeader()
    const era = api.createType('ExtrinsicEra', { current: header.number.toNumber(), period: 4 })
    const sign = async () =>
      (
        await api.tx.system!.remark!('0x77').signAsync(person('Bob'), {
          nonce: (await balanceOf('Bob')).nonce,
          era,
          blockHash: header.hash,
        })
      ).toHex()
    await client.rpc('author_submitExtrinsic', await sign())
    const { block } = await api.rpc.chain.getBlock(devnet.newBlock().hash)
    expect(block.extrinsics).toHaveLength(2)
    devnet.newBlock({ count: 4 })
    await expect(client.rpc('author_submitExtrinsic', await sign())).rejects.toThrow(/bad signature|ancient birth block/)
  })

  test('state can be read at every block, and set by hand', async () => {
    const { hash: before } = devnet.newBlock()
    const { free } = await balanceOf('Bob')
    await client.rpc('dev_setStorage', { System: { Account: [[[person('Newcomer').address], { providers: 1, data: { free: '123' } }]] } })
    expect((await balanceOf('Newcomer')).free).toBe(123n)
    await client.api.tx.balances!.transfer!(person('Bob').address, TAO).signAndSend(person('Alice'))
    const { hash: after } = devnet.newBlock()
    expect((await balanceOf('Bob', before)).free).toBe(free)
    expect((await balanceOf('Bob', after)).free).toBe(free + TAO)
    expect((await balanceOf('Bob', client.api.genesisHash.toHex())).free).toBe(1_000_000n * TAO)
    await expect(client.rpc('state_getStorage', '0x00', `0x${'ab'.repeat(32)}`)).rejects.toThrow('4003')
  })

  test('a fork becomes the best chain when it is longer, and its losers go back into the pool', async () => {
    devnet.newBlock({ count: 3 })
    // Immortal: a mortal one may have signed the hash of a block that is lost.
    await client.api.tx.balances!.transfer!(person('Bob').address, TAO).signAndSend(person('Alice'), { era: 0 })
    const { free } = await balanceOf('Bob')
    const lost = devnet.newBlock()
    const heads: string[] = []
    const stop = await client.api.rpc.chain.subscribeNewHeads((header) => void heads.push(header.hash.toHex()))
    await expect.poll(() => heads).toEqual([lost.hash])
    const won = devnet.fork({ depth: 3 })
    await expect.poll(() => heads.at(-1)).toBe(won.hash)
    stop()
    expect(won.number).toBe(lost.number + 1)
    expect(await client.rpc('chain_getBlockHash', lost.number)).not.toBe(lost.hash)
    expect((await balanceOf('Bob')).free).toBe(free)
    // The lost block can still be asked about.
    expect((await balanceOf('Bob', lost.hash)).free).toBe(free + TAO)
    devnet.newBlock()
    expect((await balanceOf('Bob')).free).toBe(free + TAO)
  })

  test('requests come alone and in batches, over HTTP too', async () => {
    const post = async (body: unknown) =>
      (await fetch(devnet.url.replace('ws', 'http'), { method: 'POST', body: JSON.stringify(body) })).json()
    expect(await post({ jsonrpc: '2.0', id: 7, method: 'system_chainType' })).toEqual({ jsonrpc: '2.0', id: 7, result: 'Development' })
    expect(
      await post([
        { jsonrpc: '2.0', id: 1, method: 'chain_getBlockHash', params: [[0, 10_000]] },
        { jsonrpc: '2.0', id: 2, method: 'no_such' },
      ]),
    ).toEqual([
      { jsonrpc: '2.0', id: 1, result: [client.api.genesisHash.toHex(), null] },
      { jsonrpc: '2.0', id: 2, error: { code: -32601, message: 'Method not found' } },
    ])
  })
})

describe('a devnet with a folder', () => {
  test('goes on where it stopped, with all of its history, and refuses other settings', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'devnet-'))
    const settings = { blockMs: null, subnets: 1, neurons: 4, log: silentLog, dataDir }
    try {
      const first = await startDevnet(settings)
      const marks = Array.from({ length: 140 }, () => first.newBlock())
      const client = await connect(first.url)
      const keysBefore = await Promise.all(
        marks.map(({ hash }) => client.rpc<string[]>('state_getKeysPaged', '0x658faa', 1000, null, hash)),
      )
      const storageBefore = await Promise.all(marks.map(({ hash }, i) => client.rpc('state_queryStorageAt', keysBefore[i], hash)))
      await client.close()
      await first.close()

      const second = await startDevnet(settings)
      const again = await connect(second.url)
      expect(second.best).toEqual(marks.at(-1))
      const keysAfter = await Promise.all(marks.map(({ hash }) => again.rpc<string[]>('state_getKeysPaged', '0x658faa', 1000, null, hash)))
      expect(keysAfter).toEqual(keysBefore)
      expect(await Promise.all(marks.map(({ hash }, i) => again.rpc('state_queryStorageAt', keysAfter[i], hash)))).toEqual(storageBefore)
      const next = second.newBlock()
      expect(next.number).toBe(141)
      const { block } = await again.api.rpc.chain.getBlock(marks[2]?.hash)
      expect(block.extrinsics.length).toBeGreaterThan(1)
      await again.close()
      await second.close()
      await expect(startDevnet({ ...settings, seed: 'another' })).rejects.toThrow('holds a devnet made with')
    } finally {
      rmSync(dataDir, { recursive: true })
    }
  })

  test('is the same chain for the same seed up to the first signature', async () => {
    const of = async (seed: string) => {
      const devnet = await startDevnet({ blockMs: null, subnets: 2, neurons: 3, seed, cast: false, log: silentLog })
      const hashes = [devnet.best.hash, devnet.newBlock().hash, devnet.newBlock().hash]
      await devnet.close()
      return hashes
    }
    expect(await of('x')).toEqual(await of('x'))
    expect(await of('x')).not.toEqual(await of('y'))
  })

  test('makes blocks by the clock, and says what is final a little later', async () => {
    const devnet = await startDevnet({ blockMs: 250, subnets: 1, neurons: 4, log: silentLog })
    const start = devnet.best.number
    expect(start).toBeGreaterThan(10)
    await expect.poll(() => devnet.best.number, { timeout: 20_000 }).toBeGreaterThan(start + 2)
    expect(devnet.best.number - devnet.finalized.number).toBe(2)
    await devnet.close()
  })
})
