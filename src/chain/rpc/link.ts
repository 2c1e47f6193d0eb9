import { AppError, errorMessage } from '../../core/errors.js'
import type { Logger } from '../../core/log.js'
import { backoffMs, type BackoffOptions } from './backoff.js'
import { openConnection, type Connection, type ConnectionOptions, type Opening } from './connection.js'
import type { Endpoint } from './endpoint.js'
import { abortedError } from './errors.js'

export interface LinkOptions extends Omit<ConnectionOptions, 'endpoint'> {
  endpoints: readonly Endpoint[]
  log: Logger
  backoff: BackoffOptions
  failbackMs: number
  maxAttempts: number
  /** Looks at a fresh connection before it is used; rejects when it must not be. */
  verify(connection: Connection): Promise<void>
  /** A connection to use from now on; the one before, if it still stands, answers what it was asked and is then closed. */
  onOpen(connection: Connection, isFirst: boolean): void
  /** No endpoint can be reached, in so many tries that whoever waits should be told. Trying goes on. */
  onDown(error: AppError): void
}

export interface Link {
  current(): Connection | null
  endpoint(): string
  ready(): Promise<void>
  close(): Promise<void>
}

/** Rounds over all endpoints before `onDown`, when none of them has ever been reached: a mistyped address should be told soon. */
const FIRST_ROUNDS = 3
/** Times as many rounds as a request has tries, before `onDown`, when endpoints can be reached but never answer. */
const USELESS_ROUNDS = 3
/** A connection that was lost without an answer, but lived longer than this, was idle: that says nothing against its node. */
const IDLE_MS = 5000
/** After a loss, so many answers show that the node is well, and it is connected to again without waiting. */
const HEALTHY_ANSWERS = 16
const LOSS_LOG_MS = 5000

