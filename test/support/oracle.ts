import { ApiPromise, WsProvider } from '@polkadot/api'
import {
  bool,
  Bytes,
  Compact,
  Enum,
  GenericAccountId,
  GenericCall,
  Null,
  Option,
  Raw,
  Struct,
  Text,
  Tuple,
  Int,
  UInt,
  Vec,
  VecFixed,
} from '@polkadot/types'
import type { EventRecord } from '@polkadot/types/interfaces'
import type { Codec } from '@polkadot/types/types'
import { camelCase } from '../../src/chain/views/subnet-view.js'
import type { Plain, Truth, TruthBlock, TruthNeuron } from './truth.js'

/**
 * Reads what a node's chain holds through `@polkadot/api`, a codec that shares nothing with ours, in the form that `compareWithTruth` takes. Works on
 * any node, the devnet's included.
 */
export async function readOracle(url: string, height: number, fromBlock = 1): Promise<Truth> {
  const api = await ApiPromise.create({ provider: new WsProvider(url, 1000, {}, 30_000), noInitWarn: true })
  try {
    return await new Oracle(api).read(height, fromBlock)
  } finally {
    await api.disconnect()
  }
}

type ApiAt = Awaited<ReturnType<ApiPromise['at']>>
type Entries = [string[], Plain][]
const PALLET = 'subtensorModule'

class Oracle {
  constructor(private readonly api: ApiPromise) {}

  async read(height: number, fromBlock: number): Promise<Truth> {
    const hash = await this.api.rpc.chain.getBlockHash(height)
    const at = await this.api.at(hash)
    const maps = await this.readMaps(at)
    const map = (name: string): Map<string, Plain> => new Map((maps.get(name) ?? []).map(([keys, value]) => [keys.join('/'), value]))
    const subnets = await this.readSubnets(at, maps, map)
    const owners = Object.fromEntries(map('owner')) as Record<string, string>
    const stake = (maps.get('stake') ?? []) as [[string, string], string][]
    const totals = map('totalHotkeyStake')
    return {
      block: String(height),
      totals: await this.readTotals(at),
      subnets,
      owners,
      delegates: [...map('delegates')].map(([hotkey, take]) => ({
        hotkey,
        owner: owners[hotkey] ?? '',
        take: String(take),
        totalStake: String(totals.get(hotkey) ?? '0'),
        nominators: stake.filter(([keys]) => keys[0] === hotkey).map(([keys, amount]) => ({ coldkey: keys[1], stake: amount })),
      })),
      stake: {
        stake,
        totalHotkeyStake: (maps.get('totalHotkeyStake') ?? []) as [[string], string][],
        totalColdkeyStake: (maps.get('totalColdkeyStake') ?? []) as [[string], string][],
      },
      accounts: (await at.query.system!.account!.entries()).map(([key, info]) => ({
        address: String(key.args[0]),
        ...(plain(info) as object),
      })) as Truth['accounts'],
      blocks: await this.readBlocks(fromBlock, height),
    }
  }

  private items(at: ApiAt): { name: string; keyTypes: string[]; valueType: string }[] {
    const { registry } = at
    const metadata = this.api.runtimeMetadata.asLatest
    const pallet = metadata.pallets.find((p) => p.name.toString() === 'SubtensorModule')
    return pallet!.storage.unwrap().items.map((item) => {
      const name = camelCase(item.name.toString())
      if (item.type.isPlain) return { name, keyTypes: [], valueType: registry.lookup.getTypeDef(item.type.asPlain).type }
      const keys = registry.lookup
        .getTypeDef(item.type.asMap.key)
        .type.replace(/[()\s]/g, '')
        .split(',')
      return {
        name,
        keyTypes: item.type.asMap.hashers.length === 1 ? [keys.join(',')] : keys,
        valueType: registry.lookup.getTypeDef(item.type.asMap.value).type,
      }
    })
  }

  private query(at: ApiAt, name: string) {
    const found = at.query[PALLET]?.[name]
    if (!found) throw new Error(`the oracle finds no storage ${PALLET}.${name}`)
    return found
  }

