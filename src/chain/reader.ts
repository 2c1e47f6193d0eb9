import { AppError } from '../core/errors.js'
import type { ChainIdentity, Hex } from '../core/records.js'
import { fromHex } from '../core/units/bytes.js'
import type { RpcClient } from './rpc/types.js'
import { createStorageBatcher } from './rpc/storage-batch.js'
import { cacheReads, type StorageReads } from './storage-cache.js'
import { createRuntime, type Runtime } from './runtime.js'
import { createChainState, type ChainState } from './state.js'
import { createVersionMap } from './version-map.js'

/** A block as the node gave it, not decoded. */
export interface RawBlock {
  height: number
  hash: Hex
  parentHash: Hex
  stateRoot: Hex
  extrinsicsRoot: Hex
  digest: Hex[]
  extrinsics: Hex[]
  /** Value of `System.Events`. */
  events: Hex | null
}

/** Reads blocks and state of a subtensor node. Every answer is checked to be what was asked for. */
export interface ChainReader {
  identity(): Promise<ChainIdentity>
  /** Throws `NOT_FOUND` for a block above the node's head. */
  hashOf(height: number): Promise<Hex>
  /** A set of reads that share a cache: what belongs to one range of blocks is asked for once. */
  reading(): ChainReading
  /** The runtime that executed a block: the one in force after its parent. */
  runtimeOf(height: number): Promise<Runtime>
  /** Tells that the code did not change in a block, which saves asking for the version after it. */
  noteSameCode(height: number): void
  /** Asks for versions anew: what was concluded from events was wrong. */
  forgetVersions(): void
}

export interface ChainReading {
  /** Contiguous blocks, each the parent of the next, from the hashes of their heights. */
  blocks(from: number, hashes: readonly Hex[]): Promise<RawBlock[]>
  /** State after a block, through the runtime that executed it. */
  stateAt(height: number, hash?: Hex): Promise<ChainState>
}

interface RpcHeader {
  number: string
  parentHash: Hex
  stateRoot: Hex
  extrinsicsRoot: Hex
  digest?: { logs?: Hex[] }
}
interface RpcVersion {
  specName: string
  specVersion: number
  transactionVersion?: number
}

/** twox128("System") ++ twox128("Events"): the one key that all runtimes share. */
const EVENTS_KEY: Hex = '0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7'
/** A pallet that every subtensor runtime has and no other chain does. */
const SUBTENSOR_PALLET = 'SubtensorModule'