/** Keeps one usable connection: reconnects with back-off, goes to the next endpoint when one fails, returns to the preferred one. */
export function createLink(options: LinkOptions): Link {
  const { endpoints, log } = options
  const reasons = new Map<Endpoint, string>()
  const waiters = new Set<{ resolve(): void; reject(error: AppError): void }>()
  const openings = new Set<Opening>()
  let current: Connection | null = null
  let index = 0
  let refusals = 0 // tries to connect that failed, since the last one that did not
  let failures = 0 // those, and connections that were lost before any answer, since the last answer
  let everOpen = false
  let closed = false
  let stopWaiting = (): void => {}
  let lastLossLogged = -Infinity
  let lossesUnlogged = 0

  async function open(endpoint: Endpoint): Promise<Connection> {
    const opening = openConnection({ ...options, endpoint, onLost })
    openings.add(opening)
    try {
      const connection = await opening.opened
      await options.verify(connection).catch(async (error: unknown) => {
        await connection.close()
        throw error
      })
      // Checked without a pause before it is taken: from here on a loss is reported for the current connection.
      if (!connection.isOpen()) throw new Error('closed by the other side')
      return connection
    } finally {
      openings.delete(opening)
    }
  }

  function use(connection: Connection): void {
    const previous = current
    current = connection
    refusals = 0
    const isFirst = !everOpen
    everOpen = true
    log.info({ endpoint: connection.endpoint.shown }, isFirst ? 'connected to the node' : 'connected to a node again')
    options.onOpen(connection, isFirst)
    for (const waiter of waiters) waiter.resolve()
    waiters.clear()
    if (previous === null) return
    previous.replaced = true
    if (previous.calls.size === 0) void previous.close() // with calls under way it is closed after the last answer
  }

  async function connect(delayMs: number): Promise<void> {
    let waitMs = delayMs
    while (!closed) {
      if (waitMs > 0) await wait(waitMs)
      if (closed) return
      const endpoint = endpointAt(index)
      try {
        const connection = await open(endpoint)
        if (closed) return await connection.close()
        return use(connection)
      } catch (error) {
        if (closed) return
        refusals++
        waitMs = failed(endpoint, errorMessage(error))
      }
    }
  }

  /** Notes a failure and moves on to the next endpoint. Gives how long to wait before that is tried. */
  function failed(endpoint: Endpoint, reason: string): number {
    reasons.set(endpoint, reason)
    failures++
    index = (index + 1) % endpoints.length
    const rounds = Math.floor(failures / endpoints.length)
    const waitMs = failures % endpoints.length === 0 ? backoffMs(rounds - 1, options.backoff) : 0
    log.warn({ endpoint: endpoint.shown, reason, nextTryMs: Math.round(waitMs) }, 'no connection to the node')
    const isUnreachable = refusals >= endpoints.length * (everOpen ? options.maxAttempts : FIRST_ROUNDS)
    // Connections that open and are lost are first of all counted against the requests that were under way: one may be the cause.
    if (isUnreachable || rounds >= options.maxAttempts * USELESS_ROUNDS) announceDown()
    return waitMs
  }

  function announceDown(): void {
    const tried = endpoints.map((endpoint) => ({ endpoint: endpoint.shown, reason: reasons.get(endpoint) ?? 'not tried' }))
    const list = tried.map(({ endpoint, reason }) => `${endpoint}: ${reason}`).join('; ')
    const error = new AppError('UPSTREAM_DOWN', `cannot use ${endpoints.length > 1 ? 'any of the nodes' : 'the node'} ${list}`, {
      endpoints: tried,
    })
    for (const waiter of waiters) waiter.reject(error)
    waiters.clear()
    options.onDown(error)
  }

  function onLost(connection: Connection, reason: string): void {
    const lostCalls = connection.calls.size
    options.onLost(connection, reason)
    if (connection !== current || closed) return
    current = null
    logLoss(connection, reason, lostCalls)
    if (connection.answered > 0) failures = 0
    const wasIdle = lostCalls === 0 && performance.now() - connection.openedAt > IDLE_MS
    if (connection.stalled || (connection.answered === 0 && !wasIdle)) {
      connecting = connect(failed(connection.endpoint, reason))
    } else {
      connecting = connect(connection.answered >= HEALTHY_ANSWERS ? 0 : backoffMs(0, options.backoff))
    }
  }

  function logLoss(connection: Connection, reason: string, lostCalls: number): void {
    lossesUnlogged++
    if (performance.now() - lastLossLogged < LOSS_LOG_MS) return
    log.warn({ endpoint: connection.endpoint.shown, reason, sentAgain: lostCalls, losses: lossesUnlogged }, 'connection to the node lost')
    lastLossLogged = performance.now()
    lossesUnlogged = 0
  }

  async function failBack(): Promise<void> {
    for (let better = 0; better < index; better++) {
      const from = current
      if (from === null || closed) return
      const connection = await open(endpointAt(better)).catch(() => null)
      if (connection === null) continue
      if (closed || current !== from) return connection.close()
      index = better
      failures = 0
      return use(connection)
    }
  }

  function wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      stopWaiting = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  function endpointAt(position: number): Endpoint {
    return endpoints[position] as Endpoint
  }

  let failingBack: Promise<void> | null = null
  const failbackTimer = setInterval(() => {
    if (index === 0 || current === null || failingBack !== null) return
    failingBack = failBack().finally(() => (failingBack = null))
  }, options.failbackMs)
  failbackTimer.unref()

  let connecting = connect(0)

  return {
    current: () => current,
    endpoint: () => (current?.endpoint ?? endpointAt(index)).shown,
    ready() {
      if (closed) return Promise.reject(abortedError('the connection to the node is closed'))
      if (current !== null) return Promise.resolve()
      return new Promise((resolve, reject) => waiters.add({ resolve, reject }))
    },
    async close() {
      closed = true
      clearInterval(failbackTimer)
      stopWaiting()
      for (const opening of openings) opening.cancel()
      for (const waiter of waiters) waiter.reject(abortedError('the connection to the node is closed'))
      waiters.clear()
      await Promise.all([connecting, failingBack, current?.close()])
      current = null
    },
  }
}
