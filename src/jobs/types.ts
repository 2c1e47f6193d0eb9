import type { Service } from '../core/lifecycle.js'
import type { Logger } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'

export interface JobsOptions {
  /** Redis 6.2 or later carries queues and messages; without it PostgreSQL does. */
  redisUrl?: string
  /** Holds the leader locks in any case, and the queues where there is no Redis. A process that only works off a queue on Redis needs none. */
  databaseUrl?: string
  /** Keeps several programs on one server apart: `[a-z][a-z0-9_]*`, at most 30 characters. `taogate` by default. */
  prefix?: string
  log: Logger
  metrics: Metrics
  signal?: AbortSignal
  timing?: Partial<JobsTiming>
}

/** All in milliseconds. */
export interface JobsTiming {
  /** How long to wait at the start for a server that is not there yet. */
  waitMs: number
  /** A job belongs to its worker for this long after the last renewal, three of which fall into it. */
  lockMs: number
  /** How often jobs of dead workers are looked for. Such a job is taken over after lockMs and at most two of these. */
  stalledMs: number
  /** First and longest pause before a job that failed for a passing reason is tried again. */
  retryMs: number
  retryMostMs: number
  /** How long handlers have to come back once their signal is aborted; then their jobs are given away under them. */
  closeMs: number
  /** How long adding, removing, counting and sending wait for a server that is away before they fail with QUEUE_DOWN. */
  patienceMs: number
  /** How often those standing by ask for the leader's lock, and how often the leader checks that its connection still answers. */
  leadMs: number
}

export interface Jobs extends Service {
  readonly backend: 'redis' | 'postgres'
  readonly bus: Bus
  /** The queue of this name; the same object each time. Names are `[a-z][a-z0-9_-]*`. T is what JSON can carry. */
  queue<T>(name: string): JobQueue<T>
  /**
   * Runs `run` while this process is the one that leads under `name`, of all processes on this database. The others stand by. `lost` is aborted
   * when the connection that holds the lock is gone, and when `signal` is; `run` has to come back then. After a loss, and after a
   * retryable AppError of `run`, the lock is asked for again. Resolves when `signal` is aborted or `run` came back on its own;
   * rejects with any other error of `run`. The lock belongs to a session: a pooler in transaction mode cannot carry it.
   */
  lead(name: string, signal: AbortSignal, run: (lost: AbortSignal) => Promise<void>): Promise<void>
}

/** Methods reject with QUEUE_DOWN when the server is away for longer than a few seconds; what was asked may have been done all the same. */
export interface JobQueue<T> {
  /**
   * Adds a job, or does nothing when one with this id is waiting, delayed or active. A failed job of that id is replaced.
   * Of the waiting jobs those with the smallest `priority` (0 to 2,000,000, default 0) go first, among equals the oldest.
   */
  add(id: string, data: T, options?: { delayMs?: number; priority?: number }): Promise<void>
  /** Takes a job out; false when there is none, or when it is being worked on. */
  remove(id: string): Promise<boolean>
  counts(): Promise<JobCounts>
  /**
   * Handles jobs until close. A handler may return `{ again: delayMs }` to be called later without counting as a failure. After a
   * retryable AppError the job is tried again, with back-off; after any other error it stays among the failed ones for a week (1,000 at
   * most). A job whose process died goes to another worker after its lock ran out. So a handler may see a job twice, but
   * not two handlers one job at once, as long as they heed their signal.
   */
  work(handler: JobHandler<T>, options: { concurrency: number }): JobWorker
}

export type JobCounts = Record<'waiting' | 'active' | 'delayed' | 'failed', number>

export type JobHandler<T> = (data: T, context: JobContext) => Promise<void | { again: number }>

export interface JobContext {
  id: string
  /** One more than the failures so far. */
  attempt: number
  /** Aborted when the worker is closed and when the job's lock is lost, because then another worker has it. */
  signal: AbortSignal
}

export interface JobWorker {
  /** Aborts the signals of the handlers, gives each job back as its handler ends, and after a few seconds in any case. Safe to call twice. */
  close(): Promise<void>
}

/**
 * Messages to all processes that listen now. They are lost when nobody listens and while a connection is down: what must arrive is repeated by its
 * sender. A message is JSON of less than 7,000 bytes.
 */
export interface Bus {
  /** Rejects with TOO_LARGE, and with QUEUE_DOWN when the server is away. */
  publish(channel: string, message: unknown): Promise<void>
  /** Messages of one connection arrive in the order they were sent. The answer ends the subscription. */
  subscribe(channel: string, listener: (message: unknown) => void): Promise<() => Promise<void>>
}