  private async readMaps(at: ApiAt): Promise<Map<string, Entries>> {
    const out = new Map<string, Entries>()
    for (const { name } of this.items(at).filter((item) => item.keyTypes.length > 0)) {
      const entries = await this.query(at, name).entries()
      out.set(
        name,
        entries.map(([key, value]) => [key.args.map((arg) => String(plain(arg))), plain(value)]),
      )
    }
    return out
  }

  private async readTotals(at: ApiAt): Promise<Record<string, Plain>> {
    const totals: Record<string, Plain> = {}
    for (const { name } of this.items(at).filter((item) => item.keyTypes.length === 0)) totals[name] = plain(await this.query(at, name)())
    totals.balancesTotalIssuance = plain(await at.query.balances!.totalIssuance!())
    return totals
  }

  private async readSubnets(at: ApiAt, maps: Map<string, Entries>, map: (name: string) => Map<string, Plain>): Promise<Truth['subnets']> {
    const items = this.items(at)
    const perSubnet = items.filter((item) => item.keyTypes.length === 1 && item.keyTypes[0] === 'u16')
    const vectors = perSubnet.filter((item) => /^Vec<(u16|u64|bool)>$/.test(item.valueType))
    const perUid = items.filter((item) => item.keyTypes.join() === 'u16,u16' && item.name !== 'keys' && item.name !== 'networkConnect')
    const perHotkey = items.filter((item) => item.keyTypes.join() === 'u16,AccountId32' && item.name !== 'uids')
    const netuids = (maps.get('networksAdded') ?? []).filter(([, value]) => value === true).map(([keys]) => Number(keys[0]))
    const subnets: Truth['subnets'] = []
    for (const netuid of netuids.sort((a, b) => a - b)) {
      const parameters: Record<string, Plain> = {}
      for (const item of perSubnet) if (!vectors.includes(item)) parameters[item.name] = plain(await this.query(at, item.name)(netuid))
      const rows = new Map<string, Plain[]>()
      for (const item of vectors) rows.set(item.name, plain(await this.query(at, item.name)(netuid)) as Plain[])
      const n = Number(parameters.subnetworkN)
      const neurons = Array.from({ length: n }, (_, uid): TruthNeuron => {
        const hotkey = String(map('keys').get(`${netuid}/${uid}`))
        const neuron: TruthNeuron = {
          uid: String(uid),
          hotkey,
          coldkey: map('owner').get(hotkey) ?? null,
          stake: map('totalHotkeyStake').get(hotkey) ?? '0',
        }
        for (const [name, values] of rows) neuron[name] = values[uid] ?? null
        for (const { name, valueType } of perUid)
          neuron[name] = map(name).get(`${netuid}/${uid}`) ?? (valueType.startsWith('Vec') ? [] : '0')
        for (const { name } of perHotkey) neuron[name] = map(name).get(`${netuid}/${hotkey}`) ?? null
        return neuron
      })
      subnets.push({ netuid: String(netuid), n: String(n), parameters, neurons })
    }
    return subnets
  }

  private async readBlocks(from: number, to: number): Promise<TruthBlock[]> {
    const out: TruthBlock[] = []
    for (let height = from; height <= to; height++) {
      const hash = await this.api.rpc.chain.getBlockHash(height)
      const [{ block }, at] = await Promise.all([this.api.rpc.chain.getBlock(hash), this.api.at(hash)])
      const [records, now] = await Promise.all([
        at.query.system!.events!() as unknown as Promise<EventRecord[]>,
        at.query.timestamp!.now!(),
      ])
      out.push({
        number: String(height),
        hash: hash.toHex(),
        parentHash: block.header.parentHash.toHex(),
        stateRoot: block.header.stateRoot.toHex(),
        extrinsicsRoot: block.header.extrinsicsRoot.toHex(),
        timestamp: String(plain(now)),
        extrinsics: block.extrinsics.map((extrinsic, index) => this.readExtrinsic(extrinsic, index, records)),
        events: records.map((record, index) => ({
          index: String(index),
          phase: record.phase.isApplyExtrinsic ? record.phase.asApplyExtrinsic.toString() : record.phase.type,
          event: `${record.event.section}.${record.event.method}`,
          data: record.event.data.map(plain),
        })),
      })
    }
    return out
  }

