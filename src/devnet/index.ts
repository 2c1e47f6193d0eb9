/** A local chain that behaves like a subtensor node of spec 143, for demos and tests. */
import { join } from 'node:path'
import { cryptoWaitReady } from '@polkadot/util-crypto'
import type { Service } from '../core/lifecycle.js'
import type { Logger } from '../core/log.js'
import type { Hex } from '../core/records.js'
import type { KeyPair } from '../core/wallet/keys.js'
import { castAccounts, keyPairOf, type CastAccounts } from './cast/accounts.js'
import { isValidatorPlace, validatorsOf } from './cast/actions.js'
import { startCast } from './cast/cast.js'
import type { AxonChoice } from './cast/serving.js'
import { addGenesis, genesisEntries } from './genesis.js'
import { createAuthor, type Author } from './node/author.js'
import { chainMethods } from './node/chain-methods.js'
import { devMethods } from './node/dev-methods.js'
import { startProducer } from './node/producer.js'
import { startRpcServer, type Method } from './node/rpc-server.js'
import { stateMethods } from './node/state-methods.js'
import { authorMethods, paymentMethods, systemMethods } from './node/system-methods.js'
import { CHAIN_SLOT_MS, createDevnetRuntime, type LaterParts } from './runtime/compose.js'
import { subtensorGenesis } from './runtime/subtensor/index.js'
import { openChainStore, type Block } from './state/chain-store.js'

export { DEVNET_NAME } from './node/system-methods.js'

export interface DevnetOptions {
  host?: string
  /** 0 picks a free one. */
  port?: number
  /** Milliseconds between blocks; null makes blocks only on request. */
  blockMs?: number | null
  /** Decides accounts, genesis and choices. */
  seed?: string
  subnets?: number
  /** Places per subnet. The cast fills them and is a few more: from then on newcomers push out who earns least. */
  neurons?: number
  log: Logger
  /** Where the chain is kept; absent keeps it in memory. */
  dataDir?: string
  /** How many blocks finality lies behind; 2 with `blockMs`, else 0. */
  finalityLag?: number
  /** Time of the first block. With `blockMs` the chain starts as if it had run for a while until now; else a fixed date. */
  genesisTimeMs?: number
  /** Whether the built-in accounts live their lives on the chain. */
  cast?: boolean
  /**
   * What axons the cast serve. Whoever gets none from it serves one that leads nowhere. A neuron whose axon on the chain is another than this says serves it
   * again, as after a restart with other ports; a chain that starts with this set has no serving rate limit, so that nobody waits for that.
   */
  axons?: AxonChoice
  /** Parts of later runtimes. The chain says that it is spec 143 all the same. */
  later?: LaterParts
}

export interface BlockRef {
  hash: Hex
  number: number
}

export interface Devnet extends Service {
  readonly url: string
  readonly port: number
  readonly accounts: CastAccounts
  /** Makes blocks on the best one, or on another; the last one is returned. */
  newBlock(options?: { count?: number; parent?: Hex; extrinsics?: Uint8Array[] }): BlockRef
  /**
   * Builds a branch that starts `depth` blocks below the best one and is `length` long (one more than `depth` when absent, so that it
   * becomes the best chain). Its blocks carry the given extrinsics one each, and differ from those they replace by their time.
   */
  fork(options: { depth: number; length?: number; extrinsics?: Uint8Array[][] }): BlockRef
  /** Puts an extrinsic into the pool. */
  submit(extrinsic: Uint8Array): Hex
  readonly best: BlockRef
  readonly finalized: BlockRef
}

