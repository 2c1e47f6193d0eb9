/** The native signer against other implementations: as a whole, and every step of its arithmetic. Skipped where there is no C++ compiler to build it. */
import { spawnSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keccakP } from '@noble/hashes/sha3.js'
import { sr25519KeypairFromSeed, sr25519Verify, waitReady } from '@polkadot/wasm-crypto'
import * as scure from '@scure/sr25519'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { toHex } from '../units/bytes.js'
import { ADDON_FILE, nativeSign, openSigningAddon, type SigningAddon } from './native-signer.js'

interface Addon extends SigningAddon {
  step(name: string, ...bytes: Uint8Array[]): Uint8Array
}

const P = 2n ** 255n - 19n
const L = 2n ** 252n + 27742317777372353535851937790883648493n

const built = spawnSync(process.execPath, [fileURLToPath(new URL('../../../scripts/build-native.mjs', import.meta.url))], {
  encoding: 'utf8',
})
const skipped = /native signer: skipped.*(no C\+\+ compiler|builds on)/.test(built.stdout)
const addon = (skipped ? null : createRequire(import.meta.url)(ADDON_FILE)) as Addon

/** Little-endian. */
function bytesOf(value: bigint, length = 32): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Number((value >> BigInt(8 * i)) & 255n))
}
const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
const mod = (value: bigint, by: bigint): bigint => ((value % by) + by) % by
const limbs = (words: readonly bigint[]): Uint8Array => Buffer.concat(words.map((word) => bytesOf(word, 8)))
const weigh = (words: readonly bigint[]): bigint => words.reduce((sum, word, i) => sum + (word << BigInt(51 * i)), 0n)
const step = (name: string, ...numbers: bigint[]): bigint => numberOf(addon.step(name, ...numbers.map((number) => bytesOf(number))))
const random = (length = 32): bigint => numberOf(randomBytes(length))

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let square = base; exponent > 0n; exponent >>= 1n, square = (square * square) % P) if (exponent & 1n) result = (result * square) % P
  return result
}

interface Pair {
  secret: Uint8Array
  publicKey: Uint8Array
}
function pairOf(seed: Uint8Array = randomBytes(32)): Pair {
  const both = sr25519KeypairFromSeed(seed)
  return { secret: both.slice(0, 64), publicKey: both.slice(64) }
}
function loaded({ secret, publicKey }: Pair): (message: Uint8Array, random: Uint8Array) => Uint8Array {
  const sign = addon.load(secret, publicKey)
  if (!sign) throw new Error('the addon does not take the key')
  return sign
}
/** A pair of any scalar, with the secret in the library's form. */
function pairOfScalar(scalar: bigint): Pair {
  return { secret: Buffer.concat([bytesOf(8n * scalar), randomBytes(32)]), publicKey: addon.step('multiple of base', bytesOf(scalar)) }
}

beforeAll(() => waitReady())

