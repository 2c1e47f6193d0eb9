import { createRedisBackend, Queue, Worker, type BackendFactory, type IQueueBackend } from 'bullmq'
import { Redis, type RedisOptions } from 'ioredis'
import { AppError, errorMessage, toAppError } from '../core/errors.js'
import { sleep } from '../core/lifecycle.js'
import type { Logger } from '../core/log.js'
import { maskUrl } from '../core/mask.js'
import type { BullQueue, BullWorker, Carrier, WorkerLink } from './carrier.js'
import { createRedisBus } from './redis-bus.js'
import { queueOptions, workerOptions } from './settings.js'
import type { JobsTiming } from './types.js'
import { backoffMs, queueDown, settledWithin, within } from './waiting.js'

export interface RedisCarrierOptions {
  url: string
  prefix: string
  timing: JobsTiming
  log: Logger
  signal: AbortSignal
}

const OLDEST = [6, 2] as const
/** A connection on which a command waits for longer is dead. A worker waits for jobs for at most 10 s at a time. */
const ANSWER_MS = 15_000
const RECONNECT_MOST_MS = 1_000

const factory = createRedisBackend as unknown as BackendFactory<IQueueBackend, unknown>

/**
 * Queues in Redis. Connections: one for adding, asking and sending, whose commands fail when Redis is away for longer than the patience;
 * one for all workers, whose commands wait until it is back; one for each worker that waits for jobs; and one for messages.
 */
export async function openRedis({ url, prefix, timing, log, signal }: RedisCarrierOptions): Promise<Carrier> {
  const connect = (options: RedisOptions): Redis => {
    const redis = new Redis(url, {
      connectionName: 'taogate jobs',
      retryStrategy: (attempt) => backoffMs(attempt, 50, RECONNECT_MOST_MS),
      connectTimeout: 5_000,
      keepAlive: 10_000,
      socketTimeout: ANSWER_MS,
      ...options,
    })
    // Told by the state of the connection and by the commands that fail; without a listener ioredis writes to the console.
    redis.on('error', (error: Error) => log.debug({ err: error }, 'a Redis connection was lost'))
    return redis
  }
  // A command that is given up while Redis is away is also taken out of the line, so that it does not happen later all the same.
  const retries = Math.max(1, Math.round(timing.patienceMs / RECONNECT_MOST_MS))
  const prompt = connect({ maxRetriesPerRequest: retries, commandTimeout: timing.patienceMs * 2 })
  const patient = connect({ maxRetriesPerRequest: null })
  const watch = watchConnection(patient, log)
  const bus = createRedisBus({ prompt, connect: () => connect({ maxRetriesPerRequest: null }), prefix, log, explain })

  async function close(): Promise<void> {
    watch.stop()
    await bus.close()
    prompt.disconnect()
    patient.disconnect()
  }

  try {
    await checkServer(prompt, { url, waitMs: timing.waitMs, log, signal })
  } catch (error) {
    await close()
    throw error
  }

  return {
    backend: 'redis',
    bus,
    openQueue: (name): BullQueue => new Queue(name, { ...queueOptions(), prefix, connection: prompt }, factory),
    openWorker(name): WorkerLink {
      const worker = new Worker(name, null, { ...workerOptions(timing), prefix, connection: patient }, factory) as unknown as BullWorker
      return {
        worker,
        // Of a connection that is down already, nothing comes to say that it was cut.
        interrupt: () => settledWithin(500, worker.getBackend().disconnectBlocking(true)),
        end: () => settledWithin(1_000, worker.close(true)),
      }
    },
    async ping() {
      await prompt.ping()
    },
    explain,
    close,
  }
}

function explain(error: unknown, doing: string): AppError {
  return isRedisGone(error) ? queueDown('Redis', doing, error) : toAppError(error)
}

/** Whether Redis was not there to answer, or has no room, or is still loading; as opposed to refusing what it was asked. */
function isRedisGone(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code } = error as { code?: unknown }
  if (typeof code === 'string' && /^(ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOST|ENET)/.test(code)) return true
  return (
    error.name === 'MaxRetriesPerRequestError' ||
    /^(Connection is closed|Command timed out|connect ETIMEDOUT|Stream isn't writeable|LOADING|READONLY|MASTERDOWN|OOM)/.test(error.message)
  )
}

async function checkServer(redis: Redis, options: { url: string; waitMs: number; log: Logger; signal: AbortSignal }): Promise<void> {
  const { waitMs, log, signal } = options
  const at = maskUrl(options.url)
  const end = Date.now() + waitMs
  // The command only says that it was tried too often; why is told to the connection.
  let reason = 'no answer'
  const onError = (error: Error): void => void (reason = errorMessage(error))
  redis.on('error', onError)
  try {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted()
      try {
        const late = (): string => {
          throw new AppError('QUEUE_DOWN', 'late')
        }
        return checkInfo(await within(Math.max(end - Date.now(), 100), redis.info(), late), at, log)
      } catch (error) {
        if (!isRedisGone(error) && toAppError(error).code !== 'QUEUE_DOWN') throw refusal(error, at)
        // A wrong password fails the connection again and again; waiting does not mend that.
        if (/WRONGPASS|NOAUTH|invalid username-password/i.test(reason)) throw refusal(reason, at)
        if (Date.now() >= end)
          throw new AppError('QUEUE_DOWN', `no Redis answers at ${at} (${Math.round(waitMs / 1000)} s): ${reason}`, { at }, error)
        log.warn({ at, attempt, reason }, 'Redis does not answer yet')
        await sleep(100, signal)
      }
    }
  } finally {
    redis.off('error', onError)
  }
}

function checkInfo(info: string, at: string, log: Logger): void {
  const read = (field: string): string => new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
  const version = read('redis_version')
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new AppError('CONFIG_INVALID', `the Redis at ${at} is version ${version}; ${OLDEST.join('.')} or later is needed`, {
      found: version,
    })
  }
  const policy = read('maxmemory_policy')
  if (policy !== '' && policy !== 'noeviction') {
    log.warn({ at, policy }, 'Redis may throw queued jobs away when memory is short; set maxmemory-policy to noeviction')
  }
}

function refusal(error: unknown, at: string): AppError {
  if (error instanceof AppError) return error
  const text = typeof error === 'string' ? error : errorMessage(error)
  return new AppError('CONFIG_INVALID', `the Redis at ${at} refuses: ${text}; check REDIS_URL`, { at }, error)
}

/** One line when Redis goes and one when it is back. */
function watchConnection(redis: Redis, log: Logger): { stop(): void } {
  let wasReady = false
  let down = false
  const onClose = (): void => {
    if (down || !wasReady) return
    down = true
    log.warn('Redis went away; connecting again')
  }
  const onReady = (): void => {
    if (down) log.info('Redis is back')
    down = false
    wasReady = true
  }
  redis.on('close', onClose).on('ready', onReady)
  return { stop: () => void redis.off('close', onClose).off('ready', onReady) }
}
