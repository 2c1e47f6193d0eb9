import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

type Words = Record<string, bigint>
interface Phase {
  outputs: unknown[]
  steps: { op: string }[]
}
interface Description {
  launch: Phase
  sha: Phase
  first: Phase
  round: Phase
  roundConstants: bigint[]
  lastBig: Phase
  lastLittle: Phase
}
interface Generator {
  describe(features: object): Description
  evaluate(phase: Phase, inputs: Words, slots?: bigint[]): bigint[]
  countSteps(phase: Phase): Record<string, number> & { total: number }
  cpuSources(): Record<string, string>
}

// Plain JavaScript without declarations, as it also runs where there is no compiler of TypeScript.
const load = async (name: string) => (await import(new URL(`../../../native/pow/generate/${name}`, import.meta.url).href)) as Generator
const { describe: describeHash } = await load('description.mjs')
const { evaluate, countSteps } = await load('graph.mjs')
const { cpuSources } = await load('cpu.mjs')

const { seals } = JSON.parse(readFileSync(new URL('../../fixtures/pow.json', import.meta.url), 'utf8')) as {
  seals: { block_and_hotkey_hash: string; nonce: string; sha256: string; seal: string }[]
}

const AVX512 = { logic3: true, rotate32: true, rotate64: true }
const TARGETS = [
  ['three-input logic and rotates', AVX512],
  ['less of it in theta', { ...AVX512, sharedColumns: 3 }],
  ['sums of three', { ...AVX512, add3: true }],
  ['neither, byte shuffles', { logic3: false, rotate32: false, rotate64: 'bytes' }],
  ['neither', { logic3: false, rotate32: false, rotate64: false }],
  ['rotates only', { logic3: false, rotate32: true, rotate64: true }],
] as const

describe('the description of the hash', () => {
  it('has the operations that were counted for AVX-512', () => {
    const hash = describeHash(AVX512)
    const sha = countSteps(hash.sha).total
    const keccak = countSteps(hash.first).total + 22 * countSteps(hash.round).total + countSteps(hash.lastBig).total
    expect([sha, keccak]).toEqual([1464, 2064])
    // What the protocol notes counted by hand.
    expect(Math.abs(sha / 1465 - 1)).toBeLessThan(0.02)
    expect(Math.abs(keccak / 2064 - 1)).toBeLessThan(0.02)
  })

  it('has the operations that were counted for AVX2', () => {
    const hash = describeHash({ logic3: false, rotate32: false, rotate64: 'bytes' })
    const keccak = countSteps(hash.first).total + 22 * countSteps(hash.round).total + countSteps(hash.lastLittle).total
    expect((countSteps(hash.sha).total + 2 * keccak) / 8).toBeLessThan(1430)
  })

  it.each(TARGETS)('gives the right words with %s', (_, features) => {
    const hash = describeHash(features)
    for (const vector of seals) {
      const preimage = Buffer.from(vector.block_and_hotkey_hash.slice(2), 'hex')
      const nonce = BigInt(vector.nonce)
      const launch: Words = { m1: swapped(nonce >> 32n) }
      for (let k = 0; k < 8; k++) launch[`m${k + 2}`] = BigInt(preimage.readUInt32BE(4 * k))
      const h = evaluate(hash.sha, { w0: swapped(nonce & 0xffffffffn) }, evaluate(hash.launch, launch))
      expect(`0x${h.map((word) => word.toString(16).padStart(8, '0')).join('')}`).toBe(vector.sha256)

      const lanes = Object.fromEntries([0, 1, 2, 3].map((i) => [`d${i}`, swapped(h[2 * i]!) | (swapped(h[2 * i + 1]!) << 32n)]))
      let state = evaluate(hash.first, lanes)
      for (const rc of hash.roundConstants) state = evaluate(hash.round, { ...named(state), rc })
      const seal = Buffer.from(vector.seal.slice(2), 'hex')
      expect(evaluate(hash.lastBig, named(state))).toEqual([seal.readBigUInt64LE(0)])
      expect(evaluate(hash.lastLittle, named(state))).toEqual([seal.readBigUInt64LE(24)])
    }
  })

  it('is printed the same every time', () => {
    expect(cpuSources()).toEqual(cpuSources())
  })
})

function named(state: bigint[]): Words {
  return Object.fromEntries(state.map((lane, k) => [`a${k}`, lane]))
}

function swapped(word: bigint): bigint {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(Number(word))
  return BigInt(bytes.readUInt32BE(0))
}
