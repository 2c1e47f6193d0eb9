import { execFileSync, spawnSync } from 'node:child_process'
import { appendFileSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { sha256 } from '@noble/hashes/sha2.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildCuda, compiler, type CudaBuild } from '../../support/cuda/build.js'

const ALL = 2n ** 64n - 1n
const PREIMAGE = sha256(new TextEncoder().encode('a preimage of these tests'))
const VARIANTS = ['unrolled', 'looped', 'multiplier']

const compile = compiler()
if (!compile) console.warn('SKIPPED: the tests of CUDA need a C++ compiler (CXX, g++ or clang++)')
const folder = mkdtempSync(join(tmpdir(), 'taogate-cuda-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The numbers that decide for a nonce, by a library that has nothing to do with the kernels: in big-endian and in little-endian order. */
function decisive(high: number, low: number): [bigint, bigint] {
  const message = Buffer.alloc(40)
  message.writeUInt32LE(low, 0)
  message.writeUInt32LE(high, 4)
  message.set(PREIMAGE, 8)
  const seal = Buffer.from(keccak_256(sha256(message)))
  return [seal.readBigUInt64BE(0), seal.readBigUInt64LE(24)]
}

/** Low words of `count` nonces whose number is at most the limit. */
function candidates(high: number, from: number, count: number, littleEndian: boolean, limit: bigint): number[] {
  return Array.from({ length: count }, (_, i) => from + i).filter((low) => decisive(high, low)[littleEndian ? 1 : 0] <= limit)
}

describe('what is checked in', () => {
  const check = (...args: string[]) => spawnSync('node', ['scripts/build-cuda.mjs', '--check', '--hashes', ...args], { encoding: 'utf8' })

  test('comes from this generator', () => {
    expect(check()).toMatchObject({ status: 0, stderr: '' })
  })

  test('is refused when it was changed', () => {
    for (const name of ['pow.h', 'pow.ptx']) {
      const copies = mkdtempSync(join(folder, 'changed-'))
      for (const file of ['pow.h', 'pow.ptx']) copyFileSync(join('native/pow/cuda', file), join(copies, file))
      expect(check('--in', copies).status).toBe(0)
      appendFileSync(join(copies, name), '//')
      expect(check('--in', copies)).toMatchObject({ status: 1, stderr: expect.stringContaining(name) })
    }
  })
})

describe.skipIf(!compile)('CUDA on the processor', () => {
  let build: CudaBuild
  beforeAll(async () => {
    build = await buildCuda(compile ?? '', folder)
  })

  const control = () => new Int32Array(new SharedArrayBuffer(4))
  const search = (handle: object, from: number, count: number, limit: bigint, hits: Uint32Array, high = 7, littleEndian = false) =>
    build.cuda.search(handle, PREIMAGE, littleEndian, limit, high, from, count, control(), 0, hits)

  test('every variant gives the number of the scalar code for 20,000 nonces, in both orders', () => {
    const [count, high, from] = [20_000, 0xdeadbeef, 2 ** 32 - 20_000]
    const wanted = new BigUint64Array(2 * count)
    for (let i = 0; i < count; i++) [wanted[i], wanted[count + i]] = decisive(high, from + i)
    const preimage = Buffer.from(PREIMAGE).toString('hex')
    const printed = execFileSync(build.decide, [preimage, String(high), String(from), String(count)], { maxBuffer: 1 << 24 })
    const numbers = new BigUint64Array(new Uint8Array(printed).buffer)
    expect(numbers.length).toBe(VARIANTS.length * 2 * count)
    VARIANTS.forEach((variant, i) => {
      const wrong = wanted.findIndex((number, k) => numbers[2 * count * i + k] !== number)
      expect({ variant, wrong }).toEqual({ variant, wrong: -1 })
    })
  })

  test('a machine without a driver has no devices, and says why', () => {
    const library = join(folder, 'libcuda-that-is-not-there.so')
    expect(build.cuda.devices({ library })).toEqual([])
    expect(build.cuda.reason({ library })).toContain('no CUDA driver')
    expect(() => build.cuda.open(0, { library })).toThrow(expect.objectContaining({ code: 'CUDA_NO_DRIVER' }))
    expect(build.cuda.devices({ library: build.addon })).toEqual([])
    expect(build.cuda.reason({ library: build.addon })).toContain('has no cuInit')
    const { library: without } = build.driver('no-device', 'fail cuInit 100 0')
    expect(build.cuda.devices({ library: without })).toEqual([])
    expect(build.cuda.reason({ library: without })).toContain('CUDA_ERROR_NO_DEVICE')
  })

  test('candidates are those of the scalar code, whatever the variant and the order', () => {
    const { library, calls } = build.driver('search', 'devices 3')
    expect(build.cuda.devices({ library }).map(({ index, name }) => [index, name])).toEqual([0, 1, 2].map((k) => [k, `Fake ${k}`]))
    for (const [k, variant] of VARIANTS.entries()) {
      const handle = build.cuda.open(k, { library, variant })
      for (const littleEndian of [false, true]) {
        const [from, count, limit] = [2 ** 32 - 20_000, 20_000, ALL / 1000n]
        const hits = new Uint32Array(100)
        const wanted = candidates(k, from, count, littleEndian, limit)
        expect(search(handle, from, count, limit, hits, k, littleEndian)).toEqual([count, wanted.length])
        expect([...hits.subarray(0, wanted.length)]).toEqual(wanted)
      }
      build.cuda.close(handle)
    }
    const launches = calls().filter((call) => call.startsWith('cuLaunchKernel'))
    expect(new Set(launches.map((call) => call.split(' ')[1]))).toEqual(new Set(['0', '1', '2']))
  })

  test('a long search keeps two streams busy and leaves nothing behind', () => {
    const { library, calls } = build.driver('streams')
    const handle = build.cuda.open(0, { library })
    const { threads } = build.cuda.describe(handle)
    const count = threads * 256 * 3 + 1000
    expect(search(handle, 5, count, 0n, new Uint32Array(1))).toEqual([count, 0])
    build.cuda.close(handle)
    build.cuda.close(handle)
    expect(() => build.cuda.describe(handle)).toThrow('closed')
    const launches = calls().filter((call) => call.startsWith('cuLaunchKernel'))
    expect(launches.map((call) => Number(call.split(' ')[4]))).toEqual([threads * 256, threads * 256, threads * 256, 1000])
    expect(launches.map((call) => call.split(' ')[2])).toEqual(['0', '1', '0', '1'])
    expectBalanced(calls())
  })

  test('a full list of hits ends the search at the last of them, and one may go on after it', () => {
    const { library } = build.driver('full')
    const handle = build.cuda.open(0, { library })
    const wanted = candidates(7, 100, 20_000, false, ALL / 500n)
    const found: number[] = []
    const hits = new Uint32Array(4)
    for (let from = 100; from < 20_100;) {
      const [tried, count] = search(handle, from, 20_100 - from, ALL / 500n, hits)
      found.push(...hits.subarray(0, count))
      if (count === hits.length) expect(from + tried).toBe((hits[3] ?? 0) + 1)
      from += tried
    }
    expect(found).toEqual(wanted)
    build.cuda.close(handle)
  })

  test('more candidates than the ring holds are all found', () => {
    const { library } = build.driver('overflow')
    const handle = build.cuda.open(0, { library })
    // 4,096 of them.
    const hits = new Uint32Array(10_000)
    expect(search(handle, 9, 5000, ALL, hits)).toEqual([5000, 5000])
    expect(hits.subarray(0, 5000).every((low, i) => low === 9 + i)).toBe(true)
    build.cuda.close(handle)
  })

  test('a new epoch ends a search at once, and the next one does not see what still drains', async () => {
    const { library, calls } = build.driver('epoch', 'multiprocessors 1000')
    const handle = build.cuda.open(0, { library })
    const word = control()
    const hits = new Uint32Array(1000)
    const run = (epoch: number, count: number, limit: bigint) =>
      build.cuda.search(handle, PREIMAGE, false, limit, 7, 0, count, word, epoch, hits)
    expect(run(3, 1000, ALL)).toEqual([0, 0])
    const code = `const { workerData } = require('node:worker_threads')
      setTimeout(() => Atomics.store(workerData, 0, 1), 50)`
    const worker = new Worker(code, { eval: true, workerData: word })
    const startedAt = performance.now()
    // Hours of work for the processor; a minute for each of the two launches that are left behind, were they not stopped.
    const [tried] = run(0, 2 ** 32, ALL / 100n)
    const took = performance.now() - startedAt
    expect(tried).toBe(0)
    expect(Atomics.load(word, 0)).toBe(1)
    expect(took).toBeLessThan(5_000)
    const wanted = candidates(7, 0, 3000, false, ALL / 50n)
    expect(run(1, 3000, ALL / 50n)).toEqual([3000, wanted.length])
    expect([...hits.subarray(0, wanted.length)]).toEqual(wanted)
    expect(performance.now() - startedAt).toBeLessThan(10_000)
    await worker.terminate()
    build.cuda.close(handle)
    expectBalanced(calls())
  })

  test('several devices search at the same time, each on its thread', async () => {
    const { library, calls } = build.driver('threads', 'devices 2')
    const code = `const { parentPort, workerData: { addon, library, device, preimage } } = require('node:worker_threads')
      const cuda = require(addon)
      const handle = cuda.open(device, { library })
      const hits = new Uint32Array(100)
      const [tried, count] = cuda.search(handle, preimage, true, ${ALL / 1000n}n, device, 0, 20000, new Int32Array(new SharedArrayBuffer(4)), 0, hits)
      parentPort.postMessage({ tried, hits: [...hits.subarray(0, count)] })`
    const answers = await Promise.all(
      [0, 1].map((device) => {
        const worker = new Worker(code, { eval: true, workerData: { addon: build.addon, library, device, preimage: PREIMAGE } })
        return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject)).finally(() => worker.terminate())
      }),
    )
    expect(answers).toEqual([0, 1].map((k) => ({ tried: 20_000, hits: candidates(k, 0, 20_000, true, ALL / 1000n) })))
    // Neither closed its device: that came with the end of the threads.
    expectBalanced(calls())
  })

  test('a failing call is an error with its name, and gives back what was taken', () => {
    const failing = [
      'cuDevicePrimaryCtxRetain 0',
      'cuModuleLoadDataEx 0',
      'cuModuleGetFunction 0',
      'cuMemHostAlloc 2',
      'cuStreamCreate 1',
      'cuEventCreate 2',
    ]
    for (const [i, call] of failing.entries()) {
      const [name = '', after = ''] = call.split(' ')
      const { library, calls } = build.driver(`failing-${i}`, `fail ${name} 719 ${after}`)
      expect(() => build.cuda.open(0, { library })).toThrow(
        expect.objectContaining({
          code: 'CUDA_ERROR_LAUNCH_FAILED',
          message: expect.stringContaining(`${name}: CUDA_ERROR_LAUNCH_FAILED`),
        }),
      )
      expectBalanced(calls(), name)
    }
    expect(() => build.cuda.open(1, { library: build.driver('one').library })).toThrow(
      expect.objectContaining({ code: 'CUDA_ERROR_INVALID_DEVICE' }),
    )
  })

  test('a device that fails while it searches is of no use until it is opened again', () => {
    const { library, calls } = build.driver('broken', 'fail cuEventQuery 719 1')
    const handle = build.cuda.open(0, { library })
    const attempt = () => search(handle, 0, 200_000, 0n, new Uint32Array(1))
    expect(attempt).toThrow('cuEventQuery: CUDA_ERROR_LAUNCH_FAILED (as the test wants it)')
    expect(attempt).toThrow('close it and open it again')
    build.cuda.close(handle)
    expectBalanced(calls())
  })

  test('machine code is taken where it serves, the shipped text otherwise', () => {
    const { hash } = build
    const names = VARIANTS.map((variant) => `taogate_pow_${variant}_${hash}`).join(' ')
    const used = (settings = '', variant = 'looped') => {
      const { library } = build.driver(`image-${Math.random()}`, settings)
      const handle = build.cuda.open(0, { library, variant })
      const { image } = build.cuda.describe(handle)
      build.cuda.close(handle)
      return image.replace(folder, '').replace('/build/..', '')
    }
    expect(used()).toBe('/cuda/pow.ptx')
    const path = build.machineCode(names)
    expect(used()).toBe('/build/cuda/pow.fatbin')
    expect(used('text-only')).toBe('/cuda/pow.ptx')
    build.machineCode(names.replaceAll(hash, '0123456789ab'))
    expect(used()).toBe('/cuda/pow.ptx')
    rmSync(path)
    expect(() => used('', 'fastest')).toThrow(
      expect.objectContaining({ code: 'CUDA_NO_IMAGE', message: expect.stringContaining("variant 'fastest'") }),
    )
  })

  test('wrong arguments are refused by name', () => {
    const handle = build.cuda.open(0, { library: build.driver('arguments').library })
    const hits = new Uint32Array(1)
    expect(() => build.cuda.search(handle, PREIMAGE.subarray(1), false, 0n, 0, 0, 1, control(), 0, hits)).toThrow('preimage')
    expect(() => search(handle, 0, 1, ALL + 1n, hits)).toThrow('limit')
    expect(() => search(handle, 1, 2 ** 32, 0n, hits)).toThrow('count')
    expect(() => search(handle, 0.5, 1, 0n, hits)).toThrow('from')
    expect(() => search({}, 0, 1, 0n, hits)).toThrow('handle')
    expect(search(handle, 0, 2 ** 32, ALL, hits)).toEqual([1, 1])
    build.cuda.close(handle)
  })
})

/** Whatever was made was given back; the call that failed made nothing. */
function expectBalanced(calls: string[], failed = ''): void {
  const times = (name: string) => calls.filter((call) => call.split(' ')[0] === name).length - (name === failed ? 1 : 0)
  for (const [made, given] of [
    ['cuDevicePrimaryCtxRetain', 'cuDevicePrimaryCtxRelease'],
    ['cuModuleLoadDataEx', 'cuModuleUnload'],
    ['cuMemHostAlloc', 'cuMemFreeHost'],
    ['cuStreamCreate', 'cuStreamDestroy'],
    ['cuEventCreate', 'cuEventDestroy'],
    ['cuCtxPushCurrent', 'cuCtxPopCurrent'],
  ] as const) {
    expect({ [made]: times(made) }).toEqual({ [made]: times(given) })
  }
}
