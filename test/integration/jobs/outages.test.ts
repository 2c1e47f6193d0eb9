import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { sleep } from '../../../src/core/lifecycle.js'
import { silentLog } from '../../../src/core/log.js'
import type { Jobs } from '../../../src/jobs/index.js'
import { openDatabase } from '../../../src/store/index.js'
import { testDatabase } from '../../support/database.js'
import { hasRedis, testRedis } from '../../support/redis.js'
import { eventually } from '../../support/waiting.js'
import { freshPrefix, gate, jobsAt, SHORT, wireTo } from './rig.js'

const withRedis = test.skipIf(!hasRedis())

/** A program that works off a queue, listens and leads, and notes what it sees. */
async function busyProgram(jobs: Jobs) {
  const handled: string[] = []
  const aborted: string[] = []
  const heard: unknown[] = []
  const terms: string[] = []
  const held = gate()
  let begun = false
  const queue = jobs.queue<string>('work')
  queue.work(
    async (data, { id, signal }) => {
      signal.addEventListener('abort', () => aborted.push(id))
      if (data === 'hold') {
        begun = true
        await held.opened
      }
      handled.push(id)
    },
    // A job that came back under its handler takes a place while it waits for that.
    { concurrency: 3 },
  )
  await jobs.bus.subscribe('news', (message) => void heard.push(message))
  const stop = new AbortController()
  const leading = jobs.lead('sweep', stop.signal, async (lost) => {
    terms.push('begins')
    await sleep(600_000, lost).catch(() => undefined)
    terms.push('ends')
  })
  await queue.add('held', 'hold')
  await queue.add('later', 'soon', { delayMs: 1_000 })
  // The server counts a job as active before the worker knows that it has it.
  await eventually('it works', async () => begun && (await queue.counts()).active === 1 && terms.length === 1)
  return { queue, handled, aborted, heard, terms, held, end: () => (stop.abort(), leading) }
}

/** Repeats a message until it is heard, as senders of what must arrive do. */
async function tell(jobs: Jobs, heard: unknown[], text: string): Promise<void> {
  await eventually(`"${text}" is heard`, async () => {
    await jobs.bus.publish('news', text).catch(() => undefined)
    return heard.includes(text)
  })
}

withRedis('Redis killed and started again: what is in its file is worked off, each job once', async () => {
  await using db = await testDatabase({ empty: true })
  await using redis = await testRedis({ durable: true })
  await using jobs = await jobsAt({ databaseUrl: db.url, redisUrl: redis.url }, freshPrefix())
  const program = await busyProgram(jobs)
  await redis.kill()
  // It ends while there is nobody to be told.
  program.held.open()
  await expect(jobs.ready()).resolves.toMatchObject({ ok: false, reasons: [expect.stringMatching(/^jobs: Redis/)] })
  await redis.start()
  await program.queue.add('after', 'x')
  await eventually('all are handled', async () => program.handled.length === 3 && (await program.queue.counts()).active === 0)
  expect(program.handled.sort()).toEqual(['after', 'held', 'later'])
  expect(await program.queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
  await tell(jobs, program.heard, 'back')
  // Leading has nothing to do with Redis.
  expect(program.terms).toEqual(['begins'])
  await program.end()
  expect(program.terms).toEqual(['begins', 'ends'])
})

withRedis('Redis started again empty: the handler of a job that is gone is told, and what is added again is worked off', async () => {
  await using db = await testDatabase({ empty: true })
  await using redis = await testRedis()
  await using jobs = await jobsAt({ databaseUrl: db.url, redisUrl: redis.url }, freshPrefix())
  const program = await busyProgram(jobs)
  await redis.kill()
  await redis.start()
  // As soon as it is added again the worker has it, but not beside the handler that still holds it.
  await eventually('its handler is told', () => program.aborted.includes('held'))
  expect(program.handled).toEqual([])
  await program.queue.add('held', 'x')
  await program.queue.add('other', 'x')
  await eventually('the other is handled', () => program.handled.includes('other'))
  expect(program.handled).toEqual(['other'])
  program.held.open()
  await eventually('then it is handled', () => program.handled.length === 3)
  expect(program.handled).toEqual(['other', 'held', 'held'])
  await eventually('nothing is left', async () => (await program.queue.counts()).active === 0)
  expect(await program.queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
  await tell(jobs, program.heard, 'back')
  await program.end()
})

test('PostgreSQL crashed and started again: jobs go on, each once, messages arrive, and leading begins anew', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'taogate-jobs-'))
  const database = await openDatabase({ dataDir: folder, log: silentLog })
  try {
    await using jobs = await jobsAt({ databaseUrl: database.url }, freshPrefix())
    const program = await busyProgram(jobs)
    const crash = async (): Promise<void> => {
      const [pid] = (await readFile(path.join(folder, 'postgres/data/postmaster.pid'), 'utf8')).split('\n')
      process.kill(Number(pid), 'SIGQUIT')
    }
    await crash()
    program.held.open()
    await eventually('the lead is lost and taken again', () => program.terms.length === 3)
    expect(program.terms).toEqual(['begins', 'ends', 'begins'])
    await program.queue.add('after', 'x')
    await eventually('all are handled', async () => program.handled.length === 3 && (await program.queue.counts()).active === 0)
    expect(program.handled.sort()).toEqual(['after', 'held', 'later'])
    expect(await program.queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    await tell(jobs, program.heard, 'back')
    await program.end()
  } finally {
    await database.close()
    await rm(folder, { recursive: true, force: true })
  }
})

