import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Hex } from '../records.js'
import { fromHex, toHex } from '../units/bytes.js'
import { keyOfPhrase, makeKey, renderPublicFile } from './key-json.js'
import { isEncrypted, kindOfKeyFile, openKeyFile } from './keyfile.js'
import { openNacl, sealNacl } from './nacl.js'
import { openFernet, openVault } from './old-ciphers.js'
import { fixedPassword } from './password.js'

interface Plain {
  text: string
  ss58: string
}
interface Vectors extends Record<'hotkey_plain_v6' | 'hotkey_plain_v5' | 'coldkeypub' | 'legacy_text_pubkey' | 'private_key_only', Plain> {
  nacl: { cases: { password: string; derived_key_hex: Hex; nonce_hex: Hex; plaintext: string; file_hex: Hex; file_length: number }[] }
  fernet: { password: string; derived_key_hex: Hex; file_text: string; plaintext: string }
  ansible_vault: { password: string; file_text: string; plaintext: string }
}

const vectors = JSON.parse(readFileSync(new URL('../../../test/fixtures/keyfiles.json', import.meta.url), 'utf8')) as Vectors
const { nacl, fernet, ansible_vault: vault } = vectors
const PHRASE = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk'
const PARTS = JSON.parse(vectors.hotkey_plain_v6.text) as Record<string, string>
const OTHER = {
  accountId: '0x50780547322a1ceba67ea8c552c9bc6c686f8698ac9a8cafab7cd15a1db19859',
  publicKey: '0x50780547322a1ceba67ea8c552c9bc6c686f8698ac9a8cafab7cd15a1db19859',
  privateKey:
    '0x704b72419b89bab3a4632685428901bf5715b44e40ec0df50f01fdc1553bf60b092539815e61663c7f9c4c9c377346f5d2936875bd760f0ac5c5f4f6e78a6d76',
  secretPhrase:
    'legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth title',
  secretSeed: '0x1111111111111111111111111111111111111111111111111111111111111111',
  ss58Address: '5DtDLm5rQHShDqojQpsvcN8tRXHVFaecfDoRet1SU6BFD9Fi',
}
const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8')
const open = (content: string | Uint8Array, password?: string) =>
  openKeyFile(typeof content === 'string' ? utf8(content) : content, {
    from: 'the file',
    password: password === undefined ? undefined : fixedPassword(utf8(password)),
  })
const failure = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => null).catch((error: unknown) => error)

/** Nothing of what is in a key file or what opens it. */
const SECRETS = /bottom|drive obey|legal winner|fac7959d|05d65584|704b7241|1{16}|correct horse|battery/i

