import { keccak_256 } from '@noble/hashes/sha3.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { spawnSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const BUILD = join(ROOT, 'scripts/build-native.mjs')
const ADDON = join(ROOT, 'native/pow/build/taogate_pow.node')

interface Addon {
  version: number
  kernels(): string[]
  forms(kernel: string): string[]
  search(...job: SearchArguments): [number, number]
  seal(preimage: Uint8Array, nonce: bigint): Uint8Array
}
type SearchArguments = [
  kernel: string,
  preimage: Uint8Array,
  littleEndian: boolean,
  limit: bigint,
  high: number,
  from: number,
  count: number,
  control: Int32Array,
  epoch: number,
  hits: Uint32Array,
]

const built = spawnSync(process.execPath, [BUILD], { encoding: 'utf8' }).stdout
// Without a compiler there is no addon, and the build has said so.
const skipped = built.includes('no C++ compiler')
const addon = (skipped ? null : createRequire(import.meta.url)(ADDON)) as Addon
// With the forms of those that choose from several.
const kernels = skipped ? [] : addon.kernels().flatMap((name) => [name, ...addon.forms(name)])

const { seals, solved } = JSON.parse(readFileSync(join(ROOT, 'test/fixtures/pow.json'), 'utf8')) as {
  seals: { name: string; block_and_hotkey_hash: string; nonce: string; seal: string }[]
  solved: { block_and_hotkey_hash: string; difficulty: string; order: string; first_nonce_from_zero: string }[]
}
const ORDERS = [false, true]
const LARGEST_BATCH = 256
const unchanged = new Int32Array(new SharedArrayBuffer(4))

describe.skipIf(skipped)('the native kernels', () => {
  it('are those of this processor, portable first', () => {
    expect(addon.version).toBe(2)
    expect(addon.kernels()[0]).toBe('portable')
  })

  it('have forms where none is the fastest on every processor', () => {
    expect(addon.forms('portable')).toEqual([])
    if (addon.kernels().includes('avx512')) expect(addon.forms('avx512')).toEqual(['avx512-logic', 'avx512-shared', 'avx512-woven'])
    expect(() => addon.forms('sse9')).toThrow('forms: kernel is none that this processor can run')
  })

  it.each(seals)('take the vector $name at its number and not below', ({ block_and_hotkey_hash, nonce, seal }) => {
    const preimage = fromHex(block_and_hotkey_hash)
    expect(hex(addon.seal(preimage, BigInt(nonce)))).toBe(seal)
    for (const kernel of kernels) {
      for (const little of ORDERS) {
        const number = decisive(fromHex(seal), little)
        const found = (limit: bigint) => search(kernel, preimage, little, limit, BigInt(nonce), 1).hits.length
        expect([kernel, little, found(number), found(number - 1n)]).toEqual([kernel, little, 1, 0])
      }
    }
  })

  it('find the first nonce of the solved vectors', () => {
    for (const { block_and_hotkey_hash, difficulty, order, first_nonce_from_zero } of solved) {
      const first = Number(first_nonce_from_zero)
      if (first > 200_000) continue
      const limit = ((1n << 256n) - 1n) / BigInt(difficulty) / (1n << 192n)
      for (const kernel of kernels) {
        const { hits } = search(
          kernel,
          fromHex(block_and_hotkey_hash),
          order === 'little',
          limit > MAX_U64 ? MAX_U64 : limit,
          0n,
          first + 1,
        )
        // A candidate may still fail the whole comparison: the first of the chain's is among them.
        expect([kernel, hits.at(-1)]).toEqual([kernel, first])
      }
    }
  })

  it('agree with the scalar code on 100,000 nonces, at every place of a batch', () => {
    const places = new Set<number>()
    let tried = 0
    while (tried < 100_000) {
      const preimage = new Uint8Array(randomBytes(32))
      const start = (BigInt(randomInt(2 ** 32)) << 32n) | BigInt(randomInt(2 ** 32 - 1500))
      // Most often not a whole number of batches.
      const count = randomInt(500, 1500)
      const sealed = Array.from({ length: count }, (_, k) => addon.seal(preimage, start + BigInt(k)))
      tried += count
      for (const little of ORDERS) {
        const limit = 1n << 62n
        const expected = sealed.flatMap((seal, k) => (decisive(seal, little) <= limit ? [Number(start & 0xffffffffn) + k] : []))
        for (const low of expected) places.add((low - Number(start & 0xffffffffn)) % LARGEST_BATCH)
        for (const kernel of kernels) {
          const result = search(kernel, preimage, little, limit, start, count)
          expect({ kernel, ...result }).toEqual({ kernel, tried: count, hits: expected })
        }
      }
    }
    expect(places.size).toBe(LARGEST_BATCH)
  })

  it('have a scalar code that agrees with another library', () => {
    for (let k = 0; k < 200; k++) {
      const message = randomBytes(40)
      expect(hex(addon.seal(new Uint8Array(message.subarray(8)), message.readBigUInt64LE(0)))).toBe(hex(keccak_256(sha256(message))))
    }
  })

  it('try what is left of a batch, up to the last nonce, and nothing beyond', () => {
    const preimage = new Uint8Array(32).fill(7)
    for (const kernel of kernels) {
      for (const count of [1, 2, 7, 8, 9, 31, 32, 33, 63, 64, 65, 255, 256, 257, 511, 513]) {
        const start = (5n << 32n) + 0x1_0000_0000n - BigInt(count)
        const { tried, hits } = search(kernel, preimage, true, MAX_U64, start, count)
        expect([kernel, tried, hits]).toEqual([kernel, count, Array.from({ length: count }, (_, k) => 2 ** 32 - count + k)])
      }
      expect(search(kernel, preimage, true, MAX_U64, 0n, 0)).toEqual({ tried: 0, hits: [] })
    }
  })

  it('stop where the room for hits ends, so that the search can go on from there', () => {
    const preimage = new Uint8Array(32).fill(9)
    const limit = 1n << 61n
    for (const kernel of kernels) {
      const whole = search(kernel, preimage, false, limit, 0n, 5000).hits
      const parts: number[] = []
      for (let from = 0; from < 5000;) {
        const { tried, hits } = search(kernel, preimage, false, limit, BigInt(from), 5000 - from, 3)
        parts.push(...hits)
        from += tried
      }
      expect([kernel, parts]).toEqual([kernel, whole])
    }
  })

  it('stop soon after the control word changes', async () => {
    for (const kernel of kernels) {
      expect(search(kernel, new Uint8Array(32), true, 0n, 0n, 1000, 1, 1).tried).toBe(0)
      const control = new Int32Array(new SharedArrayBuffer(8))
      const { tried, stoppedMs } = await stopAfter(kernel, control, 30)
      expect(tried).toBeGreaterThan(0)
      expect(tried).toBeLessThan(2 ** 32)
      // 0.5 ms, and whatever else this machine does with its cores meanwhile.
      expect(stoppedMs).toBeLessThan(250)
    }
  })

  it('refuse arguments that are none', () => {
    const good: SearchArguments = ['portable', new Uint8Array(32), true, 1n, 0, 0, 10, unchanged, 0, new Uint32Array(1)]
    const bad: [number, unknown, RegExp][] = [
      [0, 'sse9', /kernel is none/],
      [0, 5, /kernel must be a string/],
      [1, new Uint8Array(31), /preimage must be a Uint8Array of 32 bytes/],
      [2, 1, /littleEndian must be a boolean/],
      [3, 1n << 64n, /limit must be from 0/],
      [3, 1, /limit must be a bigint/],
      [4, -1, /high must be an integer/],
      [5, Number.NaN, /from must be an integer/],
      [6, 2 ** 32 + 1, /count must be an integer from 0 to 4294967296/],
      [7, new Uint32Array(1), /control must be an Int32Array/],
      [8, 0.5, /epoch must be an integer/],
      [9, new Uint32Array(0), /hits must be a Uint32Array that is not empty/],
    ]
    for (const [at, value, message] of bad)
      expect(() => addon.search(...(good.with(at, value as never) as SearchArguments))).toThrow(message)
    expect(() => (addon.search as () => unknown)()).toThrow(/kernel must be a string/)
    expect(() => addon.seal(new Uint8Array(32), -1n)).toThrow(/nonce must be from 0/)
  })
})