export function createChainReader(rpc: RpcClient): ChainReader {
  const storage = createStorageBatcher(rpc)
  const runtimes = new Map<number, Promise<Runtime>>()
  const versions = createVersionMap<RpcVersion>()

  async function hashOf(height: number): Promise<Hex> {
    const hash = await rpc.request<Hex | null>('chain_getBlockHash', [height])
    if (typeof hash !== 'string') throw new AppError('NOT_FOUND', `the node at ${rpc.endpoint} has no block ${height}`, { height })
    return hash
  }

  async function readBlock(storage: StorageReads, height: number, hash: Hex): Promise<RawBlock> {
    const [answer, [events]] = await Promise.all([
      rpc.request<{ block: { header: RpcHeader; extrinsics: Hex[] } } | null>('chain_getBlock', [hash]),
      storage.read(hash, [EVENTS_KEY]),
    ])
    const header = answer?.block?.header
    if (!header || !Array.isArray(answer.block.extrinsics)) {
      throw new AppError('UPSTREAM_INVALID', `the node at ${rpc.endpoint} gave no block for ${hash}`, { height, hash })
    }
    // Nodes that forgot a block have been seen to answer with the genesis block and no error.
    const number = Number.parseInt(header.number, 16)
    if (number !== height)
      throw new AppError('UPSTREAM_INVALID', `asked for block ${height}, the node gave block ${number}`, { height, number, hash })
    return {
      height,
      hash,
      parentHash: header.parentHash,
      stateRoot: header.stateRoot,
      extrinsicsRoot: header.extrinsicsRoot,
      digest: header.digest?.logs ?? [],
      extrinsics: answer.block.extrinsics,
      events: events ?? null,
    }
  }

  async function versionAfter(height: number): Promise<RpcVersion> {
    const known = versions.at(height)
    if (known) return known
    const version = await rpc.request<RpcVersion>('state_getRuntimeVersion', [await hashOf(height)])
    versions.learn(height, version)
    return version
  }

  async function loadRuntime(version: RpcVersion, height: number): Promise<Runtime> {
    const metadata = await rpc.request<Hex>('state_getMetadata', [await hashOf(height)])
    const runtime = createRuntime({
      specName: version.specName,
      specVersion: version.specVersion,
      transactionVersion: version.transactionVersion ?? null,
      metadata: fromHex(metadata),
    })
    if (runtime.itemNames(SUBTENSOR_PALLET).length === 0) {
      throw new AppError(
        'NOT_SUBTENSOR',
        `${rpc.endpoint} is a ${version.specName} chain without the pallet ${SUBTENSOR_PALLET}; a subtensor node is needed`,
        {
          specName: version.specName,
        },
      )
    }
    return runtime
  }

  async function runtimeOf(height: number): Promise<Runtime> {
    const parent = Math.max(0, height - 1)
    const version = await versionAfter(parent)
    let runtime = runtimes.get(version.specVersion)
    if (!runtime) {
      runtime = loadRuntime(version, parent)
      runtimes.set(version.specVersion, runtime)
      runtime.catch(() => runtimes.delete(version.specVersion))
    }
    return runtime
  }

  return {
    async identity() {
      const [genesisHash, name, head, properties] = await Promise.all([
        hashOf(0),
        rpc.request<string>('system_chain', []),
        rpc.request<RpcHeader>('chain_getHeader', []),
        rpc.request<Record<string, unknown> | null>('system_properties', []),
      ])
      // Also tells the version of all blocks since the last upgrade.
      const version = await versionAfter(Number.parseInt(head.number, 16))
      await runtimeOf(0)
      return {
        genesisHash,
        name,
        specName: version.specName,
        ss58Format: numberOr(properties?.ss58Format, 42),
        tokenDecimals: numberOr(properties?.tokenDecimals, 9),
        tokenSymbol: typeof properties?.tokenSymbol === 'string' ? properties.tokenSymbol : 'TAO',
      }
    },
    hashOf,
    reading() {
      const cached = cacheReads(storage)
      return {
        async blocks(from, hashes) {
          const blocks = await Promise.all(hashes.map((hash, i) => readBlock(cached, from + i, hash)))
          for (let i = 1; i < blocks.length; i++) checkParent(blocks[i - 1] as RawBlock, blocks[i] as RawBlock)
          return blocks
        },
        async stateAt(height, hash) {
          const [runtime, at] = await Promise.all([runtimeOf(height), hash ?? hashOf(height)])
          return createChainState(cached, runtime, height, at)
        },
      }
    },
    runtimeOf,
    forgetVersions: () => versions.forget(),
    noteSameCode(height) {
      const version = versions.at(height - 1)
      if (version) versions.learn(height, version)
    },
  }
}

function checkParent(before: RawBlock, after: RawBlock): void {
  // Development nodes that boot from a raw spec have no header of block 0, and block 1 names a parent of their fancy. What block 0 is, `identity` tells.
  if (after.parentHash === before.hash || before.height === 0) return
  // A fork was switched between two answers, or the endpoints disagree: asked again, it comes right.
  throw new AppError('UPSTREAM_INVALID', `block ${after.height} does not follow block ${before.height} as the node gave it`, {
    height: after.height,
  })
}

function numberOr(value: unknown, otherwise: number): number {
  const first: unknown = Array.isArray(value) ? value[0] : value
  return typeof first === 'number' ? first : otherwise
}