/** 17 March 2024, when spec 143 came: where chains without a clock begin. */
const FIXED_GENESIS_TIME = Date.UTC(2024, 2, 17)
const DEFAULT_FINALITY_LAG = 2
/** Blocks made at once at the first start, so that there is a living subnet to look at, with epochs behind it and the first totals taken (block 128). */
const PREPARED_BLOCKS = 130
/** Tries that a registration takes on average: little, because the cast does dozens at the first start. */
const DIFFICULTY = 1_000n
/** Short, so that the first epochs are among the first blocks. */
const TEMPOS = [19, 29]
const ROOT_TEMPO = 23
/** Of a subnet whose chain has no cast. */
const DEFAULT_PLACES = 256
const RAO = 1_000_000_000n
const DEFAULTS = { seed: 'devnet', subnets: 2, neurons: 32 }

/** One of the cast, who is known before the chain starts: settings decide the accounts. Places are the same on all subnets. */
export interface CastMember {
  place: number
  /** Validators get stake and a permit; the others, and newcomers, mine. */
  isValidator: boolean
  /** Of the hotkey. */
  pair: KeyPair
}

/** The hotkeys that a devnet of these settings has, by place. */
export async function castOf(options: Pick<DevnetOptions, 'seed' | 'subnets' | 'neurons'>): Promise<CastMember[]> {
  const { seed = DEFAULTS.seed, subnets = DEFAULTS.subnets, neurons = DEFAULTS.neurons } = options
  await cryptoWaitReady()
  const { hotkeys } = castAccounts(seed, subnets === 0 ? 0 : neurons)
  return hotkeys.map((hotkey, place) => ({ place, isValidator: isValidatorPlace(neurons, place), pair: keyPairOf(hotkey) }))
}

export async function startDevnet(options: DevnetOptions): Promise<Devnet> {
  const { host = '127.0.0.1', port = 0, blockMs = 3000, later = {}, axons, log, dataDir } = options
  const { seed = DEFAULTS.seed, subnets = DEFAULTS.subnets, neurons = DEFAULTS.neurons } = options
  const { finalityLag = blockMs === null ? 0 : DEFAULT_FINALITY_LAG } = options
  await cryptoWaitReady()
  const slotMs = blockMs ?? CHAIN_SLOT_MS
  const runtime = createDevnetRuntime(slotMs, later)
  const accounts = castAccounts(seed, subnets === 0 ? 0 : neurons)
  const store = openChainStore({
    codecs: runtime.codecs,
    dataDir: dataDir === undefined ? undefined : join(dataDir, 'devnet'),
    settings: JSON.stringify({ seed, subnets, neurons, slotMs, ...later }),
  })
  const isNew = store.isEmpty()
  if (isNew)
    addGenesis(store, runtime, devnetGenesis(accounts, { subnets, neurons, servingRateLimit: axons === undefined ? undefined : 0n }), [])
  const author = createAuthor({
    chain: { runtime, genesisHash: store.genesis.hash },
    store,
    slotMs,
    finalityLag,
    genesisTimeMs: options.genesisTimeMs ?? (blockMs === null ? FIXED_GENESIS_TIME : alignedStart(slotMs)),
    log,
  })
  const cast =
    options.cast === false || accounts.coldkeys.length === 0
      ? undefined
      : startCast({ author, accounts, subnets, seats: neurons, seed, axons, log })
  const prepared = cast !== undefined && isNew && blockMs !== null ? PREPARED_BLOCKS : 0
  for (let i = 0; i < prepared; i++) {
    cast?.act()
    author.newBlock()
  }
  const server = await startRpcServer({ host, port, methods: allMethods(author), log })
  const producer = blockMs === null ? undefined : startProducer({ author, slotMs, log, beforeBlock: () => cast?.act() })
  log.info({ url: `ws://${host}:${server.port}`, blockNumber: store.best.number, specVersion: 143 }, 'devnet started')

  let closing: Promise<void> | undefined
  const ref = ({ hash, number }: Block): BlockRef => ({ hash, number })
  return {
    name: 'devnet',
    url: `ws://${host.includes(':') ? `[${host}]` : host}:${server.port}`,
    port: server.port,
    accounts,
    ready: () => Promise.resolve({ ok: true }),
    close: () => {
      closing ??= (async () => {
        producer?.stop()
        await server.close()
        store.close()
      })()
      return closing
    },
    newBlock: ({ count = 1, parent, extrinsics } = {}) => {
      let block = parent === undefined ? store.best : store.byHash(parent)
      if (block === undefined) throw new Error(`there is no block ${parent}`)
      for (let i = 0; i < count; i++) {
        if (parent === undefined && extrinsics === undefined) cast?.act()
        block = author.newBlock({ parent: block, extrinsics: i === 0 ? extrinsics : undefined })
      }
      return ref(block)
    },
    fork: ({ depth, length = depth + 1, extrinsics = [] }) => ref(fork(author, slotMs, depth, length, extrinsics)),
    submit: (extrinsic) => author.submit(extrinsic),
    get best() {
      return ref(store.best)
    },
    get finalized() {
      return ref(store.finalized)
    },
  }
}

