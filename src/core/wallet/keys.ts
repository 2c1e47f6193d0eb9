/**
 * sr25519 keys: making them from what wallets store, signing and verifying. Signing context `substrate`, ss58 format 42.
 *
 * What is secret lives in closures: a pair can be printed, logged and serialised without telling it. Buffers made on the way are overwritten. Not
 * within reach are JavaScript strings (a phrase, hex in JSON) and the copies that the WebAssembly library makes in its own memory. With the native signer a
 * pair keeps its secret in that one's memory, which is overwritten when the pair is collected, and no copy here.
 */
import {
  bip39Generate,
  bip39ToMiniSecret,
  bip39Validate,
  isReady,
  sr25519Agree,
  sr25519KeypairFromSeed,
  sr25519Sign,
  sr25519Verify,
  waitReady,
} from '@polkadot/wasm-crypto'
import { AppError } from '../errors.js'
import type { Hex } from '../records.js'
import { fromHex, isHex, toHex } from '../units/bytes.js'
import { encodeSs58 } from '../units/ss58.js'
import { nativeSign, openSigningAddon, type SigningAddon } from './native-signer.js'

/** A key that signs. What is secret in it cannot be read back. */
export interface KeyPair {
  readonly publicKey: Hex
  readonly address: string
  readonly type: 'sr25519'
  /** 64 bytes. */
  sign(message: Uint8Array): Uint8Array
}

/** Phrases of 128 and 256 bits of entropy. */
export const WORD_COUNTS = [12, 24] as const
export type WordCount = (typeof WORD_COUNTS)[number]

const SEED_BYTES = 32
const PRIVATE_KEY_BYTES = 64
const PUBLIC_KEY_BYTES = 32
const SIGNATURE_BYTES = 64
const SCALAR_BYTES = 32
/** The base point of ristretto255 as RFC 9496 encodes it (section 4.3.1). */
const BASE_POINT = fromHex('0xe2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76')
const WRAP_START = Buffer.from('<Bytes>')
const WRAP_END = Buffer.from('</Bytes>')

/** Loads the WebAssembly library. Whoever calls `verify` waits for this once before; everything else here waits by itself. */
export async function prepareKeys(): Promise<void> {
  if (!isReady()) await waitReady()
}

/**
 * Whether the signature is the key's over these bytes. With `wrapped`, one over `<Bytes>` ++ message ++ `</Bytes>`, which browser extensions sign, is
 * taken too. What is no signature or no key at all is just not valid.
 */
export function verify(message: Uint8Array, signature: Uint8Array, publicKey: Hex, options: { wrapped?: boolean } = {}): boolean {
  if (!isReady()) throw new AppError('INTERNAL', 'signatures were to be verified before prepareKeys() had ended')
  if (signature.length !== SIGNATURE_BYTES || !isHex(publicKey, PUBLIC_KEY_BYTES)) return false
  const key = fromHex(publicKey)
  if (sr25519Verify(signature, message, key)) return true
  return options.wrapped === true && sr25519Verify(signature, Buffer.concat([WRAP_START, message, WRAP_END]), key)
}

/** The pair of a seed of 32 bytes, which others call mini secret; expanded in Ed25519 mode. The caller's bytes stay as they are. */
export async function keyPairFromSeed(seed: Uint8Array): Promise<KeyPair> {
  await prepareKeys()
  const { secretKey, publicKey } = expand(seed)
  return pairOf(secretKey, publicKey)
}

/** The pair of a phrase, without a derivation path. Throws BAD_INPUT when it is no BIP-39 phrase in English. */
export async function keyPairFromMnemonic(phrase: string, passphrase = ''): Promise<KeyPair> {
  const seed = await seedOfMnemonic(phrase, passphrase)
  try {
    return await keyPairFromSeed(seed)
  } finally {
    seed.fill(0)
  }
}

/**
 * The pair of a private key as wallets store it: the scalar, little-endian and below 2^253, and the 32 bytes that nonces come from. Throws BAD_INPUT
 * for anything else.
 */