  private readExtrinsic(
    extrinsic: Parameters<typeof readSigned>[0],
    index: number,
    records: EventRecord[],
  ): TruthBlock['extrinsics'][number] {
    const mine = records.filter((record) => record.phase.isApplyExtrinsic && record.phase.asApplyExtrinsic.toNumber() === index)
    const failed = mine.find(({ event }) => event.section === 'system' && event.method === 'ExtrinsicFailed')
    const sudid = mine.find(({ event }) => event.section === 'sudo' && event.method === 'Sudid')
    const sudoError = sudid ? (sudid.event.data[0] as unknown as { isErr: boolean; asErr: DispatchErrorCodec }) : null
    const error = failed ? (failed.event.data[0] as unknown as DispatchErrorCodec) : sudoError?.isErr ? sudoError.asErr : null
    return {
      index: String(index),
      hash: extrinsic.hash.toHex(),
      call: `${extrinsic.method.section}.${extrinsic.method.method}`,
      args: (plain(extrinsic.method) as { args: Record<string, Plain> }).args,
      ...readSigned(extrinsic),
      success: failed === undefined,
      error: error && this.errorName(error),
    }
  }

  private errorName(error: DispatchErrorCodec): string {
    if (error.isModule) {
      const { section, name } = this.api.registry.findMetaError(error.asModule as never)
      return `${section}.${name}`
    }
    return error.isToken || error.isArithmetic ? `${error.type}.${String(error.value)}` : error.type
  }
}

interface DispatchErrorCodec {
  isModule: boolean
  isToken: boolean
  isArithmetic: boolean
  asModule: unknown
  type: string
  value: Codec
}

function readSigned(
  extrinsic: import('@polkadot/types/interfaces').Extrinsic,
): Pick<TruthBlock['extrinsics'][number], 'signer' | 'nonce' | 'tip' | 'era'> {
  if (!extrinsic.isSigned) return { signer: null, nonce: null, tip: null, era: null }
  const { era } = extrinsic
  return {
    signer: extrinsic.signer.toString(),
    nonce: extrinsic.nonce.toString(),
    tip: extrinsic.tip.toString(),
    era: era.isMortalEra ? { period: era.asMortalEra.period.toString(), phase: era.asMortalEra.phase.toString() } : 'immortal',
  }
}

/** A codec's value as plain JSON with integers as decimal strings. */
function plain(codec: Codec): Plain {
  if (codec instanceof GenericCall) {
    const args = codec.meta.args.map((arg, i) => [arg.name.toString(), plain(codec.args[i] as Codec)] as const)
    return { call: `${codec.section}.${codec.method}`, args: Object.fromEntries(args) }
  }
  if (codec instanceof Option) return codec.isNone ? null : plain(codec.unwrap() as Codec)
  if (codec instanceof Compact) return plain(codec.unwrap())
  if (codec instanceof Enum) return codec.inner instanceof Null || codec.isBasic ? codec.type : { [codec.type]: plain(codec.inner) }
  if (codec instanceof UInt || codec instanceof Int) return codec.toBigInt().toString()
  if (codec instanceof bool) return codec.isTrue
  if (codec instanceof Null) return null
  if (codec instanceof Text || codec instanceof GenericAccountId) return codec.toString()
  if (codec instanceof Bytes || codec instanceof Raw) return codec.toHex()
  if (codec instanceof Struct) return Object.fromEntries([...codec.entries()].map(([key, value]) => [String(key), plain(value)]))
  if (codec instanceof Tuple || codec instanceof Vec || codec instanceof VecFixed) return [...codec].map((item) => plain(item as Codec))
  return codec.toHex()
}