describe.skipIf(skipped)('signatures', () => {
  test('of 2,000 keys and messages are valid', () => {
    for (let i = 0; i < 2000; i++) {
      const pair = pairOf()
      const message = randomBytes(i < 400 ? i : randomInt(5001))
      const signature = loaded(pair)(message, randomBytes(32))
      expect(signature).toHaveLength(64)
      if (!sr25519Verify(signature, message, pair.publicKey)) expect.fail(`${message.length} bytes`)
    }
  })

  test('are, byte for byte, those of another implementation with the same randomness', () => {
    for (const length of [0, 1, 31, 32, 100, 127, 128, 129, 165, 166, 167, 331, 332, 333, 1000, 4999, 5000]) {
      const pair = pairOf()
      const [message, random] = [randomBytes(length), randomBytes(32)]
      const signature = loaded(pair)(message, random)
      expect(toHex(signature)).toBe(toHex(scure.sign(pair.secret, message, random)))
      expect(scure.verify(message, signature, pair.publicKey)).toBe(true)
    }
  })

  test('are valid for scalars at the edges, also for those that are not below the order of the group', () => {
    const edges = [1n, 2n, 8n, L - 1n, L - 2n, L + 1n, 2n ** 252n, 2n ** 253n - 1n, (2n ** 252n - 1n) / 15n, (8n * (2n ** 252n - 1n)) / 15n]
    for (const scalar of edges) {
      const pair = pairOfScalar(scalar)
      const message = randomBytes(50)
      expect(sr25519Verify(loaded(pair)(message, randomBytes(32)), message, pair.publicKey), scalar.toString(16)).toBe(true)
    }
  })

  test('are for one message and one key only', () => {
    const pair = pairOf()
    const message = randomBytes(40)
    const signature = loaded(pair)(message, randomBytes(32))
    const changed = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
    for (let at = 0; at < 40; at++) expect(sr25519Verify(signature, changed(message, at), pair.publicKey)).toBe(false)
    for (let at = 0; at < 64; at++) expect(sr25519Verify(changed(signature, at), message, pair.publicKey)).toBe(false)
    for (let at = 0; at < 32; at++) expect(sr25519Verify(signature, message, changed(pair.publicKey, at))).toBe(false)
    expect(sr25519Verify(signature, message, pairOf().publicKey)).toBe(false)
  })

  test('never share a nonce, be it the message, the randomness or the nonce bytes of the key that differ', () => {
    const pair = pairOf()
    const otherNonce = { ...pair, secret: Uint8Array.from([...pair.secret.subarray(0, 32), ...randomBytes(32)]) }
    const [a, b] = [loaded(pair), loaded(otherNonce)]
    const zeros = new Uint8Array(32)
    const nonces = [
      a(Buffer.from('one'), zeros),
      a(Buffer.from('two'), zeros),
      a(Buffer.from('one'), randomBytes(32)),
      b(Buffer.from('one'), zeros),
    ].map((signature) => toHex(signature.subarray(0, 32)))
    expect(new Set(nonces).size).toBe(4)
    expect(toHex(a(Buffer.from('one'), zeros).subarray(0, 32))).toBe(nonces[0])
  })

  test('are not made with a public key of another secret, nor from what has the wrong size or type', () => {
    const pair = pairOf()
    expect(addon.load(pair.secret, pairOf().publicKey)).toBeNull()
    expect(addon.load(new Uint8Array(64), pair.publicKey)).toBeNull()
    expect(() => addon.load(pair.secret.subarray(1), pair.publicKey)).toThrow('secret must be a Uint8Array of 64 bytes')
    expect(() => addon.load(pair.secret, new Uint8Array(33))).toThrow('publicKey must be a Uint8Array of 32 bytes')
    const sign = loaded(pair)
    expect(() => sign('text' as unknown as Uint8Array, new Uint8Array(32))).toThrow(TypeError)
    expect(() => sign(new Uint8Array(1), new Uint8Array(31))).toThrow('random must be a Uint8Array of 32 bytes')
    expect(() => (sign as unknown as () => void)()).toThrow(TypeError)
  })

  test('stay those of the key when the bytes that it was loaded from are overwritten', () => {
    const pair = pairOf()
    const sign = nativeSign(addon, pair.secret, pair.publicKey)
    pair.secret.fill(0)
    const message = Buffer.from('later')
    const signatures = Array.from({ length: 300 }, () => sign?.(message) as Uint8Array)
    for (const signature of signatures) expect(sr25519Verify(signature, message, pair.publicKey)).toBe(true)
    expect(new Set(signatures.map(toHex)).size).toBe(300)
  })
})

describe.skipIf(skipped)('arithmetic modulo p', () => {
  const numbers = [
    0n,
    1n,
    2n,
    18n,
    19n,
    20n,
    P - 1n,
    P - 2n,
    P,
    P + 1n,
    2n ** 255n - 1n,
    2n ** 254n,
    ...Array.from({ length: 40 }, () => random() >> 1n),
  ]

  test('comparing', () => {
    for (const a of numbers) {
      for (const b of numbers) {
        expect(step('field equal', a, b)).toBe(mod(a, P) === mod(b, P) ? 1n : 0n)
      }
    }
  })

  test('of one', () => {
    for (const a of numbers) {
      expect(step('field negate', a)).toBe(mod(-a, P))
      expect(step('field absolute', a)).toBe(mod(a, P) & 1n ? mod(-a, P) : mod(a, P))
      expect(step('field invert', a)).toBe(power(mod(a, P), P - 2n))
    }
  })

  test('of limbs up to the bound of what a product takes', () => {
    const largest = 2n ** 54n - 1n
    const limb = [0n, 1n, 2n ** 51n - 1n, 2n ** 51n, 2n ** 53n, largest]
    const all = [
      ...limb.map((word) => Array<bigint>(5).fill(word)),
      ...limb.flatMap((word) => Array.from({ length: 5 }, (_, at) => Array.from({ length: 5 }, (_, i) => (i === at ? word : largest)))),
      ...Array.from({ length: 100 }, () => Array.from({ length: 5 }, () => random(8) >> 10n)),
    ]
    for (const a of all) {
      expect(numberOf(addon.step('field bytes', limbs(a)))).toBe(mod(weigh(a), P))
      expect(numberOf(addon.step('field square', limbs(a)))).toBe(mod(weigh(a) ** 2n, P))
      for (const b of all.slice(0, 60)) expect(numberOf(addon.step('field multiply', limbs(a), limbs(b)))).toBe(mod(weigh(a) * weigh(b), P))
    }
  })

  test('of limbs up to the bounds of sums and differences', () => {
    const [tight, most] = [2n ** 51n + 2n ** 15n, 2n ** 52n - 38n]
    const choices = [0n, 1n, 2n ** 51n - 1n, tight, most, 2n ** 53n - 1n]
    const pick = (from: readonly bigint[]) => Array.from({ length: 5 }, () => from[randomInt(from.length)] as bigint)
    const ends = [0n, most, 2n ** 53n - 1n].map((word) => Array<bigint>(5).fill(word))
    for (let i = 0; i < 1000; i++) {
      const a = ends[i] ?? pick(choices)
      const b = i < 3 ? Array<bigint>(5).fill(most) : pick(choices.slice(0, 5))
      expect(numberOf(addon.step('field add', limbs(a), limbs(b)))).toBe(mod(weigh(a) + weigh(b), P))
      expect(numberOf(addon.step('field subtract', limbs(a), limbs(b)))).toBe(mod(weigh(a) - weigh(b), P))
    }
  })

  test('roots of ratios, as RFC 9496 has them', () => {
    const either = power(2n, (P - 1n) / 4n)
    const i = either & 1n ? P - either : either
    for (const u of numbers.slice(0, 25)) {
      for (const v of numbers.slice(0, 25)) {
        const ratio = mod(mod(u, P) * power(mod(v, P), P - 2n), P)
        const found = addon.step('root of ratio', bytesOf(u), bytesOf(v))
        const root = numberOf(found.subarray(1))
        const isSquare = power(ratio, (P - 1n) / 2n) <= 1n && (mod(v, P) !== 0n || mod(u, P) === 0n)
        expect(found[0]).toBe(isSquare ? 1 : 0)
        expect(root & 1n).toBe(0n)
        expect(mod(root * root, P)).toBe(isSquare ? ratio : mod(i * ratio, P))
      }
    }
  })
})

