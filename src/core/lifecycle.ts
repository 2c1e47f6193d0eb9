import { AppError, errorMessage } from './errors.js'
import type { Logger } from './log.js'

export type Readiness = { ok: true } | { ok: false; reasons: string[] }

/** Ready when all are, with the reasons of all that are not. */
export function readyTogether(answers: readonly Readiness[]): Readiness {
  const reasons = answers.flatMap((answer) => (answer.ok ? [] : answer.reasons))
  return reasons.length === 0 ? { ok: true } : { ok: false, reasons }
}

/** `reason` in the detail of an ABORTED that ends what a server works on because it stops: the caller did not ask for it. */
export const CLOSING = 'closing'

/** What every `start...` function returns. */
export interface Service {
  readonly name: string
  ready(): Promise<Readiness>
  /** Finishes or gives back what is in flight, then lets go of every socket, timer and child. Safe to call twice. */
  close(): Promise<void>
}

export interface Lifecycle {
  /** Aborted as soon as a stop begins; long loops watch it. */
  readonly signal: AbortSignal
  /** Registers a started service; it is closed before everything that was added earlier. */
  add<S extends Closable>(service: S): S
  /** Closes all services in reverse start order. Later calls wait for the first one. */
  stop(reason: string): Promise<StopReport>
  /** Resolves when a stop has begun, with its reason. */
  readonly stopping: Promise<string>
  /** Whether every service is ready, with the reasons of all that are not. */
  ready(): Promise<Readiness>
}

export interface StopReport {
  reason: string
  /** Services that did not close within the grace time, and those whose close failed. */
  late: string[]
  failed: string[]
}

export type Closable = Pick<Service, 'name' | 'close'> & Partial<Pick<Service, 'ready'>>

export interface LifecycleOptions {
  log: Logger
  /** How long one stop may take over all services. */
  graceMs?: number
}

/** The reason of a stop after which nothing is left to do; the others are worth a line in the log. */
export const DONE = 'done'

/** Keeps what was started, and ends it in reverse order within a bounded time. */
export function createLifecycle({ log, graceMs = 10_000 }: LifecycleOptions): Lifecycle {
  const services: Closable[] = []
  const controller = new AbortController()
  let stopped: Promise<StopReport> | undefined
  let announce: (reason: string) => void = () => {}
  const stopping = new Promise<string>((resolve) => (announce = resolve))

  async function closeAll(reason: string): Promise<StopReport> {
    const report: StopReport = { reason, late: [], failed: [] }
    const deadline = Date.now() + graceMs
    const isNews = reason !== DONE && services.length > 0
    log[isNews ? 'info' : 'debug']({ reason, services: services.map((s) => s.name) }, 'stopping')
    for (let service = services.pop(); service !== undefined; service = services.pop()) {
      const startedAt = Date.now()
      const outcome = await closeOne(service, Math.max(deadline - startedAt, 0))
      if (outcome === 'late') {
        report.late.push(service.name)
        log.warn({ late: service.name, waitedMs: Date.now() - startedAt }, 'service did not close in time')
      } else if (outcome !== 'closed') {
        report.failed.push(service.name)
        log.error({ failed: service.name, err: outcome.error }, 'service failed to close')
      } else {
        log.debug({ closed: service.name, ms: Date.now() - startedAt }, 'service closed')
      }
    }
    return report
  }

  return {
    signal: controller.signal,
    stopping,
    add(service) {
      if (stopped !== undefined) {
        // A start that raced with Ctrl-C: it must not outlive the stop that is under way.
        void service.close().catch((error: unknown) => log.error({ failed: service.name, err: error }, 'service failed to close'))
        throw new AppError('ABORTED', `${service.name} was started while stopping`)
      }
      services.push(service)
      return service
    },
    stop(reason) {
      if (stopped === undefined) {
        controller.abort(new AppError('ABORTED', `stopping: ${reason}`))
        announce(reason)
        stopped = closeAll(reason)
      }
      return stopped
    },
    async ready() {
      return readyTogether(await Promise.all(services.map((service) => readinessOf(service))))
    },
  }
}

/** Waits, or rejects with the signal's reason as soon as it is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(reasonOf(signal))
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(reasonOf(signal as AbortSignal))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

async function closeOne(service: Closable, waitMs: number): Promise<'closed' | 'late' | { error: unknown }> {
  let timer: NodeJS.Timeout | undefined
  // A service gets a last moment even when those before it used up the time: closing is often immediate.
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, Math.max(waitMs, 50), 'late')))
  try {
    return await Promise.race([service.close().then(() => 'closed' as const), late])
  } catch (error) {
    return { error }
  } finally {
    clearTimeout(timer)
  }
}

async function readinessOf(service: Closable): Promise<Readiness> {
  if (service.ready === undefined) return { ok: true }
  try {
    return await service.ready()
  } catch (error) {
    return { ok: false, reasons: [`${service.name}: ${errorMessage(error)}`] }
  }
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new AppError('ABORTED', 'aborted')
}
