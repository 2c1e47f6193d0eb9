import type { ChainReader } from '../chain/reader.js'
import { AppError } from '../core/errors.js'
import type { Logger } from '../core/log.js'
import { startProgress } from '../core/progress.js'
import { missingIn, type BatchWriter } from '../store/write/index.js'
import { createExtractor, type ExtractOptions } from './extract.js'
import { inOrder, planRanges, untilDone, type BlockRange } from './pipeline.js'

export interface BackfillRequest {
  from: number
  /** Default: the block before the live index began. */
  to?: number | undefined
  batchBlocks: number
  fetchConcurrency: number
}

export interface BackfillDeps {
  options: ExtractOptions
  log: Logger
  chain: ChainReader
  writer: BatchWriter
  signal: AbortSignal
  stream?: NodeJS.WriteStream | undefined
}

/**
 * Fills in the history behind the live index: facts of blocks, no state. What is stored already is left alone, so several processes may fill different
 * ranges, or the same one, side by side. Gives the number of blocks written.
 */
export async function backfill(deps: BackfillDeps, request: BackfillRequest): Promise<number> {
  const { log, chain, writer, signal, stream } = deps
  await writer.claimChain(await untilDone({ log, signal, what: 'ask the chain who it is' }, () => chain.identity()))
  const wanted = await wantedRange(writer, request)
  const missing = missingIn(await writer.ranges(), wanted)
  const total = missing.reduce((sum, range) => sum + range.to - range.from + 1, 0)
  log.info({ ...wanted, missing: total }, 'filling in history')
  const progress = startProgress({ log, label: 'history', total, ...(stream ? { stream } : {}) })
  const extract = createExtractor(chain, deps.options)
  let done = 0
  try {
    await inOrder(
      plan(missing, request.batchBlocks),
      request.fetchConcurrency,
      (range) =>
        untilDone({ log, signal, what: `read blocks ${range.from} to ${range.to}` }, () => {
          signal.throwIfAborted()
          return extract({ ...range, state: 'none' })
        }),
      async ({ facts }, range) => {
        await untilDone({ log, signal, what: `write blocks ${range.from} to ${range.to}` }, () => writer.applyHistory({ ...range, facts }))
        done += range.to - range.from + 1
        progress.set(done)
      },
    )
  } finally {
    progress.stop()
  }
  return done
}

async function wantedRange(writer: BatchWriter, { from, to }: BackfillRequest): Promise<BlockRange> {
  const head = await writer.head()
  if (!head) throw new AppError('BAD_INPUT', 'nothing is indexed yet: start `taogate indexer` first, history is filled in behind it')
  const end = to ?? head.head.height
  if (from > end) throw new AppError('BAD_INPUT', `--from ${from} is above --to ${end}`)
  if (end > head.head.height)
    throw new AppError('BAD_INPUT', `--to ${end} is above the indexed head ${head.head.height}; blocks there come from following the chain`)
  return { from, to: end }
}

function* plan(missing: readonly BlockRange[], size: number): Generator<BlockRange> {
  for (const range of missing) yield* planRanges(range.from, range.to, size)
}
