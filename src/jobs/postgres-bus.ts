import { createHash } from 'node:crypto'
import { sleep } from '../core/lifecycle.js'
import { errorMessage } from '../core/errors.js'
import type { Logger } from '../core/log.js'
import { createListeners, encodeMessage } from './listeners.js'
import type { Connections, EndableClient } from './postgres-connections.js'
import type { Bus } from './types.js'
import { backoffMs, settledWithin } from './waiting.js'

/** A connection that only listens would not notice for minutes that its other end is gone. */
const HEARTBEAT_MS = 10_000

export interface PostgresBusOptions {
  connections: Connections
  /** Runs one statement within the time that senders are prepared to wait. */
  query(sql: string, values: unknown[]): Promise<unknown>
  prefix: string
  log: Logger
}

/** LISTEN and NOTIFY. Listening takes one connection of its own, from the first subscription on, which is opened again whenever it is lost. */
export function createPostgresBus({ connections, query, prefix, log }: PostgresBusOptions): Bus & { close(): Promise<void> } {
  const listeners = createListeners(log)
  const closing = new AbortController()
  /** The session that listens, while there is one. */
  let session: Ask | null = null
  let keeper: Promise<void> | undefined

  /** A channel of PostgreSQL is an identifier of at most 63 bytes. */
  const topicOf = (channel: string): string => `${prefix}_${createHash('sha256').update(channel).digest('hex').slice(0, 32)}`

  async function listen(topics: readonly string[], ask: Ask): Promise<void> {
    for (const topic of topics) await ask(`LISTEN "${topic}"`)
  }

  /** One life of the connection: until it is lost, or says nothing any more. */
  async function listenOnce(connected: () => void): Promise<void> {
    const own = await connections.client()
    try {
      const lost = new Promise<void>((resolve) => {
        own.client.once('end', resolve)
        own.client.once('error', () => resolve())
        closing.signal.addEventListener('abort', () => resolve(), { once: true })
      })
      own.client.on('notification', ({ channel, payload }) => listeners.deliver(channel, payload ?? ''))
      const ask = inTurn(own)
      session = ask
      // Those that subscribe in the meantime do it themselves.
      await listen(listeners.topics(), ask)
      connected()
      const heartbeat = setInterval(() => void ask('SELECT 1').catch(() => own.end()), HEARTBEAT_MS)
      await lost.finally(() => clearInterval(heartbeat))
    } finally {
      session = null
      await own.end()
    }
  }

  async function keepListening(): Promise<void> {
    let down = false
    for (let attempt = 1; !closing.signal.aborted; attempt++) {
      let reason = 'the connection was lost'
      try {
        await listenOnce(() => {
          if (down) log.info('listening to messages again')
          down = false
          attempt = 1
        })
      } catch (error) {
        reason = errorMessage(error)
      }
      if (closing.signal.aborted) return
      if (!down) log.warn({ reason }, 'messages between processes are not received; connecting again')
      down = true
      await sleep(backoffMs(attempt, 100, 2_000), closing.signal).catch(() => undefined)
    }
  }

  return {
    async publish(channel, message) {
      await query('SELECT pg_notify($1, $2)', [topicOf(channel), encodeMessage(message)])
    },
    async subscribe(channel, listener) {
      const topic = topicOf(channel)
      const isFirst = listeners.add(topic, listener)
      keeper ??= keepListening()
      if (isFirst) await settledWithin(2_000, untilListening(topic))
      return async () => {
        const isLast = listeners.remove(topic, listener)
        if (isLast && session !== null) await settledWithin(2_000, session(`UNLISTEN "${topic}"`))
      }
    },
    async close() {
      closing.abort()
      await keeper
    },
  }

  /** Waits for the connection and says LISTEN on it. When it fails the reconnect says it. */
  async function untilListening(topic: string): Promise<void> {
    while (!closing.signal.aborted) {
      if (session !== null) return listen([topic], session)
      await sleep(10, closing.signal)
    }
  }
}

type Ask = (sql: string) => Promise<unknown>

/** Statements of all who use one connection, one after another: the library wants no second one before the first is answered. */
function inTurn({ client }: EndableClient): Ask {
  let last: Promise<unknown> = Promise.resolve()
  return (sql) => (last = last.catch(() => undefined).then(() => client.query(sql)))
}
