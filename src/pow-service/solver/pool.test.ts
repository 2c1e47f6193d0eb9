import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { fakePowAddon } from '../../../test/support/fake-pow-addon.js'
import { eventually } from '../../../test/support/waiting.js'
import { createLogger, silentLog, type Logger } from '../../core/log.js'
import { createMetrics, type Metrics } from '../../core/metrics.js'
import type { ByteOrder } from '../../core/registrations.js'
import { createPool, type Pool, type PoolOptions } from './pool.js'
import { meets, sealOf } from './seal.js'
import type { Challenge, Hit } from './types.js'

interface Order {
  id: string
  challenge: Challenge
}

function order(id: string, difficulty: bigint, byteOrder: ByteOrder = 'big'): Order {
  return { id, challenge: { preimage: randomBytes(32), byteOrder, difficulty } }
}

function passes({ challenge }: Order, nonce: bigint): boolean {
  return meets(sealOf(challenge.preimage, nonce), challenge.difficulty, challenge.byteOrder)
}

/** The value of a counter over all its labels. */
async function count(metrics: Metrics, name: string): Promise<number> {
  const metric = await metrics.getSingleMetric(name)?.get()
  return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? NaN
}

function recordingLog(): { log: Logger; lines: string[] } {
  const lines: string[] = []
  const stream = new Writable({
    write(line: Buffer, _, done) {
      lines.push(line.toString())
      done()
    },
  })
  return { log: createLogger({ stream, format: 'json' }), lines }
}

const folder = mkdtempSync(join(tmpdir(), 'taogate-pool-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
function addonWith(fault: string, kernels?: string[], cudaDevices?: number, forms?: string[]): string {
  const path = join(folder, `${files++}.cjs`)
  writeFileSync(path, fakePowAddon(fault, kernels, cudaDevices, forms))
  return path
}

const pools: Pool<Order>[] = []
async function open(options: Partial<PoolOptions> = {}): Promise<Pool<Order>> {
  const pool = await createPool<Order>({ solver: 'wasm', threads: 2, log: silentLog, ...options })
  pools.push(pool)
  return pool
}
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()))
})

describe('a pool', () => {
  let pool: Pool<Order>
  const metrics = createMetrics()
  beforeAll(async () => {
    pool = await createPool<Order>({ solver: 'wasm', threads: 2, log: silentLog, metrics })
  })
  afterAll(() => pool.close())

  test('finds hits with every thread, in nonce ranges of their own, until it is told to stop', async () => {
    for (const byteOrder of ['big', 'little'] as const) {
      const work = order('a', 5000n, byteOrder)
      const controller = new AbortController()
      const hits: Hit[] = []
      const ended = pool.search(work, {
        signal: controller.signal,
        onHit(hit) {
          hits.push(hit)
          if (new Set(hits.map(({ nonce }) => nonce >> 32n)).size === 2 && hits.length > 20) controller.abort()
        },
      })
      expect(await ended).toBe('aborted')
      for (const { nonce, seal } of hits) {
        expect(passes(work, nonce)).toBe(true)
        expect(Buffer.from(seal)).toEqual(Buffer.from(sealOf(work.challenge.preimage, nonce)))
      }
      expect(new Set(hits.map(({ nonce }) => nonce)).size).toBe(hits.length)
    }
  })

  test('tells no hit of work that is over', async () => {
    let current: Order | null = null
    const told: string[] = []
    const stop = pool.onHit((work, nonce) => {
      expect(work).toBe(current)
      expect(passes(work, nonce)).toBe(true)
      told.push(work.id)
    })
    for (let k = 0; k < 30; k++) {
      current = order(`work ${k}`, 300n, k % 2 === 0 ? 'big' : 'little')
      pool.set(current)
      const before = told.length
      await eventually('a hit of the new work', () => told.length > before)
    }
    pool.set((current = null))
    stop()
    expect(new Set(told).size).toBe(30)
    // Candidates were under way at 30 switches, hundreds a second.
    await eventually('late candidates are counted', async () => (await count(metrics, 'tao_pow_solver_stale_hits_total')) > 0)
  })

  test('rests without work and goes on after', async () => {
    pool.set(order('b', 2n ** 60n))
    pool.takeHashes()
    await eventually('nonces are tried', () => pool.takeHashes() > 0)
    pool.set(null)
    // A thread may still be counting what it had begun.
    await eventually('no more nonces are tried', async () => {
      pool.takeHashes()
      await new Promise((resolve) => setTimeout(resolve, 50))
      return pool.takeHashes() === 0
    })
    const rates = pool.devices().map(({ hashRate }) => hashRate)
    expect(rates.every((rate) => rate > 1000)).toBe(true)
    pool.set(order('c', 2n ** 60n))
    await eventually('nonces are tried again', () => pool.takeHashes() > 0)
    pool.set(null)
  })

  test('is not drowned by hits where almost everything is one', async () => {
    const work = order('easy', 1n)
    const controller = new AbortController()
    let hits = 0
    const ended = pool.search(work, { signal: controller.signal, onHit: () => hits++ })
    await new Promise((resolve) => setTimeout(resolve, 300))
    controller.abort()
    expect(await ended).toBe('aborted')
    expect(hits).toBeGreaterThan(0)
    const after = hits
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(hits).toBe(after)
  })

  test('says when other work took the place of a search, and passes on what a listener throws', async () => {
    const signal = new AbortController().signal
    const first = pool.search(order('first', 2n ** 60n), { signal, onHit: () => {} })
    const second = pool.search(order('second', 100n), {
      signal,
      onHit: () => {
        throw new Error('no room')
      },
    })
    expect(await first).toBe('replaced')
    await expect(second).rejects.toThrow('no room')
    expect(await pool.search(order('third', 1n), { signal: AbortSignal.abort(), onHit: () => {} })).toBe('aborted')
  })

  test('outlives a listener that throws, and others are told', async () => {
    let told = 0
    const ends = [
      pool.onHit(() => {
        throw new Error('full')
      }),
      pool.onHit(() => told++),
    ]
    pool.set(order('a', 1000n))
    await eventually('hits are told', () => told > 3)
    pool.set(null)
    for (const end of ends) end()
  })

  test('names its devices', () => {
    expect(pool.devices()).toEqual(
      ['cpu:0', 'cpu:1'].map((device) => ({
        device,
        solver: 'wasm',
        hashRate: expect.any(Number),
        switchMs: expect.any(Number),
        alive: true,
      })),
    )
  })
})

