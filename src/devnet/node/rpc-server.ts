/** JSON-RPC 2.0 over WebSocket and HTTP on one port: single requests, batches, and subscriptions on sockets. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'
import { AppError } from '../../core/errors.js'
import type { Logger } from '../../core/log.js'
import { INTERNAL_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, RpcError } from './rpc-error.js'

export interface Connection {
  /** Sends a notification. */
  notify(method: string, subscription: string, result: unknown): void
  /** Remembers what to do when the subscription or the connection ends; returns the subscription's id. */
  subscribe(start: (id: string) => () => void): string
  /** False when there is no such subscription. */
  unsubscribe(id: string): boolean
}

/** `connection` is null over HTTP. */
export type Method = (params: unknown[], connection: Connection | null) => unknown

export interface RpcServer {
  readonly port: number
  close(): Promise<void>
}

const MAX_BODY_BYTES = 16 * 1024 * 1024
/** A client that does not read has this much waiting for it before it is cut off. */
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024

export async function startRpcServer(options: {
  host: string
  port: number
  methods: Record<string, Method>
  log: Logger
}): Promise<RpcServer> {
  const { methods, log } = options
  const http = createServer((request, response) => void serveHttp(request, response, (text) => answer(text, methods, null, log)))
  await new Promise<void>((resolve, reject) => {
    http.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new AppError(
              'PORT_IN_USE',
              `port ${options.port} of ${options.host} is taken; give the devnet another with --devnet-port`,
              {},
              error,
            )
          : error,
      )
    })
    http.listen(options.port, options.host, resolve)
  })
  const sockets = new WebSocketServer({ server: http, maxPayload: MAX_BODY_BYTES, perMessageDeflate: false })
  sockets.on('connection', (socket) => serveSocket(socket, methods, log))
  return {
    port: (http.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets.clients) socket.terminate()
      sockets.close()
      http.closeAllConnections()
      await new Promise<void>((resolve) => http.close(() => resolve()))
    },
  }
}

async function serveHttp(request: IncomingMessage, response: ServerResponse, answerText: (text: string) => string | null): Promise<void> {
  response.setHeader('content-type', 'application/json')
  if (request.method !== 'POST') {
    response.statusCode = 405
    response.end(JSON.stringify({ error: 'wanted a POST with a JSON-RPC request' }))
    return
  }
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of request) {
      size += (chunk as Buffer).length
      if (size > MAX_BODY_BYTES) {
        response.statusCode = 413
        response.end()
        return
      }
      chunks.push(chunk as Buffer)
    }
    response.end(answerText(Buffer.concat(chunks).toString()) ?? '')
  } catch {
    // The client went away.
    response.destroy()
  }
}

function serveSocket(socket: WebSocket, methods: Record<string, Method>, log: Logger): void {
  const subscriptions = new Map<string, () => void>()
  let count = 0
  const send = (text: string): void => {
    if (socket.readyState !== socket.OPEN) return
    if (socket.bufferedAmount > MAX_BUFFERED_BYTES) socket.terminate()
    else socket.send(text)
  }
  const connection: Connection = {
    notify: (method, subscription, result) => send(JSON.stringify({ jsonrpc: '2.0', method, params: { subscription, result } })),
    subscribe: (start) => {
      const id = `${++count}`
      // After the answer, which tells the client the id that notifications carry.
      queueMicrotask(() => {
        if (socket.readyState === socket.OPEN) subscriptions.set(id, start(id))
      })
      return id
    },
    unsubscribe: (id) => {
      subscriptions.get(id)?.()
      return subscriptions.delete(id)
    },
  }
  socket.on('message', (data) => {
    const text = answer(Buffer.isBuffer(data) ? data.toString() : '', methods, connection, log)
    if (text !== null) send(text)
  })
  socket.on('error', (error) => log.debug({ err: error }, 'socket failed'))
  socket.on('close', () => {
    for (const end of subscriptions.values()) end()
    subscriptions.clear()
  })
}

/** The answer to one message; null where none is due. */
function answer(text: string, methods: Record<string, Method>, connection: Connection | null, log: Logger): string | null {
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch {
    return JSON.stringify(failure(null, new RpcError(PARSE_ERROR, 'Parse error')))
  }
  if (!Array.isArray(message)) return JSON.stringify(answerOne(message, methods, connection, log))
  if (message.length === 0) return JSON.stringify(failure(null, new RpcError(INVALID_REQUEST, 'Invalid request')))
  return JSON.stringify(message.map((one) => answerOne(one, methods, connection, log)))
}

function answerOne(request: unknown, methods: Record<string, Method>, connection: Connection | null, log: Logger): unknown {
  const { id = null, method, params = [] } = (request ?? {}) as { id?: unknown; method?: unknown; params?: unknown }
  if (typeof method !== 'string' || !Array.isArray(params)) return failure(id, new RpcError(INVALID_REQUEST, 'Invalid request'))
  const run = Object.hasOwn(methods, method) ? methods[method] : undefined
  if (run === undefined) return failure(id, new RpcError(METHOD_NOT_FOUND, 'Method not found'))
  try {
    return { jsonrpc: '2.0', id, result: run(params as unknown[], connection) ?? null }
  } catch (error) {
    if (error instanceof RpcError) return failure(id, error)
    log.error({ err: error, method }, 'rpc method failed')
    return failure(id, new RpcError(INTERNAL_ERROR, error instanceof Error ? error.message : 'Internal error'))
  }
}

function failure(id: unknown, { code, message, data }: RpcError): unknown {
  return { jsonrpc: '2.0', id, error: data === undefined ? { code, message } : { code, message, data } }
}
