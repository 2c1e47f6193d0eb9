import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fixedPassword } from './password.js'
import { createWallet, inspectWallet, openWallet, walletFiles, type NewWallet } from './wallet.js'

const VAULT = (
  JSON.parse(await readFile(new URL('../../../test/fixtures/keyfiles.json', import.meta.url), 'utf8')) as {
    ansible_vault: { password: string; file_text: string }
  }
).ansible_vault
const VAULT_ADDRESS = '5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV'

let path: string
beforeEach(async () => void (path = join(await mkdtemp(join(tmpdir(), 'taogate-wallet-')), 'wallets')))
afterEach(() => rm(dirname(path), { recursive: true }))

const plain = (more: Partial<NewWallet> = {}): NewWallet => ({ path, name: 'main', hotkey: 'first', words: 12, password: null, ...more })
const named = (hotkey = 'first') => ({ path, name: 'main', hotkey })
const modeOf = async (file: string): Promise<string> => ((await stat(file)).mode & 0o777).toString(8)

test('a new wallet has the files of the standard layout, for the owner alone, and opens', async () => {
  const made = await createWallet(plain())
  const files = walletFiles(plain())
  expect((await readdir(path, { recursive: true })).sort()).toEqual([
    'main',
    'main/coldkey',
    'main/coldkeypub.txt',
    'main/hotkeys',
    'main/hotkeys/first',
  ])
  for (const file of [files.coldkey, files.coldkeyPub, files.hotkey]) expect(await modeOf(file)).toBe('600')
  for (const folder of [path, files.folder, dirname(files.hotkey)]) expect(await modeOf(folder)).toBe('700')
  const wallet = await openWallet({ path, name: 'main', hotkey: 'first' })
  expect(wallet.hotkey.address).toBe(made.hotkey.pair.address)
  expect(wallet.coldkey).toEqual({ publicKey: made.coldkey!.pair.publicKey, address: made.coldkey!.pair.address })
  expect(wallet.warnings).toEqual([])
})

test('nothing that is there is overwritten unless asked for', async () => {
  const made = await createWallet(plain())
  const before = await readFile(walletFiles(plain()).coldkey, 'utf8')
  await expect(createWallet(plain())).rejects.toMatchObject({ code: 'REFUSED', message: /coldkey is there already/ })
  await expect(createWallet(plain({ hotkey: 'second' }))).rejects.toMatchObject({ code: 'REFUSED' })
  expect(await readFile(walletFiles(plain()).coldkey, 'utf8')).toBe(before)
  const again = await createWallet(plain({ overwrite: true }))
  expect(again.coldkey!.pair.address).not.toBe(made.coldkey!.pair.address)
  expect((await openWallet(named())).hotkey.address).toBe(again.hotkey.pair.address)
})

test('of several that make the same wallet at once, one does', async () => {
  const results = await Promise.allSettled(Array.from({ length: 6 }, () => createWallet(plain())))
  const made = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.hotkey.pair.address] : []))
  expect(made).toHaveLength(1)
  expect((await openWallet(named())).hotkey.address).toBe(made[0])
  // Neither drafts nor half a wallet are left.
  expect(await readdir(path, { recursive: true })).toHaveLength(5)
})

test('a hotkey can be added to a wallet', async () => {
  const { coldkey } = await createWallet(plain())
  const added = await createWallet(plain({ hotkey: 'second', hotkeyOnly: true, words: 24 }))
  expect(added.coldkey).toBeNull()
  expect(added.hotkey.revealPhrase().split(' ')).toHaveLength(24)
  const wallet = await openWallet(named('second'))
  expect([wallet.hotkey.address, wallet.coldkey?.address]).toEqual([added.hotkey.pair.address, coldkey!.pair.address])
})