export async function keyPairFromPrivateKey(privateKey: Uint8Array): Promise<KeyPair> {
  await prepareKeys()
  if (privateKey.length !== PRIVATE_KEY_BYTES) throw new AppError('BAD_INPUT', `a private key has ${PRIVATE_KEY_BYTES} bytes`)
  // The group's order is a little above 2^252: a higher bit says that the scalar is stored times 8, or that this is something else.
  if (((privateKey[SCALAR_BYTES - 1] as number) & 0xe0) !== 0)
    throw new AppError('BAD_INPUT', "a private key's scalar is below 2^253; wanted schnorrkel's canonical form, not the one times 8")
  const secretKey = timesEight(privateKey)
  // Agreeing on a key with the base point is multiplying it: that is the public key.
  return pairOf(secretKey, sr25519Agree(BASE_POINT, secretKey))
}

/** A pair of a 64-byte secret in the library's form, the scalar times 8. Takes the array over. */
export async function keyPairFromExpanded(secretKey: Uint8Array, publicKey: Uint8Array): Promise<KeyPair> {
  await prepareKeys()
  return pairOf(secretKey, publicKey)
}

/**
 * The mini secret of a phrase: the first 32 bytes of PBKDF2-HMAC-SHA512(entropy, "mnemonic" ++ passphrase, 2048 rounds), where the entropy is what
 * BIP-39 made the phrase from. (BIP-39's own seed is another thing.) The caller overwrites it after use.
 */
export async function seedOfMnemonic(phrase: string, passphrase = ''): Promise<Uint8Array> {
  await prepareKeys()
  const words = phrase.trim().split(/\s+/).join(' ')
  if (!bip39Validate(words))
    throw new AppError('BAD_INPUT', 'that is no BIP-39 phrase; wanted 12 to 24 English words with the right checksum')
  return bip39ToMiniSecret(words, passphrase)
}

/** The canonical private key of a seed, as wallets store it: 64 bytes. The caller overwrites it after use. */
export async function privateKeyOfSeed(seed: Uint8Array): Promise<Uint8Array> {
  await prepareKeys()
  const { secretKey } = expand(seed)
  const canonical = secretKey.slice()
  for (let i = 0; i < SCALAR_BYTES; i++) {
    const above = i + 1 < SCALAR_BYTES ? (secretKey[i + 1] as number) : 0
    canonical[i] = ((secretKey[i] as number) >> 3) | ((above << 5) & 0xff)
  }
  secretKey.fill(0)
  return canonical
}

/** A new phrase of the system's random generator. */
export async function newMnemonic(words: WordCount): Promise<string> {
  await prepareKeys()
  return bip39Generate(words)
}

function expand(seed: Uint8Array): { secretKey: Uint8Array; publicKey: Uint8Array } {
  if (seed.length !== SEED_BYTES) throw new AppError('BAD_INPUT', `a seed has ${SEED_BYTES} bytes`)
  const both = sr25519KeypairFromSeed(seed)
  const parts = { secretKey: both.slice(0, PRIVATE_KEY_BYTES), publicKey: both.slice(PRIVATE_KEY_BYTES) }
  both.fill(0)
  return parts
}

function timesEight(canonical: Uint8Array): Uint8Array {
  const result = canonical.slice()
  for (let i = 0; i < SCALAR_BYTES; i++) {
    const below = i > 0 ? (canonical[i - 1] as number) : 0
    result[i] = (((canonical[i] as number) << 3) & 0xff) | (below >> 5)
  }
  return result
}

/** Undefined until the first pair is made. */
let addon: SigningAddon | null | undefined

/** Takes the secret over. */
function pairOf(secretKey: Uint8Array, publicKeyBytes: Uint8Array): KeyPair {
  const publicKey = toHex(publicKeyBytes)
  if (addon === undefined) addon = openSigningAddon()
  const sign = addon && nativeSign(addon, secretKey, publicKeyBytes)
  if (sign) secretKey.fill(0)
  return Object.freeze({
    publicKey,
    address: encodeSs58(publicKey),
    type: 'sr25519',
    sign: sign ?? ((message: Uint8Array) => sr25519Sign(publicKeyBytes, secretKey, message)),
  })
}
