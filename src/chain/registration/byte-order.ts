import { fromHex } from '../../core/units/bytes.js'
import type { Hex } from '../../core/records.js'
import type { ByteOrder } from '../../core/registrations.js'
import type { DecodedCall } from '../codec/calls.js'
import type { ChainReader } from '../reader.js'
import type { ChainState } from '../state.js'
import { SUBTENSOR } from '../views/subnet-view.js'

/** Releases 277 and 283 read seals differently. What lies between them, and development chains from 273 on, may do either. */
const BIG_UNTIL = 272
const LITTLE_SINCE = 283
const CHUNK_BLOCKS = 32
const MAX_BLOCKS = 512
const TWO_256 = 1n << 256n

/**
 * How a runtime reads the seal of work. Where the spec version does not tell (273 to 282), the last blocks are looked through for work that the chain
 * took: under the difficulty of its time it passes in the right order, and hardly ever in the other. `unknown` when there is none in `maxBlocks`.
 */
export async function readByteOrder(
  reader: Pick<ChainReader, 'reading' | 'runtimeOf' | 'hashOf'>,
  state: ChainState,
  maxBlocks = MAX_BLOCKS,
): Promise<ByteOrder | 'unknown'> {
  const { specVersion } = state.runtime
  if (specVersion <= BIG_UNTIL) return 'big'
  if (specVersion >= LITTLE_SINCE) return 'little'
  const earliest = Math.max(1, state.height - maxBlocks + 1)
  for (let to = state.height; to >= earliest; to -= CHUNK_BLOCKS) {
    const order = await orderIn(reader, Math.max(earliest, to - CHUNK_BLOCKS + 1), to, specVersion)
    if (order !== 'unknown') return order
  }
  return 'unknown'
}

async function orderIn(
  reader: Pick<ChainReader, 'reading' | 'runtimeOf' | 'hashOf'>,
  from: number,
  to: number,
  specVersion: number,
): Promise<ByteOrder | 'unknown'> {
  const reading = reader.reading()
  const heights = Array.from({ length: to - from + 1 }, (_, i) => from + i)
  const blocks = await reading.blocks(from, await Promise.all(heights.map((height) => reader.hashOf(height))))
  for (const block of blocks.reverse()) {
    const runtime = await reader.runtimeOf(block.height)
    if (runtime.specVersion !== specVersion || block.events === null) continue
    const events = runtime.decodeEvents(fromHex(block.events))
    const succeeded = new Set(events.filter(({ name }) => name === 'ExtrinsicSuccess').map(({ extrinsicIndex }) => extrinsicIndex))
    const registered = new Set(events.filter(({ name }) => name === 'NeuronRegistered').map(({ extrinsicIndex }) => extrinsicIndex))
    for (const [index, bytes] of block.extrinsics.entries()) {
      if (!succeeded.has(index) || !registered.has(index)) continue
      const work = workOf(runtime.decodeExtrinsic(fromHex(bytes)).call)
      if (work === null) continue
      // The difficulty that the extrinsic met: an adjustment comes before the block's extrinsics, so it is that of the state after the block.
      const difficulty = await (await reading.stateAt(block.height, block.hash)).get(SUBTENSOR, 'Difficulty', work.netuid)
      const order = byteOrderFrom(work.seal, difficulty as bigint)
      if (order !== 'unknown') return order
    }
  }
  return 'unknown'
}

/** The work in a call, or in a call inside it, as a proxy sends it. */
function workOf(call: DecodedCall): { netuid: number; seal: Hex } | null {
  if (call.pallet === SUBTENSOR && call.call === 'register') {
    const { netuid, work } = call.values()
    return { netuid: netuid as number, seal: work as Hex }
  }
  for (const inner of call.inner) {
    const found = workOf(inner)
    if (found !== null) return found
  }
  return null
}

/** The order in which an accepted seal passes the difficulty, where only one of the two does. */
export function byteOrderFrom(seal: Hex, difficulty: bigint): ByteOrder | 'unknown' {
  const bytes = fromHex(seal)
  const passes = (ordered: Uint8Array): boolean => BigInt(`0x${Buffer.from(ordered).toString('hex')}`) * difficulty < TWO_256
  const big = passes(bytes)
  const little = passes(bytes.toReversed())
  if (big === little) return 'unknown'
  return big ? 'big' : 'little'
}
