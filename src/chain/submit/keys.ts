import { AppError } from '../../core/errors.js'
import { MAX_KEY_FILE_BYTES, permissionWarnings, readKeyFile, readStream } from '../../core/wallet/files.js'
import { isEncrypted, kindOfKeyFile, openKeyFile } from '../../core/wallet/keyfile.js'
import type { KeyPair } from '../../core/wallet/keys.js'
import { terminalPassword, type PasswordSource } from '../../core/wallet/password.js'
import { keyPairOfSecret } from '../../core/wallet/secret-text.js'

export type { KeyPair } from '../../core/wallet/keys.js'

export interface LoadedKey {
  readonly pair: KeyPair
  /** What the owner of the key should hear. */
  readonly warnings: readonly string[]
}

export interface KeySource {
  /** A file, or `-` for standard input. Secrets are never taken from the command line, where every process of the machine can read them. */
  readonly path: string
  readonly stdin?: AsyncIterable<Uint8Array | string>
  /** Of an encrypted file; when left out, it is asked for at the terminal. */
  readonly password?: PasswordSource
  /** Stops the opening of an encrypted file. */
  readonly signal?: AbortSignal
}

const WANTED = 'wanted a mnemonic, a secret URI, a seed in hex, a JSON key file, or a key file of a wallet'

/**
 * Reads a signing key: a mnemonic, a secret URI (`//Alice`, `<mnemonic>//path`), a seed of 32 bytes in hex, or a key file as wallets have them, plain or
 * encrypted. (A bare `0x` and 32 bytes is a seed here; wallets have public keys in that form, and those do not sign.) Throws BAD_INPUT when the content is
 * none of these, when the file names another account than its secret makes, or when the password is wrong. Errors name the source, never its content.
 */
export async function loadKey(source: KeySource): Promise<LoadedKey> {
  const fromStdin = source.path === '-'
  const from = fromStdin ? 'standard input' : source.path
  const bytes = fromStdin ? await readStream(source.stdin ?? process.stdin, MAX_KEY_FILE_BYTES, from) : await readKeyFile(source.path)
  try {
    const pair = await pairOf(bytes, from, source)
    return { pair, warnings: fromStdin ? [] : await permissionWarnings(source.path) }
  } finally {
    bytes.fill(0)
  }
}

async function pairOf(bytes: Buffer, from: string, { password = terminalPassword(), signal }: KeySource): Promise<KeyPair> {
  const kind = kindOfKeyFile(bytes)
  if (kind !== 'json' && !isEncrypted(kind)) {
    const text = bytes.toString('utf8').trim()
    if (text === '') throw new AppError('BAD_INPUT', `${from} is empty; ${WANTED}`)
    return keyPairOf(text, from)
  }
  const { pair } = await openKeyFile(bytes, { from, password, signal })
  if (pair === null)
    throw new AppError('BAD_INPUT', `${from} is a key file without "secretSeed", "secretPhrase" or "privateKey": it cannot sign`)
  return pair
}

/** The pair of a secret: seed, mnemonic or URI. sr25519, which is what neurons are registered under. */
export async function keyPairOf(secret: string, from = 'the secret'): Promise<KeyPair> {
  return keyPairOfSecret(secret, from)
}
