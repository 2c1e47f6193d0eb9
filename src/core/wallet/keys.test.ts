import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import * as scure from '@scure/sr25519'
import { Keyring } from '@polkadot/keyring'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Hex } from '../records.js'
import { fromHex, toHex } from '../units/bytes.js'
import { isSs58 } from '../units/ss58.js'
import {
  keyPairFromMnemonic,
  keyPairFromPrivateKey,
  keyPairFromSeed,
  newMnemonic,
  prepareKeys,
  privateKeyOfSeed,
  seedOfMnemonic,
  verify,
  type KeyPair,
} from './keys.js'
import { keyPairOfSecret } from './secret-text.js'

interface Vector {
  public_key: Hex
  ss58: string
  private_key_canonical: Hex
  private_key_half_ed25519: Hex
}
interface Vectors {
  seeds: (Vector & { seed: Hex; name: string })[]
  mnemonics: (Vector & { mnemonic: string; mini_secret: Hex })[]
  bad_ss58: string[]
}

const vectors = JSON.parse(readFileSync(new URL('../../../test/fixtures/keys.json', import.meta.url), 'utf8')) as Vectors
const MESSAGE = Buffer.from('12345.5DtDLm5rQHShDqojQpsvcN8tRXHVFaecfDoRet1SU6BFD9Fi')
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const few = { numRuns: 20 }

beforeAll(prepareKeys)

describe.each(vectors.seeds)('the seed of $name', (vector) => {
  test('makes the key', async () => {
    expect(await keyPairFromSeed(fromHex(vector.seed))).toMatchObject({
      publicKey: vector.public_key,
      address: vector.ss58,
      type: 'sr25519',
    })
    expect((await keyPairOfSecret(vector.seed)).publicKey).toBe(vector.public_key)
  })

  test('makes the private key that wallets store', async () => {
    expect(toHex(await privateKeyOfSeed(fromHex(vector.seed)))).toBe(vector.private_key_canonical)
  })

  test('signs as the private key does', async () => {
    const pair = await keyPairFromPrivateKey(fromHex(vector.private_key_canonical))
    expect(pair).toMatchObject({ publicKey: vector.public_key, address: vector.ss58 })
    expect(verify(MESSAGE, pair.sign(MESSAGE), vector.public_key)).toBe(true)
  })

  test('is refused in the form that is multiplied by 8', async () => {
    // Expanding a seed sets bit 254 of it, which no canonical scalar has.
    const error = await keyPairFromPrivateKey(fromHex(vector.private_key_half_ed25519)).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'BAD_INPUT' })
  })
})

test.each(vectors.mnemonics)('the phrase of $ss58 makes its mini secret and key', async (vector) => {
  expect(toHex(await seedOfMnemonic(vector.mnemonic))).toBe(vector.mini_secret)
  expect(await keyPairFromMnemonic(`  ${vector.mnemonic.replaceAll(' ', '\n')} `)).toMatchObject({
    publicKey: vector.public_key,
    address: vector.ss58,
  })
  expect(toHex(await privateKeyOfSeed(fromHex(vector.mini_secret)))).toBe(vector.private_key_canonical)
  expect((await keyPairFromPrivateKey(fromHex(vector.private_key_canonical))).publicKey).toBe(vector.public_key)
})

test.each(vectors.bad_ss58)('%j is no address', (text) => expect(isSs58(text)).toBe(false))

describe('signatures', () => {
  const library = { sign: (seed: Uint8Array, message: Uint8Array) => scure.sign(scure.secretFromSeed(seed), message) }

  test('verify with another implementation, and its signatures here', async () => {
    await fc.assert(
      fc.asyncProperty(bytes(32), fc.uint8Array({ maxLength: 300 }), async (seed, message) => {
        const pair = await keyPairFromSeed(seed)
        expect(pair.publicKey).toBe(toHex(scure.getPublicKey(scure.secretFromSeed(seed))))
        expect(scure.verify(message, pair.sign(message), fromHex(pair.publicKey))).toBe(true)
        expect(verify(message, library.sign(seed, message), pair.publicKey)).toBe(true)
        const restored = await keyPairFromPrivateKey(await privateKeyOfSeed(seed))
        expect(scure.verify(message, restored.sign(message), fromHex(pair.publicKey))).toBe(true)
      }),
      few,
    )
  })

  test('are refused when a bit of message, signature or key is another', async () => {
    const pair = await keyPairFromSeed(fromHex(vectors.seeds[0]!.seed))
    const signature = pair.sign(MESSAGE)
    const flipped = (data: Uint8Array, bit: number): Uint8Array => data.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
    fc.assert(
      fc.property(fc.nat(64 * 8 - 1), fc.nat(32 * 8 - 1), fc.nat(MESSAGE.length * 8 - 1), (inSignature, inKey, inMessage) => {
        expect(verify(MESSAGE, flipped(signature, inSignature), pair.publicKey)).toBe(false)
        expect(verify(MESSAGE, signature, toHex(flipped(fromHex(pair.publicKey), inKey)))).toBe(false)
        expect(verify(flipped(MESSAGE, inMessage), signature, pair.publicKey)).toBe(false)
      }),
    )
    expect(verify(MESSAGE, signature, pair.publicKey)).toBe(true)
  })

  test('over a wrapped message are taken only where that is asked for', async () => {
    const pair = await keyPairFromSeed(fromHex(vectors.seeds[0]!.seed))
    const signature = pair.sign(Buffer.from(`<Bytes>${MESSAGE.toString()}</Bytes>`))
    expect(verify(MESSAGE, signature, pair.publicKey)).toBe(false)
    expect(verify(MESSAGE, signature, pair.publicKey, { wrapped: true })).toBe(true)
    expect(verify(MESSAGE, pair.sign(MESSAGE), pair.publicKey, { wrapped: true })).toBe(true)
    expect(verify(Buffer.from('else'), signature, pair.publicKey, { wrapped: true })).toBe(false)
  })

  test('of a wrong size, and keys that are none, are not valid', async () => {
    const pair = await keyPairFromSeed(fromHex(vectors.seeds[0]!.seed))
    const signature = pair.sign(MESSAGE)
    expect(verify(MESSAGE, signature.subarray(1), pair.publicKey)).toBe(false)
    expect(verify(MESSAGE, new Uint8Array(64), pair.publicKey)).toBe(false)
    for (const key of ['0x', '0x12', `0x${'ff'.repeat(32)}`, `0x${'00'.repeat(32)}`, 'zz'])
      expect(verify(MESSAGE, signature, key as Hex)).toBe(false)
  })

  test('differ each time', async () => {
    const pair = await keyPairFromSeed(fromHex(vectors.seeds[0]!.seed))
    expect(toHex(pair.sign(MESSAGE))).not.toBe(toHex(pair.sign(MESSAGE)))
  })
})

