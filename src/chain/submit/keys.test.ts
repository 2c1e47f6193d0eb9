import { readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { sr25519Verify } from '@polkadot/util-crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fromHex } from '../../core/units/bytes.js'
import { keyPairOf, loadKey } from './keys.js'

/** The well-known development phrase and the seed of `//Alice`. */
const PHRASE = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk'
const ALICE_SEED = 'e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a'
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
const BOB = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty'
const WALLET_FILES = JSON.parse(readFileSync(new URL('../../../test/fixtures/keyfiles.json', import.meta.url), 'utf8')) as Record<
  'hotkey_plain_v6' | 'hotkey_plain_v5' | 'private_key_only' | 'coldkeypub',
  { text: string; ss58: string }
> & { ansible_vault: { file_text: string; password: string } }

describe('keys', () => {
  let folder: string
  beforeAll(async () => void (folder = await mkdtemp(path.join(tmpdir(), 'taogate-keys-'))))
  afterAll(() => rm(folder, { recursive: true }))

  async function keyFile(content: string, mode = 0o600): Promise<string> {
    const file = path.join(folder, 'key')
    await writeFile(file, content)
    await chmod(file, mode)
    return file
  }

  test.each([
    ['a secret URI', '//Alice\n'],
    ['a mnemonic with a path', `${PHRASE}//Alice`],
    ['a seed in hex', ALICE_SEED],
    ['a seed in hex with 0x', `0x${ALICE_SEED}\n`],
    ['a JSON file', JSON.stringify({ secretSeed: `0x${ALICE_SEED}`, ss58Address: ALICE })],
    ['a JSON file with a phrase', JSON.stringify({ secretPhrase: `${PHRASE}//Alice`, secretSeed: null })],
  ])('are read from %s', async (_, content) => {
    const { pair, warnings } = await loadKey({ path: await keyFile(content) })
    expect(pair.address).toBe(ALICE)
    expect(warnings).toEqual([])
    const message = new Uint8Array([1, 2, 3])
    expect(sr25519Verify(message, pair.sign(message), fromHex(pair.publicKey))).toBe(true)
  })

  test.each(['hotkey_plain_v6', 'hotkey_plain_v5', 'private_key_only'] as const)(
    'are read from the hotkey files of wallets: %s',
    async (name) => {
      const { pair, warnings } = await loadKey({ path: await keyFile(`${WALLET_FILES[name].text}\n`) })
      expect(pair.address).toBe(WALLET_FILES[name].ss58)
      expect(warnings).toEqual([])
    },
  )

  test('are read from encrypted files, with the password of the file', async () => {
    const { file_text, password } = WALLET_FILES.ansible_vault
    const path = await keyFile(file_text)
    const asked: string[] = []
    const source = (text: string) => async (file: string) => {
      asked.push(file)
      return Buffer.from(text)
    }
    const { pair } = await loadKey({ path, password: source(password) })
    expect(pair.address).toBe(WALLET_FILES.hotkey_plain_v6.ss58)
    await expect(loadKey({ path, password: source('another') })).rejects.toMatchObject({ code: 'BAD_INPUT', message: /password is wrong/ })
    expect(asked).toEqual([path, path])
  })

  test('that only have a public part do not sign', async () => {
    const path = await keyFile(WALLET_FILES.coldkeypub.text)
    await expect(loadKey({ path })).rejects.toMatchObject({ code: 'BAD_INPUT', message: /without "secretSeed".*cannot sign/ })
  })

  test('are read from standard input', async () => {
    async function* stdin() {
      yield '//Al'
      yield Buffer.from('ice\n')
    }
    expect((await loadKey({ path: '-', stdin: stdin() })).pair.address).toBe(ALICE)
  })

  test('in files that others can read are worth a warning', async () => {
    const { warnings } = await loadKey({ path: await keyFile('//Alice', 0o644) })
    expect(warnings).toEqual([expect.stringMatching(/mode 644.*600/)])
  })

  test.each([
    ['', /empty/],
    ['not a mnemonic at all', /holds no mnemonic/],
    [`${PHRASE} twelve`, /holds no mnemonic/],
    ['{"secretSeed":', /starts like JSON/],
    ['{"crypto":{"cipher":"x"}}', /without "secretSeed"/],
    [JSON.stringify({ secretSeed: `0x${ALICE_SEED}`, ss58Address: BOB }), /its secret makes 5Grwva.*says 5FHneW/],
    ['x'.repeat(70_000), /no key file has/],
  ])('that are none are refused without a word of what was in there: %#', async (content, message) => {
    const error = await loadKey({ path: await keyFile(content) }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'BAD_INPUT', message: expect.stringMatching(message) })
    expect(`${String(error)}${JSON.stringify(error)}`).not.toMatch(/bottom drive|e5be9a50|not a mnemonic/)
  })

  test('a file that is not there is named', async () => {
    await expect(loadKey({ path: path.join(folder, 'nowhere') })).rejects.toMatchObject({ code: 'BAD_INPUT', message: /nowhere/ })
  })

  test('hold no secret that could be logged', async () => {
    expect(JSON.stringify(await keyPairOf(`0x${ALICE_SEED}`))).not.toContain('e5be')
  })
})