test.each(['postgres', 'redis'] as const)(
  'without its server (%s) everything fails in time and close ends, whether it is gone or hangs',
  async (backend) => {
    if (backend === 'redis' && !hasRedis()) return
    await using db = await testDatabase({ empty: true })
    await using redis = backend === 'redis' ? await testRedis() : null
    const lose = async (how: 'cut' | 'freeze'): Promise<void> => {
      await using wire = await wireTo(redis?.url ?? db.url)
      const place = redis === null ? { databaseUrl: wire.url } : { databaseUrl: db.url, redisUrl: wire.url }
      const jobs = await jobsAt(place, freshPrefix(), { timing: { ...SHORT, patienceMs: 500 } })
      const program = await busyProgram(jobs)
      wire[how]()
      const startedAt = Date.now()
      const wanted = { code: 'QUEUE_DOWN' }
      await Promise.all([
        expect(program.queue.add('x', 'x')).rejects.toMatchObject(wanted),
        expect(program.queue.remove('later')).rejects.toMatchObject(wanted),
        expect(program.queue.counts()).rejects.toMatchObject(wanted),
        expect(jobs.bus.publish('news', 1)).rejects.toMatchObject(wanted),
        expect(jobs.ready()).resolves.toMatchObject({ ok: false }),
      ])
      expect(Date.now() - startedAt).toBeLessThan(4_000)
      // The lock of the job runs out: its handler is told, because another worker may have it.
      await eventually('the handler is told', () => program.aborted.includes('held'), 5_000)
      const closingAt = Date.now()
      await jobs.close()
      expect(Date.now() - closingAt).toBeLessThan(5_000)
    }
    await Promise.all([lose('cut'), lose('freeze')])
  },
)

test('a worker cut off keeps its place: work goes on when the connection is mended', async () => {
  await using db = await testDatabase({ empty: true })
  await using wire = await wireTo(db.url)
  await using jobs = await jobsAt({ databaseUrl: wire.url }, freshPrefix())
  const program = await busyProgram(jobs)
  for (const how of ['cut', 'freeze'] as const) {
    wire[how]()
    await sleep(300)
    wire.mend()
    await eventually(`a job is handled after ${how}`, async () => {
      await program.queue.add(how, 'x').catch(() => undefined)
      return program.handled.includes(how)
    })
    await tell(jobs, program.heard, how)
  }
  program.held.open()
  await program.end()
})

test('without a server there is no start, and the reason is said', async () => {
  const timing = { ...SHORT, waitMs: 300 }
  await expect(jobsAt({ databaseUrl: 'postgres://x:y@127.0.0.1:9/z' }, 'p', { timing })).rejects.toMatchObject({ code: 'QUEUE_DOWN' })
  await expect(jobsAt({ redisUrl: 'redis://:hidden@127.0.0.1:9' }, 'p', { timing })).rejects.toMatchObject({
    code: 'QUEUE_DOWN',
    message: expect.stringMatching(/^no Redis answers at redis:\/\/:\*\*\*@127.0.0.1:9.*ECONNREFUSED/),
  })
  await expect(jobsAt({}, 'p')).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await expect(jobsAt({}, 'Not a prefix')).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  const signal = AbortSignal.timeout(200)
  const startedAt = Date.now()
  await expect(jobsAt({ databaseUrl: 'postgres://x:y@127.0.0.1:9/z' }, 'p', { signal })).rejects.toThrow()
  expect(Date.now() - startedAt).toBeLessThan(2_000)
})