const MAX_U64 = (1n << 64n) - 1n

function search(
  kernel: string,
  preimage: Uint8Array,
  little: boolean,
  limit: bigint,
  start: bigint,
  count: number,
  room = 5000,
  epoch = 0,
) {
  const hits = new Uint32Array(room)
  const [high, from] = [Number(start >> 32n), Number(start & 0xffffffffn)]
  const limited = limit < 0n ? 0n : limit
  const [tried, found] = addon.search(kernel, preimage, little, limited, high, from, count, unchanged, epoch, hits)
  return { tried, hits: [...hits.subarray(0, found)] }
}

/** The number that decides, as the chain's two readings of the seal have it. */
function decisive(seal: Uint8Array, little: boolean): bigint {
  const bytes = Buffer.from(seal)
  return little ? bytes.readBigUInt64LE(24) : bytes.readBigUInt64BE(0)
}

/** Searches in a thread for what is not there; after `ms` of it the control word changes. */
function stopAfter(kernel: string, control: Int32Array, ms: number) {
  const code = `
    const { parentPort, workerData: [addon, kernel, control] } = require('node:worker_threads')
    control[1] = 1
    const [tried] = require(addon).search(kernel, new Uint8Array(32), true, 0n, 0, 0, 2 ** 32, control, 0, new Uint32Array(1))
    parentPort.postMessage({ tried, at: process.hrtime.bigint() })`
  const worker = new Worker(code, { eval: true, workerData: [ADDON, kernel, control] })
  return new Promise<{ tried: number; stoppedMs: number }>((resolve, reject) => {
    let stoppedAt = 0n
    const timer = setInterval(() => {
      if (control[1] === 0) return
      clearInterval(timer)
      setTimeout(() => {
        stoppedAt = process.hrtime.bigint()
        Atomics.store(control, 0, 1)
      }, ms)
    }, 1)
    worker.once('error', reject)
    worker.once('message', ({ tried, at }: { tried: number; at: bigint }) => resolve({ tried, stoppedMs: Number(at - stoppedAt) / 1e6 }))
  })
}

function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.slice(2), 'hex'))
}

function hex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`
}
