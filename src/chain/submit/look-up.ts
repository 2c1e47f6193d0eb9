import type { Hex } from '../../core/records.js'
import { fromHex, toHex } from '../../core/units/bytes.js'
import { blake2b256 } from '../codec/hashing.js'
import type { EnumValue } from '../codec/decoders.js'
import type { DecodedEvent } from '../codec/events.js'
import type { ChainReader, RawBlock } from '../reader.js'
import type { RpcClient } from '../rpc/types.js'
import type { ErrorName, Runtime } from '../runtime.js'
import { SUBTENSOR } from '../views/subnet-view.js'

/** A signed extrinsic as it was sent, plain enough to be kept in a file: all that is needed to learn what became of it. */
export interface Submission {
  readonly kind: 'register' | 'proxyRegister' | 'burnedRegister' | 'registerLimit'
  readonly netuid: number
  readonly hotkey: Hex
  readonly signer: Hex
  readonly nonce: string
  readonly hash: Hex
  readonly extrinsic: Hex
  readonly genesisHash: Hex
  /** It may be in any block after the first, up to the last. */
  readonly birthBlock: number
  readonly lastBlock: number
}

/** What must be known of a submission to find it. */
export type SubmissionRef = Pick<Submission, 'hash' | 'netuid' | 'hotkey' | 'birthBlock' | 'lastBlock'>

export interface Inclusion {
  readonly blockNumber: number
  readonly blockHash: Hex
  readonly extrinsicIndex: number
  /** null is success. */
  readonly error: ErrorName | null
  /** The place that was got. */
  readonly uid: number | null
}

/**
 * `pending`: in no block yet, and one of its era may still come, or come back. `included`: in a block of the best chain. `finalised`: in one that
 * stays. `dropped`: its era is over, for good, without it.
 */
export type SubmissionState =
  | { readonly state: 'pending'; readonly headBlock: number }
  | ({ readonly state: 'included' | 'finalised' } & Inclusion)
  | { readonly state: 'dropped'; readonly lastBlock: number }

/** Blocks that were looked through, by hash, so that each is read once. */
export type Seen = Map<Hex, Inclusion | null>

/** Looks for an extrinsic in all blocks of its era on the best chain. Sends nothing. */
export async function lookUp(
  rpc: RpcClient,
  reader: ChainReader,
  submission: SubmissionRef,
  seen: Seen = new Map(),
): Promise<SubmissionState> {
  // What is final is asked for first: the hashes below it, read after it, cannot change any more.
  const finalised = await finalisedNumber(rpc)
  const best = await numberOf(rpc, null)
  const { birthBlock, lastBlock } = submission
  const heights = Array.from({ length: Math.max(0, Math.min(best, lastBlock) - birthBlock) }, (_, i) => birthBlock + 1 + i)
  const hashes = await Promise.all(heights.map((height) => reader.hashOf(height)))
  const missing = heights.filter((_, i) => !seen.has(hashes[i] as Hex))
  await Promise.all(
    missing.map(async (height) => {
      const hash = hashes[height - birthBlock - 1] as Hex
      const [block] = await reader.reading().blocks(height, [hash])
      seen.set(hash, await findIn(reader, block as RawBlock, submission))
    }),
  )
  for (const hash of hashes) {
    const found = seen.get(hash)
    if (found) return { state: found.blockNumber <= finalised ? 'finalised' : 'included', ...found }
  }
  return finalised >= lastBlock ? { state: 'dropped', lastBlock } : { state: 'pending', headBlock: best }
}

async function finalisedNumber(rpc: RpcClient): Promise<number> {
  return numberOf(rpc, await rpc.request<Hex>('chain_getFinalizedHead', []))
}

async function numberOf(rpc: RpcClient, hash: Hex | null): Promise<number> {
  const header = await rpc.request<{ number: string }>('chain_getHeader', hash === null ? [] : [hash])
  return Number.parseInt(header.number, 16)
}

async function findIn(reader: ChainReader, block: RawBlock, submission: SubmissionRef): Promise<Inclusion | null> {
  const extrinsicIndex = block.extrinsics.findIndex((bytes) => toHex(blake2b256(fromHex(bytes))) === submission.hash)
  if (extrinsicIndex < 0) return null
  const runtime = await reader.runtimeOf(block.height)
  const events = block.events === null ? [] : runtime.decodeEvents(fromHex(block.events))
  const own = events.filter((event) => event.extrinsicIndex === extrinsicIndex)
  return { blockNumber: block.height, blockHash: block.hash, extrinsicIndex, error: errorOf(own, runtime), uid: uidOf(own, submission) }
}

function errorOf(events: readonly DecodedEvent[], runtime: Runtime): ErrorName | null {
  const failed = named(events, 'System', 'ExtrinsicFailed')
  if (failed) return runtime.errorName(failed.values()[0])
  // A proxy's call that fails is told in its event; the extrinsic itself went well.
  const result = named(events, 'Proxy', 'ProxyExecuted')?.values()[0] as EnumValue | undefined
  return result?.type === 'Err' ? runtime.errorName(result.value) : null
}

function uidOf(events: readonly DecodedEvent[], { netuid, hotkey }: SubmissionRef): number | null {
  const values = named(events, SUBTENSOR, 'NeuronRegistered')?.values()
  return values?.[0] === netuid && values[2] === hotkey ? (values[1] as number) : null
}

function named(events: readonly DecodedEvent[], pallet: string, name: string): DecodedEvent | undefined {
  return events.find((event) => event.pallet === pallet && event.name === name)
}
