import { AppError } from '../core/errors.js'
import type { BullQueue, Carrier } from './carrier.js'
import type { JobCounts } from './types.js'
import { queueDown, within } from './waiting.js'

/** BullMQ refuses whole numbers and colons as ids. */
export function toBullId(id: string): string {
  if (id === '') throw new AppError('INTERNAL', 'a job needs an id')
  return `j${encodeURIComponent(id)}`
}

export function fromBullId(id: string): string {
  return decodeURIComponent(id.slice(1))
}

/** The side of a queue that adds, removes and counts. */
export interface Sender {
  add(id: string, data: unknown, options?: { delayMs?: number; priority?: number }): Promise<void>
  remove(id: string): Promise<boolean>
  counts(): Promise<JobCounts>
  close(): Promise<void>
}

export function createSender(options: { carrier: Carrier; name: string; patienceMs: number; onError: (error: Error) => void }): Sender {
  const { carrier, name, patienceMs, onError } = options
  const server = carrier.backend === 'redis' ? 'Redis' : 'PostgreSQL'
  let opened: BullQueue | null = null
  let closed = false

  async function ask<T>(doing: string, work: (queue: BullQueue) => Promise<T>): Promise<T> {
    if (closed) throw new AppError('ABORTED', 'the queue is closed')
    const late = (): never => {
      throw queueDown(server, doing, new Error(`no answer in ${patienceMs * 2} ms`))
    }
    try {
      return await within(patienceMs * 2, onReadyQueue(work), late)
    } catch (error) {
      throw carrier.explain(error, doing)
    }
  }

  /** BullMQ remembers for good that its first look at the server failed: such a queue is thrown away. */
  async function onReadyQueue<T>(work: (queue: BullQueue) => Promise<T>): Promise<T> {
    let queue = opened
    if (queue === null) {
      queue = opened = carrier.openQueue(name)
      queue.on('error', onError)
    }
    try {
      await queue.waitUntilReady()
    } catch (error) {
      if (opened === queue) opened = null
      queue.close().catch(onError)
      throw error
    }
    return work(queue)
  }

  return {
    add: (id, data, { delayMs = 0, priority = 0 } = {}) =>
      ask('adding a job', async (queue) => {
        const jobId = toBullId(id)
        const state = await queue.getJobState(jobId)
        // An ended job keeps its id, and adding would do nothing.
        if (state === 'failed' || state === 'completed') await queue.remove(jobId)
        await queue.add(name, { data }, { jobId, delay: Math.max(0, Math.round(delayMs)), priority })
      }),
    remove: (id) =>
      ask('removing a job', async (queue) => {
        const jobId = toBullId(id)
        // Redis calls it removed when there was none.
        if ((await queue.getJobState(jobId)) === 'unknown') return false
        return (await queue.remove(jobId)) === 1
      }),
    counts: () =>
      ask('counting jobs', async (queue) => {
        const found = await queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed')
        const count = (state: string): number => found[state] ?? 0
        return {
          waiting: count('waiting') + count('prioritized'),
          active: count('active'),
          delayed: count('delayed'),
          failed: count('failed'),
        }
      }),
    async close() {
      closed = true
      await opened?.close()
    },
  }
}
