import { AppError, errorMessage } from '../core/errors.js'
import type { Readiness } from '../core/lifecycle.js'
import type { Carrier } from './carrier.js'
import { lead } from './leader.js'
import { createJobsMetrics } from './metrics.js'
import { openPostgres } from './postgres.js'
import { connectionsTo } from './postgres-connections.js'
import { createSender, type Sender } from './queue.js'
import { openRedis } from './redis.js'
import type { JobHandler, JobQueue, Jobs, JobsOptions, JobsTiming, JobWorker } from './types.js'
import { settledWithin, within } from './waiting.js'
import { startWorker } from './worker.js'

const TIMING: JobsTiming = {
  waitMs: 30_000,
  lockMs: 30_000,
  stalledMs: 10_000,
  retryMs: 1_000,
  retryMostMs: 60_000,
  closeMs: 3_000,
  patienceMs: 5_000,
  leadMs: 1_000,
}

/**
 * Connects to Redis, or to PostgreSQL where no Redis is given. Rejects with QUEUE_DOWN when nobody answers within `waitMs`, with CONFIG_INVALID when the
 * server refuses, is too old or nothing is given.
 */
export async function openJobs(options: JobsOptions): Promise<Jobs> {
  const { redisUrl, databaseUrl, prefix = 'taogate', metrics: registry } = options
  if (!/^[a-z][a-z0-9_]{0,29}$/.test(prefix)) {
    throw new AppError('CONFIG_INVALID', `${JSON.stringify(prefix)} is no prefix for queues; it looks like taogate_2`, { prefix })
  }
  const log = options.log.child({ service: 'jobs' })
  const timing = { ...TIMING, ...options.timing }
  const closing = new AbortController()
  const signal = options.signal === undefined ? closing.signal : AbortSignal.any([closing.signal, options.signal])
  const connections = databaseUrl === undefined ? null : connectionsTo(databaseUrl, log)
  const carrier = await openCarrier()
  const metrics = createJobsMetrics(registry)
  const queues = new Map<string, { queue: JobQueue<unknown>; sender: Sender }>()
  const workers = new Set<JobWorker>()
  const leads = new Set<Promise<void>>()
  let closed: Promise<void> | undefined

  async function openCarrier(): Promise<Carrier> {
    if (redisUrl !== undefined) return openRedis({ url: redisUrl, prefix, timing, log, signal })
    if (connections !== null) return openPostgres({ connections, prefix, timing, log, signal })
    throw new AppError('CONFIG_INVALID', 'a queue needs REDIS_URL or DATABASE_URL')
  }

  function refuseWhenClosed(): void {
    if (closed !== undefined) throw new AppError('ABORTED', 'the queue is closed')
  }

  function openQueue(name: string): { queue: JobQueue<unknown>; sender: Sender } {
    if (!/^[a-z][a-z0-9_-]*$/.test(name)) throw new AppError('INTERNAL', `${JSON.stringify(name)} is no name for a queue`)
    const sender = createSender({
      carrier,
      name,
      patienceMs: timing.patienceMs,
      // Whoever asked is told, too.
      onError: (error) => log.debug({ queue: name, reason: errorMessage(error) }, 'queue error'),
    })
    metrics.watch(name, sender.counts)
    const work = (handler: JobHandler<unknown>, { concurrency }: { concurrency: number }): JobWorker => {
      refuseWhenClosed()
      const worker = startWorker({ link: carrier.openWorker(name), name, handler, concurrency, timing, log, metrics })
      workers.add(worker)
      return {
        async close() {
          await worker.close()
          workers.delete(worker)
        },
      }
    }
    return { sender, queue: { add: sender.add, remove: sender.remove, counts: sender.counts, work } }
  }

  async function readiness(): Promise<Readiness> {
    const late = (): never => {
      throw new Error('no answer')
    }
    try {
      await within(2_000, carrier.ping(), late)
      return { ok: true }
    } catch (error) {
      return { ok: false, reasons: [`jobs: ${carrier.explain(error, 'it was pinged').message}`] }
    }
  }

  async function close(): Promise<void> {
    closing.abort(new AppError('ABORTED', 'the queue is closed'))
    await Promise.all([...[...workers].map((worker) => worker.close()), settledWithin(timing.closeMs, Promise.all(leads))])
    await settledWithin(1_000, Promise.all([...queues.values()].map(({ sender }) => sender.close())))
    await carrier.close()
  }

  return {
    name: 'jobs',
    backend: carrier.backend,
    bus: carrier.bus,
    queue<T>(name: string) {
      let opened = queues.get(name)
      if (opened === undefined) queues.set(name, (opened = openQueue(name)))
      return opened.queue as JobQueue<T>
    },
    async lead(name, stop, run) {
      refuseWhenClosed()
      if (connections === null) throw new AppError('CONFIG_INVALID', 'leading needs DATABASE_URL')
      const leading = lead({ connections, prefix, name, signal: AbortSignal.any([stop, closing.signal]), timing, log, metrics, run })
      leads.add(leading)
      try {
        await leading
      } finally {
        leads.delete(leading)
      }
    },
    ready: readiness,
    close: () => (closed ??= close()),
  }
}
