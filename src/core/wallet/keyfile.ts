/** Key files of all kinds that wallets have written: which kind it is shows in the first bytes. */
import { AppError } from '../errors.js'
import { parseKeyContent, type KeyContent } from './key-json.js'
import { NACL_MAGIC, openNacl } from './nacl.js'
import { FERNET_MAGIC, openFernet, openVault, VAULT_MAGIC } from './old-ciphers.js'
import type { PasswordSource } from './password.js'

export type EncryptedKind = 'nacl' | 'ansible-vault' | 'fernet'
export type KeyFileKind = 'json' | 'public-key' | EncryptedKind

const MAGICS: readonly [string, KeyFileKind][] = [
  [NACL_MAGIC, 'nacl'],
  [VAULT_MAGIC, 'ansible-vault'],
  [FERNET_MAGIC, 'fernet'],
]
type Opener = (file: Uint8Array, password: Uint8Array, options: { signal?: AbortSignal | undefined }) => Promise<Uint8Array | null>

const OPENERS: Record<EncryptedKind, Opener> = {
  nacl: openNacl,
  'ansible-vault': openVault,
  fernet: (file, password) => openFernet(file, password),
}
const MAGIC_BYTES = 16

/** The kind of a key file, or null when it is none. */
export function kindOfKeyFile(file: Uint8Array): KeyFileKind | null {
  const start = Buffer.from(file.subarray(0, MAGIC_BYTES)).toString('latin1')
  const found = MAGICS.find(([magic]) => start.startsWith(magic))
  if (found !== undefined) return found[1]
  const text = start.trimStart()
  if (text.startsWith('{')) return 'json'
  return /^0x/i.test(text) ? 'public-key' : null
}

export function isEncrypted(kind: KeyFileKind | null): kind is EncryptedKind {
  return kind !== null && kind in OPENERS
}

/**
 * The key in a file of any kind. An encrypted one asks `password`, and takes seconds: that is what its key derivation is for. Throws BAD_INPUT when the
 * password is wrong, the file is damaged, or its parts disagree, ABORTED when `signal` says so; messages name `from`, never a secret.
 */
export async function openKeyFile(
  file: Uint8Array,
  { from, password, signal }: { from: string; password?: PasswordSource | undefined; signal?: AbortSignal | undefined },
): Promise<KeyContent & { kind: KeyFileKind }> {
  const kind = kindOfKeyFile(file)
  if (kind === null) throw new AppError('BAD_INPUT', `${from} is no key file`)
  if (!isEncrypted(kind)) return { ...(await parseKeyContent(file, from)), kind }
  if (password === undefined) throw new AppError('BAD_INPUT', `${from} is encrypted (${kind}) and there is no password for it`)
  const secret = await password(from)
  const content = await OPENERS[kind](file, secret, { signal }).finally(() => secret.fill(0))
  if (content === null) throw new AppError('BAD_INPUT', `${from} was not opened: the password is wrong, or the file is damaged`)
  try {
    return { ...(await parseKeyContent(content, from)), kind }
  } finally {
    content.fill(0)
  }
}