describe.skipIf(skipped)('arithmetic modulo the order of the group', () => {
  const edges = [0n, 1n, L - 1n, L, L + 1n, 2n * L - 1n, 2n * L, 2n ** 252n, 2n ** 253n - 1n, 2n ** 255n, 2n ** 256n - 1n]

  test('reducing 64 bytes', () => {
    const multiples = Array.from({ length: 100 }, () => (random(64) / L) * L)
    const wide = [
      ...edges,
      2n ** 512n - 1n,
      2n ** 511n,
      L * L,
      ...multiples.flatMap((value) => [value, value + 1n, value + L - 1n, value - 1n]),
    ]
    const all = [...wide, ...Array.from({ length: 1000 }, () => random(64))].map((value) => mod(value, 2n ** 512n))
    for (const value of all) expect(numberOf(addon.step('scalar reduce', bytesOf(value, 64)))).toBe(value % L)
  })

  test('a b + c', () => {
    for (const a of edges) for (const b of edges) for (const c of edges) expect(step('scalar multiply add', a, b, c)).toBe((a * b + c) % L)
    for (let i = 0; i < 1000; i++) {
      const [a, b, c] = [random(), random(), random()]
      expect(step('scalar multiply add', a, b, c)).toBe((a * b + c) % L)
    }
  })

  test('signed digits add up to the number', () => {
    for (const value of [...edges, ...Array.from({ length: 500 }, () => random())]) {
      const digits = Array.from(new Int8Array(addon.step('scalar digits', bytesOf(value)).slice().buffer))
      for (const digit of digits) expect(Math.abs(digit)).toBeLessThanOrEqual(8)
      expect(digits.reduce((sum, digit, i) => sum + (BigInt(digit) << BigInt(4 * i)), 0n)).toBe(value % L)
    }
  })
})

describe.skipIf(skipped)('the group', () => {
  test('multiples of the base point', () => {
    const repeated = Array.from({ length: 15 }, (_, digit) => ((2n ** 252n - 1n) / 15n) * BigInt(digit + 1))
    const single = Array.from({ length: 63 }, (_, i) => 8n << BigInt(4 * i))
    const all = [
      1n,
      2n,
      3n,
      7n,
      8n,
      9n,
      15n,
      16n,
      L - 1n,
      L - 8n,
      ...repeated,
      ...single,
      ...Array.from({ length: 100 }, () => random() % L),
    ]
    for (const scalar of all) {
      const secret = Buffer.concat([bytesOf(8n * (scalar % L)), new Uint8Array(32)])
      expect(toHex(addon.step('multiple of base', bytesOf(scalar))), scalar.toString(16)).toBe(toHex(scure.getPublicKey(secret)))
    }
    expect(step('multiple of base', 0n)).toBe(0n)
    expect(step('multiple of base', L)).toBe(0n)
  })
})

