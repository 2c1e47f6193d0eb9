import { createPostgresBackend, Queue, runMigrations, Worker, type BackendFactory, type IQueueBackend } from 'bullmq'
import { AppError, errorMessage, toAppError } from '../core/errors.js'
import type { Logger } from '../core/log.js'
import { isConnectionLoss } from '../core/pg-errors.js'
import type { BullQueue, BullWorker, Carrier, WorkerLink } from './carrier.js'
import { createPostgresBus } from './postgres-bus.js'
import { outlast, QUEUE_SCHEMA, type Connections, type EndablePool } from './postgres-connections.js'
import { queueOptions, workerOptions } from './settings.js'
import type { JobsTiming } from './types.js'
import { queueDown, settledWithin, within } from './waiting.js'

/** For all queues of the process together. */
const QUEUE_CONNECTIONS = 2
/** For each worker: one listens for jobs for as long as the worker lives. */
const WORKER_CONNECTIONS = 3

export interface PostgresOptions {
  connections: Connections
  prefix: string
  timing: JobsTiming
  log: Logger
  signal: AbortSignal
}

const factory = createPostgresBackend as unknown as BackendFactory<IQueueBackend, unknown>

/** Queues in PostgreSQL. Waits for the server and makes or updates the schema of the queue. */
export async function openPostgres({ connections, prefix, timing, log, signal }: PostgresOptions): Promise<Carrier> {
  try {
    await outlast(() => migrate(connections), { signal, forMs: timing.waitMs })
  } catch (error) {
    if (signal.aborted) throw toAppError(signal.reason)
    throw isConnectionLoss(error) ? queueDown('PostgreSQL', 'at the start', error) : refusal(error)
  }
  const closing = new AbortController()
  const shared = connections.pool(QUEUE_CONNECTIONS)
  const prompt = { signal: closing.signal, forMs: timing.patienceMs }
  const explain: Carrier['explain'] = (error, doing) =>
    isConnectionLoss(error) ? queueDown('PostgreSQL', doing, error) : toAppError(error)
  async function send(sql: string, values: unknown[]): Promise<void> {
    const late = (): never => {
      throw queueDown('PostgreSQL', 'sending a message', new Error('no answer'))
    }
    try {
      await within<unknown>(
        timing.patienceMs * 2,
        outlast(() => shared.pool.query(sql, values), prompt),
        late,
      )
    } catch (error) {
      throw explain(error, 'sending a message')
    }
  }
  const bus = createPostgresBus({ connections, prefix, log, query: send })
  /** One schema serves all prefixes: the name keeps them apart. */
  const nameOf = (name: string): string => `${prefix}.${name}`

  return {
    backend: 'postgres',
    bus,
    openQueue(name): BullQueue {
      return new Queue(nameOf(name), { ...queueOptions(), connection: outlasting(shared, prompt) }, factory)
    },
    openWorker(name): WorkerLink {
      const stopping = new AbortController()
      const own = connections.pool(WORKER_CONNECTIONS)
      const connection: unknown = outlasting(own, { signal: stopping.signal, forMs: Infinity })
      const worker = new Worker(nameOf(name), null, { ...workerOptions(timing), connection }, tamed) as unknown as BullWorker
      return {
        worker,
        interrupt: () => worker.getBackend().disconnectBlocking(),
        async end() {
          const closed = worker.close(true)
          // What still waits for the server does not wait any more.
          stopping.abort(new AppError('ABORTED', 'the worker is closed'))
          await settledWithin(1_000, closed)
          await own.end()
        },
      }
    },
    async ping() {
      await shared.pool.query('SELECT 1')
    },
    explain,
    async close() {
      closing.abort(new AppError('ABORTED', 'the queue is closed'))
      await bus.close()
      await shared.end()
    },
  }
}

/**
 * A worker's backend that looks at the queue at least every ten seconds. BullMQ lets it sleep for an hour when the next job is that far off, trusting that a
 * connection which died silently is noticed; that may take minutes. And its connections keep the name they have.
 */
const tamed: BackendFactory<IQueueBackend, unknown> = (name, options) => {
  const backend = factory(name, options, {})
  Object.defineProperty(backend, 'maximumBlockTimeout', { value: 10 })
  return backend
}

/** The part of a pool that BullMQ uses, in which a lost connection is no failure until `forMs` are over. */
function outlasting({ pool }: EndablePool, options: { signal: AbortSignal; forMs: number }) {
  return {
    // A statement whose answer was lost may have been done. Each of them bears to be repeated: at worst a job that was fetched
    // waits for its lock to run out, or one that is settled cannot be settled again.
    query: (sql: string, values?: unknown[]) => outlast(() => pool.query(sql, values), options),
    connect: () => outlast(() => pool.connect(), options),
    // The pool is ended by its owner.
    end: () => Promise.resolve(),
    on: pool.on.bind(pool),
    removeAllListeners: pool.removeAllListeners.bind(pool),
  }
}

async function migrate(connections: Connections): Promise<void> {
  const { client, end } = await connections.client()
  try {
    await runMigrations(client, QUEUE_SCHEMA)
  } finally {
    await end()
  }
}

function refusal(error: unknown): AppError {
  return new AppError(
    'CONFIG_INVALID',
    `the database cannot carry the queue: ${errorMessage(error)}; its user needs the right to create a schema, or REDIS_URL a Redis`,
    {},
    error,
  )
}
