/**
 * The `$NACL` form of key files: `$NACL` ++ nonce (24) ++ secretbox, XSalsa20-Poly1305 with the tag in front, under a key of Argon2i 1.3 over the
 * password. The salt is one for all files, so a password makes the same key everywhere: that is the format's, and only a good password helps.
 */
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js'
import { AppError, errorMessage } from '../errors.js'
import { fromHex } from '../units/bytes.js'

export const NACL_MAGIC = '$NACL'

const NONCE_BYTES = 24
const KDF = {
  salt: fromHex('0x137183dff15a09bc9c90b5518739e9b1'),
  // libsodium's "sensitive" limits for Argon2i; those of Argon2id are others.
  iterations: 8,
  memorySize: 512 * 1024, // KiB
  parallelism: 1,
  hashLength: 32,
  outputType: 'binary',
} as const

/** Makes the key of a password, 32 bytes. Throws ABORTED when the signal says so. */
export type KeyDerivation = (password: Uint8Array, signal?: AbortSignal) => Promise<Uint8Array>

export interface NaclOptions {
  signal?: AbortSignal | undefined
  /** Other than the real one, in tests only: that one is slow. */
  derive?: KeyDerivation
}

/** The content of a `$NACL` file, or null when the password is not the one or a byte was changed. */
export async function openNacl(
  file: Uint8Array,
  password: Uint8Array,
  { signal, derive = deriveNaclKey }: NaclOptions = {},
): Promise<Uint8Array | null> {
  const nonce = file.subarray(NACL_MAGIC.length, NACL_MAGIC.length + NONCE_BYTES)
  if (nonce.length < NONCE_BYTES) return null
  const key = await derive(password, signal)
  try {
    return xsalsa20poly1305(key, nonce).decrypt(file.subarray(NACL_MAGIC.length + NONCE_BYTES))
  } catch {
    return null
  } finally {
    key.fill(0)
  }
}

/** A `$NACL` file with this content. Nonces are random; only tests choose one. */
export async function sealNacl(
  content: Uint8Array,
  password: Uint8Array,
  { signal, derive = deriveNaclKey, nonce = randomBytes(NONCE_BYTES) }: NaclOptions & { nonce?: Uint8Array } = {},
): Promise<Uint8Array> {
  const key = await derive(password, signal)
  try {
    return Buffer.concat([Buffer.from(NACL_MAGIC), nonce, xsalsa20poly1305(key, nonce).encrypt(content)])
  } finally {
    key.fill(0)
  }
}

/** In a thread of its own: it takes half a gigabyte, which goes with the thread, and seconds, in which Ctrl-C is to be heard. */
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads')
require(workerData.library).argon2i(workerData.options).then((key) => {
  workerData.options.password.fill(0)
  parentPort.postMessage(key)
})`

/** Argon2i 1.3 over the password with 8 passes over 512 MiB: about 10 s on one core. */
export async function deriveNaclKey(password: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
  if (password.length === 0) throw new AppError('BAD_INPUT', 'the password is empty')
  const library = createRequire(import.meta.url).resolve('hash-wasm')
  const worker = new Worker(THREAD, { eval: true, name: 'argon2i', workerData: { library, options: { ...KDF, password } } })
  const stop = (): void => void worker.terminate()
  signal?.addEventListener('abort', stop)
  try {
    if (signal?.aborted === true) stop()
    return await new Promise<Uint8Array>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
      worker.once('exit', () => reject(new Error('its thread ended early')))
    })
  } catch (error) {
    if (signal?.aborted === true) throw new AppError('ABORTED', 'stopped while the key of the password was made')
    throw new AppError('INTERNAL', `the key of the password could not be made, which takes 512 MiB of memory: ${errorMessage(error)}`)
  } finally {
    signal?.removeEventListener('abort', stop)
    await worker.terminate()
  }
}
