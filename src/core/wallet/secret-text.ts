/** Secrets as people and JSON files write them. */
import { cryptoWaitReady, keyExtractSuri, keyFromPath, sr25519PairFromSeed } from '@polkadot/util-crypto'
import { AppError } from '../errors.js'
import { fromHex } from '../units/bytes.js'
import { keyPairFromExpanded, keyPairFromMnemonic, keyPairFromSeed, seedOfMnemonic, type KeyPair } from './keys.js'

const HEX_SEED = /^(?:0x)?[0-9a-f]{64}$/i
/** What `//Alice` and its like are derived from: the phrase that Substrate's development chains agreed on. */
const DEVELOPMENT_PHRASE = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk'

/**
 * The pair of a seed of 32 bytes in hex, a mnemonic, or a secret URI: either of them, or nothing, with `//hard`, `/soft` and `///passphrase` behind.
 * Throws BAD_INPUT otherwise; the message names `from`, never the text.
 */
export async function keyPairOfSecret(secret: string, from = 'the secret'): Promise<KeyPair> {
  try {
    return await derive(secret)
  } catch {
    // The library's message quotes the secret.
    throw new AppError('BAD_INPUT', `${from} holds no mnemonic, secret URI, seed in hex or JSON key file`)
  }
}

async function derive(text: string): Promise<KeyPair> {
  if (HEX_SEED.test(text)) return withSeed(fromHex(text), keyPairFromSeed)
  if (!text.includes('/')) return keyPairFromMnemonic(text)
  await cryptoWaitReady()
  const { phrase, path, password } = keyExtractSuri(text.startsWith('//') ? `${DEVELOPMENT_PHRASE}${text}` : text)
  // Nothing is padded to make a seed: a typing error would make a key that nobody meant.
  const seed = HEX_SEED.test(phrase) ? fromHex(phrase) : await seedOfMnemonic(phrase, password)
  return withSeed(seed, (root) => {
    if (path.length === 0) return keyPairFromSeed(root)
    const { secretKey, publicKey } = keyFromPath(sr25519PairFromSeed(root), path, 'sr25519')
    return keyPairFromExpanded(secretKey, publicKey)
  })
}

async function withSeed(seed: Uint8Array, make: (seed: Uint8Array) => Promise<KeyPair>): Promise<KeyPair> {
  try {
    return await make(seed)
  } finally {
    seed.fill(0)
  }
}