test('closing ends searches and threads, once', async () => {
  const pool = await open()
  const search = pool.search(order('a', 2n ** 60n), { signal: new AbortController().signal, onHit: () => {} })
  await Promise.all([pool.close(), pool.close()])
  expect(await search).toBe('closed')
  expect(pool.devices().map(({ alive }) => alive)).toEqual([false, false])
  expect(await pool.search(order('b', 1n), { signal: new AbortController().signal, onHit: () => {} })).toBe('closed')
})

test('a thread that dies is replaced, and the search goes on', async () => {
  const { log, lines } = recordingLog()
  const metrics = createMetrics()
  // By then it has passed its self-test and does the pool's work: that has a control word in a memory of more than one.
  const addon = addonWith('if (control.buffer.byteLength > 4 && high % 2 === 0) throw new Error("device lost")')
  const pool = await open({ solver: 'portable', files: { addon }, log, metrics })
  const work = order('a', 3000n)
  const found: bigint[] = []
  pool.onHit((_, nonce) => found.push(nonce))
  pool.set(work)
  await eventually('a thread was replaced', async () => (await count(metrics, 'tao_pow_solver_restarts_total')) > 0)
  await eventually('both threads are there', () => pool.devices().every(({ alive }) => alive))
  const before = found.length
  await eventually('hits go on', () => found.length > before + 10)
  expect(found.every((nonce) => passes(work, nonce))).toBe(true)
  const died = lines.find((line) => line.includes('a solver thread died'))
  expect(died).toContain('"level":"error"')
  expect(died).toContain('device lost')
})

test('a thread that names a wrong nonce is not believed and is replaced', async () => {
  const { log, lines } = recordingLog()
  const metrics = createMetrics()
  const addon = addonWith('if (control.buffer.byteLength > 4 && ++calls === 5) { hits[found] = from; return [tried, found + 1] }')
  const pool = await open({ solver: 'portable', threads: 1, files: { addon }, log, metrics })
  const work = order('a', 100_000n)
  const found: bigint[] = []
  pool.onHit((_, nonce) => found.push(nonce))
  pool.set(work)
  await eventually('the thread was replaced', async () => (await count(metrics, 'tao_pow_solver_restarts_total')) > 0)
  expect(await count(metrics, 'tao_pow_solver_wrong_hits_total')).toBeGreaterThan(0)
  expect(found.every((nonce) => passes(work, nonce))).toBe(true)
  expect(lines.some((line) => line.includes('named a nonce that is none'))).toBe(true)
})

