import { startApi, type ApiService, type ChainHead } from '../api/index.js'
import type { IndexerConfig } from '../core/config/index.js'
import type { HttpPlugin } from '../core/http/index.js'
import { readyTogether, type Readiness } from '../core/lifecycle.js'
import { createPool, type Database } from '../store/index.js'
import { createReads } from '../store/read/index.js'
import { openDatabaseOf } from './database.js'
import type { ChainIndexer } from './indexing.js'
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
  { config, log: root, metrics, life }: CommandContext,
  database: Database,
  { indexer, plugins = [] }: { indexer?: ChainIndexer; plugins?: readonly HttpPlugin[] } = {},
): Promise<ApiService> {
  const log = root.child({ service: 'api' })
  // Connections of its own: slow queries must not keep an indexer of the same process from writing, nor the other way round.
  const pool = createPool({ url: database.url, applicationName: 'taogate api', maxConnections: config.database.poolSize, log })
  life.add({ name: 'api database', close: () => pool.end() })
  const service = await startApi({
    config: config.api,
    log,
    metrics,
    reads: createReads({ pool, timeoutMs: config.api.queryTimeoutMs }),
    version: readVersion(),
    plugins,
    ...(indexer && { chainHead: () => chainHead(indexer, config.indexer), readiness: () => readiness(indexer) }),
  })
  return life.add(service)
}

function chainHead(indexer: ChainIndexer, { headMode, to }: IndexerConfig): ChainHead | null {
  const { best, finalized } = indexer.heads()
  const head = headMode === 'best' ? best : finalized
  return head === null || finalized === null ? null : { target: Math.min(head, to ?? Infinity), finalized }
}

/** Reasons of the chain and of the indexer; the API itself asks the database. */
async function readiness(indexer: ChainIndexer): Promise<Readiness> {
  return readyTogether(await Promise.all([indexer.chainReady(), indexer.ready()]))
}
