import type { ChainReader, ChainReading, RawBlock } from '../chain/reader.js'
import type { Facts, Head, Hex, StateChanges } from '../core/records.js'
import { decodeBlock, type DecodedBlock } from './decode-block.js'
import { createRange, prefetchState, type RangeEnd } from './range.js'

export interface ExtractOptions {
  /** Network totals are kept at heights that are a multiple of this. */
  statsEvery: number
  /** Accounts that only the chain credits get a balance row at heights that are a multiple of this. */
  balanceSampleEvery: number
}

/** Everything that a range of blocks gives to the store. */
export interface Extracted {
  from: number
  /** null up to block 1, whose parent is the genesis block and settled. */
  parent: Head | null
  head: Head
  facts: Facts
  state: StateChanges
}

export interface ExtractRequest {
  from: number
  to: number
  /** `changes`: what the range changed; `whole`: all the chain holds after the last block (a first batch); `none`: facts only. */
  state: 'changes' | 'whole' | 'none'
}

/**
 * Reads and decodes blocks `from..to` and everything stored about them. Ranges are independent of each other and may be extracted side by side.
 * What is announced by events is read at the block of the event; epochs and adjustments, which no event announces, are found from the chain's own
 * counters; state is read once, after the last block.
 */
export type Extract = (request: ExtractRequest) => Promise<Extracted>

/** Ends that are kept: while following the head the last one is used, while catching up none is there in time. */
const KEPT_ENDS = 8

export function createExtractor(chain: ChainReader, options: ExtractOptions): Extract {
  const ends = new Map<Hex, RangeEnd>()
  // Subnets come and go rarely: what another range ended with is a good guess of what to ask for, and nothing more.
  let latest: RangeEnd | undefined

  return async ({ from, to, state: kind }) => {
    const heights = Array.from({ length: to - from + 1 }, (_, i) => from + i)
    const [hashes, before] = await Promise.all([
      Promise.all(heights.map((height) => chain.hashOf(height))),
      from > 0 ? chain.hashOf(from - 1) : null,
    ])
    const reading = chain.reading()
    const known = before === null ? undefined : ends.get(before)
    const [raw] = await Promise.all([
      reading.blocks(from, hashes),
      kind === 'changes' ? prefetch(reading, to, hashes.at(-1), known ?? latest) : undefined,
      // When the ends of the range have one runtime, so has the middle.
      chain.runtimeOf(from),
      chain.runtimeOf(to),
    ])
    const blocks = await Promise.all(raw.map((block) => decode(chain, block)))
    const range = createRange({ chain, reading, options, blocks, parentHash: before, before: known })
    await range.addFacts()
    const state = await range.state(kind)
    latest = await range.end(state)
    if (ends.size >= KEPT_ENDS) ends.delete(ends.keys().next().value as Hex)
    ends.set(hashes.at(-1) as Hex, latest)
    return {
      from,
      parent: from <= 1 ? null : { height: from - 1, hash: (raw[0] as RawBlock).parentHash },
      head: { height: to, hash: hashes.at(-1) as Hex },
      facts: range.facts,
      state,
    }
  }
}

/** Asks for what will be read of the last block's state in any case; in one turn with its events, when the runtime is known already. */
async function prefetch(reading: ChainReading, height: number, hash: Hex | undefined, guess: RangeEnd | undefined): Promise<void> {
  if (guess) prefetchState(await reading.stateAt(height, hash), guess)
}

async function decode(chain: ChainReader, block: RawBlock): Promise<DecodedBlock> {
  const runtime = await chain.runtimeOf(block.height)
  try {
    return decodeBlock(block, runtime)
  } catch (error) {
    // Code that was replaced without an event, as development nodes can do: the next try asks the node for the version.
    chain.forgetVersions()
    throw error
  }
}
