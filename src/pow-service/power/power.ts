import { randomUUID } from 'node:crypto'
import { errorMessage } from '../../core/errors.js'
import type { Logger } from '../../core/log.js'
import type { Jobs } from '../../jobs/index.js'
import type { HashPool } from './hash-pool.js'
import {
  HITS_QUEUE,
  ORDERS_CHANNEL,
  readHeartbeat,
  readHit,
  REPEAT_MS,
  SILENT_MS,
  toOrderMessage,
  ratesOf,
  WORKERS_CHANNEL,
  type DeviceRate,
  type HitData,
  type Order,
} from './messages.js'

/** Everything that solves for this service: the machine's own solvers and those of workers elsewhere. */
export interface Power {
  /** All switch to this order; null lets them rest. */
  set(order: Order | null): void
  /** Hashes a second, as reached last where nothing is searched now. */
  hashRate(): number
  /** Nonces tried since the last call. */
  takeHashes(): number
  devices(): (DeviceRate & { host: string | null })[]
  close(): Promise<void>
}

export interface PowerOptions {
  /** null where this process solves nothing itself. */
  pool: HashPool | null
  jobs: Jobs
  log: Logger
  onHit(orderId: string, nonce: bigint): Promise<void>
}

export async function startPower({ pool, jobs, log, onHit }: PowerOptions): Promise<Power> {
  const leader = randomUUID()
  const workers = new Map<string, { host: string; devices: DeviceRate[]; heardAt: number }>()
  let order: Order | null = null
  let seq = 0
  let remoteHashes = 0

  function send(): void {
    jobs.bus
      .publish(ORDERS_CHANNEL, toOrderMessage(leader, seq, order))
      .catch((error: unknown) => log.debug({ reason: errorMessage(error) }, 'order not sent to other machines'))
  }

  function repeat(): void {
    const now = performance.now()
    for (const [id, { host, heardAt }] of workers) {
      if (now - heardAt < SILENT_MS) continue
      workers.delete(id)
      log.warn({ worker: id, host }, 'a worker is gone')
    }
    send()
  }

  function hear(message: unknown): void {
    const heartbeat = readHeartbeat(message)
    if (heartbeat === null) return
    const { worker, host, devices, hashes } = heartbeat
    if (!workers.has(worker))
      log.info({ worker, host, devices: devices.map(({ device, solver }) => `${device} ${solver}`) }, 'a worker joined')
    workers.set(worker, { host, devices, heardAt: performance.now() })
    remoteHashes += hashes
  }

  function devices(): (DeviceRate & { host: string | null })[] {
    const own = pool === null ? [] : ratesOf(pool).map((device) => ({ ...device, host: null }))
    return [...own, ...[...workers.values()].flatMap(({ host, devices }) => devices.map((device) => ({ ...device, host })))]
  }

  const unlisten = pool?.onHit((of, nonce) => void onHit(of.id, nonce))
  const unsubscribe = await jobs.bus.subscribe(WORKERS_CHANNEL, hear)
  const reports = jobs.queue<HitData>(HITS_QUEUE).work(
    async (data) => {
      const hit = readHit(data)
      if (hit !== null) await onHit(hit.order, hit.nonce)
    },
    { concurrency: 4 },
  )
  const timer = setInterval(repeat, REPEAT_MS)
  return {
    set(next) {
      order = next
      seq++
      pool?.set(next)
      send()
    },
    hashRate: () => devices().reduce((sum, { hashRate }) => sum + hashRate, 0),
    takeHashes() {
      const hashes = remoteHashes + (pool?.takeHashes() ?? 0)
      remoteHashes = 0
      return hashes
    },
    devices,
    async close() {
      clearInterval(timer)
      unlisten?.()
      order = null
      seq++
      pool?.set(null)
      send()
      await Promise.all([unsubscribe(), reports.close()])
    },
  }
}