/** A start so far back that the prepared blocks end about now. */
function alignedStart(slotMs: number): number {
  return (Math.floor(Date.now() / slotMs) - PREPARED_BLOCKS) * slotMs
}

function fork(author: Author, slotMs: number, depth: number, length: number, extrinsics: Uint8Array[][]): Block {
  const { store } = author
  let block = store.byNumber(store.best.number - depth)
  if (block === undefined) throw new Error(`the chain is not ${depth} blocks long`)
  for (let i = 0; i < length; i++) {
    // One slot later than the block it rivals, or else an empty block would be that very block.
    const timestampMs = i === 0 ? timeOf(author, block) + 2 * slotMs : undefined
    block = author.newBlock({ parent: block, extrinsics: extrinsics[i] ?? [], timestampMs })
  }
  return block
}

function timeOf({ chain, store }: Author, block: Block): number {
  const bytes = store.history.get(block.state, chain.runtime.storage.item('Timestamp', 'Now').key([]))
  return bytes === undefined ? 0 : Number(chain.runtime.codecs.decode('u64', bytes))
}

interface DevnetGenesis {
  subnets: number
  neurons: number
  servingRateLimit?: bigint
}

function devnetGenesis(accounts: CastAccounts, { subnets, neurons, servingRateLimit }: DevnetGenesis) {
  const balances = [
    ...accounts.developers.map(({ id }) => ({ who: id, free: 1_000_000n * RAO })),
    ...accounts.coldkeys.map(({ id }, i) => ({ who: id, free: (10_000n + 137n * BigInt(i)) * RAO })),
    // For the fees of what hotkeys sign; most of it is free.
    ...accounts.hotkeys.map(({ id }) => ({ who: id, free: RAO })),
    ...accounts.nominators.map(({ id }, i) => ({ who: id, free: (2_000n + 250n * BigInt(i)) * RAO })),
  ]
  const issuanceRao = balances.reduce((sum, { free }) => sum + free, 0n)
  return genesisEntries({
    authorities: accounts.authorities.map(({ id }) => id),
    balances,
    sudo: accounts.alice.id,
    entries: subtensorGenesis({
      subnets,
      issuanceRao,
      difficulty: DIFFICULTY,
      maxUids: neurons === 0 ? DEFAULT_PLACES : neurons,
      maxValidators: neurons === 0 ? undefined : validatorsOf(neurons),
      tempos: TEMPOS,
      rootTempo: ROOT_TEMPO,
      owners: accounts.coldkeys.slice(0, subnets).map(({ id }) => id),
      servingRateLimit,
    }),
  })
}

function allMethods(author: Author): Record<string, Method> {
  const methods: Record<string, Method> = {
    ...chainMethods(author),
    ...stateMethods(author),
    ...systemMethods(author, '0.1.0'),
    ...authorMethods(author),
    ...paymentMethods(author),
    ...devMethods(author),
  }
  return { ...methods, rpc_methods: () => ({ version: 1, methods: [...Object.keys(methods), 'rpc_methods'].sort() }) }
}
