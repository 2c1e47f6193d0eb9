import { openMigratedDatabase } from './database.js'
import { startHealth } from './health.js'
import { connectChain, endpointsOf, startIndexerOn, untilIndexed } from './indexing.js'
import type { CommandContext } from './run.js'

/** `taogate indexer`: the indexer alone, with a port for health and metrics. */
export async function indexer(context: CommandContext): Promise<void> {
  const { config, log, metrics, life } = context
  const endpoints = endpointsOf(context)
  // First of all, so that a supervisor sees a process that waits for its database.
  const health = life.add(await startHealth({ host: config.api.host, port: config.indexer.healthPort, metrics, ready: () => life.ready() }))
  log.info({ url: health.url }, 'health and metrics')
  const database = await openMigratedDatabase(context)
  await untilIndexed(context, await startIndexerOn(context, database, await connectChain(context, endpoints)))
}
