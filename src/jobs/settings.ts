import type { JobsTiming } from './types.js'
import { backoffMs } from './waiting.js'

/** A worker that dies in the middle loses no job, but a job that kills its workers comes to an end. */
const MOST_DEATHS = 1_000
const DAY_S = 86_400

/** For BullMQ's queues of both kinds. Nobody reads its event stream, so it is kept short. */
export function queueOptions() {
  return {
    streams: { events: { maxLen: 100 } },
    defaultJobOptions: {
      // Which failures are worth another attempt is decided by their kind, not by their number; the column is an int4.
      attempts: 2 ** 31 - 1,
      backoff: { type: 'capped' },
      removeOnComplete: true,
      removeOnFail: { age: 7 * DAY_S, count: 1_000 },
      // One stack trace, or each attempt would add its own.
      stackTraceLimit: 1,
    },
  }
}

/** For BullMQ's workers of both kinds: fetching, running and renewing of locks are in worker.ts. */
export function workerOptions(timing: JobsTiming) {
  return {
    autorun: false,
    skipLockRenewal: true,
    lockDuration: timing.lockMs,
    stalledInterval: timing.stalledMs,
    maxStalledCount: MOST_DEATHS,
    settings: { backoffStrategy: (attempt: number) => backoffMs(attempt, timing.retryMs, timing.retryMostMs) },
  }
}
