// Fetches, decodes and maps blocks, without reading state and without a database: what is left when everything else is taken away.
// Started by ingest.mjs.
import { parseArgs } from 'node:util'
import { createChainReader, createRpcClient } from '../dist/chain/index.js'
import { silentLog } from '../dist/core/log.js'
import { emptyFacts } from '../dist/core/records.js'
import { addBlockFacts } from '../dist/indexer/block-facts.js'
import { decodeBlock } from '../dist/indexer/decode-block.js'
import { inOrder, planRanges } from '../dist/indexer/pipeline.js'

const { values: flags } = parseArgs({ options: { chain: { type: 'string' }, to: { type: 'string' }, batch: { type: 'string' } } })
const to = Number(flags.to)
const rpc = createRpcClient({ endpoints: [flags.chain], log: silentLog, maxInFlight: 256 })
const chain = createChainReader(rpc)
await chain.identity()
let blocks = 0
await inOrder(
  planRanges(1, to, Number(flags.batch)),
  4,
  async (range) => {
    const hashes = await Promise.all(Array.from({ length: range.to - range.from + 1 }, (_, i) => chain.hashOf(range.from + i)))
    const raw = await chain.reading().blocks(range.from, hashes)
    const facts = emptyFacts()
    for (const block of raw) addBlockFacts(decodeBlock(block, await chain.runtimeOf(block.height)), null, facts)
    return facts
  },
  (facts) => {
    blocks += facts.blocks.length
    return Promise.resolve()
  },
)
await rpc.close()
if (blocks !== to) throw new Error(`${blocks} blocks were mapped instead of ${to}`)