describe('plain key files', () => {
  test.each(['hotkey_plain_v6', 'hotkey_plain_v5', 'private_key_only'] as const)('%s signs', async (name) => {
    const { pair, address } = await open(vectors[name].text)
    expect(address).toBe(vectors[name].ss58)
    expect(pair?.address).toBe(vectors[name].ss58)
  })

  test.each([
    ['coldkeypub', 'json'],
    ['legacy_text_pubkey', 'public-key'],
  ] as const)('%s has no secret', async (name, kind) => {
    expect(await open(`${vectors[name].text}\n`)).toEqual({ kind, publicKey: PARTS['publicKey'], address: vectors[name].ss58, pair: null })
  })

  test('are read whatever the order, and with any parts missing', async () => {
    const names = Object.keys(PARTS)
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(names, { minLength: 1 }), async (chosen) => {
        const { address, pair } = await open(JSON.stringify(Object.fromEntries(chosen.map((name) => [name, PARTS[name]]))))
        expect(address).toBe(PARTS['ss58Address'])
        expect(pair !== null).toBe(chosen.some((name) => /^secret|^private/.test(name)))
      }),
      { numRuns: 40 },
    )
  })

  test('are refused when any part belongs to another key', async () => {
    const names = Object.keys(PARTS) as (keyof typeof OTHER)[]
    const chosen = fc
      .uniqueArray(fc.constantFrom(...names), { minLength: 2 })
      .chain((all) => fc.record({ all: fc.constant(all), swapped: fc.nat(all.length - 1) }))
    await fc.assert(
      fc.asyncProperty(chosen, async ({ all, swapped }) => {
        const content = Object.fromEntries(all.map((name, i) => [name, i === swapped ? OTHER[name] : PARTS[name]]))
        const error = await failure(open(JSON.stringify(content)))
        expect(error).toMatchObject({ code: 'BAD_INPUT', message: expect.stringMatching(/different keys|but "/) })
        expect(String(error)).not.toMatch(SECRETS)
      }),
      { numRuns: 60 },
    )
  })

  test.each([
    ['', /no key file/],
    ['0x1234', /no key file/],
    ['[]', /no key file/],
    ['{"secretPhrase": "bottom drive"', /starts like JSON/],
    ['{}', /without "secretSeed"/],
    ['{"secretPhrase": 5}', /"secretPhrase" is no text/],
    ['{"secretPhrase": "bottom drive obey"}', /"secretPhrase" holds no mnemonic/],
    ['{"privateKey": "0x05d65584"}', /"privateKey" is not 64 bytes/],
    [`{"privateKey": "0x${'f'.repeat(128)}"}`, /no canonical private key/],
    [`{"ss58Address": "${PHRASE}"}`, /"ss58Address" is no account/],
    [`{"publicKey": "0xfac7959d"}`, /"publicKey" is no account/],
  ])('that are none are refused without a word of what is in them: %#', async (content, message) => {
    const error = await failure(open(content))
    expect(error).toMatchObject({ code: 'BAD_INPUT', message: expect.stringMatching(message) })
    expect(`${String(error)}${JSON.stringify(error)}`).not.toMatch(SECRETS)
  })

  test('are written as the SDKs write them, byte for byte', async () => {
    const key = await keyOfPhrase(PHRASE)
    expect(Buffer.from(key.revealFile()).toString()).toBe(vectors.hotkey_plain_v6.text)
    expect(Buffer.from(renderPublicFile(key.pair)).toString()).toBe(vectors.coldkeypub.text)
  })

  test('of new keys are read back', async () => {
    for (const words of [12, 24] as const) {
      const key = await makeKey(words)
      expect(key.revealPhrase().split(' ')).toHaveLength(words)
      expect((await open(key.revealFile())).pair?.address).toBe(key.pair.address)
    }
  })
})

test.each([
  [nacl.cases[0]!.file_hex, 'nacl'],
  [toHex(utf8(vault.file_text)), 'ansible-vault'],
  [toHex(utf8(fernet.file_text)), 'fernet'],
  [toHex(utf8(` ${vectors.hotkey_plain_v6.text}`)), 'json'],
  [toHex(utf8(vectors.legacy_text_pubkey.text)), 'public-key'],
  [toHex(utf8(PHRASE)), null],
  ['0x', null],
] as const)('the kind shows in the first bytes: %#', (hex, kind) => {
  expect(kindOfKeyFile(fromHex(hex))).toBe(kind)
  expect(isEncrypted(kind)).toBe(!['json', 'public-key', null].includes(kind))
})

/** A file with one bit changed. */
const tampered = (file: Uint8Array, bit: number): Uint8Array => file.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))

