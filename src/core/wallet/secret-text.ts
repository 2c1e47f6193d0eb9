/** Secrets as people and JSON files write them. */
import { cryptoWaitReady, keyExtractSuri, keyFromPath } from '@polkadot/util-crypto'
import { AppError } from '../errors.js'
import { fromHex } from '../units/bytes.js'
import { keyPairFromExpanded, keyPairFromSeed, seedOfMnemonic, type KeyPair } from './keys.js'

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
  const seedText = HEX_SEED.test(text) ? `0x${text.replace(/^0x/i, '')}` : text
  await cryptoWaitReady()
  const { phrase, path, password } = keyExtractSuri(seedText.startsWith('/') ? `${DEVELOPMENT_PHRASE}${seedText}` : seedText)
  // Nothing is padded to make a seed: a typing error would make a key that nobody meant.
  const seed = HEX_SEED.test(phrase) ? fromHex(phrase) : await seedOfMnemonic(phrase, password)
  try {
    if (path.length === 0) return await keyPairFromSeed(seed)
    const { secretKey, publicKey } = keyFromPath(await rootOf(seed), path, 'sr25519')
    return await keyPairFromExpanded(secretKey, publicKey)
  } finally {
    seed.fill(0)
  }
}
