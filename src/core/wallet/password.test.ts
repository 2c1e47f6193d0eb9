import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askPassword, fixedPassword, passwordFromEnv, passwordFromFile, passwordSource, terminalPassword } from './password.js'

const { env_passwords: vectors } = JSON.parse(readFileSync(new URL('../../../test/fixtures/keyfiles.json', import.meta.url), 'utf8')) as {
  env_passwords: {
    python_v5_to_v7: { name_for_wallet_default: string }
    rust_wallet_2_to_4: { path: string; name: string; value: string; password: string }
  }
}
const rust = vectors.rust_wallet_2_to_4
const python = vectors.python_v5_to_v7.name_for_wallet_default
const textOf = (password: Uint8Array | null): string | null => (password === null ? null : Buffer.from(password).toString())

describe('the environment', () => {
  const from = (env: Record<string, string | undefined>, file = rust.path): string | null => textOf(passwordFromEnv(env, file))

  test('holds what Rust wallets put there', () => expect(from({ [rust.name]: rust.value })).toBe(rust.password))

  test('holds what Python wallets take from there', () => {
    expect(from({ [python]: 'p\u00e4ss\u2603' })).toBe('p\u00e4ss\u2603')
    expect(from({ BT_COLD_PW_MY_MAIN: 'one' }, '/w/my-main/coldkey')).toBe('one')
    expect(from({ 'BT_COLD_PW_MY-MAIN': 'one' }, '/w/my-main/coldkey')).toBe('one')
  })

  test('may have more in front of the name, if only one variable fits', () => {
    expect(from({ BT_COLD_PW_OLD_DEFAULT: 'one' })).toBe('one')
    expect(from({ BT_COLD_PW_OLD_DEFAULT: 'one', BT_COLD_PW_NEW_DEFAULT: 'two' })).toBeNull()
    expect(from({ BT_COLD_PW_OLD_DEFAULT: 'one', [python]: 'two' })).toBe('two')
  })

  test('has nothing for other wallets, hotkeys, and empty values', () => {
    expect(from({ [python]: 'one' }, '/w/other/coldkey')).toBeNull()
    expect(from({ [python]: 'one' }, '/w/default/hotkeys/default')).toBeNull()
    expect(from({ [python]: '', [rust.name]: '' })).toBeNull()
    expect(from({})).toBeNull()
  })

  test('with a value that is not hidden as Rust wallets do it names the variable only', () => {
    expect(() => from({ [rust.name]: 'correct horse' })).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }))
    expect(() => from({ [rust.name]: 'correct horse' })).not.toThrow(/horse/)
  })

  test('goes before other sources', async () => {
    const source = passwordSource({ env: { [python]: 'one' }, otherwise: fixedPassword(Buffer.from('two')) })
    expect(textOf(await source(rust.path))).toBe('one')
    expect(textOf(await source('/w/other/coldkey'))).toBe('two')
  })
})

describe('a file', () => {
  let folder: string
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'taogate-password-'))))
  afterAll(() => rm(folder, { recursive: true }))
  const file = async (content: string): Promise<string> => {
    const path = join(folder, 'password')
    await writeFile(path, content)
    return path
  }
  async function* stdin(...chunks: string[]) {
    yield* chunks
  }

  test.each(['p\u00e4ss w\u00f6rd ', 'p\u00e4ss w\u00f6rd \n', 'p\u00e4ss w\u00f6rd \r\n'])(
    'gives all but the line end: %j',
    async (content) => {
      expect(textOf(await passwordFromFile(await file(content)))).toBe('p\u00e4ss w\u00f6rd ')
      expect(textOf(await passwordFromFile('-', stdin(content.slice(0, 3), content.slice(3))))).toBe('p\u00e4ss w\u00f6rd ')
    },
  )

  test('that is missing, empty or large is refused', async () => {
    await expect(passwordFromFile(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'BAD_INPUT', message: /nowhere/ })
    await expect(passwordFromFile(await file('\n'))).rejects.toMatchObject({ code: 'BAD_INPUT', message: /empty/ })
    await expect(passwordFromFile(await file('x'.repeat(2000)))).rejects.toMatchObject({ code: 'BAD_INPUT', message: /too long/ })
    await expect(passwordFromFile('-', stdin('x'.repeat(2000)))).rejects.toMatchObject({ code: 'BAD_INPUT', message: /more than/ })
  })
})

describe('a terminal', () => {
  function aTerminal(...chunks: string[]) {
    const modes: boolean[] = []
    const shown: string[] = []
    const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (raw: boolean) => void modes.push(raw) })
    for (const chunk of chunks) input.write(chunk)
    return { terminal: { input, output: { write: (text: string) => shown.push(text) } }, modes, shown }
  }

  test.each([
    [['word\r'], 'word'],
    [['w', 'or', 'd', '\n'], 'word'],
    [['wors\u007fd\n'], 'word'],
    [['s\u2603\u007f\u007f\u007fword\n'], 'word'],
    [['wo', '\u001b[A', 'rd\u0004'], 'word'],
    [['w\u0001o\trd\n'], 'word'],
    [['p\u00e4ss\u2603\n'], 'p\u00e4ss\u2603'],
    [['\n'], ''],
  ])('is asked without an echo: %j', async (chunks, expected) => {
    const { terminal, modes, shown } = aTerminal(...chunks)
    expect(textOf(await askPassword('Password: ', terminal))).toBe(expected)
    expect(shown).toEqual(['Password: ', '\n'])
    expect(modes).toEqual([true, false])
  })

  test('is asked twice, when both lines come at once', async () => {
    const { terminal } = aTerminal('one\ntwo\n')
    expect(textOf(await askPassword('First: ', terminal))).toBe('one')
    expect(textOf(await askPassword('Second: ', terminal))).toBe('two')
  })

  test('can be left with Ctrl-C, and is put back', async () => {
    const { terminal, modes } = aTerminal('wo\u0003')
    await expect(terminalPassword(terminal)('the file')).rejects.toMatchObject({ code: 'ABORTED' })
    expect(modes).toEqual([true, false])
  })

  test('that is closed, or none, is said so', async () => {
    const { terminal } = aTerminal('wo')
    terminal.input.end()
    await expect(askPassword('?', terminal)).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(askPassword('?', { ...terminal, input: new PassThrough() })).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: /no terminal/,
    })
  })
})
