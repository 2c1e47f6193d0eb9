// What `npm run bench:pow` compares. Each gives, for a number of nonces, the CPU seconds that they took.
import { keccak_256 } from '@noble/hashes/sha3.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { createKeccak, createSHA256 } from 'hash-wasm'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generateWasm } from '../../native/pow/generate/wasm.mjs'
import { createWasmSearch } from '../../native/pow/generate/wasm-search.mjs'

const ADDON = fileURLToPath(new URL('../../native/pow/build/taogate_pow.node', import.meta.url))
const PYTHON = fileURLToPath(new URL('python-loop.py', import.meta.url))
const SCALAR_C = fileURLToPath(new URL('scalar.c', import.meta.url))
const PREIMAGE = Uint8Array.from({ length: 32 }, (_, k) => (3 * k + 1) & 255)

/**
 * @typedef {object} Implementation
 * @property {string} name
 * @property {number} first Nonces of a first run, from which the number for a run of a given time is estimated.
 * @property {(count: number) => number} run CPU seconds.
 */

/** Those that this machine has; of the others a line says why not. @returns {Promise<Implementation[]>} */
export async function implementations({ compiler, folder }) {
  const list = [...pythonLoops(), ...(await javascript())]
  if (compiler) {
    const program = join(folder, 'scalar')
    execFileSync(compiler, ['-x', 'c', '-O3', '-o', program, SCALAR_C])
    list.push({
      name: 'scalar C',
      first: 50_000,
      run: (count) => Number(execFileSync(program, [String(count)], { encoding: 'utf8' }).split(' ')[1]),
    })
  } else console.log('no scalar C: no compiler')
  list.push(await wasmSimd())
  return [...list, ...nativeKernels()]
}

function pythonLoops() {
  const loop = (kind, count) => Number(execFileSync('/usr/bin/python3', [PYTHON, kind, String(count)], { encoding: 'utf8' }).split(' ')[1])
  try {
    loop('direct', 1)
  } catch {
    console.log('no Python loops: /usr/bin/python3 has no pycryptodome')
    return []
  }
  return [
    { name: 'Python client loop', first: 5000, run: (count) => loop('client', count) },
    { name: 'Python, direct calls', first: 5000, run: (count) => loop('direct', count) },
  ]
}

async function javascript() {
  const [sha, keccak] = [await createSHA256(), await createKeccak(256)]
  const wasmSha = (message) => sha.init().update(message).digest('binary')
  const wasmKeccak = (digest) => keccak.init().update(digest).digest('binary')
  const nodeSha = (message) => createHash('sha256').update(message).digest()
  return [
    { name: '@noble/hashes', first: 5000, run: (count) => hashAll(count, sha256, keccak_256) },
    { name: 'hash-wasm', first: 10_000, run: (count) => hashAll(count, wasmSha, wasmKeccak) },
    { name: 'Node crypto + hash-wasm', first: 10_000, run: (count) => hashAll(count, nodeSha, wasmKeccak) },
  ]
}

function hashAll(count, inner, outer) {
  const message = Buffer.alloc(40)
  message.set(PREIMAGE, 8)
  return cpuSeconds(() => {
    let seal
    for (let nonce = 0; nonce < count; nonce++) {
      message.writeUInt32LE(nonce, 0)
      seal = outer(inner(message))
    }
    if (seal?.length !== 32) throw new Error('an implementation gave no seal of 32 bytes')
  })
}

async function wasmSimd() {
  const { bytes, ...layout } = generateWasm()
  const search = createWasmSearch(await WebAssembly.compile(bytes), layout)
  return { name: 'WebAssembly SIMD', first: 200_000, run: (count) => cpuSeconds(() => searchAll(search, count)) }
}

function nativeKernels() {
  if (!existsSync(ADDON)) {
    console.log('no native kernels: node scripts/build-native.mjs says why')
    return []
  }
  const addon = createRequire(import.meta.url)(ADDON)
  const names = addon.kernels().flatMap((name) => [...addon.forms(name), name])
  return names.map((name) => ({
    name,
    first: 200_000,
    run: (count) => cpuSeconds(() => searchAll((...job) => addon.search(name, ...job), count)),
  }))
}

function searchAll(search, count) {
  const control = new Int32Array(new SharedArrayBuffer(4))
  const [tried] = search(PREIMAGE, true, 0n, 1, 0, count, control, 0, new Uint32Array(16))
  if (tried !== count) throw new Error(`a search tried ${tried} of ${count} nonces`)
}

function cpuSeconds(work) {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}
