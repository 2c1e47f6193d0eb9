#!/usr/bin/env node
// What can only be known on a GPU: that the kernels are right there, how many nonces they try a second, how soon they turn to a new challenge, and how
// that compares to the public GPU solver in the same run. docs/design/pow-kernels.md has what is known without one.
import { execFileSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'

const USAGE = `
node bench/pow-cuda.mjs     self-test, rate and switch latency of every CUDA device, kernel and image (needs scripts/build-native.mjs; machine code scripts/build-cuda.mjs)

  --seconds N        of each measurement of a rate (default 2), of which there are five
  --switches N       how many changes of the challenge are timed (default 20)
  --public PATH      measures the public GPU solver too: a checkout of github.com/opentensor/cubit (built with nvcc), or a program built before
  --build FILE       only builds that program from --public, for a machine without nvcc; for --arch, by default sm_90
  --library PATH     another driver library than libcuda.so.1
`

const root = fileURLToPath(new URL('..', import.meta.url))
const ADDON = join(root, 'native/pow/build/taogate_pow.node')
const IMAGES = ['native/pow/build/cuda/pow.fatbin', 'native/pow/cuda/pow.ptx'].map((path) => join(root, path))
const VARIANTS = ['unrolled', 'looped', 'multiplier']
const ALL = 2n ** 64n - 1n
const REPEATS = 5
const SELF_TEST_NONCES = 100_000
/** As the Python client calls the public solver by default. */
const PUBLIC = { threads: 256, nonces: 50_000, calls: 3 }

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    switches: { type: 'string', default: '20' },
    public: { type: 'string' },
    build: { type: 'string' },
    arch: { type: 'string', default: 'sm_90' },
    library: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

async function main() {
  if (flags.help) return console.log(USAGE.trim())
  if (flags.build) return buildPublic(flags.public, flags.build, flags.arch)
  if (!existsSync(ADDON)) throw new Error('there is no native addon: run scripts/build-native.mjs')
  const addon = createRequire(import.meta.url)(ADDON)
  if (!addon.cuda) throw new Error('the native addon was built without CUDA')
  const driver = flags.library ? { library: flags.library } : {}
  const devices = addon.cuda.devices(driver)
  if (devices.length === 0) throw new Error(`NO CUDA DEVICE, NOTHING WAS MEASURED: ${addon.cuda.reason(driver) || 'the driver knows none'}`)
  if (flags.library) console.log(`driver: ${flags.library}`)
  for (const device of devices) await measureDevice(addon, device, driver)
}

async function measureDevice(addon, device, driver) {
  const { index, name, computeCapability, multiprocessors, clockKHz } = device
  console.log(
    `device ${index}: ${name}, compute capability ${computeCapability.join('.')}, ${multiprocessors} multiprocessors, up to ${clockKHz / 1000} MHz`,
  )
  const opened = IMAGES.filter(existsSync).flatMap((image) =>
    VARIANTS.map((variant) => open(addon.cuda, index, { ...driver, image, variant })),
  )
  const kernels = opened.filter((kernel) => kernel !== null)
  if (kernels.length === 0) throw new Error(`no kernel can run on device ${index}`)
  for (const kernel of kernels) selfTest(addon, kernel)
  // One after the other, several times over: clocks and heat change for all alike.
  const rates = kernels.map(() => [])
  for (let repeat = 0; repeat < REPEATS; repeat++)
    kernels.forEach((kernel, k) => rates[k].push(rateOf(addon.cuda, kernel, repeat % 2 === 1)))
  kernels.forEach((kernel, k) => {
    const { blocks, threads, registers, localBytes } = addon.cuda.describe(kernel.handle)
    const [low, middle, high] = [Math.min(...rates[k]), median(rates[k]), Math.max(...rates[k])].map((rate) => (rate / 1e9).toFixed(3))
    console.log(
      `  ${kernel.label}: ${middle} GH/s (${low} to ${high}); ${blocks} blocks, ${threads} threads, ${registers} registers, ${localBytes} bytes of local memory`,
    )
  })
  for (const kernel of kernels) {
    const { left, first } = await switchTimes(addon.cuda, kernel)
    console.log(
      `  ${kernel.label}: a new challenge ends the search in ${spread(left)} ms, its first nonce is done after ${spread(first)} ms`,
    )
  }
  if (flags.public) {
    const theirs = publicRate(computeCapability, index)
    const best = Math.max(...rates.map(median))
    console.log(
      `  public solver, as its client calls it: ${(theirs / 1e6).toFixed(2)} MH/s; ours is ${(best / theirs).toFixed(1)} times as fast`,
    )
  }
  for (const { handle } of kernels) addon.cuda.close(handle)
}

/** Null, with a line that says so, where an image has nothing for the device. */
function open(cuda, device, options) {
  const label = `${options.variant} from ${options.image.endsWith('.ptx') ? 'PTX' : 'machine code'}`
  try {
    const startedAt = performance.now()
    const handle = cuda.open(device, options)
    console.log(`  ${label}: opened in ${(performance.now() - startedAt).toFixed(0)} ms`)
    return { label, handle }
  } catch (error) {
    if (error.code !== 'CUDA_NO_IMAGE') throw error
    console.log(`  ${label}: NOT MEASURED: ${error.message}`)
    return null
  }
}

/** Every vector, and random nonces against the portable kernel, in both orders. Throws at the first difference. */
function selfTest(addon, { label, handle }) {
  const search = (preimage, little, limit, high, from, count, hits) => {
    const [, found] = addon.cuda.search(handle, preimage, little, limit, high, from, count, control(), 0, hits)
    return [...hits.subarray(0, found)]
  }
  const { seals } = JSON.parse(readFileSync(join(root, 'test/fixtures/pow.json'), 'utf8'))
  for (const { name, block_and_hotkey_hash, nonce, seal } of seals) {
    const [preimage, bytes] = [block_and_hotkey_hash, seal].map((text) => Buffer.from(text.slice(2), 'hex'))
    const [high, low] = [Number(BigInt(nonce) >> 32n), Number(BigInt(nonce) & 0xffffffffn)]
    for (const little of [false, true]) {
      const number = little ? bytes.readBigUInt64LE(24) : bytes.readBigUInt64BE(0)
      const found = (limit) => search(new Uint8Array(preimage), little, limit, high, low, 1, new Uint32Array(1)).length === 1
      if (!found(number) || (number > 0n && found(number - 1n))) throw new Error(`SELF-TEST FAILED: ${label} is wrong for vector '${name}'`)
    }
  }
  for (const little of [false, true]) {
    const [preimage, high, from] = [new Uint8Array(randomBytes(32)), randomInt(2 ** 32), randomInt(2 ** 31)]
    const job = [preimage, little, ALL / 20n, high, from, SELF_TEST_NONCES]
    const hits = new Uint32Array(SELF_TEST_NONCES)
    const [, count] = addon.search('portable', ...job, control(), 0, hits)
    const wanted = [...hits.subarray(0, count)].sort((a, b) => a - b)
    const got = search(...job, new Uint32Array(SELF_TEST_NONCES))
    if (wanted.length === 0 || got.join() !== wanted.join()) throw new Error(`SELF-TEST FAILED: ${label} differs from the portable kernel`)
  }
  console.log(`  ${label}: ${seals.length} vectors and ${SELF_TEST_NONCES} random nonces right in both orders`)
}

/** Nonces a second over about the wanted time, after as long a run-up as it takes to know how many those are. */
function rateOf(cuda, { handle }, little) {
  const preimage = new Uint8Array(randomBytes(32))
  const run = (count, high) => {
    const startedAt = performance.now()
    for (let left = count; left > 0; left -= 2 ** 32)
      cuda.search(
        handle,
        preimage,
        little,
        0n,
        high + Math.ceil(left / 2 ** 32),
        0,
        Math.min(left, 2 ** 32),
        control(),
        0,
        new Uint32Array(1),
      )
    return (performance.now() - startedAt) / 1000
  }
  const wanted = Number(flags.seconds)
  let count = 2 ** 16
  let took = run(count, 0)
  while (took < wanted / 4) took = run((count *= 2), 0)
  count = Math.ceil((count * wanted) / took)
  return count / run(count, 1000)
}

/** Milliseconds from a change of the epoch word to the end of the search, and to the end of a search for one nonce of the next challenge. */
async function switchTimes(cuda, { handle }) {
  const shared = new BigInt64Array(new SharedArrayBuffer(16))
  const word = new Int32Array(shared.buffer, 0, 1)
  const code = `const { parentPort, workerData: shared } = require('node:worker_threads')
    const word = new Int32Array(shared.buffer, 0, 1)
    parentPort.on('message', ({ epoch, ms }) => setTimeout(() => {
      shared[1] = process.hrtime.bigint()
      Atomics.store(word, 0, epoch)
    }, ms))`
  const worker = new Worker(code, { eval: true, workerData: shared })
  const times = { left: [], first: [] }
  const since = () => Number(process.hrtime.bigint() - shared[1]) / 1e6
  const preimage = new Uint8Array(32)
  for (let epoch = 0; epoch < Number(flags.switches); epoch++) {
    worker.postMessage({ epoch: epoch + 1, ms: 100 + Math.random() * 50 })
    while (Atomics.load(word, 0) === epoch) cuda.search(handle, preimage, false, 0n, epoch, 0, 2 ** 32, word, epoch, new Uint32Array(1))
    times.left.push(since())
    cuda.search(handle, preimage, false, 0n, epoch, 0, 1, word, epoch + 1, new Uint32Array(1))
    times.first.push(since())
  }
  await worker.terminate()
  return times
}

function buildPublic(checkout, program, arch) {
  const source = fileURLToPath(new URL('lib/public-solver.cu', import.meta.url))
  execFileSync('nvcc', [`-arch=${arch}`, '-O3', `-I${join(checkout, 'kernels')}`, source, '-o', program], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

function publicRate(computeCapability, device) {
  const folder = mkdtempSync(join(tmpdir(), 'taogate-public-solver-'))
  try {
    const built = statSync(flags.public).isFile()
    const program = built ? flags.public : join(folder, 'program')
    if (!built) buildPublic(flags.public, program, `sm_${computeCapability.join('')}`)
    const { threads, nonces, calls } = PUBLIC
    const [tried, seconds] = execFileSync(program, [device, threads, nonces, calls].map(String), { encoding: 'utf8' })
      .trim()
      .split(' ')
      .map(Number)
    if (!(tried > 0 && seconds > 0)) throw new Error('the public solver measured nothing')
    return tried / seconds
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function control() {
  return new Int32Array(new SharedArrayBuffer(4))
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}

function spread(values) {
  return `${median(values).toFixed(2)} (at most ${Math.max(...values).toFixed(2)})`
}

main().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