describe.skipIf(skipped)('transcripts', () => {
  test('Keccak-f[1600]', () => {
    for (let i = 0; i < 200; i++) {
      const state = i === 0 ? Buffer.alloc(200) : randomBytes(200)
      const lanes = new Uint32Array(Uint8Array.from(state).buffer)
      keccakP(lanes)
      expect(toHex(addon.step('keccak', state))).toBe(toHex(new Uint8Array(lanes.buffer)))
    }
  })

  test('give the challenge that a verifier computes: s - c x is the nonce', () => {
    for (let length = 0; length < 700; length += 7) {
      const pair = pairOf()
      const message = randomBytes(length)
      const signature = scure.sign(pair.secret, message)
      const commitment = signature.subarray(0, 32)
      const s = numberOf(signature.subarray(32)) - 2n ** 255n
      const c = numberOf(addon.step('challenge', message, pair.publicKey, commitment)) % L
      const nonce = mod(s - c * (numberOf(pair.secret.subarray(0, 32)) >> 3n), L)
      expect(toHex(addon.step('multiple of base', bytesOf(nonce)))).toBe(toHex(commitment))
    }
  })
})

describe.skipIf(skipped)('an addon', () => {
  let folder: string
  let count = 0
  const warn = vi.fn<(message: string) => void>()
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'taogate-signer-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  function opened(content: string | Uint8Array, extension: string): SigningAddon | null {
    const file = join(folder, `${count++}.${extension}`)
    writeFileSync(file, content)
    warn.mockClear()
    return openSigningAddon(file, warn)
  }
  /** The real one but for a fault: statements that see `message`, `random`, the real `sign`, and may return another signature. */
  const faulty = (fault: string, exported = '') => `
    const real = require(${JSON.stringify(ADDON_FILE)})
    exports.version = real.version
    exports.load = (secret, publicKey) => {
      const sign = real.load(secret, publicKey)
      return sign && ((message, random) => { ${fault}; return sign(message, random) })
    }
    ${exported}`
  const refusal = (reason: string) =>
    expect.stringMatching(new RegExp(`^the native signer is not used, keys sign with the WebAssembly library: .*${reason}`)) as string

  test('is used when it is right, without a word', () => {
    expect(opened(faulty(''), 'cjs')).toMatchObject({ version: 1 })
    expect(openSigningAddon(ADDON_FILE, warn)).not.toBeNull()
    expect(warn).not.toHaveBeenCalled()
  })

  test('that is not there is no reason to warn', () => {
    expect(openSigningAddon(join(folder, 'none.node'), warn)).toBeNull()
    expect(warn).not.toHaveBeenCalled()
  })

  test.each([
    ['does not load', 'throw new Error("no such symbol")', 'no such symbol'],
    ['is of another version', faulty('', 'exports.version = 2'), 'version 2, not 1'],
    ['takes no key', faulty('', 'exports.load = () => null'), 'does not take a key'],
    [
      'takes any public key',
      faulty('', 'const load = exports.load; exports.load = (...both) => load(...both) ?? (() => 0)'),
      "another key's public key",
    ],
    [
      'signs long messages wrong',
      faulty('if (message.length > 500) message = message.subarray(1)'),
      'signature of [0-9]+ bytes is not valid',
    ],
    ['signs no bytes wrong', faulty('if (message.length === 0) message = Buffer.of(0)'), 'signature of 0 bytes is not valid'],
    ['leaves the mark out', faulty('const made = sign(message, random); made[63] &= 0x7f; return made'), 'is not valid'],
    ['does not use the randomness', faulty('random = new Uint8Array(32)'), 'a nonce twice'],
  ])('that %s is not used', (_, source, reason) => {
    expect(opened(source, 'cjs')).toBeNull()
    expect(warn.mock.calls).toEqual([[refusal(reason)]])
  })

  test('with one bit of a constant changed is not used', () => {
    const right = readFileSync(ADDON_FILE)
    const word = (value: bigint) => Buffer.from(bytesOf(value, 8))
    // A constant of Keccak's that occurs twice, the context, and the protocol's name.
    for (const constant of [word(0x8000000080008081n), Buffer.from('substrate\0'), Buffer.from('Schnorr-sig\0')]) {
      let found = 0
      for (let at = right.indexOf(constant); at >= 0; at = right.indexOf(constant, at + 1), found++) {
        const wrong = Buffer.from(right)
        wrong[at] = (wrong[at] as number) ^ 1
        expect(opened(wrong, 'node'), `${constant.toString('hex')} at ${at}`).toBeNull()
        expect(warn.mock.calls).toEqual([[refusal('is not valid')]])
      }
      expect(found).toBeGreaterThan(0)
    }
  })
})
