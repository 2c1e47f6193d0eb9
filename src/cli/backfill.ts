import { backfill as fillHistory } from '../indexer/index.js'
import { openMigratedDatabase } from './database.js'
import { connectChain, endpointsOf, writerOf } from './indexing.js'
import type { CommandContext } from './run.js'

/** `taogate backfill`: writes what is missing of a range of blocks behind the live index, and ends. */
export async function backfill(context: CommandContext, range: { from: number; to: number | undefined }): Promise<void> {
  const { config, log, life, print } = context
  const endpoints = endpointsOf(context)
  const database = await openMigratedDatabase(context)
  const { chain } = await connectChain(context, endpoints)
  const deps = {
    options: config.indexer,
    log: log.child({ service: 'backfill' }),
    chain,
    writer: writerOf(context, database),
    signal: life.signal,
  }
  const { batchBlocks, fetchConcurrency } = config.indexer
  const written = await fillHistory(deps, { ...range, batchBlocks, fetchConcurrency })
  print(`${written} blocks written`)
}
