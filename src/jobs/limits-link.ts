import { Redis } from 'ioredis'
import { AppError, errorMessage } from '../core/errors.js'
import { sleep } from '../core/lifecycle.js'
import { UNITS } from '../core/local-limits.js'
import type { Logger } from '../core/log.js'
import { maskUrl } from '../core/mask.js'
import type { LimitsMetrics } from './limits-metrics.js'
import { type LimitScript, SCRIPTS } from './limits-scripts.js'
import type { LimitsTiming } from './limits.js'
import { backoffMs } from './waiting.js'

export interface LimitsLinkOptions {
  url: string
  /** Of a bucket that is asked for to see whether Redis does what it should. */
  probeKey: string
  timing: LimitsTiming
  log: Logger
  metrics: LimitsMetrics
  /** Called whenever Redis is there, at first and again. */
  onUp(): void
}

/** A connection that nobody waits for long. */
export interface LimitsLink {
  readonly redis: Redis
  /** Whether Redis is asked at all. After answers that were late for a while, an error or a lost connection it is not, until it has answered a probe. */
  isUp(): boolean
  /** Waits until Redis is there, or `waitMs`. Rejects with CONFIG_INVALID when it wants another password. */
  opened(signal: AbortSignal | undefined): Promise<void>
  /** What Redis answers to a command that was just sent; rejects when it takes too long. */
  ask<T>(sent: Promise<T>): Promise<T>
  run(script: LimitScript, key: string, ...args: (string | number)[]): Promise<unknown>
  close(): void
}

const RECONNECT_MOST_MS = 1_000
/** A connection on which a command waits for longer is dead. */
const DEAD_MS = 3_000
/** Redis, too, is busy for a moment now and then: answers that were late are no outage before none has come in time for so long. */
const LATE_FOR_MS = 200
/** So many a minute that a probe always takes something: a Redis that is full or only reads shows so. */
const PROBE_LIMIT = 1_000_000
const CLOSED = 'the connection was closed'
const LATE = new Error('no answer in time')

export function openLimitsLink({ url, probeKey, timing, log, metrics, onUp }: LimitsLinkOptions): LimitsLink {
  const redis = new Redis(url, {
    connectionName: 'taogate limits',
    retryStrategy: (attempt) => backoffMs(attempt, 50, RECONNECT_MOST_MS),
    connectTimeout: 5_000,
    keepAlive: 10_000,
    socketTimeout: DEAD_MS,
    // Whoever asks while Redis is away is answered by this process; what it asked must not happen later all the same.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
  })
  let up = false
  let isClosed = false
  let isProbing = false
  /** When the outage began that was told of. */
  let awaySince: number | null = null
  /** When the first answer was late of those after which none came in time. */
  let lateSince: number | null = null
  let reason = 'no answer'

  redis
    .on('error', (error: Error) => {
      reason = errorMessage(error)
      log.debug({ err: error }, 'a Redis connection was lost')
    })
    .on('close', () => goDown())
    .on('ready', () => void probe())
  const probing = setInterval(() => void probe(), timing.probeMs).unref()

  function goUp(): void {
    if (awaySince !== null) log.info({ awayMs: Date.now() - awaySince }, 'limits are shared through Redis again')
    awaySince = null
    lateSince = null
    reason = CLOSED
    up = true
    metrics.shared(true)
    onUp()
  }

  function goDown(): void {
    if (!up) return
    up = false
    metrics.shared(false)
    if (!isClosed) tellOfOutage()
  }

  function tellOfOutage(): void {
    if (awaySince !== null) return
    awaySince = Date.now()
    log.warn({ at: maskUrl(url), reason }, 'Redis does not answer: until it does, limits hold for this process alone')
  }

  async function probe(): Promise<void> {
    if (up || isClosed || isProbing || redis.status !== 'ready') return
    isProbing = true
    try {
      await inTime(runScript(SCRIPTS.bucket, probeKey, [PROBE_LIMIT, UNITS, 'take']), timing.answerMs)
      if (!isClosed) goUp()
    } catch (error) {
      reason = errorMessage(error)
      log.debug({ err: error }, 'Redis was probed in vain')
    } finally {
      isProbing = false
    }
  }

  async function runScript({ sha, lua }: LimitScript, key: string, args: (string | number)[]): Promise<unknown> {
    try {
      return await redis.evalsha(sha, 1, key, ...args)
    } catch (error) {
      if (!/^NOSCRIPT/.test(errorMessage(error))) throw error
      return redis.eval(lua, 1, key, ...args)
    }
  }

  async function ask<T>(sent: Promise<T>): Promise<T> {
    try {
      const answer = await inTime(sent, timing.answerMs)
      lateSince = null
      return answer
    } catch (error) {
      if (error === LATE) lateSince ??= performance.now()
      if (error !== LATE || performance.now() - (lateSince ?? Infinity) >= LATE_FOR_MS) {
        if (up) reason = errorMessage(error)
        goDown()
      }
      throw error
    }
  }

  return {
    redis,
    isUp: () => up,
    ask,
    run: (script, key, ...args) => ask(runScript(script, key, args)),
    async opened(signal) {
      const end = Date.now() + timing.waitMs
      while (!up && Date.now() < end) {
        if (/WRONGPASS|NOAUTH|NOPERM|invalid username-password/i.test(reason)) {
          throw new AppError('CONFIG_INVALID', `the Redis at ${maskUrl(url)} refuses: ${reason}; check REDIS_URL`, { at: maskUrl(url) })
        }
        await sleep(10, signal)
      }
      if (!up) tellOfOutage()
    },
    close() {
      isClosed = true
      clearInterval(probing)
      redis.disconnect()
      goDown()
    },
  }
}

/** Where this process was busy until after the time was over, what has come meanwhile is read before it is called late. */
function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(reject, LATE), ms)
    work.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (error: Error) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}
