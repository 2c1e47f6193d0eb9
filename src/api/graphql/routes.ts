import { ApolloServer } from '@apollo/server'
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled'
import { fastifyApolloHandler } from '@as-integrations/fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../../core/errors.js'
import type { Logger } from '../../core/log.js'
import type { ApiMetrics } from '../metrics.js'
import { wantsPage } from '../page/routes.js'
import type { ApiContext, GraphqlDeps } from './context.js'
import { formatError } from './errors.js'
import { createCostModel } from './limits/cost.js'
import { checkDocument, type Shape } from './limits/document.js'
import { createLoaders } from './loaders.js'
import { requestPlugin } from './plugin.js'
import { buildApiSchema } from './schema.js'

export interface GraphqlRoutesDeps extends GraphqlDeps {
  log: Logger
  metrics: ApiMetrics
  version: string
  /** Answers a browser that opened `/graphql`. */
  sendPage(reply: FastifyReply): FastifyReply
}

/** Serves `/graphql`. Returns what stops it. */
export async function registerGraphql(app: FastifyInstance, deps: GraphqlRoutesDeps): Promise<() => Promise<void>> {
  const { log, metrics, version, config, reads, chainHead, readiness, sendPage } = deps
  const { schema, costs } = buildApiSchema(version)
  const server = new ApolloServer<ApiContext>({
    schema,
    introspection: true,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    // The API is public and read-only and knows no cookies: there is nothing that another site's form could do with it.
    csrfPrevention: false,
    persistedQueries: false,
    allowBatchedHttpRequests: false,
    formatError,
    logger: {
      debug: (text: string) => log.debug(text),
      info: (text: string) => log.info(text),
      warn: (text: string) => log.warn(text),
      error: (text: string) => log.error(text),
    },
    plugins: [ApolloServerPluginLandingPageDisabled(), requestPlugin({ log, metrics, costModel: createCostModel(schema, costs) })],
  })
  await server.start()

  const shapes = new WeakMap<FastifyRequest, Shape>()
  const handler = fastifyApolloHandler(server, {
    context: (request, reply) => {
      const session = reads.session()
      // An answer that is sent has closed it; this is for callers that hang up and for failures outside of GraphQL.
      onGone(reply, () => void session.close())
      const measured = shapes.get(request) ?? EMPTY_SHAPE
      return Promise.resolve({
        ...{ config, reads, chainHead, readiness, session },
        loaders: createLoaders(session),
        requestId: request.id,
        measured: { ...measured },
      })
    },
  })
  app.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    onRequest: (request, reply, done) => {
      if (wantsPage(request)) void sendPage(reply)
      else done()
    },
    preHandler: (request, _reply, done) => {
      try {
        shapes.set(request, checkDocument(sourceOf(request), config))
        done()
      } catch (error) {
        if (error instanceof AppError) metrics.answered(error.code, 0, 0)
        done(error as Error)
      }
    },
    handler,
  })
  return () => server.stop()
}

const EMPTY_SHAPE: Shape = { tokens: 0, depth: 0, aliases: 0, rootFields: 0 }

function onGone(reply: FastifyReply, close: () => void): void {
  reply.raw.once('close', close)
}

/** The query's text. Whatever else a request may hold is left to the server behind. */
function sourceOf(request: FastifyRequest): string {
  const holder: unknown = request.method === 'GET' ? request.query : request.body
  if (Array.isArray(holder))
    throw new AppError('BAD_INPUT', 'several operations in one request are not taken; send one, with several root fields')
  const query = typeof holder === 'object' && holder !== null && 'query' in holder ? holder.query : undefined
  if (typeof query !== 'string' || query.trim() === '')
    throw new AppError('BAD_INPUT', 'wanted JSON with the text of an operation: {"query": "{ blocks(first: 1) { nodes { height } } }"}')
  return query
}
