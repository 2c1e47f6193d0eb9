import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AppError } from '../../../src/core/errors.js'
import { sleep } from '../../../src/core/lifecycle.js'
import { createMetrics } from '../../../src/core/metrics.js'
import { testDatabase, type TestDatabase } from '../../support/database.js'
import { hasRedis, testRedis, type TestRedis } from '../../support/redis.js'
import { eventually } from '../../support/waiting.js'
import { freshPrefix, gate, jobsAt, SHORT, type Place } from './rig.js'

const BUILT = new URL('../../../dist/jobs/index.js', import.meta.url)
/** Takes one job and never ends it. */
const HOLDER = `
  import { openJobs } from ${JSON.stringify(BUILT.href)}
  import { silentLog } from ${JSON.stringify(new URL('../core/log.js', BUILT).href)}
  import { createMetrics } from ${JSON.stringify(new URL('../core/metrics.js', BUILT).href)}
  const { place, prefix, timing } = JSON.parse(process.argv[1])
  const jobs = await openJobs({ ...place, prefix, timing, log: silentLog, metrics: createMetrics() })
  jobs.queue('work').work((data) => { process.stdout.write(data.say); return new Promise(() => {}) }, { concurrency: 1 })`

let database: TestDatabase
let redis: TestRedis | null = null
beforeAll(async () => {
  database = await testDatabase({ empty: true })
  redis = hasRedis() ? await testRedis() : null
})
afterAll(async () => {
  await redis?.[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

describe.each(['postgres', 'redis'] as const)('jobs on %s', (backend) => {
  const place = (): Place => ({ databaseUrl: database.url, ...(backend === 'redis' ? { redisUrl: redis?.url } : {}) })
  const run = test.skipIf(backend === 'redis' && !hasRedis())

  run('a job that waits is not added again, and goes once to the handler with its data', async () => {
    await using jobs = await jobsAt(place(), freshPrefix())
    expect(jobs.backend).toBe(backend)
    expect(await jobs.ready()).toEqual({ ok: true })
    const queue = jobs.queue<{ n: number }>('work')
    expect(jobs.queue('work')).toBe(queue)
    // Ids that BullMQ itself would refuse are among them.
    await queue.add('7', { n: 1 })
    await queue.add('7', { n: 2 })
    await queue.add('a:b/ü', { n: 3 })
    await queue.add('later', { n: 4 }, { delayMs: 60_000 })
    await queue.add('later', { n: 5 })
    expect(await queue.counts()).toEqual({ waiting: 2, active: 0, delayed: 1, failed: 0 })
    const seen: unknown[] = []
    queue.work(async (data, { id, attempt }) => void seen.push([id, attempt, data]), { concurrency: 1 })
    await eventually('both are handled', async () => seen.length === 2 && (await queue.counts()).active === 0)
    expect(seen).toEqual([
      ['7', 1, { n: 1 }],
      ['a:b/ü', 1, { n: 3 }],
    ])
    // A finished job leaves nothing behind, and its id can be used again.
    expect(await queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 1, failed: 0 })
    await queue.add('7', { n: 6 })
    await eventually('it is handled again', () => seen.length === 3)
    expect(seen[2]).toEqual(['7', 1, { n: 6 }])
  })

  run('of the waiting jobs the smallest priority goes first, then the oldest', async () => {
    await using jobs = await jobsAt(place(), freshPrefix())
    const queue = jobs.queue('work')
    for (const [id, priority] of [
      ['d', 2_000_000],
      ['c', 9],
      ['a', 0],
      ['b', 1],
      ['c2', 9],
    ] as const) {
      await queue.add(id, null, { priority })
    }
    expect((await queue.counts()).waiting).toBe(5)
    const seen: string[] = []
    queue.work(async (_, { id }) => void seen.push(id), { concurrency: 1 })
    await eventually('all are handled', () => seen.length === 5)
    expect(seen).toEqual(['a', 'b', 'c', 'c2', 'd'])
  })

  run('a handler may ask to be called again later, which is no failure', async () => {
    await using jobs = await jobsAt(place(), freshPrefix())
    const queue = jobs.queue<string>('work')
    const calls: { at: number; attempt: number; data: string }[] = []
    const work = async (data: string, { attempt }: { attempt: number }): Promise<void | { again: number }> => {
      calls.push({ at: Date.now(), attempt, data })
      if (calls.length < 3) return { again: 150 }
    }
    queue.work(work, { concurrency: 1 })
    await queue.add('x', 'watch')
    await eventually('three calls', () => calls.length === 3)
    expect(calls.map(({ attempt, data }) => [attempt, data])).toEqual(Array(3).fill([1, 'watch']))
    expect((calls[1]?.at ?? 0) - (calls[0]?.at ?? 0)).toBeGreaterThanOrEqual(145)
    await eventually('it is gone', async () => (await queue.counts()).delayed + (await queue.counts()).active === 0)
  })

  run('a passing failure is tried again, any other stays as failed until the job is added anew', async () => {
    const metrics = createMetrics()
    await using jobs = await jobsAt(place(), freshPrefix(), { metrics })
    const queue = jobs.queue<string>('work')
    const calls: [string, number, string][] = []
    queue.work(
      async (data, { id, attempt }) => {
        calls.push([id, attempt, data])
        if (data === 'passing' && attempt < 4) throw new AppError('UPSTREAM_DOWN', 'not now')
        if (data === 'broken') throw new Error('a bug')
      },
      { concurrency: 1 },
    )
    await queue.add('p', 'passing')
    await eventually('the fourth attempt', () => calls.length === 4)
    expect(calls.map(([, attempt]) => attempt)).toEqual([1, 2, 3, 4])
    await queue.add('b', 'broken')
    await eventually('it failed', async () => (await queue.counts()).failed === 1)
    await sleep(200)
    expect(calls).toHaveLength(5)
    await queue.add('b', 'mended')
    await eventually('it is replaced', () => calls.length === 6)
    expect(calls[5]).toEqual(['b', 1, 'mended'])
    await eventually('nothing is left', async () => (await queue.counts()).active === 0)
    expect(await queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    const text = await metrics.metrics()
    expect(text).toContain('tao_jobs_handled_total{queue="work",outcome="retried"} 3')
    expect(text).toContain('tao_jobs_handled_total{queue="work",outcome="failed"} 1')
    expect(text).toContain('tao_jobs_queued{queue="work",state="failed"} 0')
  })

  run('a job that waits can be taken out, one that is worked on cannot', async () => {
    await using jobs = await jobsAt(place(), freshPrefix())
    const queue = jobs.queue('work')
    await queue.add('x', 1)
    expect(await queue.remove('x')).toBe(true)
    expect(await queue.remove('x')).toBe(false)
    const { open, opened } = gate()
    queue.work(() => opened, { concurrency: 1 })
    await queue.add('y', 1)
    await eventually('it is worked on', async () => (await queue.counts()).active === 1)
    expect(await queue.remove('y')).toBe(false)
    await queue.add('y', 2)
    expect(await queue.counts()).toEqual({ waiting: 0, active: 1, delayed: 0, failed: 0 })
    open()
    await eventually('it ends', async () => (await queue.counts()).active === 0)
  })

  run('two processes never have one job at once, each job is done once, and concurrency is kept', async () => {
    const prefix = freshPrefix()
    await using first = await jobsAt(place(), prefix)
    await using second = await jobsAt(place(), prefix)
    // Another program on the same server.
    await using stranger = await jobsAt(place(), freshPrefix())
    const done: string[] = []
    const inHand = new Set<string>()
    const busy = [0, 0]
    let most = 0
    for (const [at, jobs] of [first, second].entries()) {
      jobs.queue('work').work(
        async (_, { id }) => {
          expect(inHand.has(id)).toBe(false)
          inHand.add(id)
          busy[at] = (busy[at] ?? 0) + 1
          most = Math.max(most, busy[at] ?? 0)
          await sleep(30)
          busy[at] = (busy[at] ?? 0) - 1
          inHand.delete(id)
          done.push(id)
        },
        { concurrency: 3 },
      )
    }
    stranger.queue('work').work(async (_, { id }) => void done.push(`stranger ${id}`), { concurrency: 1 })
    const ids = Array.from({ length: 40 }, (_, i) => `job ${i}`)
    await Promise.all(ids.map((id) => first.queue('work').add(id, null)))
    await eventually('all are done', () => done.length >= ids.length)
    await sleep(50)
    expect(done.sort()).toEqual(ids.sort())
    expect(most).toBe(3)
  })

  run('the job of a killed process goes to another one, and a job that takes longer than its lock stays', async () => {
    if (!existsSync(BUILT)) throw new Error('this test runs the built program: `npm run build` first, or `npm test`, which does')
    const prefix = freshPrefix()
    await using jobs = await jobsAt(place(), prefix)
    const queue = jobs.queue<{ say: string }>('work')
    const asked = JSON.stringify({ place: place(), prefix, timing: SHORT })
    const holder = spawn(process.execPath, ['--input-type=module', '--eval', HOLDER, asked], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      await queue.add('x', { say: 'mine' })
      expect(String((await once(holder.stdout, 'data'))[0])).toBe('mine')
      const calls: number[] = []
      queue.work(async (_, { attempt }) => void calls.push(attempt), { concurrency: 1 })
      // Twice as long as its lock: only its renewals keep it.
      await sleep(SHORT.lockMs * 2)
      expect(calls).toEqual([])
      const exited = once(holder, 'exit')
      holder.kill('SIGKILL')
      await exited
      const killedAt = Date.now()
      await eventually('it is taken over', () => calls.length > 0)
      expect(Date.now() - killedAt).toBeLessThan(SHORT.lockMs + 3 * SHORT.stalledMs + 2_000)
      expect(calls).toEqual([1])
    } finally {
      holder.kill('SIGKILL')
    }
  })

  run('a worker that closes gives its jobs back at once, also those whose handler does not end', async () => {
    const prefix = freshPrefix()
    await using first = await jobsAt(place(), prefix)
    await using second = await jobsAt(place(), prefix)
    const heard: string[] = []
    const worker = first.queue('work').work(
      async (_, { id, signal }) => {
        if (id === 'deaf') return new Promise(() => {})
        await sleep(60_000, signal).catch((error: unknown) => {
          heard.push(id)
          throw error
        })
      },
      { concurrency: 2 },
    )
    await first.queue('work').add('heeds', null)
    await first.queue('work').add('deaf', null)
    await eventually('both are taken', async () => (await first.queue('work').counts()).active === 2)
    const taken: { id: string; at: number; attempt: number }[] = []
    second.queue('work').work(async (_, { id, attempt }) => void taken.push({ id, at: Date.now(), attempt }), { concurrency: 1 })
    const startedAt = Date.now()
    const closing = Promise.all([worker.close(), worker.close()])
    await eventually('the first is taken by the other', () => taken.length > 0, SHORT.closeMs - 100)
    await closing
    expect(Date.now() - startedAt).toBeLessThan(SHORT.closeMs + 1_500)
    await eventually('so is the second', () => taken.length === 2, 2_000)
    expect(taken.map(({ id, attempt }) => [id, attempt])).toEqual([
      ['heeds', 1],
      ['deaf', 1],
    ])
    expect(heard).toEqual(['heeds'])
    await sleep(100)
    expect(await second.queue('work').counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    // A worker that waits for jobs is woken to close.
    const idle = second.queue('other').work(async () => undefined, { concurrency: 1 })
    await sleep(100)
    const idleAt = Date.now()
    await idle.close()
    expect(Date.now() - idleAt).toBeLessThan(1_500)
  })

  run('messages go to all processes that listen, in order, and to nobody else', async () => {
    const prefix = freshPrefix()
    await using first = await jobsAt(place(), prefix)
    await using second = await jobsAt(place(), prefix)
    await using stranger = await jobsAt(place(), freshPrefix())
    const heard: Record<string, unknown[]> = { a: [], b: [], other: [], stranger: [] }
    const listen = (name: string) => (message: unknown) => void heard[name]?.push(message)
    const stop = await first.bus.subscribe('5Hot:key', listen('a'))
    await first.bus.subscribe('5Hot:key', () => {
      throw new Error('a listener of no use')
    })
    await second.bus.subscribe('5Hot:key', listen('b'))
    await second.bus.subscribe('other', listen('other'))
    await stranger.bus.subscribe('5Hot:key', listen('stranger'))
    const large = 'ü'.repeat(3_000)
    for (const message of [{ n: 1 }, null, large]) await second.bus.publish('5Hot:key', message)
    await eventually('all is heard', () => heard['a']?.length === 3 && heard['b']?.length === 3)
    await stop()
    await first.bus.publish('5Hot:key', 'last')
    await eventually('the last is heard', () => heard['b']?.length === 4)
    expect(heard).toEqual({ a: [{ n: 1 }, null, large], b: [{ n: 1 }, null, large, 'last'], other: [], stranger: [] })
    await expect(first.bus.publish('other', 'ü'.repeat(3_600))).rejects.toMatchObject({ code: 'TOO_LARGE' })
  })

  run('one process leads, and the next one follows when it stops', async () => {
    const prefix = freshPrefix()
    await using first = await jobsAt(place(), prefix)
    await using second = await jobsAt(place(), prefix)
    const leaders: string[] = []
    const stop = new AbortController()
    const until = (name: string) => async (lost: AbortSignal) => {
      leaders.push(name)
      await sleep(60_000, lost)
    }
    const firstLead = first.lead('sweep', stop.signal, until('first'))
    await eventually('the first leads', () => leaders.length === 1)
    const end = new AbortController()
    const secondLead = second.lead('sweep', end.signal, until('second'))
    const otherLead = second.lead('other', end.signal, until('other'))
    await eventually('another name has its own leader', () => leaders.length === 2)
    await sleep(SHORT.leadMs * 3)
    expect(leaders).toEqual(['first', 'other'])
    stop.abort()
    await firstLead
    await eventually('the second follows', () => leaders.length === 3, 2_000)
    expect(leaders).toEqual(['first', 'other', 'second'])
    end.abort()
    await Promise.all([secondLead, otherLead])
    // A failure that passes is tried again, a bug is the caller's.
    let runs = 0
    const failing = async (): Promise<void> => {
      runs++
      throw runs === 1 ? new AppError('UPSTREAM_DOWN', 'not now') : new Error('a bug')
    }
    await expect(first.lead('sweep', new AbortController().signal, failing)).rejects.toThrow('a bug')
    expect(runs).toBe(2)
  })

  run('a closed queue refuses, and says so', async () => {
    const jobs = await jobsAt(place(), freshPrefix())
    await jobs.queue('work').add('x', 1)
    await Promise.all([jobs.close(), jobs.close()])
    await expect(jobs.queue('work').add('y', 1)).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(jobs.lead('x', new AbortController().signal, async () => undefined)).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await jobs.ready()).toMatchObject({ ok: false })
  })
})

test('the tables of the queue are in a schema of their own, and its connections have a name and a limit', async () => {
  await using db = await testDatabase()
  const tables = `SELECT schemaname AS schema, count(*)::int AS n FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') GROUP BY 1 ORDER BY 1`
  const { rows: before } = await db.pool.query<{ schema: string; n: number }>(tables)
  await using jobs = await jobsAt({ databaseUrl: db.url }, freshPrefix())
  // Two at once find the schema already there.
  await using other = await jobsAt({ databaseUrl: db.url }, freshPrefix())
  const { rows: after } = await db.pool.query<{ schema: string; n: number }>(tables)
  expect(after.filter(({ schema }) => schema !== 'bullmq')).toEqual(before)
  expect(after.some(({ schema }) => schema === 'bullmq')).toBe(true)
  const handled: string[] = []
  const queue = jobs.queue('work')
  queue.work(async (_, { id }) => void handled.push(id), { concurrency: 20 })
  await jobs.bus.subscribe('x', () => undefined)
  await Promise.all(Array.from({ length: 60 }, (_, i) => queue.add(`${i}`, null)))
  await eventually('all are handled', () => handled.length === 60)
  const { rows } = await db.pool.query<{ name: string; n: number }>(
    `SELECT application_name AS name, count(*)::int AS n FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name NOT LIKE 't\\_%' GROUP BY 1`,
  )
  expect(rows).toEqual([{ name: 'taogate jobs', n: expect.any(Number) }])
  // Two for the queues, three for the worker, one that listens to messages.
  expect(rows[0]?.n).toBeLessThanOrEqual(6)
  await expect(other.queue('work').counts()).resolves.toMatchObject({ waiting: 0 })
})
