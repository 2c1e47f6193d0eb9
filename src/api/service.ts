import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify'
import type { AddressInfo } from 'node:net'
import type { ApiConfig } from '../core/config/index.js'
import { AppError, ERRORS, errorMessage, isAppError } from '../core/errors.js'
import type { Readiness, Service } from '../core/lifecycle.js'
import type { Logger } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
import type { Reads } from '../store/read/index.js'
import type { ChainHead } from './graphql/context.js'
import { refusalBody } from './graphql/errors.js'
import { registerGraphql } from './graphql/routes.js'
import { registerHealth } from './health.js'
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
}

export interface ApiService extends Service {
  readonly url: string
  readonly port: number
}

/** Starts the HTTP server: GraphQL, its page, health and metrics. */
export async function startApi(deps: ApiDeps): Promise<ApiService> {
  const { config, log, reads, version = '0.0.0' } = deps
  const app = Fastify({ bodyLimit: config.maxBodyBytes, forceCloseConnections: 'idle', trustProxy: false, logger: false })
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: CONTENT_POLICY },
    crossOriginResourcePolicy: false,
  })
  await app.register(cors, {
    origin: '*',
    methods: ['GET', 'POST', 'OPTIONS'],
    exposedHeaders: ['query-complexity', 'max-query-complexity'],
  })
  handleErrors(app, log)
  const ready = async (): Promise<Readiness> => {
    const reasons = [...(await databaseReasons(reads)), ...(await reasonsOf(deps.readiness))]
    return reasons.length === 0 ? { ok: true } : { ok: false, reasons }
  }
  registerHealth(app, { metrics: deps.metrics, ready })
  const sendPage = await registerPage(app)
  const stopGraphql = await registerGraphql(app, { ...deps, version, sendPage, metrics: createApiMetrics(deps.metrics) })
  await listen(app, config)
  const { port } = app.server.address() as AddressInfo
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`
  log.info({ url: `${url}/graphql` }, 'api listens')
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    await app.close()
    await stopGraphql()
  }
  return { name: 'api', url, port, ready: () => reads.ping().then(() => ({ ok: true }), notReady), close: () => (closing ??= close()) }
}

/** Answers are data, never a document of their own; GraphiQL's page brings its own policy. */
const CONTENT_POLICY = { defaultSrc: ["'none'"], frameAncestors: ["'none'"] }

async function listen(app: FastifyInstance, { host, port }: ApiConfig): Promise<void> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    await app.close()
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
      throw new AppError('PORT_IN_USE', `port ${port} of ${host} is taken; choose another with --port`, { host, port }, error)
    throw error
  }
}

function handleErrors(app: FastifyInstance, log: Logger): void {
  app.setNotFoundHandler((request, reply) => {
    void reply
      .code(404)
      .send(refusalBody(new AppError('NOT_FOUND', `there is nothing at ${request.method} ${request.url.split('?')[0] ?? ''}`), request.id))
  })
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const known = knownError(error)
    if (known.code === 'INTERNAL') log.error({ err: error, requestId: request.id }, 'request failed')
    void reply.code(ERRORS[known.code].http).send(refusalBody(known, request.id))
  })
}

/** What Fastify refuses by itself (bodies too large, not JSON) as our errors. */
function knownError(error: FastifyError): AppError {
  if (isAppError(error)) return error
  if (error.statusCode === 413) return new AppError('TOO_LARGE', 'the request body is too large')
  const bad = error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500
  return bad ? new AppError('BAD_INPUT', error.message) : new AppError('INTERNAL', 'internal error', {}, error)
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
