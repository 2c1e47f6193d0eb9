/** The forms in which older SDKs encrypted key files. They are read, never written. */
import { createDecipheriv, createHmac, pbkdf2 as pbkdf2WithCallback, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

export const VAULT_MAGIC = '$ANSIBLE_VAULT'
export const FERNET_MAGIC = 'gAAAAA'

// Node runs it in its own threads, off the event loop.
const pbkdf2 = promisify(pbkdf2WithCallback)

const VAULT_HEADER = '$ANSIBLE_VAULT;1.1;AES256'
const VAULT_ROUNDS = 10_000
const HMAC_BYTES = 32
const FERNET_SALT = 'Iguesscyborgslikemyselfhaveatendencytobeparanoidaboutourorigins'
const FERNET_ROUNDS = 10_000_000
/** Version (1), time of day (8), initialisation vector (16). */
const FERNET_HEAD = 25

/** Makes a Fernet file's key of a password: 16 bytes for the HMAC, 16 for AES. */
export type FernetDerivation = (password: Uint8Array) => Promise<Uint8Array>

/**
 * The content of an Ansible Vault 1.1 file, or null when the password is not the one or something was changed. Below the header line is hex of three
 * lines of hex: salt, HMAC-SHA256 of the ciphertext, ciphertext (AES-256-CTR over PKCS #7 padding).
 */
export async function openVault(file: Uint8Array, password: Uint8Array): Promise<Uint8Array | null> {
  const [header, ...lines] = Buffer.from(file).toString('latin1').trim().split(/\r?\n/)
  const parts = fromLowerHex(lines.join(''))?.toString('latin1').split('\n')
  const [salt, tag, ciphertext] = (parts ?? []).map(fromLowerHex)
  if (header?.trimEnd() !== VAULT_HEADER || parts?.length !== 3 || !salt || !tag || !ciphertext) return null
  const keys = await pbkdf2(password, salt, VAULT_ROUNDS, 80, 'sha256')
  try {
    const expected = createHmac('sha256', keys.subarray(32, 64)).update(ciphertext).digest()
    if (tag.length !== HMAC_BYTES || !timingSafeEqual(tag, expected)) return null
    const cipher = createDecipheriv('aes-256-ctr', keys.subarray(0, 32), keys.subarray(64, 80))
    return withoutPadding(Buffer.concat([cipher.update(ciphertext), cipher.final()]))
  } finally {
    keys.fill(0)
  }
}

/** The content of a Fernet file, or null when the password is not the one or something was changed. Takes some 5 s: ten million rounds. */
export async function openFernet(
  file: Uint8Array,
  password: Uint8Array,
  derive: FernetDerivation = deriveFernetKey,
): Promise<Uint8Array | null> {
  const token = fromBase64Url(Buffer.from(file).toString('latin1').trim())
  if (token === null || token.length < FERNET_HEAD + HMAC_BYTES || token[0] !== 0x80) return null
  const signed = token.subarray(0, -HMAC_BYTES)
  const keys = await derive(password)
  try {
    const expected = createHmac('sha256', keys.subarray(0, 16)).update(signed).digest()
    if (!timingSafeEqual(token.subarray(-HMAC_BYTES), expected)) return null
    const cipher = createDecipheriv('aes-128-cbc', keys.subarray(16, 32), signed.subarray(9, FERNET_HEAD))
    return Buffer.concat([cipher.update(signed.subarray(FERNET_HEAD)), cipher.final()])
  } catch {
    return null
  } finally {
    keys.fill(0)
  }
}

/** PBKDF2-HMAC-SHA256 of the password with the salt that all these files share. */
export async function deriveFernetKey(password: Uint8Array): Promise<Uint8Array> {
  return pbkdf2(password, FERNET_SALT, FERNET_ROUNDS, 32, 'sha256')
}

/** Strict, so that a file has one spelling and nothing of it can be changed unnoticed. */
function fromLowerHex(text: string): Buffer | null {
  return text.length % 2 === 0 && /^[0-9a-f]+$/.test(text) ? Buffer.from(text, 'hex') : null
}

function fromBase64Url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url')
  const spelling = bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_')
  return spelling === text ? bytes : null
}

function withoutPadding(padded: Buffer): Uint8Array | null {
  const count = padded.at(-1) ?? 0
  const isPadded = count >= 1 && count <= 16 && count <= padded.length && padded.subarray(-count).every((byte) => byte === count)
  return isPadded ? padded.subarray(0, -count) : null
}
