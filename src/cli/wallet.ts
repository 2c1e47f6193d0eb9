import { AppError } from '../core/errors.js'
import { WORD_COUNTS, type WordCount } from '../core/wallet/keys.js'
import { askPassword, passwordFromFile, type Terminal } from '../core/wallet/password.js'
import { createWallet, inspectWallet, refuseExisting, walletFiles, type WalletFile } from '../core/wallet/wallet.js'
import { EXIT_FAILED, type CommandContext } from './run.js'

type Options = Readonly<Record<string, unknown>>
type Output = Pick<CommandContext, 'print' | 'exitWith' | 'log'> & { life: Pick<CommandContext['life'], 'signal'> }

const TERMINAL: Terminal = { input: process.stdin, output: process.stderr }

/** `taogate wallet new`: makes a coldkey and a hotkey, writes their files, and shows each phrase once. */
export async function newWallet({ print, log, life }: Output, options: Options, terminal: Terminal = TERMINAL): Promise<void> {
  const wallet = {
    ...{ path: textOf(options, 'walletPath'), name: textOf(options, 'name') ?? 'default', hotkey: textOf(options, 'hotkey') ?? 'default' },
    ...{ overwrite: options['overwrite'] === true, hotkeyOnly: options['hotkeyOnly'] === true },
  }
  const words = wordsOf(textOf(options, 'words') ?? '12')
  const files = walletFiles(wallet)
  // Before anything is typed.
  await refuseExisting(wallet)
  const password = wallet.hotkeyOnly ? null : await passwordOf(options, terminal)
  if (password !== null) log.info('encrypting the coldkey, which takes some 10 s and 512 MiB')
  const made = await createWallet({ ...wallet, words, password, signal: life.signal }).finally(() => password?.fill(0))
  const keys = [
    ...(made.coldkey === null ? [] : [{ what: 'coldkey', key: made.coldkey, file: files.coldkey }]),
    { what: 'hotkey', key: made.hotkey, file: files.hotkey },
  ]
  for (const { what, key, file } of keys) print(`${what.padEnd(9)}${key.pair.address}  ${file}`)
  if (made.coldkey !== null && password === null) print('The coldkey is stored in plain text: whoever reads the file owns the funds.')
  if (options['quiet'] === true) return
  print('')
  print(
    'These words are the keys. They are shown only now: write them down on paper, and let nobody see them. Whoever has them has the funds.',
  )
  for (const { what, key } of keys) print(`${what.padEnd(9)}${key.revealPhrase()}`)
}

/** `taogate wallet show`: what the files of a wallet are, without opening those that are encrypted. Ends with 1 when one cannot be used. */
export async function showWallet({ print, exitWith }: Output, options: Options): Promise<void> {
  const files = await inspectWallet({ path: textOf(options, 'walletPath'), name: textOf(options, 'name') ?? 'default' })
  if (options['json'] === true) for (const file of files) print(JSON.stringify(file))
  else for (const file of files) for (const line of linesOf(file)) print(line)
  if (files.some((file) => file.problem !== null)) exitWith(EXIT_FAILED)
}

function linesOf({ file, kind, encrypted, address, secret, warnings, problem }: WalletFile): string[] {
  const content = secret === true ? 'with its secret in plain text' : 'public key only'
  const state = encrypted ? 'encrypted' : problem === null ? content : 'not usable'
  return [
    file,
    `  ${kind ?? 'no key file'}, ${state}${address === null ? '' : `: ${address}`}`,
    ...warnings.map((warning) => `  warning: ${warning}`),
    ...(problem === null ? [] : [`  problem: ${problem}`]),
  ]
}

/** The new coldkey's password; null when there is to be none. */
async function passwordOf(options: Options, terminal: Terminal): Promise<Uint8Array | null> {
  const file = textOf(options, 'passwordFile')
  if (options['password'] === false) {
    if (file !== undefined) throw new AppError('CONFIG_INVALID', '--no-password and --password-file exclude each other')
    return null
  }
  if (file !== undefined) return passwordFromFile(file)
  if (terminal.input.isTTY !== true)
    throw new AppError('CONFIG_INVALID', 'there is no terminal to ask for a password; wanted --password-file FILE, or --no-password')
  const password = await askPassword('Password for the coldkey: ', terminal)
  const again = await askPassword('The same again: ', terminal)
  const same = Buffer.compare(password, again) === 0
  again.fill(0)
  if (same && password.length > 0) return password
  password.fill(0)
  throw new AppError(
    'BAD_INPUT',
    same ? 'the password is empty; --no-password stores the coldkey in plain text' : 'the two passwords differ',
  )
}

function wordsOf(text: string): WordCount {
  const found = WORD_COUNTS.find((count) => String(count) === text)
  if (found !== undefined) return found
  throw new AppError('CONFIG_INVALID', `--words ${text}; wanted ${WORD_COUNTS.join(' or ')}`)
}

function textOf(options: Options, name: string): string | undefined {
  const value = options[name]
  return typeof value === 'string' ? value : undefined
}