describe.each(nacl.cases)('the $NACL file under "$password"', (vector) => {
  const file = fromHex(vector.file_hex)
  const derive = async (password: Uint8Array): Promise<Uint8Array> => {
    const key = fromHex(vector.derived_key_hex)
    // What would come of another password is another key.
    return Buffer.compare(password, utf8(vector.password)) === 0 ? key : key.reverse()
  }

  test('opens', async () => {
    expect(file).toHaveLength(vector.file_length)
    expect(Buffer.from((await openNacl(file, utf8(vector.password), { derive }))!).toString()).toBe(vector.plaintext)
  })

  test('is what is written, with that nonce', async () => {
    const nonce = fromHex(vector.nonce_hex)
    expect(toHex(await sealNacl(utf8(vector.plaintext), utf8(vector.password), { derive, nonce }))).toBe(vector.file_hex)
  })

  test('stays closed to another password, and when a bit of it is another', async () => {
    expect(await openNacl(file, utf8(`${vector.password} `), { derive })).toBeNull()
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 40, max: file.length * 8 - 1 }), async (bit) => {
        expect(await openNacl(tampered(file, bit), utf8(vector.password), { derive })).toBeNull()
      }),
    )
    for (const length of [5, 20, 29, 44]) expect(await openNacl(file.subarray(0, length), utf8(vector.password), { derive })).toBeNull()
  })

  test('is another each time it is written', async () => {
    const seal = async () => toHex(await sealNacl(utf8('content'), utf8(vector.password), { derive }))
    expect(await seal()).not.toBe(await seal())
  })
})

describe('the Ansible Vault file', () => {
  test('opens', async () => {
    expect(Buffer.from((await openVault(utf8(vault.file_text), utf8(vault.password)))!).toString()).toBe(vault.plaintext)
    const windows = vault.file_text.replaceAll('\n', '\r\n')
    expect((await open(windows, vault.password)).pair?.address).toBe(PARTS['ss58Address'])
  })

  test('stays closed to another password, and when a bit of it is another', async () => {
    const file = utf8(vault.file_text)
    const lastDigit = vault.file_text.trimEnd().length
    await fc.assert(
      fc.asyncProperty(fc.nat(lastDigit * 8 - 1), async (bit) => {
        expect(await openVault(tampered(file, bit), utf8(vault.password))).toBeNull()
      }),
      { numRuns: 60 },
    )
    const error = await failure(open(vault.file_text, 'incorrect horse battery'))
    expect(error).toMatchObject({ code: 'BAD_INPUT', message: 'the file was not opened: the password is wrong, or the file is damaged' })
  })

  test.each([
    '$ANSIBLE_VAULT;1.2;AES256;label\n6161',
    '$ANSIBLE_VAULT;1.1;AES256',
    '$ANSIBLE_VAULT;1.1;AES256\n0a0a',
    '$ANSIBLE_VAULT;1.1;AES256\n7',
  ])('of another layout is refused: %#', async (text) => expect(await openVault(utf8(text), utf8('x'))).toBeNull())
})

describe('the Fernet file', () => {
  const derive = async (): Promise<Uint8Array> => fromHex(fernet.derived_key_hex)

  test('opens with the key of its password', async () => {
    const content = await openFernet(utf8(`${fernet.file_text}\n`), utf8(fernet.password), derive)
    expect(Buffer.from(content!).toString()).toBe(fernet.plaintext)
  })

  test('stays closed to another key, and when a bit of it is another', async () => {
    const file = utf8(fernet.file_text)
    expect(await openFernet(file, utf8('x'), async () => (await derive()).reverse())).toBeNull()
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length * 8 - 1), async (bit) => {
        expect(await openFernet(tampered(file, bit), utf8(fernet.password), derive)).toBeNull()
      }),
    )
    expect(await openFernet(file.subarray(0, 40), utf8('x'), derive)).toBeNull()
  })
})

test('an encrypted file without a password says what it is', async () => {
  expect(await failure(open(vault.file_text))).toMatchObject({ code: 'BAD_INPUT', message: /encrypted \(ansible-vault\)/ })
  expect(await failure(open(fromHex(nacl.cases[0]!.file_hex), ''))).toMatchObject({ code: 'BAD_INPUT', message: 'the password is empty' })
})

test('passwords are overwritten once they were used', async () => {
  const password = utf8(vault.password)
  await openKeyFile(utf8(vault.file_text), { from: 'the file', password: async () => password })
  expect([...password].every((byte) => byte === 0)).toBe(true)
})
