import { errorMessage } from '../../core/errors.js'
import type { Connection } from './connection.js'
import { createDispatcher } from './dispatcher.js'
import { parseEndpoints } from './endpoint.js'
import { createLink } from './link.js'
import { createRpcMetrics } from './metrics.js'
import { createSubscriptions } from './subscriptions.js'
import type { RpcClient, RpcClientOptions } from './types.js'

/**
 * A JSON-RPC client over WebSocket that resumes by itself: requests are pipelined with a bound and sent again after a reconnect,
 * endpoints take over from each other, subscriptions survive. Requests that act on the node are never sent twice.
 * It connects at once; `ready()` tells when or why not.
 */
export function createRpcClient(options: RpcClientOptions): RpcClient {
  const { log, signal, maxAttempts = 8, backoff = { minMs: 250, maxMs: 15_000 } } = options
  const endpoints = parseEndpoints(options.endpoints)
  const metrics = createRpcMetrics(options.metrics)
  let reconnects = 0
  let genesisHash: string | null = null
  let closing: Promise<void> | null = null

  const dispatcher = createDispatcher({
    maxInFlight: options.maxInFlight ?? 256,
    timeoutMs: options.timeoutMs ?? 30_000,
    maxAttempts,
    backoff,
    metrics,
    current: () => link.current(),
    onNotice: (connection, id, value) => subscriptions.deliver(connection, id, value),
  })
  const subscriptions = createSubscriptions({ ask: dispatcher.ask, current: () => link.current(), log })
  const link = createLink({
    endpoints,
    log,
    backoff,
    maxAttempts,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    failbackMs: options.failbackMs ?? 60_000,
    keepAliveMs: options.keepAliveMs ?? 30_000,
    maxMessageBytes: options.maxMessageBytes ?? 256 * 1024 * 1024,
    verify,
    onMessage: dispatcher.message,
    onLost: dispatcher.lost,
    onBytes: metrics.bytes,
    onDown: dispatcher.rejectQueued,
    onOpen(connection, isFirst) {
      if (!isFirst) {
        reconnects++
        metrics.reconnected()
      }
      subscriptions.moveTo(connection)
      dispatcher.pump()
    },
  })

  /** Several endpoints must serve one chain: an index that goes on from another chain's blocks would be ruined. */
  async function verify(connection: Connection): Promise<void> {
    if (endpoints.length < 2) return
    const genesis = await new Promise<unknown>((resolve, reject) => {
      dispatcher.ask({ method: 'chain_getBlockHash', params: '[0]', only: connection, resolve, reject })
    })
    connection.answered = 0 // this one says nothing about how the connection serves its users
    if (typeof genesis !== 'string') throw new Error('it knows no genesis block')
    genesisHash ??= genesis
    if (genesis !== genesisHash) throw new Error(`it serves another chain (genesis ${genesis}, wanted ${genesisHash})`)
  }

  function close(): Promise<void> {
    closing ??= closeAll()
    return closing
  }

  async function closeAll(): Promise<void> {
    signal?.removeEventListener('abort', onAbort)
    subscriptions.close()
    await Promise.all([dispatcher.close(), link.close()])
  }

  function onAbort(): void {
    close().catch((error: unknown) => log.warn({ reason: errorMessage(error) }, 'closing the node connection failed'))
  }
  if (signal?.aborted) onAbort()
  else signal?.addEventListener('abort', onAbort, { once: true })

  return {
    request<T>(
      method: string,
      params: readonly unknown[],
      { signal: callSignal, timeoutMs }: { signal?: AbortSignal; timeoutMs?: number } = {},
    ) {
      return new Promise<T>((resolve, reject) => {
        dispatcher.ask({
          method,
          params: JSON.stringify(params),
          resolve,
          reject,
          ...(callSignal === undefined ? {} : { signal: callSignal }),
          ...(timeoutMs === undefined ? {} : { timeoutMs }),
        })
      })
    },
    subscribe(method, params, unsubscribeMethod, onMessage, onReset = () => {}) {
      return subscriptions.add({ method, params, unsubscribeMethod, onMessage, onReset })
    },
    get endpoint() {
      return link.endpoint()
    },
    stats: () => ({ ...dispatcher.stats(), reconnects }),
    ready: () => link.ready(),
    close,
  }
}
