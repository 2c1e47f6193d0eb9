import { readFile, stat } from 'node:fs/promises'
import { Keyring } from '@polkadot/keyring'
import { cryptoWaitReady, mnemonicValidate } from '@polkadot/util-crypto'
import { AppError, errorMessage } from '../../core/errors.js'
import type { Hex } from '../../core/records.js'
import { toHex } from '../../core/units/bytes.js'
import { encodeSs58, parseAccountId } from '../../core/units/ss58.js'

/** A key that signs. What is secret in it cannot be read back. */
export interface KeyPair {
  readonly publicKey: Hex
  readonly address: string
  readonly type: 'sr25519'
  /** 64 bytes. */
  sign(message: Uint8Array): Uint8Array
}

export interface LoadedKey {
  readonly pair: KeyPair
  /** What the owner of the key should hear. */
  readonly warnings: readonly string[]
}

export interface KeySource {
  /** A file, or `-` for standard input. Secrets are never taken from the command line, where every process of the machine can read them. */
  readonly path: string
  readonly stdin?: AsyncIterable<Uint8Array | string>
}

/** A key file is a line; what is larger is something else. */
const MAX_BYTES = 64 * 1024
const OTHERS_MAY = 0o077
const HEX_SEED = /^0x[0-9a-f]{64}$/i

/**
 * Reads a signing key: a mnemonic, a secret URI (`//Alice`, `<mnemonic>//path`), a seed of 32 bytes in hex, or a JSON key file with `secretSeed` or
 * `secretPhrase`. Throws BAD_INPUT when the text is none of these, or when the file names another account than its secret makes. Errors name the
 * source, never its content.
 */
export async function loadKey(source: KeySource): Promise<LoadedKey> {
  const fromStdin = source.path === '-'
  const text = fromStdin ? await readAll(source.stdin ?? process.stdin) : await readKeyFile(source.path)
  const pair = await pairOf(text.trim(), fromStdin ? 'standard input' : source.path)
  return { pair, warnings: fromStdin ? [] : await warningsFor(source.path) }
}

async function readKeyFile(path: string): Promise<string> {
  try {
    const { size } = await stat(path)
    if (size > MAX_BYTES) throw new AppError('BAD_INPUT', `${path} has ${size} bytes, which no key file has`)
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError('BAD_INPUT', `the key file ${path} cannot be read: ${errorMessage(error)}`)
  }
}

async function readAll(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > MAX_BYTES) throw new AppError('BAD_INPUT', `standard input has more than ${MAX_BYTES} bytes, which no key has`)
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function pairOf(text: string, from: string): Promise<KeyPair> {
  if (text === '') throw new AppError('BAD_INPUT', `${from} is empty; wanted a mnemonic, a secret URI, a seed in hex, or a JSON key file`)
  const { secret, claimed } = text.startsWith('{') ? parseKeyJson(text, from) : { secret: text, claimed: [] }
  const pair = await keyPairOf(secret, from)
  for (const account of claimed) {
    if (account === pair.publicKey) continue
    throw new AppError('BAD_INPUT', `${from}: its secret makes ${pair.address}, but it says ${encodeSs58(account)}`)
  }
  return pair
}

function parseKeyJson(text: string, from: string): { secret: string; claimed: Hex[] } {
  let json: Record<string, unknown>
  try {
    json = JSON.parse(text) as Record<string, unknown>
  } catch {
    throw new AppError('BAD_INPUT', `${from} starts like JSON and is none`)
  }
  const secret = [json['secretSeed'], json['secretPhrase']].find((value) => typeof value === 'string' && value !== '')
  if (typeof secret !== 'string')
    throw new AppError('BAD_INPUT', `${from} is a JSON file without "secretSeed"; encrypted files are not read here`)
  const claimed = [json['ss58Address'], json['publicKey'], json['accountId']].filter((value) => typeof value === 'string' && value !== '')
  return { secret, claimed: claimed.map((value) => parseAccountId(value as string)) }
}

/** The pair of a secret: seed, mnemonic or URI. sr25519, which is what neurons are registered under. */
export async function keyPairOf(secret: string, from = 'the secret'): Promise<KeyPair> {
  await cryptoWaitReady()
  const seed = /^(?:0x)?[0-9a-f]{64}$/i.test(secret) ? `0x${secret.replace(/^0x/i, '')}` : secret
  const start = seed.split('/', 1)[0] as string
  try {
    // Any text of up to 32 characters would be taken for a seed: a typing error would make a key that nobody meant.
    if (!HEX_SEED.test(start) && !seed.startsWith('//') && !mnemonicValidate(start)) throw new Error('no secret')
    const pair = new Keyring({ type: 'sr25519' }).createFromUri(seed)
    const publicKey = toHex(pair.publicKey)
    return { publicKey, address: encodeSs58(publicKey), type: 'sr25519', sign: (message) => pair.sign(message) }
  } catch {
    // The library's message quotes the secret.
    throw new AppError('BAD_INPUT', `${from} holds no mnemonic, secret URI, seed in hex or JSON key file`)
  }
}

async function warningsFor(path: string): Promise<string[]> {
  const { mode } = await stat(path)
  if (process.platform === 'win32' || (mode & OTHERS_MAY) === 0) return []
  return [`${path} can be read by others (mode ${(mode & 0o777).toString(8)}); make it 600`]
}
