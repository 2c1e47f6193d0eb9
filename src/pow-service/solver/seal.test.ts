import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { ByteOrder } from '../../core/registrations.js'
import { acceptsAge, decisiveWord, isFresh, limitOf, meets, preimageOf, sealOf } from './seal.js'

interface Vectors {
  seals: {
    name: string
    block_hash: string
    hotkey: string
    nonce: string
    block_and_hotkey_hash: string
    seal: string
    max_difficulty_be: string
    max_difficulty_le: string
  }[]
  solved: {
    block_hash: string
    hotkey: string
    block_and_hotkey_hash: string
    difficulty: string
    order: ByteOrder
    first_nonce_from_zero: string
    seal: string
  }[]
  comparison: { difficulty: string; seal_be: string; seal_le: string; chain_accepts: boolean }[]
  freshness: { execute_block: number; work_block: number; accepted_age: boolean }[]
}

const vectors = JSON.parse(readFileSync(new URL('../../../test/fixtures/pow.json', import.meta.url), 'utf8')) as Vectors
const bytes = (hex: string): Uint8Array => Buffer.from(hex.slice(2), 'hex')
const hex = (of: Uint8Array): string => `0x${Buffer.from(of).toString('hex')}`

describe('seals', () => {
  test.each(vectors.seals)('of the vector $name', (vector) => {
    // Before spec 117 the hotkey was not hashed; that vector says so by its preimage.
    const bound = vector.block_and_hotkey_hash !== vector.block_hash
    if (bound) expect(hex(preimageOf(bytes(vector.block_hash), bytes(vector.hotkey)))).toBe(vector.block_and_hotkey_hash)
    const seal = sealOf(bytes(vector.block_and_hotkey_hash), BigInt(vector.nonce))
    expect(hex(seal)).toBe(vector.seal)
    for (const [order, most] of [
      ['big', BigInt(vector.max_difficulty_be)],
      ['little', BigInt(vector.max_difficulty_le)],
    ] as const) {
      expect(meets(seal, most, order)).toBe(true)
      expect(meets(seal, most + 1n, order)).toBe(false)
      expect(decisiveWord(seal, order)).toBeLessThanOrEqual(limitOf(most))
    }
  })

  test.each(vectors.solved)(
    'the first nonce of difficulty $difficulty, $order-endian',
    ({ block_hash, hotkey, difficulty, order, ...vector }) => {
      const preimage = preimageOf(bytes(block_hash), bytes(hotkey))
      const first = BigInt(vector.first_nonce_from_zero)
      expect(hex(sealOf(preimage, first))).toBe(vector.seal)
      expect(meets(sealOf(preimage, first), BigInt(difficulty), order)).toBe(true)
      for (let nonce = 0n; nonce < first && nonce < 2000n; nonce++)
        expect(meets(sealOf(preimage, nonce), BigInt(difficulty), order)).toBe(false)
    },
  )

  test('of hashes and keys that do not have 32 bytes are refused', () => {
    expect(() => preimageOf(new Uint8Array(31), new Uint8Array(32))).toThrow('a block hash has 32 bytes, not 31')
    expect(() => preimageOf(new Uint8Array(32), new Uint8Array(33))).toThrow('a hotkey has 32 bytes, not 33')
    expect(() => sealOf(new Uint8Array(0), 0n)).toThrow('a preimage has 32 bytes, not 0')
  })
})

describe('the comparison with the difficulty', () => {
  test.each(vectors.comparison)(
    "is the chain's for difficulty $difficulty and $seal_be",
    ({ difficulty, seal_be, seal_le, chain_accepts }) => {
      expect(meets(bytes(seal_be), BigInt(difficulty), 'big')).toBe(chain_accepts)
      expect(meets(bytes(seal_le), BigInt(difficulty), 'little')).toBe(chain_accepts)
      // The kernels' test lets through all that passes.
      if (chain_accepts) expect(decisiveWord(bytes(seal_be), 'big')).toBeLessThanOrEqual(limitOf(BigInt(difficulty)))
      if (chain_accepts) expect(decisiveWord(bytes(seal_le), 'little')).toBeLessThanOrEqual(limitOf(BigInt(difficulty)))
    },
  )

  test('has a limit for every difficulty', () => {
    expect(limitOf(0n)).toBe(2n ** 64n - 1n)
    expect(limitOf(1n)).toBe(2n ** 64n - 1n)
    expect(limitOf(2n)).toBe(2n ** 63n - 1n)
    expect(limitOf(10_000_000n)).toBe(2n ** 64n / 10_000_000n)
    expect(limitOf(2n ** 64n - 1n)).toBe(1n)
  })
})

describe('the age of work', () => {
  test.each(vectors.freshness)('on block $work_block in block $execute_block', ({ work_block, execute_block, accepted_age }) => {
    expect(acceptsAge(work_block, execute_block)).toBe(accepted_age)
    // Work on the executing block itself passes the rule, but has a hash of zeros: it is never fresh.
    expect(isFresh(work_block, execute_block - 1)).toBe(accepted_age && work_block !== execute_block)
  })

  test('leaves two blocks for inclusion', () => {
    expect([97, 98, 99, 100, 101].map((block) => isFresh(block, 100))).toEqual([false, false, true, true, false])
  })
})
