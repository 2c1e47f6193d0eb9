import { createHash } from 'node:crypto'
import { AppError, errorMessage, isRetryable } from '../core/errors.js'
import { sleep } from '../core/lifecycle.js'
import type { Logger } from '../core/log.js'
import { isConnectionLoss } from '../core/pg-errors.js'
import type { JobsMetrics } from './metrics.js'
import type { Connections, EndableClient } from './postgres-connections.js'
import type { JobsTiming } from './types.js'
import { backoffMs, within } from './waiting.js'

export interface LeadOptions {
  connections: Connections
  prefix: string
  name: string
  signal: AbortSignal
  timing: JobsTiming
  log: Logger
  metrics: JobsMetrics
  run(lost: AbortSignal): Promise<void>
}

/** How long the leader waits for an answer of its own connection before it takes the lock for lost. */
const HEARTBEAT_MS = 5_000
/**
 * The server ends a session whose client does not answer any more after 30 s. The client has noticed by then: leadMs and HEARTBEAT_MS are less together,
 * so that the lock is free only after its holder stopped.
 */
const KEEPALIVE = 'SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3'

/** Holds an advisory lock on a connection of its own and runs `run` under it, see `Jobs.lead`. */
export async function lead(options: LeadOptions): Promise<void> {
  const { name, signal, timing, log, metrics } = options
  metrics.leading(name, false)
  for (let attempt = 1; !signal.aborted;) {
    let pauseMs = timing.leadMs
    try {
      if ((await tryToLead(options)) === 'done') return
      attempt = 1
    } catch (error) {
      if (signal.aborted) return
      if (!isConnectionLoss(error) && !isRetryable(error)) throw error
      log.warn({ lead: name, attempt, reason: errorMessage(error) }, 'leading failed; trying again')
      pauseMs = backoffMs(attempt++, Math.min(timing.leadMs, 200), 2_000)
    }
    await sleep(pauseMs, signal).catch(() => undefined)
  }
}

async function tryToLead(options: LeadOptions): Promise<'lost' | 'done'> {
  const { connections, name, signal, timing, log, metrics, run } = options
  const session = await connections.client()
  try {
    await session.client.query(KEEPALIVE)
    await takeLock(session, options)
    log.info({ lead: name }, 'leading')
    metrics.leading(name, true)
    const lost = watchSession(session, { everyMs: timing.leadMs, signal })
    try {
      await run(lost.signal)
    } catch (error) {
      // What `run` says after it was told to stop is about that.
      if (!lost.signal.aborted) throw error
    } finally {
      lost.stop()
      metrics.leading(name, false)
    }
    if (signal.aborted || !lost.signal.aborted) return 'done'
    log.warn({ lead: name, reason: errorMessage(lost.signal.reason) }, 'not leading any more')
    return 'lost'
  } finally {
    // The end of the session frees the lock.
    await session.end()
  }
}

/** Asks for the lock until it is given, on one connection. */
async function takeLock({ client }: EndableClient, { prefix, name, signal, timing, log }: LeadOptions): Promise<void> {
  const key = createHash('sha256').update(`taogate lead ${prefix} ${name}`).digest().readBigInt64BE(0)
  for (let isFirst = true; ; isFirst = false) {
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [key])
    if (rows[0]?.taken === true) return
    if (isFirst) log.info({ lead: name }, 'another process leads; standing by')
    await sleep(timing.leadMs, signal)
  }
}

/** Aborted when the connection ends, when it does not answer, and with `signal`. */
function watchSession({ client }: EndableClient, options: { everyMs: number; signal: AbortSignal }): { signal: AbortSignal; stop(): void } {
  const controller = new AbortController()
  const fail = (reason: string): void => controller.abort(new AppError('ABORTED', reason))
  const onEnd = (): void => fail('the connection that holds the lock was lost')
  const onStop = (): void => controller.abort(options.signal.reason)
  client.once('end', onEnd).once('error', onEnd)
  if (options.signal.aborted) onStop()
  options.signal.addEventListener('abort', onStop, { once: true })
  let isAsking = false
  const timer = setInterval(() => {
    if (isAsking) return
    isAsking = true
    const late = (): never => {
      throw new Error('no answer')
    }
    within(HEARTBEAT_MS, client.query('SELECT 1'), late)
      .catch((error: unknown) => fail(`the connection that holds the lock does not answer: ${errorMessage(error)}`))
      .finally(() => (isAsking = false))
  }, options.everyMs)
  return {
    signal: controller.signal,
    stop() {
      clearInterval(timer)
      client.off('end', onEnd).off('error', onEnd)
      options.signal.removeEventListener('abort', onStop)
    },
  }
}
