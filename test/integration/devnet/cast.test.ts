/** A devnet left to its cast: after some epochs there is everything to look at that a living subnet has. */
import { ApiPromise, WsProvider } from '@polkadot/api'
import type { EventRecord } from '@polkadot/types/interfaces'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { startDevnet, type Devnet } from '../../../src/devnet/index.js'

const SEATS = 16
const VALIDATORS = 4
const BLOCKS = 150
const TAO = 1_000_000_000n
const NETUIDS = [1, 2]
const json = (value: { toJSON(): unknown }): unknown => value.toJSON()

describe('the life of a devnet', () => {
  let devnet: Devnet
  let api: ApiPromise

  beforeAll(async () => {
    devnet = await startDevnet({ blockMs: null, seed: 'cast', subnets: NETUIDS.length, neurons: SEATS, log: silentLog })
    devnet.newBlock({ count: BLOCKS })
    api = await ApiPromise.create({ provider: new WsProvider(devnet.url), noInitWarn: true })
  })
  afterAll(async () => {
    await api.disconnect()
    await devnet.close()
  })

  async function read<T>(item: string, ...keys: unknown[]): Promise<T> {
    return readAt<T>(devnet.best.number, item, ...keys)
  }

  async function readAt<T>(block: number, item: string, ...keys: unknown[]): Promise<T> {
    const at = await api.at(await api.rpc.chain.getBlockHash(block))
    return json(await at.query.subtensorModule![item]!(...keys)) as T
  }

  async function registrationBlocks(block: number, netuid: number): Promise<Map<number, number>> {
    const at = await api.at(await api.rpc.chain.getBlockHash(block))
    const entries = await at.query.subtensorModule!.blockAtRegistration!.entries(netuid)
    return new Map(entries.map(([key, value]) => [Number(key.args[1]), json(value) as number]))
  }

  const isPositive = (value: number | string) => BigInt(value) > 0n
  const sumOf = (values: (number | string)[]) => values.reduce((sum, value) => sum + BigInt(value), 0n)

  test.each(NETUIDS)(
    'subnet %i: validators have permits, dividends and bonds, miners incentive, and all that is due is shared out',
    async (netuid) => {
      const permits = await read<boolean[]>('validatorPermit', netuid)
      const validators = permits.flatMap((permit, uid) => (permit ? [uid] : []))
      expect(validators).toHaveLength(VALIDATORS)
      const [incentive, dividends, emission] = await Promise.all(
        ['incentive', 'dividends', 'emission'].map((item) => read<(number | string)[]>(item, netuid)),
      )
      expect(dividends!.flatMap((value, uid) => (isPositive(value) ? [uid] : []))).toEqual(validators)
      expect(incentive!.filter(isPositive).length).toBeGreaterThan(SEATS / 2)
      expect(validators.filter((uid) => isPositive(incentive![uid]!))).toEqual([])
      // Scores are shares of 65,535, each rounded down.
      for (const shares of [incentive!, dividends!]) expect(Number(sumOf(shares))).toBeGreaterThan(65_535 - SEATS)
      // The owner's cut is 18 %, and a subnet has about half of one TAO a block.
      const tempo = await read<number>('tempo', netuid)
      expect(Number(sumOf(emission!) / TAO)).toBeGreaterThan(tempo * 0.2)
      for (const uid of validators) expect((await read<[number, number][]>('bonds', netuid, uid)).length).toBeGreaterThan(SEATS / 3)
    },
  )

  test('the root network decides what each subnet gets', async () => {
    expect(await read('subnetworkN', 0)).toBe(VALIDATORS)
    const values = await Promise.all(NETUIDS.map((netuid) => read<number>('emissionValues', netuid)))
    expect(values.filter((value) => value === Number(TAO) / NETUIDS.length)).toEqual([])
    const sum = sumOf(values)
    expect(sum).toBeLessThanOrEqual(TAO)
    expect(sum).toBeGreaterThan(TAO - 10n)
  })

  test('what is shared out becomes stake', async () => {
    const before = Number(await readAt<number | string>(40, 'totalStake'))
    const grown = Number(await read<number | string>('totalStake')) - before
    // Of the TAO a block, owners get 18 %, and what is pending is not stake yet.
    expect(grown / Number(TAO)).toBeGreaterThan((BLOCKS - 40) * 0.5)
  })

  test('a full subnet stays full: each newcomer takes the place of the neuron with the lowest score', async () => {
    const replaced: { netuid: number; uid: number; block: number }[] = []
    for (let block = 1; block <= BLOCKS; block++) {
      const at = await api.at(await api.rpc.chain.getBlockHash(block))
      for (const { event } of (await at.query.system!.events!()) as unknown as EventRecord[]) {
        if (event.method !== 'NeuronRegistered') continue
        const [netuid, uid] = event.data.toJSON() as [number, number]
        if (netuid === 0 || (await readAt<number>(block - 1, 'subnetworkN', netuid)) < SEATS) continue
        replaced.push({ netuid, uid, block })
      }
    }
    for (const netuid of NETUIDS) expect(replaced.filter((one) => one.netuid === netuid).length).toBeGreaterThan(10)
    const immunity = await read<number>('immunityPeriod', 1)
    let rankedByImmunity = 0
    for (const { netuid, uid, block } of replaced) {
      // An epoch at the start of this very block may have changed the scores.
      if ((await readAt<number>(block, 'lastMechansimStepBlock', netuid)) === block) continue
      const scores = await readAt<number[]>(block - 1, 'pruningScores', netuid)
      const since = await registrationBlocks(block - 1, netuid)
      const old = scores.flatMap((_, i) => (block - since.get(i)! >= immunity ? [i] : []))
      const candidates = old.some((i) => scores[i]! < 65_535) ? old : scores.map((_, i) => i)
      if (candidates === old) rankedByImmunity++
      expect(scores[uid], `uid ${uid} of subnet ${netuid} in block ${block}`).toBe(Math.min(...candidates.map((i) => scores[i]!)))
      expect(candidates).toContain(uid)
    }
    expect(rankedByImmunity).toBeGreaterThan(0)
    for (const netuid of NETUIDS) expect(await read('subnetworkN', netuid)).toBe(SEATS)
  })
})
