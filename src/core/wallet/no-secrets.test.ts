/** Whatever fails, and whatever is printed: no secret of a file, and no password, is in it. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { inspect } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadKey } from '../../chain/submit/keys.js'
import { createLogger } from '../log.js'
import { keyOfPhrase } from './key-json.js'
import { openKeyFile } from './keyfile.js'
import { keyPairFromMnemonic, keyPairFromPrivateKey, keyPairFromSeed, seedOfMnemonic } from './keys.js'
import { fixedPassword, passwordFromEnv } from './password.js'
import { keyPairOfSecret } from './secret-text.js'
import { createWallet, inspectWallet, openWallet } from './wallet.js'

const PHRASE = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk'
const SEED = 'fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e'
const PRIVATE =
  '05d65584630d16cd4af6d0bec10f34bb504a5dcb62dba2122d49f5a663763d0afd190cce74df356432b410bd64682309d6dedb27c76845daf388557cbac3ca34'
const PASSWORD = 'correct horse battery'
const OTHER_ADDRESS = '5DtDLm5rQHShDqojQpsvcN8tRXHVFaecfDoRet1SU6BFD9Fi'
const VAULT = (
  JSON.parse(readFileSync(new URL('../../../test/fixtures/keyfiles.json', import.meta.url), 'utf8')) as {
    ansible_vault: { file_text: string }
  }
).ansible_vault.file_text

/** Also parts of them: eight characters of hex or text that occur in no message by chance. */
const NEEDLES = [PHRASE, SEED, PRIVATE, PASSWORD].flatMap((secret) => {
  const pieces: string[] = []
  for (let i = 0; i + 8 <= secret.length; i += 4) pieces.push(secret.slice(i, i + 8))
  return pieces
})
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))

/** Everything that a value shows when printed, serialised, or logged. */
function shownBy(value: unknown): string {
  let logged = ''
  const stream = new Writable({ write: (chunk: Buffer, _, done) => ((logged += chunk.toString()), done()) })
  const log = createLogger({ level: 'trace', format: 'json', stream })
  log.error({ err: value, value }, 'shown')
  const cause = value instanceof Error ? inspect(value.cause, { depth: 9 }) : ''
  return [String(value), JSON.stringify(value), inspect(value, { showHidden: true, depth: 9, getters: true }), logged, cause].join('\n')
}

function secretsIn(text: string): string[] {
  // Lists of bytes, as `inspect` and JSON write them.
  const lists = text.replaceAll(/"\d+":/g, '').matchAll(/(?:\d{1,3},\s*){7,}\d{1,3}/g)
  const hexOfBytes = [...lists].map(([list]) => Buffer.from(list.split(',').map(Number)).toString('hex'))
  return NEEDLES.filter((needle) => [text, ...hexOfBytes].some((shown) => shown.includes(needle)))
}

let folder: string
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'taogate-secrets-'))))
afterAll(() => rm(folder, { recursive: true }))

test('the scan finds what it looks for', () => {
  expect(secretsIn(shownBy(new Error(`not a key: ${SEED.slice(20, 40)}`)))).not.toEqual([])
  expect(secretsIn(JSON.stringify(bytesOf(SEED)))).not.toEqual([])
  expect(secretsIn(shownBy({ bytes: bytesOf(SEED) }))).not.toEqual([])
  expect(secretsIn(inspect(bytesOf(PRIVATE)))).not.toEqual([])
  expect(secretsIn(shownBy({ phrase: PHRASE }))).not.toEqual([])
  expect(secretsIn(shownBy({ publicKey: OTHER_ADDRESS }))).toEqual([])
})

test('keys and wallets show no secret', async () => {
  const wallet = { path: folder, name: 'shown', hotkey: 'default' }
  const key = await keyOfPhrase(PHRASE)
  await createWallet({ ...wallet, words: 12, password: null })
  await writeFile(join(folder, 'shown', 'hotkeys', 'default'), key.revealFile())
  await writeFile(join(folder, 'shown', 'coldkey'), key.revealFile())
  const values = [
    key,
    await keyPairFromSeed(bytesOf(SEED)),
    await keyPairFromMnemonic(PHRASE),
    await keyPairFromPrivateKey(bytesOf(PRIVATE)),
    await keyPairOfSecret(`${PHRASE}//1`),
    await openKeyFile(key.revealFile(), { from: 'file' }),
    await openWallet(wallet),
    await inspectWallet(wallet),
    await loadKey({ path: join(folder, 'shown', 'hotkeys', 'default') }),
    fixedPassword(Buffer.from(PASSWORD)),
  ]
  for (const value of values) expect(secretsIn(shownBy(value))).toEqual([])
})

/** Each content is broken in another way, and each way of reading is tried on it. */
const BROKEN = [
  SEED.slice(1),
  `0x${SEED}${SEED}`,
  PHRASE.replace('walk', 'talk'),
  `${PHRASE} ${PHRASE}`,
  `{"secretPhrase": "${PHRASE}"`,
  `{"secretPhrase": "${PHRASE} walk"}`,
  `{"secretSeed": "0x${SEED}00"}`,
  `{"secretSeed": "${PASSWORD}"}`,
  `{"privateKey": "0x${PRIVATE}ff"}`,
  `{"privateKey": "0x${PRIVATE.replace('0a', 'fa')}", "ss58Address": "${OTHER_ADDRESS}"}`,
  `{"secretSeed": "0x${SEED}", "ss58Address": "${OTHER_ADDRESS}"}`,
  `{"secretSeed": "0x${SEED}", "privateKey": "0x${PRIVATE.replace('05', '06')}"}`,
  `{"ss58Address": "${PHRASE}"}`,
  `{"publicKey": "${PHRASE}"}`,
  `{"accountId": "0x${PRIVATE}"}`,
  `{"secretPhrase": ["${PHRASE}"]}`,
  `["${PHRASE}"]`,
  `gAAAAA${SEED}`,
  `$ANSIBLE_VAULT;1.1;AES256\n${SEED}`,
  VAULT,
]

test.each(BROKEN)('no failure quotes what it failed over: %#', async (content) => {
  const path = join(folder, 'broken')
  await writeFile(path, content)
  const name = { path: folder, name: 'broken-wallet', hotkey: 'default' }
  await createWallet({ ...name, words: 12, password: null, overwrite: true })
  await writeFile(join(folder, 'broken-wallet', 'hotkeys', 'default'), content)
  // Wrong for the vault; never asked for by the others. (Fernet's ten million rounds are left out: its text is no token.)
  const password = fixedPassword(Buffer.from(PASSWORD.slice(1)))
  const attempts: (() => unknown)[] = [
    () => keyPairOfSecret(content),
    () => keyPairFromMnemonic(content),
    () => seedOfMnemonic(content, PASSWORD),
    () => keyPairFromSeed(Buffer.from(content)),
    () => keyPairFromPrivateKey(Buffer.from(content)),
    () => openKeyFile(Buffer.from(content), { from: 'file', password }),
    () => loadKey({ path, password }),
    () => openWallet({ ...name, password }),
    () => passwordFromEnv({ BT_PW__W_COLDKEY: content }, '/w/coldkey'),
  ]
  const errors: unknown[] = []
  for (const attempt of attempts) {
    try {
      await attempt()
    } catch (error) {
      errors.push(error)
    }
  }
  expect(errors).toHaveLength(attempts.length)
  for (const error of errors) {
    expect(error).toMatchObject({ name: 'AppError', code: 'BAD_INPUT' })
    expect(secretsIn(shownBy(error))).toEqual([])
  }
  expect(secretsIn(shownBy(await inspectWallet(name)))).toEqual([])
})
