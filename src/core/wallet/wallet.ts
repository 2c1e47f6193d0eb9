/** Wallet folders: `{path}/{name}/` with `coldkey`, `coldkeypub.txt` and `hotkeys/{hotkey}`. */
import { readdir, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { AppError, errorMessage } from '../errors.js'
import type { Hex } from '../records.js'
import { permissionWarnings, readKeyFile, writeSecretFile } from './files.js'
import { makeKey, renderPublicFile, type NewKey } from './key-json.js'
import { isEncrypted, kindOfKeyFile, openKeyFile, type KeyFileKind } from './keyfile.js'
import type { KeyPair, WordCount } from './keys.js'
import { sealNacl } from './nacl.js'
import type { PasswordSource } from './password.js'

export interface WalletName {
  /** Folder of all wallets; `~/.bittensor/wallets` when left out. */
  readonly path?: string | undefined
  readonly name: string
  readonly hotkey: string
}

export interface Wallet {
  readonly hotkey: KeyPair
  /** Null where the folder has no `coldkeypub.txt`: on a server the hotkey may be alone. */
  readonly coldkey: { readonly publicKey: Hex; readonly address: string } | null
  /** What the owner should hear. */
  readonly warnings: readonly string[]
}

/** What is known of a file without its password. */
export interface WalletFile {
  readonly file: string
  /** Null when it is no key file. */
  readonly kind: KeyFileKind | null
  readonly encrypted: boolean
  /** Null where only the password would tell. */
  readonly address: string | null
  /** Whether the file holds a secret; null when only the password would tell. */
  readonly secret: boolean | null
  readonly warnings: readonly string[]
  /** Why the file cannot be used. */
  readonly problem: string | null
}

/**
 * Opens the hotkey of a wallet, and the public part of its coldkey. An encrypted hotkey asks `password`. Throws BAD_INPUT when a file is missing, damaged
 * or holds parts that disagree, or when the hotkey has no secret.
 */
export async function openWallet(
  wallet: WalletName & { password?: PasswordSource | undefined; signal?: AbortSignal | undefined },
): Promise<Wallet> {
  const files = walletFiles(wallet)
  const { password, signal } = wallet
  const { pair } = await openKeyFile(await readKeyFile(files.hotkey), { from: files.hotkey, password, signal })
  if (pair === null) throw new AppError('BAD_INPUT', `${files.hotkey} holds a public key only; the secret is needed to sign`)
  const coldkey = (await exists(files.coldkeyPub))
    ? await openKeyFile(await readKeyFile(files.coldkeyPub), { from: files.coldkeyPub })
    : null
  return {
    hotkey: pair,
    coldkey: coldkey === null ? null : { publicKey: coldkey.publicKey, address: coldkey.address },
    warnings: await permissionWarnings(files.hotkey),
  }
}

/** Paths of a wallet's files. Throws BAD_INPUT for names that would lead elsewhere. */
export function walletFiles({ path, name, hotkey }: WalletName): { folder: string; coldkey: string; coldkeyPub: string; hotkey: string } {
  for (const [what, text] of Object.entries({ name, hotkey })) {
    if (!/^[^/\\\0]{1,200}$/.test(text) || text.startsWith('.'))
      throw new AppError('BAD_INPUT', `${JSON.stringify(text)} is no ${what} for a wallet; wanted a file name that starts with no dot`)
  }
  const folder = join(walletsFolder(path), name)
  const at = (...parts: string[]): string => join(folder, ...parts)
  return { folder, coldkey: at('coldkey'), coldkeyPub: at('coldkeypub.txt'), hotkey: at('hotkeys', hotkey) }
}

export interface NewWallet extends WalletName {
  readonly words: WordCount
  /** Of the coldkey; null leaves it in plain text. Is not overwritten here. */
  readonly password: Uint8Array | null
  readonly overwrite?: boolean
  /** Adds a hotkey to a wallet, and leaves its coldkey alone. */
  readonly hotkeyOnly?: boolean
  /** Stops the encryption; nothing has been written by then. */
  readonly signal?: AbortSignal
}

/** Throws REFUSED when one of the files is there that `createWallet` would write. */
export async function refuseExisting(wallet: Omit<NewWallet, 'words' | 'password'>): Promise<void> {
  if (wallet.overwrite === true) return
  const { coldkey, coldkeyPub, hotkey } = walletFiles(wallet)
  for (const file of wallet.hotkeyOnly === true ? [hotkey] : [coldkey, coldkeyPub, hotkey]) {
    if (await exists(file)) throw new AppError('REFUSED', `${file} is there already, and is not overwritten`)
  }
}

/**
 * Makes keys and writes their files: the coldkey as `$NACL`, the hotkey plain, all of mode 0600. Nothing is overwritten unless asked for; when one file
 * fails, those written before it are taken back. Takes 10 s where there is a password.
 */
export async function createWallet(wallet: NewWallet): Promise<{ coldkey: NewKey | null; hotkey: NewKey }> {
  await refuseExisting(wallet)
  const files = walletFiles(wallet)
  const coldkey = wallet.hotkeyOnly === true ? null : await makeKey(wallet.words)
  const hotkey = await makeKey(wallet.words)
  const contents: [string, Uint8Array][] = [[files.hotkey, hotkey.revealFile()]]
  if (coldkey !== null)
    contents.push([files.coldkey, await coldkeyFile(coldkey, wallet)], [files.coldkeyPub, renderPublicFile(coldkey.pair)])
  const written: string[] = []
  try {
    for (const [file, content] of contents) {
      await writeSecretFile(file, content, wallet.overwrite)
      written.push(file)
    }
  } catch (error) {
    if (wallet.overwrite !== true) await Promise.all(written.map((file) => rm(file, { force: true })))
    throw error
  } finally {
    for (const [, content] of contents) content.fill(0)
  }
  return { coldkey, hotkey }
}

/** All key files of a wallet, the coldkey first. Throws NOT_FOUND when there is no such wallet. */
export async function inspectWallet(wallet: Omit<WalletName, 'hotkey'>): Promise<WalletFile[]> {
  const { folder, coldkey, coldkeyPub } = walletFiles({ ...wallet, hotkey: 'default' })
  const hotkeys = await readdir(join(folder, 'hotkeys'), { withFileTypes: true }).catch(() => [])
  const names = hotkeys.filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.')).map((entry) => entry.name)
  const paths = [coldkey, coldkeyPub].concat(names.sort().map((name) => join(folder, 'hotkeys', name)))
  const files: WalletFile[] = []
  for (const path of paths) if (await exists(path)) files.push(await inspectFile(path))
  if (files.length === 0) throw new AppError('NOT_FOUND', `there is no wallet in ${folder}; taogate wallet new makes one`)
  return files
}

async function inspectFile(file: string): Promise<WalletFile> {
  let kind: KeyFileKind | null = null
  try {
    const bytes = await readKeyFile(file)
    kind = kindOfKeyFile(bytes)
    if (isEncrypted(kind)) {
      return { file, kind, encrypted: true, address: null, secret: null, warnings: await permissionWarnings(file), problem: null }
    }
    const { address, pair } = await openKeyFile(bytes, { from: file })
    const warnings = pair === null ? [] : await permissionWarnings(file)
    return { file, kind, encrypted: false, address, secret: pair !== null, warnings, problem: null }
  } catch (error) {
    return { file, kind, encrypted: isEncrypted(kind), address: null, secret: null, warnings: [], problem: errorMessage(error) }
  }
}

async function coldkeyFile(key: NewKey, { password, signal }: NewWallet): Promise<Uint8Array> {
  const plain = key.revealFile()
  if (password === null) return plain
  try {
    return await sealNacl(plain, password, { signal })
  } finally {
    plain.fill(0)
  }
}

function walletsFolder(path: string | undefined): string {
  if (path === undefined || path === '') return join(homedir(), '.bittensor', 'wallets')
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : resolve(path)
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
