import cors from '@fastify/cors'
import Fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify'
import helmet, { type HelmetOptions } from 'helmet'
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { AppError } from '../errors.js'
import type { Readiness } from '../lifecycle.js'
import type { Logger } from '../log.js'
import type { Metrics } from '../metrics.js'
import { answerError, type ErrorBody, handleErrors, knownError, restErrorBody } from './errors.js'
import { registerHealth } from './health.js'

export interface HttpServerOptions {
  /** For the log: `api listens`. */
  name: string
  host: string
  /** 0 picks a free one. */
  port: number
  maxBodyBytes: number
  log: Logger
  metrics: Metrics
  /** What `/readyz` answers. */
  ready(): Promise<Readiness>
  /** Of errors outside of mounted routes; those of REST when absent. */
  errorBody?: ErrorBody
  timeouts?: Partial<HttpTimeouts>
}

export interface HttpTimeouts {
  /** For the headers of a request, and for all of it with its body, to arrive. Answers may take as long as they like. */
  headersMs: number
  requestMs: number
}

/** Routes of one service, which may share a server with others. */
export interface HttpPlugin {
  /** Path that all of them are below, as `/pow/v1`. */
  prefix: string
  register: FastifyPluginAsync
}

export interface HttpServer {
  readonly app: FastifyInstance
  /** Adds REST routes below a prefix; before `listen`. */
  mount(plugin: HttpPlugin): Promise<void>
  /** PORT_IN_USE when another program has the port. */
  listen(): Promise<{ url: string; port: number }>
  /** Ends event streams, lets other requests finish, and lets go of the port. Safe to call twice. */
  close(): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Aborted when the server begins to close: answers that would not end by themselves have to. */
    closing: AbortSignal
  }
}

/** A sane client needs none of the time; one that sends a byte now and then must not hold connections for ever. */
const TIMEOUTS: HttpTimeouts = { headersMs: 10_000, requestMs: 30_000 }
/**
 * What browsers are told of every answer; routes may say otherwise. Answers are data, never a document of their own: only GraphiQL's page brings a policy of its own. They
 * are the same for all requests, so the library is asked once.
 */
const SECURITY_HEADERS = securityHeaders({
  contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
  crossOriginResourcePolicy: false,
})
const EXPOSED_HEADERS = [
  ...['query-complexity', 'max-query-complexity', 'x-request-id', 'retry-after'],
  ...['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset'],
]

function securityHeaders(options: HelmetOptions): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  const response = { setHeader: (name: string, value: string) => (headers[name.toLowerCase()] = value), removeHeader: () => {} }
  helmet(options)({} as IncomingMessage, response as unknown as ServerResponse, (error?: unknown) => {
    if (error !== undefined) throw new Error('the security headers could not be made', { cause: error })
  })
  return headers
}

/** An HTTP server with what all services want: security headers, CORS, health, metrics, request ids, limits and errors of one shape. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { name, host, port, log, metrics, ready, errorBody = restErrorBody } = options
  const timeouts = { ...TIMEOUTS, ...options.timeouts }
  const app = Fastify({
    bodyLimit: options.maxBodyBytes,
    forceCloseConnections: 'idle',
    trustProxy: false,
    logger: false,
    requestTimeout: timeouts.requestMs,
    http: { headersTimeout: timeouts.headersMs, connectionsCheckingInterval: Math.min(timeouts.headersMs, 5_000) / 2 },
    genReqId: (request) => requestIdOf(request.headers['x-request-id']),
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) => {
      void reply.header('x-request-id', request.id)
      answerError(reply, knownError(error), errorBody)
    },
  })
  const closing = new AbortController()
  app.decorate('closing', closing.signal)
  const silent = silentConnections(app)
  app.addHook('preClose', (done) => {
    closing.abort(new AppError('ABORTED', 'the server is closing'))
    for (const socket of silent) socket.destroy()
    done()
  })
  app.addHook('onRequest', (request, reply, done) => {
    // All of them as the framework's own: with a single one set below it, Node puts all through its slow way of setting headers.
    void reply.header('x-request-id', request.id).headers(SECURITY_HEADERS)
    done()
  })
  app.addHook('onSend', (_request, reply, _payload, done) => {
    // Otherwise the connection of a request that was under way would be kept open for the next one, and hold up the end.
    if (closing.signal.aborted) void reply.header('connection', 'close')
    done()
  })
  // Keys travel in headers that a page has to know, never in cookies: there is nothing that another site's page could use.
  await app.register(cors, { origin: '*', methods: ['GET', 'POST', 'DELETE', 'OPTIONS'], exposedHeaders: EXPOSED_HEADERS })
  handleErrors(app, { log, errorBody })
  registerHealth(app, { metrics, ready })
  let closed: Promise<void> | undefined
  return {
    app,
    async mount({ prefix, register }) {
      await app.register(
        async (scope) => {
          handleErrors(scope, { log, errorBody: restErrorBody })
          await scope.register(register)
        },
        { prefix },
      )
    },
    async listen() {
      await listen(app, { host, port })
      const address = app.server.address() as AddressInfo
      const url = `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`
      log.info({ url }, `${name} listens`)
      return { url, port: address.port }
    },
    close: () => (closed ??= app.close()),
  }
}

async function listen(app: FastifyInstance, { host, port }: { host: string; port: number }): Promise<void> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    await app.close()
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
      throw new AppError('PORT_IN_USE', `port ${port} of ${host} is taken; choose another with --port`, { host, port }, error)
    throw error
  }
}

/** Connections over which nothing was asked yet, as clients open them ahead. Node takes them for busy until their headers are late. */
function silentConnections({ server }: FastifyInstance): ReadonlySet<Socket> {
  const silent = new Set<Socket>()
  server.on('connection', (socket) => {
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
  })
  server.on('request', ({ socket }) => silent.delete(socket))
  return silent
}

/** A caller may name its request, so that both logs have the same name for it. */
function requestIdOf(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : randomUUID()
}

/** What is no HTTP, or does not arrive in time, never becomes a request. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const status = late
    ? '408 Request Timeout'
    : error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : '400 Bad Request'
  const message = late ? 'the request did not arrive in time' : 'that is not a request of HTTP/1.1'
  const body = JSON.stringify({ error: { code: 'BAD_INPUT', message } })
  if (socket.writable)
    socket.write(
      `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    )
  socket.destroy(error)
}
