import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogger, silentLog } from '../../../src/core/log.js'
import { createPool } from '../../../src/pow-service/solver/pool.js'
import { createSelfTest } from '../../../src/pow-service/solver/self-test.js'
import { SOLVERS, type Solver, type SolverName } from '../../../src/pow-service/solver/types.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const BUILD = join(ROOT, 'scripts/build-native.mjs')

interface Addon {
  kernels(): string[]
  forms(kernel: string): string[]
  search(
    ...job: [string, Uint8Array, boolean, bigint, high: number, from: number, count: number, Int32Array, epoch: number, Uint32Array]
  ): [tried: number, found: number]
}

// Without a compiler there is no addon, and the build has said so.
const skipped = run([]).stdout.includes('no C++ compiler')
const addon = (skipped ? null : createRequire(import.meta.url)(join(ROOT, 'native/pow/build/taogate_pow.node'))) as Addon
// With the forms of those that choose from several.
const kernels = skipped ? [] : addon.kernels().flatMap((name) => [name, ...addon.forms(name)])
const named = skipped ? [] : SOLVERS.filter((name) => addon.kernels().includes(name))
const unchanged = new Int32Array(new SharedArrayBuffer(4))

/** Native kernels that compute wrong are found at the build and at every start, and are never given work. */
describe.skipIf(skipped)('native kernels with one bit of a constant changed', () => {
  let folder: string
  let file: string
  let check: { status: number | null; stdout: string }

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'taogate-kernels-'))
    file = join(folder, 'out/taogate_pow.node')
    const generated = join(folder, 'generated')
    run(['--generate', generated])
    for (const name of readdirSync(generated)) {
      const text = readFileSync(join(generated, name), 'utf8')
      const changed = text.replaceAll('0x8000000000008089', '0x8000000000008088')
      expect(changed).not.toBe(text)
      writeFileSync(join(generated, name), changed)
    }
    check = run(['--check', '--generated', generated, '--out', join(folder, 'out')])
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('pass the self-test as long as they are right', async () => {
    const selfTest = createSelfTest()
    for (const kernel of kernels) await selfTest.check(solverOf(addon, kernel))
  })

  it('do not pass the check of the build, which names each of them', () => {
    expect(check.status).toBe(1)
    for (const kernel of kernels) expect(check.stdout).toContain(`${kernel}, little-endian is wrong`)
    expect(check.stdout).not.toContain('seal is wrong')
  })

  it('do not pass the self-test of a start, nor do the forms that a kernel would not choose here', async () => {
    const wrong = createRequire(import.meta.url)(file) as Addon
    const selfTest = createSelfTest()
    for (const kernel of kernels)
      await expect(selfTest.check(solverOf(wrong, kernel)), kernel).rejects.toMatchObject({ code: 'SOLVER_WRONG' })
  })

  it('are refused by the pool where one is asked for by name', async () => {
    expect(named).toHaveLength(addon.kernels().length)
    for (const solver of named)
      await expect(createPool({ solver, threads: 1, nice: null, files: { addon: file }, log: silentLog }), solver).rejects.toMatchObject({
        ...{ code: 'SOLVER_WRONG', message: expect.stringMatching(`^solver ${solver} on cpu:0 failed its self-test`) as string },
      })
  })

  it('are passed over by the pool where any will do, each with an error in the log', async () => {
    const lines: { level: string; solver?: string; msg: string }[] = []
    const stream = new Writable({
      write(line: Buffer, _, done) {
        lines.push(JSON.parse(line.toString()) as (typeof lines)[number])
        done()
      },
    })
    const log = createLogger({ stream, format: 'json' })
    const pool = await createPool({ solver: 'auto', threads: 1, nice: null, files: { addon: file }, log })
    const used = pool.devices().filter(({ device }) => device.startsWith('cpu'))
    await pool.close()
    expect(used).toMatchObject([{ solver: 'wasm', device: 'cpu:0', alive: true }])
    const before = named.filter((name) => SOLVERS.indexOf(name) < SOLVERS.indexOf('wasm'))
    const errors = lines.filter(({ level, solver }) => level === 'error' && solver !== 'cuda')
    expect(errors.map(({ solver }) => solver)).toEqual(before)
    for (const { msg } of errors) expect(msg).toBe('a solver is not fit for work and is not used')
  })
})

describe.skipIf(!named.includes('avx512'))('a kernel of which one form is wrong', () => {
  let folder: string
  /** By the forms that are wrong in them, copies of the addon: each has one bit of one of its tables of Keccak's constants changed. */
  const copies = new Map<string, string>()

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'taogate-forms-'))
    const built = readFileSync(join(ROOT, 'native/pow/build/taogate_pow.node'))
    const constant = Buffer.alloc(8)
    constant.writeBigUInt64LE(0x8000000000008089n)
    const selfTest = createSelfTest()
    for (let at = built.indexOf(constant); at >= 0; at = built.indexOf(constant, at + 1)) {
      const file = join(folder, `${at}.node`)
      const changed = Buffer.from(built)
      changed[at]! ^= 1
      writeFileSync(file, changed)
      const copy = createRequire(import.meta.url)(file) as Addon
      const wrong: string[] = []
      for (const form of addon.forms('avx512')) await selfTest.check(solverOf(copy, form)).catch(() => wrong.push(form))
      if (wrong.length > 0) copies.set(wrong.join(), file)
    }
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('is there for every form', () => {
    // The woven form ends its batches with what the shared one is made of.
    expect([...copies.keys()].sort()).toEqual(['avx512-logic', 'avx512-shared,avx512-woven', 'avx512-woven'])
  })

  it('is refused by the pool, whichever form it would choose', async () => {
    for (const [wrong, file] of copies) {
      const first = wrong.split(',')[0]!
      const opening = createPool({ solver: 'avx512', threads: 1, nice: null, files: { addon: file }, log: silentLog })
      // Without the form's name where the kernel happened to choose it.
      const message = expect.stringMatching(`^solver avx512 on cpu:0( \\(${first}\\))? failed its self-test`) as string
      await expect(opening, wrong).rejects.toMatchObject({ code: 'SOLVER_WRONG', message })
    }
  })
})

function run(args: string[]) {
  return spawnSync(process.execPath, [BUILD, ...args], { encoding: 'utf8' })
}

/** A kernel as the self-test asks it; on the thread of the test. */
function solverOf(from: Addon, kernel: string): Solver {
  return {
    ...{ name: kernel.startsWith('avx512') ? 'avx512' : (kernel as SolverName), device: `cpu:${kernel}` },
    async search({ preimage, byteOrder, limit }, { high, from: first, count }) {
      const hits = new Uint32Array(count + 1)
      const [tried, found] = from.search(kernel, preimage, byteOrder === 'little', limit, high, first, count, unchanged, 0, hits)
      return { tried, candidates: [...hits.subarray(0, found)] }
    },
  }
}
