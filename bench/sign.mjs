// What a signature costs with the native signer and with the WebAssembly library, and whether the native one's time tells anything of a scalar.
import { createRequire } from 'node:module'
import { randomBytes, randomInt } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { sr25519KeypairFromSeed, sr25519Sign, waitReady } from '@polkadot/wasm-crypto'

const USAGE = `
node bench/sign.mjs              CPU time of a signature, both ways in turns (needs scripts/build-native.mjs)
node bench/sign.mjs --timing     t-test of times by pairs of scalars and of keys; |t| above 5 is a finding. Wants an idle core

  --bytes N      length of the messages; 150 unless given
  --turns N      of each way; 20 unless given
  --samples N    of each test; 100,000 unless given
`
const { values: flags } = parseArgs({
  options: {
    timing: { type: 'boolean', default: false },
    bytes: { type: 'string', default: '150' },
    turns: { type: 'string', default: '20' },
    samples: { type: 'string', default: '100000' },
    help: { type: 'boolean', default: false },
  },
})
const LARGEST_T = 5
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

if (flags.help) console.log(USAGE.trim())
else await main()

async function main() {
  await waitReady()
  const addon = createRequire(import.meta.url)(fileURLToPath(new URL('../native/sr25519/build/taogate_sr25519.node', import.meta.url)))
  if (flags.timing) timing(addon)
  else cost(addon)
}

function cost(addon) {
  const { secret, publicKey } = newPair()
  const native = addon.load(secret, publicKey)
  const message = randomBytes(Number(flags.bytes))
  const ways = {
    native: { count: 4000, run: () => native(message, randomBytes(32)) },
    wasm: { count: 1000, run: () => sr25519Sign(publicKey, secret, message) },
  }
  const measured = { native: [], wasm: [] }
  for (const { count, run } of Object.values(ways)) cpuMicroseconds(count, run)
  for (let turn = 0; turn < Number(flags.turns); turn++)
    for (const [name, { count, run }] of Object.entries(ways)) measured[name].push(cpuMicroseconds(count, run))
  for (const [name, values] of Object.entries(measured)) {
    const sorted = values.sort((a, b) => a - b)
    const at = (share) => sorted[Math.round(share * (sorted.length - 1))].toFixed(1)
    console.log(`${name}: ${at(0.5)} µs CPU a signature of ${message.length} bytes (least ${at(0)}, most ${at(1)}, ${sorted.length} turns)`)
  }
}

function cpuMicroseconds(count, run) {
  const before = process.cpuUsage()
  for (let i = 0; i < count; i++) run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

function timing(addon) {
  const multiple = (scalar) => {
    const bytes = scalarBytes(scalar)
    return () => addon.step('multiple of base', bytes)
  }
  const message = randomBytes(Number(flags.bytes))
  const random = randomBytes(32)
  const signing = (scalar) => {
    const secret = Buffer.concat([scalarBytes(8n * scalar), Buffer.alloc(32, 1)])
    const sign = addon.load(secret, addon.step('multiple of base', scalarBytes(scalar)))
    return () => sign(message, random)
  }
  const scalar = () => BigInt(`0x${randomBytes(40).toString('hex')}`) % ORDER
  const eights = ((2n ** 252n - 1n) / 15n) * 8n
  const pairs = [
    ['multiples by the same scalar, as a control', ...Array(2).fill(multiple(5n))],
    ['multiples by 0 and by a random scalar', multiple(0n), multiple(scalar())],
    ['multiples by digits of 8 and by a random scalar', multiple(eights % ORDER), multiple(scalar())],
    ['multiples by 1 and by L - 1', multiple(1n), multiple(ORDER - 1n)],
    ['signatures by two random keys', signing(scalar()), signing(scalar())],
    ['signatures by the scalar 1 and by a random one', signing(1n), signing(scalar())],
  ]
  for (const [name, ...ways] of pairs) {
    const times = [[], []]
    for (let i = 0; i < Number(flags.samples) * 2; i++) {
      const which = randomInt(2)
      const before = process.hrtime.bigint()
      ways[which]()
      times[which].push(Number(process.hrtime.bigint() - before))
    }
    // What lasts longer than most was interrupted.
    const limit = times.flat().sort((a, b) => a - b)[Math.floor(Number(flags.samples) * 2 * 0.9)]
    const [a, b] = times.map((values) => moments(values.filter((value) => value <= limit)))
    const t = (a.mean - b.mean) / Math.sqrt(a.variance / a.count + b.variance / b.count)
    console.log(
      `${name}: ${a.mean.toFixed(0)} and ${b.mean.toFixed(0)} ns, t = ${t.toFixed(2)}${Math.abs(t) > LARGEST_T ? ': they differ' : ''}`,
    )
    if (Math.abs(t) > LARGEST_T) process.exitCode = 1
  }
}

function moments(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  return { count: values.length, mean, variance }
}

function newPair() {
  const both = sr25519KeypairFromSeed(randomBytes(32))
  return { secret: both.slice(0, 64), publicKey: both.slice(64) }
}

/** 32 bytes, little-endian. */
function scalarBytes(scalar) {
  return Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse()
}
