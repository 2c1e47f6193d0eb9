/** What makes guessing passwords slow makes these slow: about 10 s (Argon2i over 512 MiB) and 5 s (ten million rounds of PBKDF2), side by side. */
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Hex } from '../records.js'
import { fromHex } from '../units/bytes.js'
import { openKeyFile } from './keyfile.js'
import { deriveNaclKey, openNacl } from './nacl.js'
import { fixedPassword } from './password.js'
import { createWallet, inspectWallet, walletFiles } from './wallet.js'

const { nacl, fernet } = JSON.parse(readFileSync(new URL('../../../test/fixtures/keyfiles.json', import.meta.url), 'utf8')) as {
  nacl: { cases: { password: string; derived_key_hex: Hex }[] }
  fernet: { password: string; file_text: string }
}
const TIMEOUT_MS = 120_000

test.concurrent(
  'the coldkey of a new wallet is encrypted under the key that other implementations make of the password',
  async () => {
    const path = await mkdtemp(join(tmpdir(), 'taogate-slow-'))
    const [vector] = nacl.cases
    let ticks = 0
    const clock = setInterval(() => ticks++, 50)
    try {
      const wallet = { path, name: 'main', hotkey: 'first' }
      const { coldkey } = await createWallet({ ...wallet, words: 12, password: Buffer.from(vector!.password) })
      // The event loop went on while the key was made.
      expect(ticks).toBeGreaterThan(10)
      expect((await inspectWallet(wallet))[0]).toMatchObject({ kind: 'nacl', encrypted: true, address: null, warnings: [] })
      // Argon2i has no randomness here, so the vector's key opens the file if, and only if, it was made with the right parameters.
      const file = await readFile(walletFiles(wallet).coldkey)
      const content = await openNacl(file, Buffer.from(vector!.password), { derive: async () => fromHex(vector!.derived_key_hex) })
      expect(JSON.parse(Buffer.from(content!).toString())).toMatchObject({
        secretPhrase: coldkey!.revealPhrase(),
        ss58Address: coldkey!.pair.address,
      })
    } finally {
      clearInterval(clock)
      await rm(path, { recursive: true })
    }
  },
  TIMEOUT_MS,
)

test.concurrent(
  'a Fernet file opens with its password',
  async () => {
    const opened = await openKeyFile(Buffer.from(fernet.file_text), {
      from: 'coldkey',
      password: fixedPassword(Buffer.from(fernet.password)),
    })
    expect(opened).toMatchObject({ kind: 'fernet', address: '5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV' })
    expect(opened.pair?.address).toBe(opened.address)
  },
  TIMEOUT_MS,
)

test('making a key can be stopped, at once', async () => {
  const startedAt = performance.now()
  const stop = new AbortController()
  const key = deriveNaclKey(Buffer.from('word'), stop.signal)
  setTimeout(() => stop.abort(), 100)
  await expect(key).rejects.toMatchObject({ code: 'ABORTED' })
  await expect(deriveNaclKey(Buffer.from('word'), AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' })
  // Making it takes several times as long even where nothing else runs.
  expect(performance.now() - startedAt).toBeLessThan(3_000)
})
