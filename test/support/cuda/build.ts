import { execFile, execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** The CUDA part of the native addon. */
export interface Cuda {
  reason(options?: { library?: string }): string
  devices(options?: { library?: string }): { index: number; name: string; computeCapability: number[]; multiprocessors: number }[]
  open(device: number, options?: { library?: string; image?: string; variant?: string }): object
  describe(handle: object): { image: string; blocks: number; threads: number; registers: number; localBytes: number }
  search(
    handle: object,
    preimage: Uint8Array,
    littleEndian: boolean,
    limit: bigint,
    high: number,
    from: number,
    count: number,
    control: Int32Array,
    epoch: number,
    hits: Uint32Array,
  ): [tried: number, hits: number]
  close(handle: object): void
}

/** What `buildCuda` left in its folder: the addon with its images around it, the fake driver, and the program that prints decisive numbers. */
export interface CudaBuild {
  readonly cuda: Cuda
  readonly addon: string
  readonly decide: string
  /** Of the generated source: part of the kernels' names. */
  readonly hash: string
  /** A fake driver of its own with these settings (fake-driver.cpp has them): its path, and what was called so far. */
  driver(name: string, settings?: string): { library: string; calls(): string[] }
  /** Puts a file where the addon looks for machine code: its path. */
  machineCode(text: string): string
}

const CUDA = 'native/pow/cuda'
const SUPPORT = 'test/support/cuda'

/** The C++ compiler, or null. */
export function compiler(): string | null {
  for (const name of [process.env.CXX, 'g++', 'clang++']) {
    try {
      if (name) execFileSync(name, ['--version'], { stdio: 'ignore' })
      if (name) return name
    } catch {
      continue
    }
  }
  return null
}

/** Compiles what the tests of CUDA need into a folder, laid out as in this repository: the addon in build/, the shipped PTX in cuda/. */
export async function buildCuda(compile: string, folder: string): Promise<CudaBuild> {
  const [kernel, header] = ['kernel', 'header'].map((what) =>
    execFileSync('node', ['native/pow/generate/cuda.mjs', what], { encoding: 'utf8' }),
  )
  const hash = /SOURCE_HASH = "(\w+)"/.exec(header ?? '')?.[1] ?? ''
  for (const name of ['build/cuda', 'cuda']) mkdirSync(join(folder, name), { recursive: true })
  copyFileSync(join(CUDA, 'pow.ptx'), join(folder, 'cuda/pow.ptx'))
  const at = (name: string) => join(folder, name)
  writeFileSync(at('pow.cu'), kernel ?? '')
  const { include_dir: nodeApi } = createRequire(import.meta.url)('node-api-headers') as { include_dir: string }
  const options = ['-std=c++17', '-O1', '-fPIC', `-I${CUDA}`, `-I${SUPPORT}`]
  const run = (...args: string[]) => promisify(execFile)(compile, [...options, ...args])
  const addon = at('build/cuda.node')
  await Promise.all([
    run(`-DPOW_CU="${at('pow.cu')}"`, `-DPOW_HASH=${hash}`, '-c', join(SUPPORT, 'host-kernel.cpp'), '-o', at('kernel.o')),
    run('-c', join(SUPPORT, 'fake-driver.cpp'), '-o', at('driver.o')),
    run('-shared', `-I${nodeApi}`, '-DNAPI_VERSION=8', join(SUPPORT, 'addon.cpp'), join(CUDA, 'host.cpp'), '-ldl', '-o', addon),
  ])
  await run('-shared', at('driver.o'), at('kernel.o'), '-pthread', '-ldl', '-o', at('driver.so'))
  await run(join(SUPPORT, 'decide.cpp'), at('kernel.o'), '-o', at('decide'))
  return {
    cuda: createRequire(import.meta.url)(addon) as Cuda,
    addon,
    decide: at('decide'),
    hash,
    driver(name, settings = '') {
      const own = at(name)
      mkdirSync(own)
      copyFileSync(at('driver.so'), join(own, 'libcuda.so.1'))
      writeFileSync(join(own, 'settings'), settings)
      const log = join(own, 'calls')
      return {
        library: join(own, 'libcuda.so.1'),
        calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : []),
      }
    },
    machineCode(text) {
      const path = at('build/cuda/pow.fatbin')
      writeFileSync(path, text)
      return path
    },
  }
}
