import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

interface Phase {
  inputs: string[]
}
interface Generator {
  describe(features: object): { launch: Phase }
  evaluate(phase: Phase, inputs: Record<string, bigint>, slots?: bigint[]): bigint[]
  cpuSources(): Record<string, string>
}

// Plain JavaScript without declarations, as it also runs where there is no compiler of TypeScript.
const load = async (name: string) => (await import(new URL(`../../../native/pow/generate/${name}`, import.meta.url).href)) as Generator
const { describe: describeHash } = await load('description.mjs')
const { evaluate } = await load('graph.mjs')
const { cpuSources } = await load('cpu.mjs')

const { seals } = JSON.parse(readFileSync(new URL('../../fixtures/pow.json', import.meta.url), 'utf8')) as {
  seals: { block_and_hotkey_hash: string; nonce: string; sha256: string; seal: string }[]
}

const source = cpuSources()['kernel-avx512.inc']!
const [, table64, table32] = /static const struct \{\n(.*?\};)\n(.*?\};)\n\} WOVEN_CONSTANTS/s.exec(source)!
const CONSTANTS = { of64: numbers(table64!), of32: numbers(table32!) }
/** Fields of `struct Woven`: the index of the first vector. */
const [W0, D, H, LANE] = [0, 1, 9, 17]
const LOW = 0xffffffffn
const ALL = 0xffffffffffffffffn

/** Any machine can tell whether the instructions are right: they are run on numbers, 64 bits of each vector. */
describe('the woven kernel of AVX-512', () => {
  const [little, big] = [...source.matchAll(/__asm__ volatile\(\n(.*?)\n {6}:\n/gs)].map(([, text]) =>
    text!.split('\n').map((line) => /"(.*)\\n"/.exec(line)![1]!.replace(/%([%{}])/g, '$1')),
  )

  it.each([
    ['little', little!, 24],
    ['big', big!, 0],
  ] as const)('gives a digest and the deciding lanes of two others, %s-endian', (order, lines, at) => {
    for (const [k, { block_and_hotkey_hash, nonce, sha256 }] of seals.entries()) {
      const others = [seals[(k + 1) % seals.length]!, seals[(k + 2) % seals.length]!]
      const preimage = Buffer.from(block_and_hotkey_hash.slice(2), 'hex')
      const launch: Record<string, bigint> = { m1: swapped(BigInt(nonce) >> 32n) }
      for (let word = 0; word < 8; word++) launch[`m${word + 2}`] = BigInt(preimage.readUInt32BE(4 * word))
      const slots = evaluate(describeHash({ logic3: true, rotate32: true, rotate64: true }).launch, launch)
      const memory: bigint[] = []
      memory[W0] = both(swapped(BigInt(nonce) & LOW))
      others.forEach((other, digest) => {
        const bytes = Buffer.from(other.sha256.slice(2), 'hex')
        for (let lane = 0; lane < 4; lane++) memory[D + 4 * digest + lane] = bytes.readBigUInt64LE(8 * lane)
      })
      run(lines, memory, slots)
      const words = Array.from({ length: 8 }, (_, word) => memory[H + word]!)
      expect(words).toEqual(words.map((word) => both(word & LOW)))
      expect(`0x${words.map((word) => (word & LOW).toString(16).padStart(8, '0')).join('')}`).toBe(sha256)
      const wanted = others.map(({ seal }) => Buffer.from(seal.slice(2), 'hex').readBigUInt64LE(at))
      expect([order, memory[LANE], memory[LANE + 1]]).toEqual([order, ...wanted])
    }
  })

  it('uses no memory but that of its structure', () => {
    const places = Number(/__m512i places\[(\d+)\]/.exec(source)![1])
    const used = [...little!, ...big!].flatMap((line) =>
      [...line.matchAll(/(\d+)\(%\[woven\]\)/g)].map(([, offset]) => Number(offset) / 64),
    )
    expect(Math.max(...used)).toBe(LANE + 2 + places - 1)
  })
})

/** Each number stands for a vector whose lanes are all the same. */
function run(lines: string[], memory: bigint[], slots: bigint[]): void {
  const registers: bigint[] = []
  const read = (operand: string): bigint => {
    const [, register] = /^%zmm(\d+)$/.exec(operand) ?? []
    if (register) return registers[Number(register)]!
    const [, offset, name] = /^(\d+)\(%\[(\w+)\]\)/.exec(operand)!
    if (name === 'woven') return memory[Number(offset) / 64]!
    if (name === 'of64') return CONSTANTS.of64[Number(offset) / 8]!
    return both((name === 'slots' ? slots : CONSTANTS.of32)[Number(offset) / 4]!)
  }
  for (const line of lines) {
    const [name, ...operands] = line.split(/,? /) as [string, ...string[]]
    const immediate = operands[0]!.startsWith('$') ? Number(operands.shift()!.slice(1)) : 0
    const to = operands.at(-1)!
    const result = calculate(name, immediate, name.startsWith('vpternlog') ? operands.map(read) : operands.slice(0, -1).map(read))
    const [, register] = /^%zmm(\d+)$/.exec(to) ?? []
    if (register) registers[Number(register)] = result
    else memory[parseInt(to) / 64] = result
  }
}

/** Operands as AT&T syntax has them: the last first, and for three-input logic what is overwritten at the end. */
function calculate(name: string, immediate: number, [c, b, a]: bigint[]): bigint {
  if (name.startsWith('vmovdqa') || name.startsWith('vpbroadcast')) return c!
  if (name.startsWith('vpxor')) return c! ^ b!
  if (name === 'vpaddd') return halves((half) => half(c!) + half(b!))
  if (name === 'vpsrld') return halves((half) => half(c!) >> BigInt(immediate))
  if (name === 'vprord') return halves((half) => (half(c!) | (half(c!) << 32n)) >> BigInt(immediate))
  if (name === 'vprolq') return ((c! | (c! << 64n)) >> BigInt(64 - immediate)) & ALL
  if (!name.startsWith('vpternlog')) throw new Error(name)
  let result = 0n
  for (let row = 0; row < 8; row++) {
    if ((immediate >> row) & 1) result |= (row & 4 ? a! : a! ^ ALL) & (row & 2 ? b! : b! ^ ALL) & (row & 1 ? c! : c! ^ ALL)
  }
  return result
}

function halves(of: (half: (word: bigint) => bigint) => bigint): bigint {
  return (of((word) => word & LOW) & LOW) | ((of((word) => word >> 32n) & LOW) << 32n)
}

function both(word: bigint): bigint {
  return word | (word << 32n)
}

function numbers(text: string): bigint[] {
  return [...text.matchAll(/0x[0-9a-f]+/g)].map(([number]) => BigInt(number))
}

function swapped(word: bigint): bigint {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(Number(word))
  return BigInt(bytes.readUInt32BE(0))
}
