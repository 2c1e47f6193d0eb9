import { WebSocket, type RawData } from 'ws'
import type { Socket } from 'node:net'
import type { Call } from './calls.js'
import { describeFailure, type Endpoint } from './endpoint.js'

export interface Connection {
  readonly endpoint: Endpoint
  readonly openedAt: number
  /** Requests written to it and not yet answered, oldest first. */
  readonly calls: Map<number, Call>
  /** Answers that came over it. */
  answered: number
  timeoutsInARow: number
  /** Set when it is given up because of what came over it, in words that go on from the endpoint's name. */
  garbage: string | null
  /** Set when it is given up because it does not answer: another endpoint is to be tried next. */
  stalled: boolean
  /** Another one has taken over: it only waits for the answers it still owes. */
  replaced: boolean
  isOpen(): boolean
  send(text: string): void
  /** Ends it; `onLost` is not called. Resolves when the socket is gone. */
  close(): Promise<void>
  /** Ends it at once as broken; `onLost` is called with the reason. */
  break(reason: string): void
}

export interface ConnectionOptions {
  endpoint: Endpoint
  connectTimeoutMs: number
  keepAliveMs: number
  maxMessageBytes: number
  onMessage(connection: Connection, text: string): void
  onLost(connection: Connection, reason: string): void
  onBytes(received: number, sent: number): void
}

export interface Opening {
  /** Rejects with an Error whose message is the reason, in words. */
  opened: Promise<Connection>
  cancel(): void
}

/** How long a polite close may take before the socket is destroyed. */
const CLOSE_GRACE_MS = 250

/** Opens a WebSocket to a node. What is sent in one turn of the event loop leaves in one write. */
export function openConnection(options: ConnectionOptions): Opening {
  const { endpoint } = options
  const socket = new WebSocket(endpoint.url, {
    perMessageDeflate: false,
    maxPayload: options.maxMessageBytes,
    handshakeTimeout: options.connectTimeoutMs,
    skipUTF8Validation: true, // JSON.parse looks at the text anyway
    followRedirects: false,
  })
  let cancel = (): void => {}
  const opened = new Promise<Connection>((resolve, reject) => {
    const fail = (reason: string): void => {
      socket.removeAllListeners()
      socket.on('error', () => {}) // a socket that is cut while it connects still reports that
      socket.terminate()
      reject(new Error(reason))
    }
    cancel = () => fail('cancelled')
    let raw: Socket | null = null
    socket.once('upgrade', (response) => (raw = response.socket))
    socket.once('unexpected-response', (_request, response) => fail(`HTTP ${response.statusCode} instead of a WebSocket upgrade`))
    socket.once('error', (error) => {
      const timedOut = error.message === 'Opening handshake has timed out'
      fail(timedOut ? `no WebSocket upgrade within ${options.connectTimeoutMs} ms` : describeFailure(error))
    })
    socket.once('open', () => {
      cancel = () => {}
      socket.removeAllListeners()
      resolve(attach(socket, raw, options))
    })
  })
  return { opened, cancel: () => cancel() }
}

function attach(socket: WebSocket, raw: Socket | null, options: ConnectionOptions): Connection {
  let lastHeard = performance.now()
  let broken: string | null = null
  let ended = false
  let corked = false
  let gone = (): void => {}
  const closed = new Promise<void>((resolve) => (gone = resolve))

  const connection: Connection = {
    endpoint: options.endpoint,
    openedAt: lastHeard,
    calls: new Map(),
    answered: 0,
    timeoutsInARow: 0,
    garbage: null,
    stalled: false,
    replaced: false,
    isOpen: () => socket.readyState === WebSocket.OPEN && broken === null,
    send,
    close,
    break(reason) {
      broken ??= reason
      lose()
      socket.terminate()
    },
  }

  function send(text: string): void {
    if (!corked && raw !== null) {
      corked = true
      raw.cork()
      setImmediate(uncork)
    }
    options.onBytes(0, text.length)
    socket.send(text)
  }

  function uncork(): void {
    corked = false
    raw?.uncork()
  }

  function lose(): void {
    clearInterval(keepAlive)
    if (ended) return
    ended = true
    options.onLost(connection, broken ?? 'closed')
  }

  async function close(): Promise<void> {
    ended = true
    clearInterval(keepAlive)
    const force = setTimeout(() => socket.terminate(), CLOSE_GRACE_MS)
    socket.close(1000)
    await closed
    clearTimeout(force)
  }

  socket.on('message', (data) => {
    lastHeard = performance.now()
    if (ended) return
    const text = textOf(data)
    options.onBytes(text.length, 0)
    options.onMessage(connection, text)
  })
  socket.on('pong', () => (lastHeard = performance.now()))
  socket.on('error', (error) => (broken ??= describeFailure(error)))
  socket.on('close', (code, reason) => {
    const said = reason.toString()
    broken ??= code === 1006 ? 'closed by the other side' : `closed by the other side with code ${code}${said === '' ? '' : `: ${said}`}`
    lose()
    gone()
  })
  const keepAlive = setInterval(() => {
    const silentMs = performance.now() - lastHeard
    if (silentMs > options.keepAliveMs * 2) connection.break(`silent for ${Math.round(silentMs)} ms`)
    else if (silentMs > options.keepAliveMs) socket.ping()
  }, options.keepAliveMs / 2)
  keepAlive.unref()
  return connection
}

function textOf(data: RawData): string {
  if (Buffer.isBuffer(data)) return data.toString()
  return Array.isArray(data) ? Buffer.concat(data).toString() : Buffer.from(data).toString()
}
