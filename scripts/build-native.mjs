#!/usr/bin/env node
// Builds the native proof-of-work solvers and the native signer where a C++ compiler is, and only when something they are made from has changed. Runs when the
// package is installed, so it never fails that: without an addon the solvers and the signer in WebAssembly do the work.
import { spawn, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cpuSources } from '../native/pow/generate/cpu.mjs'
import { withBuildLock } from './lock.mjs'

const USAGE = `
node scripts/build-native.mjs            builds native/pow/build/taogate_pow.node and native/sr25519/build/taogate_sr25519.node, when they are not current

  --check            builds in any case, then runs the vectors through every kernel and verifies signatures; fails when it cannot or when one is wrong
  --out FOLDER       builds the solvers alone there instead, in any case
  --generate FOLDER  only writes the generated sources there
  --generated FOLDER takes the generated sources from there
`

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const NATIVE = join(root, 'native/pow')
const BUILD = join(NATIVE, 'build')
const ADDON = 'taogate_pow.node'
const VECTORS = join(root, 'test/fixtures/pow.json')
const SIGNER = join(root, 'native/sr25519')

const { values: flags } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    out: { type: 'string' },
    generate: { type: 'string' },
    generated: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const solvers = {
  label: 'native solvers',
  fallback: 'the WebAssembly solver is used',
  folder: flags.out ?? BUILD,
  addon: ADDON,
  hash: hashOf,
  compile,
  check: checkVectors,
}

const signer = {
  label: 'native signer',
  fallback: 'the WebAssembly library signs',
  folder: join(SIGNER, 'build'),
  addon: 'taogate_sr25519.node',
  hash: (compiler) => hashFiles(compiler, filesOf(join(SIGNER, 'src'))).digest('hex'),
  compile: compileSigner,
  check: checkSignatures,
}

async function main() {
  if (flags.help) return console.log(USAGE.trim())
  if (flags.generate) return writeGenerated(flags.generate)
  const compiler = findCompiler()
  await build(solvers, compiler)
  if (flags.out === undefined) await build(signer, compiler)
}

/** Builds one addon, unless it is current; what is wrong with one is no reason not to build the other. */
async function build(what, compiler) {
  const startedAt = Date.now()
  const { folder, addon } = what
  const must = flags.check || flags.out !== undefined
  if (!compiler) return skip(what, 'no C++ compiler (CXX, g++ or clang++)', must)
  if (process.platform === 'win32') return skip(what, 'it builds on Linux and macOS only', must)
  const stamp = { path: join(folder, 'stamp'), hash: what.hash(compiler) }
  const isCurrent = () =>
    !must && existsSync(join(folder, addon)) && existsSync(stamp.path) && readFileSync(stamp.path, 'utf8') === stamp.hash
  // Without writing anything first: a finished build may be in a folder that is read-only.
  if (isCurrent()) return
  try {
    mkdirSync(folder, { recursive: true })
    await withBuildLock(join(folder, 'lock'), async () => {
      if (isCurrent()) return
      await what.compile(compiler, folder)
      writeFileSync(stamp.path, stamp.hash)
      console.log(`${what.label}: built with ${basename(compiler.path)} in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`)
    })
  } catch (error) {
    return skip(what, must ? error.message : error.message.split('\n')[0], must)
  }
  if (flags.check) await what.check(join(folder, addon))
}

function skip({ label, fallback, folder, addon }, reason, fatal) {
  const instead = existsSync(join(folder, addon)) ? 'what was built before is kept' : fallback
  console.log(`${label}: ${fatal ? 'failed' : `skipped, ${instead}`}: ${reason}`)
  if (fatal) process.exitCode = 1
}

function findCompiler() {
  for (const path of [process.env.CXX, 'g++', 'clang++']) {
    if (!path) continue
    const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
    if (status === 0) return { path, version: stdout }
  }
  return null
}

/** What the addon's code depends on: every source, how it is compiled, and by what. */
function hashOf(compiler) {
  const hash = hashFiles(compiler, writtenSources())
  for (const [name, text] of Object.entries(cpuSources())) hash.update(name).update(text)
  return hash.digest('hex')
}

function hashFiles(compiler, files) {
  const hash = createHash('sha256').update(JSON.stringify([compiler, process.platform, process.arch]))
  for (const file of [fileURLToPath(import.meta.url), ...files]) hash.update(file.slice(root.length)).update(readFileSync(file))
  return hash
}

function writtenSources() {
  return [join(NATIVE, 'src'), ...(hasCuda() ? [join(NATIVE, 'cuda')] : [])].flatMap(filesOf).sort()
}

function filesOf(folder) {
  return readdirSync(folder)
    .flatMap((name) => (/\.(cpp|hpp|h)$/.test(name) ? [join(folder, name)] : []))
    .sort()
}

function hasCuda() {
  return existsSync(join(NATIVE, 'cuda/host.cpp'))
}

function writeGenerated(folder) {
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of Object.entries(cpuSources())) writeFileSync(join(folder, name), text)
}