describe('secrets as text', () => {
  const phrase = vectors.mnemonics[0]!.mnemonic
  test.each(['//Alice', '//Alice//stash/soft', `${phrase}/soft`, `${phrase}//1//two///word`, `${vectors.seeds[0]!.seed}//hard`])(
    'derive as the keyring of the chain libraries does: %#',
    async (uri) => {
      const pair = await keyPairOfSecret(uri)
      const expected = new Keyring({ type: 'sr25519', ss58Format: 42 }).createFromUri(uri)
      expect(pair.address).toBe(expected.address)
      expect(expected.verify(MESSAGE, pair.sign(MESSAGE), fromHex(pair.publicKey))).toBe(true)
    },
  )

  test.each(['', 'word', '/soft', 'x//Alice', `${phrase} ${phrase}`, phrase.replace('walk', 'wall'), '0x1234', 'ab'.repeat(31)])(
    'that are none are refused and not quoted: %#',
    async (text) => {
      const error: unknown = await keyPairOfSecret(text, 'the text').catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'BAD_INPUT', message: 'the text holds no mnemonic, secret URI, seed in hex or JSON key file' })
    },
  )
})

test('new phrases are valid, and no two are alike', async () => {
  const phrases = await Promise.all([12, 24, 12, 24].map((words) => newMnemonic(words as 12 | 24)))
  expect(phrases.map((phrase) => phrase.split(' ').length)).toEqual([12, 24, 12, 24])
  const keys = await Promise.all(phrases.map((phrase) => keyPairFromMnemonic(phrase)))
  expect(new Set(keys.map((key) => key.publicKey)).size).toBe(4)
})

test('a passphrase makes another key', async () => {
  const phrase = vectors.mnemonics[0]!.mnemonic
  expect((await keyPairFromMnemonic(phrase, 'word')).publicKey).toBe((await keyPairOfSecret(`${phrase}///word`)).publicKey)
  expect((await keyPairFromMnemonic(phrase, 'word')).publicKey).not.toBe(vectors.mnemonics[0]!.public_key)
})

test.each([0, 31, 33, 64])('%i bytes are no seed', async (length) => {
  await expect(keyPairFromSeed(new Uint8Array(length))).rejects.toMatchObject({ code: 'BAD_INPUT' })
})

test('the bytes that a caller gave stay as they are, and a pair lives on when they are overwritten', async () => {
  const seed = fromHex(vectors.seeds[0]!.seed)
  const privateKey = fromHex(vectors.seeds[1]!.private_key_canonical)
  const pairs: KeyPair[] = [await keyPairFromSeed(seed), await keyPairFromPrivateKey(privateKey)]
  expect(toHex(seed)).toBe(vectors.seeds[0]!.seed)
  expect(toHex(privateKey)).toBe(vectors.seeds[1]!.private_key_canonical)
  seed.fill(0)
  privateKey.fill(0)
  for (const pair of pairs) expect(verify(MESSAGE, pair.sign(MESSAGE), pair.publicKey)).toBe(true)
})

test('a pair that is printed or serialised tells the public part', async () => {
  const pair = await keyPairFromSeed(fromHex(vectors.seeds[0]!.seed))
  const { public_key, ss58 } = vectors.seeds[0]!
  expect(JSON.parse(JSON.stringify(pair))).toEqual({ publicKey: public_key, address: ss58, type: 'sr25519' })
  expect(inspect(pair, { showHidden: true, depth: 9 })).not.toMatch(/704b72419b89|805b920bda4c|1111111111/)
})
