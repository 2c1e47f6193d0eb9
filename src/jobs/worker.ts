import { randomUUID } from 'node:crypto'
import { AppError, errorMessage, isRetryable } from '../core/errors.js'
import { sleep } from '../core/lifecycle.js'
import type { Logger } from '../core/log.js'
import type { WorkerLink } from './carrier.js'
import { startHandling, type BullJob, type Handling } from './handling.js'
import type { JobsMetrics } from './metrics.js'
import type { JobHandler, JobsTiming, JobWorker } from './types.js'
import { settledWithin } from './waiting.js'

export interface WorkerOptions {
  link: WorkerLink
  /** Of the queue, for logs and metrics. */
  name: string
  handler: JobHandler<unknown>
  concurrency: number
  timing: JobsTiming
  log: Logger
  metrics: JobsMetrics
}

/** Fetches jobs, hands them to the handler and keeps their locks. The calls to BullMQ wait while the server is away. */
export function startWorker({ link, name, handler, concurrency, timing, log, metrics }: WorkerOptions): JobWorker {
  const { worker } = link
  const token = randomUUID()
  const handlings = new Map<string, Handling>()
  const stopping = new AbortController()
  /** Called when a handling ends. */
  let freed: () => void = () => {}
  let fetched = 0
  let closing: Promise<void> | undefined

  worker.on('error', (error) => {
    if (!stopping.signal.aborted) log.warn({ queue: name, reason: errorMessage(error) }, 'queue error')
  })
  worker.on('stalled', (jobId) => log.warn({ queue: name, jobId }, 'the worker of a job is gone; it goes to another one'))
  // BullMQ starts no loop of its own without a processor, only this: looking for jobs whose worker died.
  void worker.startStalledCheckTimer()

  async function fetchJobs(): Promise<void> {
    while (!stopping.signal.aborted) {
      if (handlings.size >= concurrency) {
        await new Promise<void>((resolve) => (freed = resolve))
        continue
      }
      const own = `${token}:${fetched++}`
      try {
        const job = await worker.getNextJob(own)
        if (job !== undefined) take(job as BullJob, own)
      } catch (error) {
        if (stopping.signal.aborted) return
        log.error({ queue: name, err: error }, 'fetching jobs fails')
        await sleep(1_000, stopping.signal).catch(() => undefined)
      }
    }
  }

  function take(job: BullJob, own: string): void {
    // One whose lock was lost may come back here before its handler noticed; it has to wait for that.
    const before = [...handlings.values()].filter((handling) => handling.job.id === job.id).map((handling) => handling.done)
    const handling = startHandling({ job, token: own, after: before, handler, name, log, metrics, isRetryable })
    handlings.set(own, handling)
    if (stopping.signal.aborted) handling.stop()
    void handling.done.then(() => {
      handlings.delete(own)
      freed()
    })
  }

  /** Renews all locks a few times before they run out, and gives up those that were not renewed in time: another worker may have them. */
  async function keepLocks(): Promise<void> {
    const renewing = renewLocks()
    for (const handling of handlings.values()) {
      if (Date.now() - handling.renewedAt() > timing.lockMs) handling.lose('the lock ran out')
    }
    await renewing
  }

  let renewal: Promise<void> | undefined
  function renewLocks(): Promise<void> {
    // While the server is away one attempt waits for it; more of them would only queue up behind.
    renewal ??= renewOnce().finally(() => (renewal = undefined))
    return renewal
  }

  async function renewOnce(): Promise<void> {
    const held = [...handlings.values()].filter((handling) => handling.isHeld())
    if (held.length === 0) return
    const at = Date.now()
    try {
      const gone = await worker.extendJobLocks(
        held.map((handling) => handling.job.id),
        held.map((handling) => handling.token),
        timing.lockMs,
      )
      for (const handling of held) {
        if (gone.includes(handling.job.id)) handling.lose('another worker has it, or it is gone')
        else handling.renewed(at)
      }
    } catch (error) {
      if (!stopping.signal.aborted) log.warn({ queue: name, reason: errorMessage(error) }, 'locks of jobs could not be renewed')
    }
  }

  const timer = setInterval(() => void keepLocks(), timing.lockMs / 4)
  const fetching = fetchJobs()

  async function close(): Promise<void> {
    const end = Date.now() + timing.closeMs
    const left = (): number => Math.max(end - Date.now(), 50)
    stopping.abort(new AppError('ABORTED', 'the worker is closed'))
    freed()
    for (const handling of handlings.values()) handling.stop()
    await link.interrupt()
    // A fetch under way may still bring a job; with the server away it does not end.
    await settledWithin(500, fetching)
    await settledWithin(left(), Promise.all([...handlings.values()].map((handling) => handling.done)))
    const late = [...handlings.values()]
    if (late.length > 0) {
      log.warn({ queue: name, jobs: late.length }, 'handlers did not end in time; their jobs are given back')
      await settledWithin(1_000, Promise.all(late.map((handling) => handling.giveBack())))
    }
    clearInterval(timer)
    await link.end()
    await settledWithin(500, fetching)
  }

  return { close: () => (closing ??= close()) }
}
