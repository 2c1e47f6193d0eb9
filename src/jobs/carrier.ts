import type { IQueueBackend, Queue, Worker } from 'bullmq'
import type { AppError } from '../core/errors.js'
import type { Bus } from './types.js'

/** What a job carries in the queue; the wrapping lets T be anything that JSON can hold. */
export interface Payload {
  data: unknown
}

type Dataset = [Payload, unknown, string]
export type BullQueue = Queue<Dataset[0], Dataset[1], Dataset[2], Dataset[0], Dataset[1], Dataset[2], IQueueBackend, unknown>
export type BullWorker = Worker<Dataset[0], Dataset[1], Dataset[2], IQueueBackend>

/** A BullMQ worker that fetches and settles but runs nothing by itself, on connections that outlast an outage. */
export interface WorkerLink {
  worker: BullWorker
  /** Wakes a fetch that waits for jobs. */
  interrupt(): Promise<void>
  /** Lets go of everything within a second or two, whatever the server does. */
  end(): Promise<void>
}

/** What a server has to give; the rest of this folder is the same for Redis and PostgreSQL. */
export interface Carrier {
  readonly backend: 'redis' | 'postgres'
  readonly bus: Bus
  openQueue(name: string): BullQueue
  openWorker(name: string): WorkerLink
  ping(): Promise<void>
  /** An error of this server as QUEUE_DOWN where it was not there to answer, everything else as INTERNAL. */
  explain(error: unknown, doing: string): AppError
  close(): Promise<void>
}