describe('a kernel that is wrong', () => {
  test('is left for the next one with an error', async () => {
    const { log, lines } = recordingLog()
    const metrics = createMetrics()
    const addon = addonWith('if (name === "avx512" && found > 3) return [tried, found - 1]', ['portable', 'avx512'])
    const pool = await open({ solver: 'auto', files: { addon }, log, metrics })
    expect(pool.devices().map(({ solver }) => solver)).toEqual(['wasm', 'wasm'])
    expect(await count(metrics, 'tao_pow_solver_self_test_failures_total')).toBe(1)
    const line = lines.find((text) => text.includes('not fit for work'))
    expect(line).toContain('"level":"error"')
    expect(line).toContain('solver avx512 on cpu:0 failed its self-test')
  })

  test('is not used where it alone was asked for', async () => {
    const addon = addonWith('if (found > 0 && ++calls === 10) return [tried, found - 1]', ['portable', 'avx2'])
    await expect(open({ solver: 'avx2', files: { addon } })).rejects.toMatchObject({
      code: 'SOLVER_WRONG',
      message: expect.stringContaining('avx2'),
    })
  })

  test('is not used where one of the forms that it chooses from is wrong', async () => {
    const addon = addonWith('if (name === "second" && found > 0) return [tried, found - 1]', ['portable', 'avx512'], 0, ['first', 'second'])
    await expect(open({ solver: 'avx512', files: { addon } })).rejects.toMatchObject({
      code: 'SOLVER_WRONG',
      message: expect.stringContaining('solver avx512 on cpu:0 (second) failed its self-test'),
    })
  })

  test('and dies only after the self-test, while its speed is measured, is no pool either', async () => {
    const addon = addonWith('if (limit === 0n && count >= 8192) throw new Error("too long")')
    const pool = open({ solver: 'portable', files: { addon } })
    await expect(pool).rejects.toMatchObject({ code: 'INTERNAL', message: expect.stringContaining('too long') })
  })

  test('and no other being there, no pool is made', async () => {
    const addon = addonWith('found && (hits[0] ^= 1)')
    const wasm = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])
    await expect(open({ solver: 'auto', files: { addon, wasm } })).rejects.toMatchObject({ code: 'SOLVER_WRONG' })
  })
})

test('of several CUDA devices those that pass the self-test are used, one thread each', async () => {
  const { log, lines } = recordingLog()
  const addon = addonWith('if (name === 1 && found > 0) return [tried, found - 1]', [], 3)
  const pool = await open({ solver: 'auto', threads: 0, files: { addon }, log })
  expect(pool.devices().map(({ device }) => device)).toEqual(['cuda:0', 'cuda:2'])
  expect(lines.filter((line) => line.includes('solver cuda on cuda:1 failed its self-test'))).toHaveLength(1)
  const work = order('a', 2000n, 'little')
  const controller = new AbortController()
  const highs = new Set<bigint>()
  const onHit = ({ nonce }: Hit): void => {
    expect(passes(work, nonce)).toBe(true)
    if (highs.add(nonce >> 32n).size === 2) controller.abort()
  }
  expect(await pool.search(work, { signal: controller.signal, onHit })).toBe('aborted')
})

test('GPUs and cores work together unless it is said otherwise', async () => {
  const pool = await open({ solver: 'auto', threads: 1, files: { addon: addonWith('', ['portable'], 1) } })
  expect(pool.solver).toBe('wasm')
  expect(pool.devices().map(({ device, solver }) => [device, solver])).toEqual([
    ['cuda:0', 'cuda'],
    ['cpu:0', 'wasm'],
  ])
})

test('without threads and GPUs no pool is made', async () => {
  const files = { addon: addonWith('') }
  await expect(open({ solver: 'auto', threads: 0, files })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await expect(open({ solver: 'wasm', threads: 0, files })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

test('a solver that is not there is refused with the reason', async () => {
  const missing = open({ solver: 'avx512', files: { addon: join(folder, 'missing.node') } })
  await expect(missing).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('is not built') })
  const noDriver = open({ solver: 'cuda', files: { addon: addonWith('') } })
  await expect(noDriver).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('no CUDA driver here') })
  const lacking = open({ solver: 'avx512', files: { addon: addonWith('') } })
  await expect(lacking).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('lacks the instructions') })
})
