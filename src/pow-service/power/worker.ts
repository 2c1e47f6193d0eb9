import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { errorMessage } from '../../core/errors.js'
import type { Service } from '../../core/lifecycle.js'
import type { Logger } from '../../core/log.js'
import type { Jobs } from '../../jobs/index.js'
import type { HashPool } from './hash-pool.js'
import {
  HITS_QUEUE,
  ORDERS_CHANNEL,
  ratesOf,
  readOrderMessage,
  REPEAT_MS,
  SILENT_MS,
  WORKERS_CHANNEL,
  type Heartbeat,
  type HitData,
  type Order,
} from './messages.js'

/**
 * Lends the solvers of this machine to the service that leads: takes its orders, reports hits through the queue, where they wait for the service if
 * need be, and tells how fast it is. A worker holds nothing: losing it loses speed and no job.
 */
export async function startPowWorker(options: { pool: HashPool; jobs: Jobs; log: Logger }): Promise<Service> {
  const { pool, jobs, log } = options
  const id = randomUUID()
  const hits = jobs.queue<HitData>(HITS_QUEUE)
  const sending = new Set<Promise<void>>()
  let current: Order | null = null
  let from: { leader: string; seq: number } | null = null
  let heardAt = 0
  let closed = false

  function take(message: unknown): void {
    const read = readOrderMessage(message)
    if (read === null || closed) return
    // A repetition that was overtaken.
    if (from?.leader === read.leader && read.seq < from.seq) return
    if (from?.leader !== read.leader) log.info({ leader: read.leader }, 'takes orders of this service')
    from = read
    heardAt = performance.now()
    if (read.order?.id !== current?.id || read.order?.challenge.difficulty !== current?.challenge.difficulty) {
      current = read.order
      pool.set(current)
    }
  }

  function report(order: Order, nonce: bigint): void {
    const sent = hits.add(`${order.id}_${nonce}`.replace(/[^A-Za-z0-9_-]/g, '_'), { order: order.id, nonce: String(nonce) }).then(
      () => log.info({ order: order.id, nonce: String(nonce) }, 'hit reported'),
      // The search goes on, and the next hit may get through.
      (error: unknown) => log.warn({ order: order.id, reason: errorMessage(error) }, 'a hit could not be reported'),
    )
    sending.add(sent)
    void sent.finally(() => sending.delete(sent))
  }

  function beat(): void {
    if (current !== null && performance.now() - heardAt > SILENT_MS) {
      log.warn('the service is silent: the search is paused')
      current = null
      pool.set(null)
    }
    const message: Heartbeat = { worker: id, host: hostname(), devices: ratesOf(pool), hashes: pool.takeHashes() }
    jobs.bus.publish(WORKERS_CHANNEL, message).catch((error: unknown) => log.debug({ reason: errorMessage(error) }, 'heartbeat not sent'))
  }

  const unlisten = pool.onHit(report)
  const unsubscribe = await jobs.bus.subscribe(ORDERS_CHANNEL, take)
  beat()
  const timer = setInterval(beat, REPEAT_MS)
  return {
    name: 'pow worker',
    ready: async () => {
      if (performance.now() - heardAt > SILENT_MS) return { ok: false, reasons: ['pow worker: no service gives orders'] }
      return jobs.ready()
    },
    async close() {
      if (closed) return
      closed = true
      clearInterval(timer)
      unlisten()
      pool.set(null)
      await unsubscribe()
      await Promise.allSettled(sending)
    },
  }
}
