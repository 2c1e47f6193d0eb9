import { isAppError, type AppError } from '../../core/errors.js'
import { backoffMs, type BackoffOptions } from './backoff.js'
import { createCallQueue, isIdempotent, type Call } from './calls.js'
import type { Connection } from './connection.js'
import {
  abortedError,
  invalidError,
  isTransient,
  lostError,
  rpcError,
  timeoutError,
  unknownOutcomeError,
  type RpcErrorBody,
} from './errors.js'
import { encodeRequest, readMessage } from './messages.js'
import type { RpcMetrics, RpcOutcome } from './metrics.js'
import { createWindow } from './window.js'

export interface Request {
  method: string
  params: string
  timeoutMs?: number
  signal?: AbortSignal
  /** Both are called at most once, in the turn of the event that settles the request. */
  resolve(value: unknown, connection: Connection): void
  reject(error: unknown): void
  /** Asked on this connection and on no other, once. */
  only?: Connection
}
export type Ask = (request: Request) => void

export interface DispatcherOptions {
  maxInFlight: number
  timeoutMs: number
  maxAttempts: number
  backoff: BackoffOptions
  metrics: RpcMetrics
  /** The connection new requests go to. */
  current(): Connection | null
  onNotice(connection: Connection, subscription: string | number, value: unknown): void
}

export interface Dispatcher {
  ask: Ask
  /** Writes what waits, as far as the window allows. */
  pump(): void
  message(connection: Connection, text: string): void
  lost(connection: Connection, reason: string): void
  /** Rejects what waits for a connection. */
  rejectQueued(error: AppError): void
  stats(): { requests: number; byMethod: Record<string, number>; retries: number; inFlight: number; queued: number }
  close(): Promise<void>
}

/** An answer that is no answer is worth fewer tries than a lost connection: a node that lies seldom stops. */
const MAX_INVALID_ANSWERS = 4
/** So many requests in a row without an answer, and the connection is given up. */
const MAX_TIMEOUTS_IN_A_ROW = 3
const MAX_SWEEP_MS = 250

