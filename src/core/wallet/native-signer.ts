/** The way to native/sr25519, an addon that signs in a sixth of the WebAssembly library's time. It is used only once that library has verified what it signs. */
import { sr25519KeypairFromSeed, sr25519Verify } from '@polkadot/wasm-crypto'
import { randomBytes, randomFillSync, randomInt } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { errorMessage } from '../errors.js'

/** Of native/sr25519/src/addon.cpp. What it throws are TypeErrors about arguments. */
export interface SigningAddon {
  readonly version: number
  /**
   * Copies a secret of 64 bytes, in the library's form, into memory of its own, which is overwritten when the function that comes back is collected. That
   * function signs with 32 fresh random bytes. Null when the public key of 32 bytes is not the secret's.
   */
  load(secret: Uint8Array, publicKey: Uint8Array): ((message: Uint8Array, random: Uint8Array) => Uint8Array) | null
}

/** Signs as `sr25519Sign` does, with the key that it was made of. */
export type Sign = (message: Uint8Array) => Uint8Array

// As deep in src/ as in dist/.
export const ADDON_FILE = fileURLToPath(new URL('../../../native/sr25519/build/taogate_sr25519.node', import.meta.url))

const CONTRACT_VERSION = 1
const PRIVATE_KEY_BYTES = 64
const RANDOM_BYTES = 32
/** Drawn at once: a call of the system's generator for each signature would cost a tenth of it. */
const POOL_BYTES = 128 * RANDOM_BYTES
const TEST_KEYS = 2
/** Around the 166 bytes that the transcript takes at a time, and some more. */
const TEST_LENGTHS = [0, 1, 100, 166, 1000]

/**
 * The addon, when it is there and right. Null when it is not built, and, with a warning, when it does not load or one of its signatures is wrong: whoever
 * asks then signs with the library. That must have been loaded before.
 */
export function openSigningAddon(path: string = ADDON_FILE, warn: (message: string) => void = warnProcess): SigningAddon | null {
  if (!existsSync(path)) return null
  try {
    const addon = createRequire(import.meta.url)(path) as SigningAddon
    if (addon.version !== CONTRACT_VERSION) throw new Error(`it is of version ${addon.version}, not ${CONTRACT_VERSION}: build it again`)
    selfTest(addon)
    return addon
  } catch (error) {
    warn(`the native signer is not used, keys sign with the WebAssembly library: ${errorMessage(error)}`)
    return null
  }
}

/** The key's own function, or null when the addon does not take the key. The caller's bytes stay as they are. */
export function nativeSign(addon: SigningAddon, secretKey: Uint8Array, publicKey: Uint8Array): Sign | null {
  const sign = addon.load(secretKey, publicKey)
  if (!sign) return null
  return (message) => {
    const random = drawRandom()
    try {
      return sign(message, random)
    } finally {
      random.fill(0)
    }
  }
}

const pool = new Uint8Array(POOL_BYTES)
let drawn = POOL_BYTES

/** A view of 32 bytes that nobody else gets. */
function drawRandom(): Uint8Array {
  if (drawn === POOL_BYTES) {
    randomFillSync(pool)
    drawn = 0
  }
  drawn += RANDOM_BYTES
  return pool.subarray(drawn - RANDOM_BYTES, drawn)
}

/**
 * Throws unless signatures of random messages by random keys are valid, and those of other messages, keys or randomness have another nonce: two signatures
 * with one nonce tell the key.
 */
function selfTest(addon: SigningAddon): void {
  const commitments = new Set<string>()
  let expected = 0
  const random = [randomBytes(RANDOM_BYTES), randomBytes(RANDOM_BYTES)] as const
  for (let k = 0; k < TEST_KEYS; k++) {
    const pair = sr25519KeypairFromSeed(randomBytes(RANDOM_BYTES))
    const publicKey = pair.subarray(PRIVATE_KEY_BYTES)
    const sign = addon.load(pair.subarray(0, PRIVATE_KEY_BYTES), publicKey)
    if (!sign) throw new Error('it does not take a key')
    for (const length of [...TEST_LENGTHS, randomInt(5000)]) {
      const message = randomBytes(length)
      for (const bytes of random) {
        const signature = sign(message, bytes)
        if (!sr25519Verify(signature, message, publicKey)) throw new Error(`its signature of ${length} bytes is not valid`)
        commitments.add(Buffer.from(signature.subarray(0, 32)).toString('hex'))
        expected++
      }
    }
    publicKey[0] = (publicKey[0] as number) ^ 1
    if (addon.load(pair.subarray(0, PRIVATE_KEY_BYTES), publicKey)) throw new Error("it takes another key's public key")
  }
  if (commitments.size !== expected) throw new Error('it uses a nonce twice')
}

function warnProcess(message: string): void {
  process.emitWarning(message)
}
