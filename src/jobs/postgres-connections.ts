import net from 'node:net'
import pg from 'pg'
import { sleep } from '../core/lifecycle.js'
import type { Logger } from '../core/log.js'
import { isConnectionLoss } from '../core/pg-errors.js'
import { backoffMs, settledWithin } from './waiting.js'

/** BullMQ keeps its tables and functions in this schema, apart from those of the index. */
export const QUEUE_SCHEMA = 'bullmq'
/** A query that takes longer than this has lost its server. */
const QUERY_MS = 10_000
/** How long a connection gets to say goodbye before its socket is closed. */
const GOODBYE_MS = 500

/** Makes connections to one database and can end each of them even when the server does not answer any more. */
export interface Connections {
  client(): Promise<EndableClient>
  pool(max: number): EndablePool
}

export interface EndableClient {
  client: pg.Client
  /** Ends the session at once; safe to call twice. */
  end(): Promise<void>
}

export interface EndablePool {
  pool: pg.Pool
  end(): Promise<void>
}

export function connectionsTo(url: string, log: Logger): Connections {
  const settings = (sockets: Set<net.Socket>): pg.PoolConfig & { stream: () => net.Socket } => ({
    connectionString: url,
    application_name: 'taogate jobs',
    // A job that was added is there after a crash, also where the server is set to lose the last moments of the index, which can be read again.
    options: `-c search_path=${QUEUE_SCHEMA} -c synchronous_commit=on`,
    connectionTimeoutMillis: QUERY_MS,
    query_timeout: QUERY_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: QUERY_MS,
    stream() {
      const socket = new net.Socket()
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      return socket
    },
  })

  return {
    async client() {
      const sockets = new Set<net.Socket>()
      const client = new pg.Client(settings(sockets))
      client.on('error', (error) => log.debug({ err: error }, 'a queue connection was lost'))
      let ending: Promise<void> | undefined
      const end = (): Promise<void> => (ending ??= goodbye(client.end(), sockets))
      try {
        await client.connect()
      } catch (error) {
        await end()
        throw error
      }
      return { client, end }
    },
    pool(max) {
      const sockets = new Set<net.Socket>()
      const pool = new pg.Pool({ ...settings(sockets), max, idleTimeoutMillis: 30_000 })
      pool.on('error', (error) => log.debug({ err: error }, 'an idle queue connection was lost'))
      // One that is lost between two statements is told to the client alone, and nobody listening would end the process.
      pool.on('connect', (client) => client.on('error', (error) => log.debug({ err: error }, 'a queue connection was lost')))
      let ending: Promise<void> | undefined
      return { pool, end: () => (ending ??= goodbye(pool.end(), sockets)) }
    },
  }
}

async function goodbye(ending: Promise<void>, sockets: Set<net.Socket>): Promise<void> {
  await settledWithin(GOODBYE_MS, ending)
  for (const socket of sockets) socket.destroy()
}

/** Does `work` again while the database is gone, until `signal` is aborted or `forMs` are over; then it fails as it failed last. */
export async function outlast<T>(work: () => Promise<T>, options: { signal: AbortSignal; forMs: number }): Promise<T> {
  const end = Date.now() + options.forMs
  for (let attempt = 1; ; attempt++) {
    options.signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      const pauseMs = backoffMs(attempt, 50, 2_000)
      if (!isConnectionLoss(error) || Date.now() + pauseMs > end) throw error
      await sleep(pauseMs, options.signal)
    }
  }
}
