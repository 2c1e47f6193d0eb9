import type { Logger } from '../../core/log.js'
import type { Metrics } from '../../core/metrics.js'

export interface RpcClientOptions {
  /** ws:// or wss:// addresses, the preferred one first. */
  endpoints: readonly string[]
  log: Logger
  metrics?: Metrics
  /** Requests written and not yet answered, at most; what is beyond waits. */
  maxInFlight?: number
  /** How long one attempt of a request may stay unanswered. */
  timeoutMs?: number
  connectTimeoutMs?: number
  /** How often a request is tried before its last error is thrown. */
  maxAttempts?: number
  backoff?: { minMs: number; maxMs: number }
  /** How long another endpoint is used before the preferred one is tried again. */
  failbackMs?: number
  /** After this much silence the node is pinged, after twice as much the connection is given up. */
  keepAliveMs?: number
  /** The largest message accepted, in bytes. */
  maxMessageBytes?: number
  signal?: AbortSignal
}

export interface RequestOptions {
  signal?: AbortSignal
  timeoutMs?: number
}

export interface RpcSubscription {
  unsubscribe(): Promise<void>
}

export interface RpcStats {
  /** Requests asked of this client; one that was sent twice counts once. */
  requests: number
  byMethod: Record<string, number>
  /** Attempts beyond the first, of all requests. */
  retries: number
  reconnects: number
  /** Written and not yet answered. */
  inFlight: number
  /** Waiting to be written. */
  queued: number
}

export interface RpcClient {
  request<T = unknown>(method: string, params: readonly unknown[], options?: RequestOptions): Promise<T>
  /** The subscription lives until `unsubscribe`: after a reconnect it is made again, and then `onReset` is called. */
  subscribe(
    method: string,
    params: readonly unknown[],
    unsubscribeMethod: string,
    onMessage: (value: unknown) => void,
    onReset?: () => void,
  ): Promise<RpcSubscription>
  /** The endpoint in use, or the one that is tried next. Passwords and query values are masked. */
  readonly endpoint: string
  stats(): RpcStats
  /** Resolves once connected; rejects with UPSTREAM_DOWN, which names each endpoint and its reason, after a bounded number of tries. */
  ready(): Promise<void>
  close(): Promise<void>
}