async function compile(compiler, folder) {
  const generated = flags.generated ?? join(folder, 'generated')
  if (!flags.generated) writeGenerated(generated)
  const sources = writtenSources().filter(
    (file) => file.endsWith('.cpp') && (dirname(file) === join(NATIVE, 'src') || basename(file) === 'host.cpp'),
  )
  const options = [
    ...(hasCuda() ? ['-DPOW_CUDA'] : []),
    // What GCC says of its own header for AVX-512.
    ...['-Wno-uninitialized', '-Wno-maybe-uninitialized'],
    ...[`-I${generated}`, `-I${join(NATIVE, 'src')}`],
  ]
  await compileAddon(compiler, folder, ADDON, sources, options)
  if (!flags.generated) rmSync(generated, { recursive: true, force: true })
}

function compileSigner(compiler, folder) {
  const sources = filesOf(join(SIGNER, 'src')).filter((file) => file.endsWith('.cpp'))
  return compileAddon(compiler, folder, signer.addon, sources, [])
}

/** Compiles into a folder of its own; what is there is replaced when all is done. */
async function compileAddon({ path }, folder, addon, sources, special) {
  const work = join(folder, 'work')
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  const { default: nodeApi } = await import('node-api-headers')
  const options = ['-std=c++17', '-O3', '-fPIC', '-fvisibility=hidden', '-DNAPI_VERSION=8', '-Wall', '-Wextra', `-I${nodeApi.include_dir}`]
  const objects = await Promise.all(
    sources.map(async (source) => {
      const object = join(work, `${basename(source)}.o`)
      await run(path, [...options, ...special, '-c', source, '-o', object])
      return object
    }),
  )
  const made = join(work, addon)
  // Node itself is what the addon's undefined symbols are found in.
  const linking = process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared', '-ldl']
  await run(path, [...objects, ...linking, '-pthread', '-o', made])
  renameSync(made, join(folder, addon))
  rmSync(work, { recursive: true, force: true })
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let errors = ''
    child.stderr.setEncoding('utf8').on('data', (text) => (errors += text))
    child.once('error', reject)
    child.once('close', (status) => {
      if (status === 0) return resolve()
      const first = errors.split('\n').find((line) => line.includes('error')) ?? errors.trim()
      reject(new Error(`${basename(command)} ended with ${status}: ${first}\n${errors}`))
    })
  })
}

/** Every vector through every kernel and form of one, in both byte orders: the nonce is found, and the numbers around its decisive one decide. */
function checkVectors(path) {
  const addon = createRequire(import.meta.url)(path)
  const kernels = addon.kernels().flatMap((name) => [name, ...addon.forms(name)])
  const { seals } = JSON.parse(readFileSync(VECTORS, 'utf8'))
  const wrong = new Map()
  for (const { name, block_and_hotkey_hash: preimageHex, nonce: text, seal: sealHex } of seals) {
    const [preimage, nonce, seal] = [bytes(preimageHex), BigInt(text), bytes(sealHex)]
    const report = (what) => wrong.set(what, [...(wrong.get(what) ?? []), name])
    if (!seal.equals(addon.seal(preimage, nonce))) report('seal')
    for (const kernel of kernels) {
      for (const little of [false, true]) {
        const decisive = little ? seal.readBigUInt64LE(24) : seal.readBigUInt64BE(0)
        const found = (limit) => search(addon, kernel, preimage, little, limit, nonce)
        if (!found(decisive) || (decisive > 0n && found(decisive - 1n))) report(`${kernel}, ${little ? 'little' : 'big'}-endian`)
      }
    }
  }
  for (const [what, names] of wrong) console.log(`native solvers: ${what} is wrong for ${names.length} vectors, first '${names[0]}'`)
  console.log(`native solvers: ${seals.length} vectors in ${kernels.join(', ')}: ${wrong.size === 0 ? 'all right' : 'not all right'}`)
  if (wrong.size > 0) process.exitCode = 1
}

function search(addon, kernel, preimage, little, limit, nonce) {
  const control = new Int32Array(new SharedArrayBuffer(4))
  const [high, low] = [Number(nonce >> 32n), Number(nonce & 0xffffffffn)]
  return addon.search(kernel, preimage, little, limit, high, low, 1, control, 0, new Uint32Array(1))[1] === 1
}

/** The WebAssembly library verifies signatures of random messages by random keys, and refuses them for another message. */
async function checkSignatures(path) {
  const { load } = createRequire(import.meta.url)(path)
  const { sr25519KeypairFromSeed, sr25519Verify, waitReady } = await import('@polkadot/wasm-crypto')
  await waitReady()
  const count = 256
  let wrong = 0
  for (let i = 0; i < count; i++) {
    const pair = sr25519KeypairFromSeed(randomBytes(32))
    const publicKey = pair.subarray(64)
    const message = randomBytes(4 * i)
    const signature = load(pair.subarray(0, 64), publicKey)?.(message, randomBytes(32))
    const isRight = signature && sr25519Verify(signature, message, publicKey)
    if (!isRight || sr25519Verify(signature, Buffer.concat([message, Buffer.of(0)]), publicKey)) wrong++
  }
  console.log(`native signer: ${count} signatures: ${wrong === 0 ? 'all right' : `${wrong} are wrong`}`)
  if (wrong > 0) process.exitCode = 1
}

function bytes(text) {
  return Buffer.from(text.slice(2), 'hex')
}

await main()