/** Writes requests within a bound, matches answers by id, and sends again what failed for a reason that may pass. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { metrics, maxAttempts } = options
  const queue = createCallQueue()
  const window = createWindow(options.maxInFlight)
  const connections = new Set<Connection>() // with calls under way; more than one only while a replaced one finishes
  const delayed = new Map<Call, NodeJS.Timeout>()
  const byMethod = new Map<string, number>()
  let sweepMs = MAX_SWEEP_MS
  let sweeper: NodeJS.Timeout | undefined
  let lastId = 0
  let requests = 0
  let retries = 0
  let inFlight = 0
  let closed = false

  function ask(request: Request): void {
    const { method, signal } = request
    if (closed) return request.reject(abortedError(`${method}: the connection to the node is closed`))
    if (signal?.aborted) return request.reject(reasonOf(signal, method))
    if (request.only === undefined) {
      requests++
      byMethod.set(method, (byMethod.get(method) ?? 0) + 1)
    }
    const call: Call = {
      method,
      params: request.params,
      timeoutMs: request.timeoutMs ?? options.timeoutMs,
      idempotent: request.only === undefined && isIdempotent(method),
      resolve: request.resolve,
      reject: request.reject,
      failures: 0,
      settled: false,
      id: 0,
      deadline: 0,
      connection: null,
      stopListening: null,
    }
    if (signal !== undefined) listen(call, signal)
    if (request.only !== undefined) return write(call, request.only)
    queue.push(call)
    pump()
  }

  function listen(call: Call, signal: AbortSignal): void {
    const onAbort = (): void => {
      const { connection } = call
      detach(call)
      fail(call, reasonOf(signal, call.method), 'aborted')
      pump()
      if (connection !== null) closeIfReplaced(connection)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    call.stopListening = () => signal.removeEventListener('abort', onAbort)
  }

  function pump(): void {
    const connection = options.current()
    if (connection === null) return
    while (inFlight < window.size() && connection.isOpen()) {
      const call = queue.shift()
      if (call === undefined) return
      write(call, connection)
    }
  }

  function write(call: Call, connection: Connection): void {
    call.id = ++lastId
    call.connection = connection
    call.deadline = performance.now() + call.timeoutMs
    if (connection.calls.size === 0) connections.add(connection)
    connection.calls.set(call.id, call)
    inFlight++
    startSweeper(call.timeoutMs)
    connection.send(encodeRequest(call.id, call.method, call.params))
  }

  /** Takes a call off its connection. A connection that was replaced is closed with its last call. */
  function detach(call: Call): void {
    const { connection } = call
    if (connection === null) return
    call.connection = null
    if (!connection.calls.delete(call.id)) return
    inFlight--
    if (connection.calls.size > 0) return
    connections.delete(connection)
  }

  function message(connection: Connection, text: string): void {
    const incoming = readMessage(text)
    if (incoming.kind === 'notice') return options.onNotice(connection, incoming.subscription, incoming.value)
    if (incoming.kind === 'other') return
    const call = incoming.id === null ? undefined : connection.calls.get(incoming.id)
    if (call === undefined) {
      // An id that was used belongs to a request that ran out of time or was aborted: late, but no fault.
      if (incoming.id !== null && incoming.id > 0 && incoming.id <= lastId && Number.isInteger(incoming.id)) return
      connection.garbage = incoming.kind === 'garbage' ? incoming.what : `answered a request that was not made (id ${incoming.id})`
      return connection.break(connection.garbage)
    }
    detach(call)
    connection.answered++
    connection.timeoutsInARow = 0
    window.widen()
    if (incoming.kind === 'answer') succeed(call, incoming.result, connection)
    else if (incoming.kind === 'refusal') refused(call, incoming.error, connection)
    else invalid(call, incoming.what, connection)
    pump()
    closeIfReplaced(connection)
  }

  function closeIfReplaced(connection: Connection): void {
    if (connection.replaced && connection.calls.size === 0 && connection.isOpen()) void connection.close()
  }

  function succeed(call: Call, result: unknown, connection: Connection): void {
    call.settled = true
    call.stopListening?.()
    metrics.settled(call.method, 'ok')
    metrics.answered(call.method, (performance.now() - call.deadline + call.timeoutMs) / 1000)
    call.resolve(result, connection)
  }

  function fail(call: Call, error: unknown, outcome: RpcOutcome): void {
    if (call.settled) return
    call.settled = true
    call.stopListening?.()
    const timer = delayed.get(call)
    if (timer !== undefined) {
      clearTimeout(timer)
      delayed.delete(call)
    }
    metrics.settled(call.method, outcome)
    call.reject(error)
  }

  function refused(call: Call, body: RpcErrorBody, connection: Connection): void {
    call.failures++
    if (!call.idempotent || !isTransient(body) || call.failures >= maxAttempts) {
      return fail(call, rpcError(call.method, connection.endpoint.shown, body, call.failures), 'refused')
    }
    countRetry('refused')
    const timer = setTimeout(
      () => {
        delayed.delete(call)
        queue.putBack([call])
        pump()
      },
      backoffMs(call.failures - 1, options.backoff),
    )
    delayed.set(call, timer)
  }

  function invalid(call: Call, what: string, connection: Connection): void {
    call.failures++
    if (!call.idempotent || call.failures >= Math.min(maxAttempts, MAX_INVALID_ANSWERS)) {
      return fail(call, invalidError(call.method, connection.endpoint.shown, what), 'invalid')
    }
    countRetry('invalid')
    queue.putBack([call])
  }

  function lost(connection: Connection, reason: string): void {
    const calls = [...connection.calls.values()]
    connections.delete(connection)
    if (calls.length > 0) window.narrow(connection.answered > 0)
    const again: Call[] = []
    const endpoint = connection.endpoint.shown
    const outcome = connection.garbage === null ? 'lost' : 'invalid'
    for (const call of calls) {
      detach(call)
      call.failures++
      if (!call.idempotent) fail(call, unknownOutcomeError('UPSTREAM_DOWN', call.method, endpoint, reason), outcome)
      else if (call.failures < maxAttempts) again.push(call)
      else if (connection.garbage !== null) fail(call, invalidError(call.method, endpoint, connection.garbage), outcome)
      else fail(call, lostError(call.method, endpoint, reason, call.failures), outcome)
    }
    sendAgain(again, outcome)
  }

  function sendAgain(calls: readonly Call[], outcome: RpcOutcome): void {
    for (let i = 0; i < calls.length; i++) countRetry(outcome)
    queue.putBack(calls) // in front, oldest first: whoever waits longest is written first
    pump()
  }

  function countRetry(outcome: RpcOutcome): void {
    retries++
    metrics.retried(outcome)
  }

  /** One timer for all deadlines: arming one per request would cost more than everything else done for it. */
  function startSweeper(timeoutMs: number): void {
    const wantedMs = Math.max(5, timeoutMs / 8)
    if (sweeper !== undefined && wantedMs >= sweepMs) return
    sweepMs = Math.min(sweepMs, wantedMs)
    clearInterval(sweeper)
    sweeper = setInterval(sweep, sweepMs)
    sweeper.unref() // the socket keeps the process alive
  }

  function sweep(): void {
    metrics.flush(inFlight)
    if (inFlight === 0) {
      clearInterval(sweeper)
      sweeper = undefined
      return
    }
    const now = performance.now()
    for (const connection of [...connections]) {
      const late: Call[] = []
      for (const call of connection.calls.values()) if (call.deadline <= now) late.push(call)
      if (late.length > 0) timedOut(connection, late)
    }
  }

  function timedOut(connection: Connection, late: readonly Call[]): void {
    const endpoint = connection.endpoint.shown
    const again: Call[] = []
    for (const call of late) {
      detach(call)
      call.failures++
      if (!call.idempotent) {
        const reason = `no answer within ${call.timeoutMs} ms`
        fail(call, unknownOutcomeError('UPSTREAM_TIMEOUT', call.method, endpoint, reason), 'timeout')
      } else if (call.failures < maxAttempts) again.push(call)
      else fail(call, timeoutError(call.method, endpoint, call.timeoutMs, call.failures), 'timeout')
    }
    connection.timeoutsInARow += late.length
    connection.stalled = connection.timeoutsInARow >= MAX_TIMEOUTS_IN_A_ROW
    if (connection.stalled) connection.break(`no answer to ${connection.timeoutsInARow} requests in a row`)
    else closeIfReplaced(connection)
    sendAgain(again, 'timeout')
  }

  return {
    ask,
    pump,
    message,
    lost,
    rejectQueued(error) {
      for (const call of queue.takeAll()) fail(call, error, 'lost')
    },
    stats: () => ({ requests, byMethod: Object.fromEntries(byMethod), retries, inFlight, queued: queue.length() + delayed.size }),
    async close() {
      closed = true
      clearInterval(sweeper)
      const reason = (call: Call): AppError => abortedError(`${call.method}: the connection to the node was closed before the answer`)
      const open = [...connections]
      const underWay = open.flatMap((connection) => [...connection.calls.values()])
      for (const call of [...underWay, ...queue.takeAll(), ...delayed.keys()]) {
        detach(call)
        fail(call, reason(call), 'aborted')
      }
      metrics.flush(inFlight)
      await Promise.all(open.map((connection) => connection.close()))
    },
  }
}

function reasonOf(signal: AbortSignal, method: string): unknown {
  return isAppError(signal.reason) ? signal.reason : abortedError(`${method}: aborted`)
}
