import type { ApiConfig } from '../core/config/index.js'
import { errorMessage } from '../core/errors.js'
import { createHttpServer, type HttpPlugin } from '../core/http/index.js'
import type { Readiness, Service } from '../core/lifecycle.js'
import type { Logger } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
import type { Reads } from '../store/read/index.js'
import type { ChainHead } from './graphql/context.js'
import { refusalBody } from './graphql/errors.js'
import { registerGraphql } from './graphql/routes.js'
import { createApiMetrics } from './metrics.js'
import { registerPage } from './page/routes.js'

export interface ApiDeps {
  config: ApiConfig
  log: Logger
  metrics: Metrics
  reads: Reads
  /** Where the chain is, when the indexer runs in the same process. */
  chainHead?: () => ChainHead | null
  /** Readiness of the rest of the process; the database is asked in any case. */
  readiness?: () => Promise<Readiness>
  /** Version of this program, for `_metadata`. */
  version?: string
  /** Routes of other services, served on the same port. */
  plugins?: readonly HttpPlugin[]
}

export interface ApiService extends Service {
  readonly url: string
  readonly port: number
}

/** Starts the HTTP server: GraphQL, its page, health and metrics, and what other services add. */
export async function startApi(deps: ApiDeps): Promise<ApiService> {
  const { config, log, metrics, reads, version = '0.0.0', plugins = [] } = deps
  const ready = async (): Promise<Readiness> => {
    const reasons = [...(await databaseReasons(reads)), ...(await reasonsOf(deps.readiness))]
    return reasons.length === 0 ? { ok: true } : { ok: false, reasons }
  }
  const { host, port: wantedPort, maxBodyBytes } = config
  const server = await createHttpServer({ name: 'api', host, port: wantedPort, maxBodyBytes, log, metrics, ready, errorBody: refusalBody })
  const sendPage = await registerPage(server.app)
  const stopGraphql = await registerGraphql(server.app, { ...deps, version, sendPage, metrics: createApiMetrics(metrics) })
  for (const plugin of plugins) await server.mount(plugin)
  const { url, port } = await server.listen()
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    await server.close()
    await stopGraphql()
  }
  return { name: 'api', url, port, ready: () => reads.ping().then(() => ({ ok: true }), notReady), close: () => (closing ??= close()) }
}

async function databaseReasons(reads: Reads): Promise<string[]> {
  const readiness = await reads.ping().then(() => ({ ok: true as const }), notReady)
  return readiness.ok ? [] : readiness.reasons
}

async function reasonsOf(readiness: ApiDeps['readiness']): Promise<string[]> {
  if (readiness === undefined) return []
  const found = await readiness().catch(notReady)
  return found.ok ? [] : found.reasons
}

function notReady(error: unknown): { ok: false; reasons: string[] } {
  return { ok: false, reasons: [errorMessage(error)] }
}
