/** Keys sign with the native signer where it is fit, and do the same without it. */
import { randomBytes } from 'node:crypto'
import { sr25519KeypairFromSeed, waitReady } from '@polkadot/wasm-crypto'
import { afterEach, beforeAll, expect, test, vi } from 'vitest'
import type * as NativeSigner from './native-signer.js'

const MESSAGE = Buffer.from('a message')

beforeAll(() => waitReady())
afterEach(() => {
  vi.doUnmock('./native-signer.js')
  vi.resetModules()
})

/** keys.ts with another native signer than the one that may be built here. */
async function keysWith(addon: NativeSigner.SigningAddon | null) {
  vi.resetModules()
  const openSigningAddon = vi.fn(() => addon)
  vi.doMock('./native-signer.js', async (original) => ({ ...(await original<typeof NativeSigner>()), openSigningAddon }))
  return { ...(await import('./keys.js')), openSigningAddon }
}

function pair(): { secretKey: Uint8Array; publicKey: Uint8Array } {
  const both = sr25519KeypairFromSeed(randomBytes(32))
  return { secretKey: both.slice(0, 64), publicKey: both.slice(64) }
}

test('without it the library signs, and it is looked for once', async () => {
  const { keyPairFromExpanded, verify, openSigningAddon } = await keysWith(null)
  for (let i = 0; i < 3; i++) {
    const { secretKey, publicKey } = pair()
    const key = await keyPairFromExpanded(secretKey, publicKey)
    expect(verify(MESSAGE, key.sign(MESSAGE), key.publicKey)).toBe(true)
  }
  expect(openSigningAddon).toHaveBeenCalledTimes(1)
})

test('with it, it signs, and the secret stays in no buffer here', async () => {
  const signature = new Uint8Array(64).fill(7)
  const randomness: string[] = []
  const seen: { secret: Uint8Array; publicKey: Uint8Array }[] = []
  const { keyPairFromExpanded } = await keysWith({
    version: 1,
    load: (secret, publicKey) => {
      seen.push({ secret: secret.slice(), publicKey: publicKey.slice() })
      return (message, random) => {
        expect(message).toEqual(MESSAGE)
        randomness.push(Buffer.from(random).toString('hex'))
        return signature
      }
    },
  })
  const { secretKey, publicKey } = pair()
  const before = secretKey.slice()
  const key = await keyPairFromExpanded(secretKey, publicKey)
  expect(seen).toEqual([{ secret: before, publicKey }])
  expect(secretKey).toEqual(new Uint8Array(64))
  // More than are drawn from the system at once.
  for (let i = 0; i < 300; i++) expect(key.sign(MESSAGE)).toBe(signature)
  expect(new Set(randomness).size).toBe(300)
  for (const random of randomness) expect(random).toMatch(/^[0-9a-f]{64}$/)
})

test('a key that it does not take is signed with by the library', async () => {
  const { keyPairFromExpanded, verify } = await keysWith({ version: 1, load: () => null })
  const { secretKey, publicKey } = pair()
  const key = await keyPairFromExpanded(secretKey, publicKey)
  expect(verify(MESSAGE, key.sign(MESSAGE), key.publicKey)).toBe(true)
})
