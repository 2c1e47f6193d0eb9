import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLog } from '../core/log.js'
import { keyPairFromMnemonic } from '../core/wallet/keys.js'
import { openWallet } from '../core/wallet/wallet.js'
import { newWallet, showWallet } from './wallet.js'

let walletPath: string
let lines: string[]
let status: number | undefined
const output = {
  print: (text: string) => void lines.push(text),
  exitWith: (code: number) => void (status = code),
  log: silentLog,
  life: { signal: new AbortController().signal },
}

beforeEach(async () => {
  walletPath = await mkdtemp(join(tmpdir(), 'taogate-wallet-cli-'))
  lines = []
  status = undefined
})
afterEach(() => rm(walletPath, { recursive: true }))

/** A terminal at which these lines are typed. */
function typing(...typed: string[]) {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} })
  input.write(typed.map((line) => `${line}\n`).join(''))
  return { input, output: { write: (text: string) => void lines.push(text) } }
}

const PLAIN = { password: false }

test('a new wallet shows each phrase once, and they make the keys that are printed and stored', async () => {
  await newWallet(output, { walletPath, ...PLAIN })
  const text = lines.join('\n')
  for (const what of ['coldkey', 'hotkey']) {
    const address = new RegExp(`^${what} +(5\\w{47}) +(${walletPath}/default/\\S+)$`, 'm').exec(text)
    const phrase = new RegExp(`^${what} +((?:[a-z]+ ){11}[a-z]+)$`, 'm').exec(text)?.[1] ?? ''
    expect((await keyPairFromMnemonic(phrase)).address).toBe(address?.[1])
    expect(text.split(phrase)).toHaveLength(2)
    expect(JSON.parse(await readFile(address?.[2] ?? '', 'utf8'))).toMatchObject({ ss58Address: address?.[1], secretPhrase: phrase })
  }
  expect(text).toMatch(/shown only now/)
  expect(text).toMatch(/coldkey is stored in plain text/)
})

test('a quiet one shows none, and names, words and folder are as asked for', async () => {
  await newWallet(output, { walletPath, ...PLAIN, quiet: true, name: 'main', hotkey: 'first', words: '24' })
  const { hotkey } = await openWallet({ path: walletPath, name: 'main', hotkey: 'first' })
  expect(lines).toHaveLength(3)
  expect(lines[1]).toContain(hotkey.address)
  const { secretPhrase } = JSON.parse(await readFile(join(walletPath, 'main', 'coldkey'), 'utf8')) as { secretPhrase: string }
  expect(secretPhrase.split(' ')).toHaveLength(24)
  expect(lines.join('\n')).not.toContain(secretPhrase.split(' ').slice(0, 3).join(' '))
})

test('a hotkey is added without the coldkey, and without a password', async () => {
  await newWallet(output, { walletPath, ...PLAIN, quiet: true })
  const before = await readFile(join(walletPath, 'default', 'coldkey'), 'utf8')
  lines = []
  await newWallet(output, { walletPath, hotkey: 'second', hotkeyOnly: true, quiet: true })
  expect(lines).toEqual([expect.stringMatching(/^hotkey +5\w{47} +\S+hotkeys\/second$/)])
  expect(await readFile(join(walletPath, 'default', 'coldkey'), 'utf8')).toBe(before)
})

test.each([
  [{ words: '15' }, 'CONFIG_INVALID', /--words 15; wanted 12 or 24/],
  [{ name: '../x' }, 'BAD_INPUT', /is no name for a wallet/],
  [{ passwordFile: 'x', password: false }, 'CONFIG_INVALID', /exclude each other/],
  [{ passwordFile: '/nowhere/at/all', password: true }, 'BAD_INPUT', /cannot be read/],
])('wrong options are refused, and nothing is written: %#', async (options, code, message) => {
  await expect(newWallet(output, { walletPath, ...PLAIN, ...options })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  })
  await expect(stat(join(walletPath, 'default'))).rejects.toMatchObject({ code: 'ENOENT' })
})

test.each([
  [['one two', 'one too'], /the two passwords differ/],
  [['', ''], /the password is empty/],
])('passwords that differ or are empty make no wallet: %#', async (typed, message) => {
  await expect(newWallet(output, { walletPath }, typing(...typed))).rejects.toMatchObject({ code: 'BAD_INPUT', message })
  expect(lines).toEqual(['Password for the coldkey: ', '\n', 'The same again: ', '\n'])
  await expect(stat(join(walletPath, 'default'))).rejects.toMatchObject({ code: 'ENOENT' })
})

test('without a terminal the password must come from elsewhere', async () => {
  const terminal = { ...typing(), input: new PassThrough() }
  await expect(newWallet(output, { walletPath }, terminal)).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: /--password-file/ })
})

test('a wallet that exists is left alone, before a password is asked for', async () => {
  await newWallet(output, { walletPath, ...PLAIN, quiet: true })
  lines = []
  await expect(newWallet(output, { walletPath }, typing('one', 'one'))).rejects.toMatchObject({
    code: 'REFUSED',
    message: /is there already/,
  })
  expect(lines).toEqual([])
})

test('what is in a wallet is shown without secrets', async () => {
  await newWallet(output, { walletPath, ...PLAIN })
  const phrases = lines.filter((line) => / ([a-z]+ ){11}/.test(line)).map((line) => line.slice(9))
  lines = []
  await showWallet(output, { walletPath })
  expect(lines).toEqual([
    join(walletPath, 'default', 'coldkey'),
    expect.stringMatching(/^ {2}json, with its secret in plain text: 5\w{47}$/),
    join(walletPath, 'default', 'coldkeypub.txt'),
    expect.stringMatching(/^ {2}json, public key only: 5\w{47}$/),
    join(walletPath, 'default', 'hotkeys', 'default'),
    expect.stringMatching(/^ {2}json, with its secret in plain text: 5\w{47}$/),
  ])
  expect(phrases).toHaveLength(2)
  for (const phrase of phrases) expect(lines.join('\n')).not.toContain(phrase.slice(0, 15))
  expect(status).toBeUndefined()
})

test('a file that cannot be used is said, and ends with 1', async () => {
  await newWallet(output, { walletPath, ...PLAIN, quiet: true })
  const hotkey = join(walletPath, 'default', 'hotkeys', 'default')
  await writeFile(hotkey, '{}')
  lines = []
  await showWallet(output, { walletPath })
  expect(lines.slice(-2)).toEqual(['  json, not usable', expect.stringMatching(/^ {2}problem: .*without "secretSeed"/)])
  expect(status).toBe(1)
  lines = []
  await showWallet(output, { walletPath, json: true })
  expect(lines.map((line) => (JSON.parse(line) as { file: string }).file)).toContain(hotkey)
})
