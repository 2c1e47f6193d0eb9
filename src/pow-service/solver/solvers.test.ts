import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fakePowAddon } from '../../../test/support/fake-pow-addon.js'
import type { ByteOrder } from '../../core/registrations.js'
import { detectSolvers } from './detect.js'
import { ADDON_FILE, loadWasm, type WasmSolver } from './native.js'
import { decisiveWord, limitOf, sealOf } from './seal.js'
import { createSelfTest } from './self-test.js'
import { startThread, type SolverThread } from './thread.js'
import { SOLVERS, type NonceRange, type Solver, type SolverName } from './types.js'

const LOW_WORDS = 2 ** 32
const ORDERS = ['big', 'little'] as const

async function open(solver: SolverName, files: { addon?: string; wasm?: WasmSolver } = {}): Promise<SolverThread> {
  const wasm = solver === 'wasm' ? (files.wasm ?? (await loadWasm())) : null
  const cudaDevice = solver === 'cuda' ? 0 : null
  return startThread({
    solver,
    device: `${solver === 'cuda' ? 'cuda' : 'cpu'}:0`,
    addon: files.addon ?? ADDON_FILE,
    wasm,
    cudaDevice,
    nice: null,
  })
}

/** The scalar code's decisive words of a range, in both orders. */
function wordsOf(preimage: Uint8Array, { high, from, count }: NonceRange): Record<ByteOrder, bigint[]> {
  const seals = Array.from({ length: count }, (_, k) => sealOf(preimage, (BigInt(high) << 32n) | BigInt(from + k)))
  return { big: seals.map((seal) => decisiveWord(seal, 'big')), little: seals.map((seal) => decisiveWord(seal, 'little')) }
}

async function expectSameSets(
  solver: Solver,
  preimage: Uint8Array,
  range: NonceRange,
  words: Record<ByteOrder, bigint[]>,
  limit: bigint,
): Promise<void> {
  for (const byteOrder of ORDERS) {
    const { tried, candidates } = await solver.search({ preimage, byteOrder, limit }, range)
    expect(tried).toBe(range.count)
    const expected = words[byteOrder].flatMap((word, k) => (word <= limit ? [range.from + k] : []))
    expect([...candidates].sort((a, b) => a - b)).toEqual(expected)
  }
}

const available = detectSolvers()

test('every solver that is not there says why', () => {
  expect(available.map(({ name }) => name)).toEqual(SOLVERS)
  for (const { available: is, reason } of available) expect(reason).toEqual(is ? null : expect.stringMatching(/\w{3}/))
})

describe.each(available.filter(({ available: is }) => is).map(({ name }) => name))('%s', (name) => {
  let solver: SolverThread
  beforeAll(async () => {
    solver = await open(name)
  })
  afterAll(() => solver.kill())

  test('finds the candidates of 100,000 random nonces that the scalar code finds', async () => {
    for (const { preimage, range, words } of randomRanges()) await expectSameSets(solver, preimage, range, words, limitOf(5n))
  })

  test('tries exactly the range, whatever its length and up to the last low word', async () => {
    const preimage = randomBytes(32)
    for (const count of [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 63, 65]) {
      for (const from of [0, 1, 1_000_003, LOW_WORDS - count]) {
        if (from + count > LOW_WORDS || from === LOW_WORDS) continue
        const range = { high: 0xffff_fffe, from, count }
        const words = { big: new Array<bigint>(count).fill(0n), little: new Array<bigint>(count).fill(0n) }
        await expectSameSets(solver, preimage, range, words, limitOf(0n))
      }
    }
  })

  test('ends early when it is told to', async () => {
    const controller = new AbortController()
    const target = { preimage: randomBytes(32), byteOrder: 'little', limit: 0n } as const
    const search = solver.search(target, { high: 1, from: 0, count: LOW_WORDS }, controller.signal)
    await new Promise((resolve) => setTimeout(resolve, 30))
    controller.abort()
    const { tried } = await search
    // In time or not: a whole range would take the fastest device about a second, and a core minutes.
    expect(tried).toBeLessThan(LOW_WORDS)
    expect(await solver.search(target, { high: 1, from: 0, count: 10 })).toEqual({ tried: 10, candidates: [] })
  })

  test('passes the self-test', async () => {
    await createSelfTest().check(solver)
  })
})

interface RandomRange {
  preimage: Uint8Array
  range: NonceRange
  words: Record<ByteOrder, bigint[]>
}

let ranges: RandomRange[] | undefined
/** 20 of 5,000 nonces; the scalar code needs a second or two for all of them, once. */
function randomRanges(): RandomRange[] {
  return (ranges ??= Array.from({ length: 20 }, () => {
    const preimage = randomBytes(32)
    const range = { high: randomBytes(4).readUInt32LE(), from: Math.min(randomBytes(4).readUInt32LE(), LOW_WORDS - 5000), count: 5000 }
    return { preimage, range, words: wordsOf(preimage, range) }
  }))
}

