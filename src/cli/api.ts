import { startApi, type ApiService, type ChainHead } from '../api/index.js'
import type { HeadMode } from '../core/config/index.js'
import type { Indexer } from '../indexer/index.js'
import type { Database } from '../store/index.js'
import { createReads } from '../store/read/index.js'
import { openDatabaseOf } from './database.js'
import type { CommandContext } from './run.js'
import { readVersion } from './version.js'

/** `taogate api`: the API alone, over a database that an indexer fills. */
export async function api(context: CommandContext): Promise<void> {
  const database = await openDatabaseOf(context)
  const { url } = await startApiOn(context, database)
  context.print(`GraphQL: ${url}/graphql`)
  await context.life.stopping
}

/** Starts the API; an indexer in the same process lets it tell how far the chain is. */
export async function startApiOn(
  { config, log, metrics, life }: CommandContext,
  database: Database,
  indexer?: Indexer,
): Promise<ApiService> {
  const { queryTimeoutMs } = config.api
  const service = await startApi({
    config: config.api,
    log: log.child({ service: 'api' }),
    metrics,
    reads: createReads({ pool: database.pool, timeoutMs: queryTimeoutMs }),
    version: readVersion(),
    ...(indexer && { chainHead: () => chainHead(indexer, config.indexer.headMode), readiness: () => indexer.ready() }),
  })
  return life.add(service)
}

function chainHead(indexer: Indexer, headMode: HeadMode): ChainHead | null {
  const { best, finalized } = indexer.heads()
  const target = headMode === 'best' ? best : finalized
  return target === null || finalized === null ? null : { target, finalized }
}
