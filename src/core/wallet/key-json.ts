/** The plain content of key files: JSON with some of six parts, or a public key alone. */
import { AppError } from '../errors.js'
import type { Hex } from '../records.js'
import { fromHex, toHex } from '../units/bytes.js'
import { decodeSs58, encodeSs58 } from '../units/ss58.js'
import {
  keyPairFromPrivateKey,
  keyPairFromSeed,
  newMnemonic,
  privateKeyOfSeed,
  seedOfMnemonic,
  type KeyPair,
  type WordCount,
} from './keys.js'
import { keyPairOfSecret } from './secret-text.js'

/** What a key file holds. */
export interface KeyContent {
  readonly publicKey: Hex
  readonly address: string
  /** Null where the file has only the public part. */
  readonly pair: KeyPair | null
}

/** A key that was just made. What is secret in it comes out of its functions only. */
export interface NewKey {
  readonly pair: KeyPair
  /** The mnemonic: shown once, and not stored but in the file. */
  revealPhrase(): string
  /** The file's bytes; the caller overwrites them after use. */
  revealFile(): Uint8Array
}

const SECRET_PARTS = ['secretSeed', 'secretPhrase', 'privateKey'] as const
const PUBLIC_PARTS = ['ss58Address', 'publicKey', 'accountId'] as const
type PartName = (typeof SECRET_PARTS)[number] | (typeof PUBLIC_PARTS)[number]

const BARE_PUBLIC_KEY = /^0x[0-9a-f]{64}$/i
const PRIVATE_KEY = /^(?:0x)?[0-9a-f]{128}$/i

/**
 * Reads plain key file content. Every part that is there is checked against all others, whatever their order: a file that names one account and holds
 * the secret of another is refused. Throws BAD_INPUT; messages name the file and its parts, and of what is in there only addresses.
 */
export async function parseKeyContent(bytes: Uint8Array, from: string): Promise<KeyContent> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8').trim()
  if (BARE_PUBLIC_KEY.test(text)) return { ...accountOf(toHex(fromHex(text))), pair: null }
  const parts = parseParts(text, from)
  const pairs: { name: PartName; pair: KeyPair }[] = []
  for (const name of SECRET_PARTS) {
    const part = parts.get(name)
    if (part !== undefined) pairs.push({ name, pair: await pairOfPart(name, part, from) })
  }
  const accounts = PUBLIC_PARTS.flatMap((name) => {
    const part = parts.get(name)
    return part === undefined ? [] : [{ name, publicKey: publicKeyOfPart(name, part, from) }]
  })
  const pair = pairs[0]?.pair ?? null
  const publicKey = pair?.publicKey ?? accounts[0]?.publicKey
  if (publicKey === undefined)
    throw new AppError('BAD_INPUT', `${from} is a JSON file without "${SECRET_PARTS.join('", "')}" or "ss58Address"`)
  for (const other of pairs) {
    if (other.pair.publicKey !== publicKey)
      throw new AppError('BAD_INPUT', `${from}: "${pairs[0]?.name}" and "${other.name}" are the secrets of different keys`)
  }
  for (const { name, publicKey: claimed } of accounts) {
    if (claimed === publicKey) continue
    const why = pair === null ? `"${accounts[0]?.name}" is` : 'its secret makes'
    throw new AppError('BAD_INPUT', `${from}: ${why} ${encodeSs58(publicKey)}, but "${name}" says ${encodeSs58(claimed)}`)
  }
  return { ...accountOf(publicKey), pair }
}

/** A new key with its phrase and the file that wallets keep it in, as SDK 6 and later write it. */
export async function makeKey(words: WordCount): Promise<NewKey> {
  return keyOfPhrase(await newMnemonic(words))
}

/** The key of a phrase with its file. */
export async function keyOfPhrase(phrase: string): Promise<NewKey> {
  const seed = await seedOfMnemonic(phrase)
  const privateKey = await privateKeyOfSeed(seed)
  const pair = await keyPairFromSeed(seed)
  const file = renderParts({
    accountId: pair.publicKey,
    publicKey: pair.publicKey,
    privateKey: toHex(privateKey),
    secretPhrase: phrase,
    secretSeed: toHex(seed),
    ss58Address: pair.address,
  })
  seed.fill(0)
  privateKey.fill(0)
  return Object.freeze({ pair, revealPhrase: () => phrase, revealFile: () => Buffer.from(file) })
}

/** The bytes of `coldkeypub.txt`. */
export function renderPublicFile({ publicKey, address }: Pick<KeyPair, 'publicKey' | 'address'>): Uint8Array {
  return Buffer.from(renderParts({ accountId: publicKey, publicKey, secretPhrase: null, secretSeed: null, ss58Address: address }))
}

/** JSON with the blanks that Python's writer makes: the wallets of all SDKs have files of these very bytes. */
function renderParts(parts: Record<string, string | null>): string {
  return `{${Object.entries(parts)
    .map(([name, value]) => `"${name}": ${JSON.stringify(value)}`)
    .join(', ')}}`
}

function parseParts(text: string, from: string): Map<PartName, string> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    // The parser's message quotes the text.
    throw new AppError('BAD_INPUT', text.startsWith('{') ? `${from} starts like JSON and is none` : `${from} is no key file`)
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new AppError('BAD_INPUT', `${from} is no key file`)
  const parts = new Map<PartName, string>()
  for (const name of [...SECRET_PARTS, ...PUBLIC_PARTS]) {
    const value = (json as Record<string, unknown>)[name]
    if (value === undefined || value === null || value === '') continue
    if (typeof value !== 'string') throw new AppError('BAD_INPUT', `${from}: "${name}" is no text`)
    parts.set(name, value)
  }
  return parts
}

async function pairOfPart(name: PartName, text: string, from: string): Promise<KeyPair> {
  if (name !== 'privateKey') return keyPairOfSecret(text, `${from}: "${name}"`)
  if (!PRIVATE_KEY.test(text)) throw new AppError('BAD_INPUT', `${from}: "privateKey" is not 64 bytes of hex`)
  const bytes = fromHex(text)
  try {
    return await keyPairFromPrivateKey(bytes)
  } catch {
    throw new AppError('BAD_INPUT', `${from}: "privateKey" is no canonical private key`)
  } finally {
    bytes.fill(0)
  }
}

function publicKeyOfPart(name: PartName, text: string, from: string): Hex {
  try {
    return /^(?:0x)?[0-9a-f]{64}$/i.test(text) ? toHex(fromHex(text)) : decodeSs58(text)
  } catch {
    // Said below, without the text: it might be a secret that was pasted into the wrong place.
  }
  throw new AppError(
    'BAD_INPUT',
    `${from}: "${name}" is no account; wanted ${name === 'ss58Address' ? 'an ss58 address' : '32 bytes of hex'}`,
  )
}

function accountOf(publicKey: Hex): { publicKey: Hex; address: string } {
  return { publicKey, address: encodeSs58(publicKey) }
}