describe('the self-test', () => {
  const selfTest = createSelfTest()
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'taogate-solvers-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  describe('catches a flipped bit in the WebAssembly solver', async () => {
    const { bytes } = (await import(new URL('../../../native/pow/generate/wasm.mjs', import.meta.url).href)).generateWasm() as {
      bytes: Uint8Array
    }
    /** Where the instruction lies that these bytes are, each time it occurs. */
    const positions = (pattern: (number | null)[]): number[] =>
      Array.from(bytes.keys()).filter((at) => pattern.every((byte, k) => byte === null || bytes[at + k] === byte))
    const some = (all: number[]): number[] => [0, 0.1, 0.5, 0.95].map((share) => all[Math.floor(share * all.length)] ?? -1)
    // i32.const n; then a shift of 32-bit lanes to the right, or of 64-bit lanes to the left.
    const shifts32 = positions([0x41, null, 0xfd, 0xad, 0x01]).map((at) => at + 1)
    const shifts64 = positions([0x41, null, 0xfd, 0xcb, 0x01]).map((at) => at + 1)
    const xors = positions([0xfd, 0x51]).map((at) => at + 1)
    // The constants end the module: round constants of Keccak first, 16 bytes each, twice the same.
    const constants = bytes.length - dataLength(bytes)
    const faults: [string, number, number][] = [
      ...some(shifts32).map((at): [string, number, number] => ['a 32-bit rotation', at, 1]),
      ...some(shifts64).map((at): [string, number, number] => ['a 64-bit rotation', at, 1]),
      ...some(xors).map((at): [string, number, number] => ['an operation', at, 1]),
      ['the first round constant', constants, 1],
      ['a round constant of the second lane', constants + 8 + 16 * 9, 2],
      ['the last middle round constant', constants + 16 * 21 + 7, 0x80],
      ['the number of the third lane', constants + 16 * 22 + 8, 4],
      ['the step from group to group', constants + 16 * 23 + 4, 8],
      ['the sign for the comparison', constants + 16 * 24 + 7, 0x80],
      ['a constant of SHA-256', bytes.length - 16 * 30 + 4, 1],
      ['the last constant', bytes.length - 1, 0x40],
    ]

    test.each(faults)('%s at byte %i', async (_, at, bit) => {
      const wrong = Uint8Array.from(bytes)
      wrong[at] = (wrong[at] ?? 0) ^ bit
      const solver = await open('wasm', { wasm: await loadWasm(wrong) })
      await expect(selfTest.check(solver)).rejects.toThrow(/solver wasm on cpu:0 failed its self-test \(/)
      await solver.kill()
    })
  })

  test.each([
    ['misses a candidate in a thousand', 'if (found > 0 && ++calls % 50 === 0) return [tried, found - 1]', /missed 1,/],
    ['names one that is none', 'if (++calls === 40) { hits[found] = from; return [tried, found + 1] }', /are none/],
    [
      'skips the end of a range',
      'if (count > 500) return [count, kernel(preimage, littleEndian, limit, high, from, count - 60, control, epoch, hits)[1]]',
      /missed/,
    ],
    ['takes the other byte order', 'littleEndian = !littleEndian; return real()', /failed its self-test/],
    ['ignores the high half', 'high = 0; return real()', /failed its self-test/],
    ['throws', 'throw new Error("device lost")', /device lost/],
    ['never gets on', 'return [0, 0]', /the kernel tried nothing/],
  ])('catches a native kernel that %s', async (name, fault, message) => {
    const addon = join(folder, `${name.replaceAll(' ', '-')}.cjs`)
    writeFileSync(addon, fakePowAddon(fault))
    const solver = await open('portable', { addon })
    await expect(selfTest.check(solver)).rejects.toThrow(message)
    await solver.kill()
  })

  test('catches a native kernel that hangs', async () => {
    const addon = join(folder, 'hangs.cjs')
    writeFileSync(addon, fakePowAddon('for (;;) if (Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000) === 0) break'))
    const solver = await open('portable', { addon })
    await expect(createSelfTest(200).check(solver)).rejects.toThrow('it did not end in time')
    await solver.kill()
  })

  test('passes what is right, by the same way', async () => {
    const addon = join(folder, 'right.cjs')
    writeFileSync(addon, fakePowAddon(''))
    const solver = await open('portable', { addon })
    await selfTest.check(solver)
    await solver.kill()
  })
})

function dataLength(bytes: Uint8Array): number {
  // The last section: one segment of memory 0 at address 0, then its length in two bytes of seven bits.
  const start = bytes.findLastIndex(
    (byte, at) => byte === 0x00 && bytes[at + 1] === 0x41 && bytes[at + 2] === 0x00 && bytes[at + 3] === 0x0b,
  )
  return ((bytes[start + 4] ?? 0) & 0x7f) | ((bytes[start + 5] ?? 0) << 7)
}