test('a wallet that cannot be written whole is taken back', async () => {
  const { folder, coldkeyPub } = walletFiles(plain())
  await mkdir(folder, { recursive: true })
  // The last of the files is in the way, where looking for it finds nothing.
  await symlink(join(folder, 'nowhere'), coldkeyPub)
  await expect(createWallet(plain())).rejects.toMatchObject({ code: 'REFUSED', message: /coldkeypub.txt is there already/ })
  expect((await readdir(folder, { recursive: true })).sort()).toEqual(['coldkeypub.txt', 'hotkeys'])
})

test('a folder that cannot be made is named', async () => {
  const { folder, hotkey } = walletFiles(plain())
  await mkdir(folder, { recursive: true })
  await writeFile(dirname(hotkey), 'a file where a folder should be')
  await expect(createWallet(plain())).rejects.toMatchObject({ code: 'REFUSED', message: /hotkeys cannot be made/ })
  expect(await readdir(folder)).toEqual(['hotkeys'])
})

test.each(['', '.', '..', '../x', 'a/b', 'a\\b', '.hidden', 'a\0b'])('%j is no name of a wallet or hotkey', (name) => {
  expect(() => walletFiles({ path, name, hotkey: 'x' })).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }))
  expect(() => walletFiles({ path, name: 'x', hotkey: name })).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }))
})

test('a wallet without a coldkeypub.txt opens; one without the hotkey, or with its public part only, does not', async () => {
  const { coldkey } = await createWallet(plain())
  const files = walletFiles(plain())
  await rm(files.coldkeyPub)
  expect((await openWallet(named())).coldkey).toBeNull()
  await expect(openWallet(named('other'))).rejects.toMatchObject({
    code: 'BAD_INPUT',
    message: /hotkeys\/other cannot be read/,
  })
  await writeFile(files.hotkey, coldkey!.pair.publicKey)
  await expect(openWallet(named())).rejects.toMatchObject({ code: 'BAD_INPUT', message: /public key only/ })
})

test('an encrypted hotkey opens with its password', async () => {
  await createWallet(plain())
  await writeFile(walletFiles(plain()).hotkey, VAULT.file_text)
  const password = fixedPassword(Buffer.from(VAULT.password))
  expect((await openWallet({ ...named(), password })).hotkey.address).toBe(VAULT_ADDRESS)
  await expect(openWallet({ ...named(), password: undefined })).rejects.toMatchObject({ code: 'BAD_INPUT', message: /encrypted/ })
})

test('files that others can read are worth a warning', async () => {
  await createWallet(plain())
  const files = walletFiles(plain())
  for (const file of [files.hotkey, files.coldkey, files.coldkeyPub]) await chmod(file, 0o640)
  expect((await openWallet(named())).warnings).toEqual([expect.stringMatching(/first can be read by others \(mode 640\); make it 600/)])
  const shown = await inspectWallet({ path, name: 'main' })
  expect(shown.map((file) => file.warnings.length)).toEqual([1, 0, 1])
})

test('what is in a wallet is told without passwords and without secrets', async () => {
  const made = await createWallet(plain())
  const files = walletFiles(plain())
  await writeFile(files.coldkey, VAULT.file_text)
  await writeFile(join(dirname(files.hotkey), 'broken'), made.hotkey.revealPhrase(), { mode: 0o600 })
  const shown = await inspectWallet({ path, name: 'main' })
  const same = { warnings: [], problem: null }
  expect(shown).toEqual([
    { ...same, file: files.coldkey, kind: 'ansible-vault', encrypted: true, address: null, secret: null },
    { ...same, file: files.coldkeyPub, kind: 'json', encrypted: false, address: made.coldkey!.pair.address, secret: false },
    {
      ...{ file: join(dirname(files.hotkey), 'broken'), kind: null, encrypted: false, address: null, secret: null, warnings: [] },
      problem: expect.stringMatching(/broken is no key file/),
    },
    { ...same, file: files.hotkey, kind: 'json', encrypted: false, address: made.hotkey.pair.address, secret: true },
  ])
  const phrase = made.hotkey.revealPhrase()
  expect(JSON.stringify(shown)).not.toContain(phrase.slice(0, 20))
  await expect(inspectWallet({ path, name: 'nowhere' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})
