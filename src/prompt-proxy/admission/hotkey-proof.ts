/**
 * How a caller over HTTP shows that it holds a hotkey: it signs a text that the gateway gave it, and sends the token it gets for that with its prompts. Nothing is kept of
 * either; both carry the gateway's seal (HMAC-SHA256), so that all instances with the same secret take them.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Caller } from '../../core/api-keys.js'
import { AppError } from '../../core/errors.js'
import type { Limits } from '../../core/limits.js'
import type { CallerStanding, PromptReads } from '../../core/prompting.js'
import { decodeSs58 } from '../../core/units/ss58.js'
import { prepareKeys, verify } from '../../core/wallet/keys.js'

export interface HotkeyChallenge {
  /** The text to be signed. */
  challenge: string
  expiresAt: Date
}

export interface HotkeyToken extends CallerStanding {
  token: string
  expiresAt: Date
}

/** Hotkeys are ss58, format 42. What is refused is UNAUTHORIZED, with `{reason: 'hotkey_proof'}` in its detail. */
export interface HotkeyProofs {
  /** A text for this caller and hotkey, good once within a minute. */
  challenge(caller: Caller, hotkey: string): HotkeyChallenge
  /** A token for the hotkey, good for 12 hours and with the same key only, where the signature is sr25519 over the text or `<Bytes>` ++ text ++ `</Bytes>`. */
  prove(caller: Caller, proof: { hotkey: string; challenge: string; signature: Uint8Array }): Promise<HotkeyToken>
  /** The hotkey of a token. */
  hotkeyOf(caller: Caller, token: string): string
}

export interface HotkeyProofOptions {
  /** 32 bytes that all instances share. */
  secret: Uint8Array
  /** What the text calls the gateway, in one line: whoever signs for another one is to see it. */
  gateway: string
  limits: Pick<Limits, 'first'>
  standing: PromptReads['standing']
  /** Unix milliseconds. */
  now?: () => number
}

/** Detail of the errors. */
export const HOTKEY_PROOF = 'hotkey_proof'
const SECRET_BYTES = 32
const NONCE_BYTES = 16
const CHALLENGE_MS = 60_000
const TOKEN_MS = 12 * 3_600_000
const MAX_TOKEN = 512
const CHALLENGE_END = /\nNonce: ([0-9a-f]{32})\nExpires: (\S{24})\nSeal: [\w-]{43}$/

export function createHotkeyProofs({ secret, gateway, limits, standing, now = Date.now }: HotkeyProofOptions): HotkeyProofs {
  if (secret.length !== SECRET_BYTES) throw new AppError('INTERNAL', `the secret for proofs of hotkeys has to have ${SECRET_BYTES} bytes`)

  /** What is sealed says what it is: a challenge never passes for a token. */
  function sealOf(kind: 'challenge' | 'token', text: string): string {
    return createHmac('sha256', secret).update(`${kind}\n${text}`).digest('base64url')
  }

  function textOf({ customer }: Caller, hotkey: string, nonce: string, expires: string): string {
    const lines = [
      `Show ${gateway} that you hold the hotkey ${hotkey}.`,
      `Prompts of the customer ${customer} then have the place in the queue that its stake gives. This moves no funds and registers nothing.`,
      ...[`Nonce: ${nonce}`, `Expires: ${expires}`],
    ]
    const text = lines.join('\n')
    return `${text}\nSeal: ${sealOf('challenge', text)}`
  }

  return {
    challenge(caller, hotkey) {
      const expiresAt = new Date(now() + CHALLENGE_MS)
      return { challenge: textOf(caller, hotkey, randomBytes(NONCE_BYTES).toString('hex'), expiresAt.toISOString()), expiresAt }
    },
    async prove(caller, { hotkey, challenge, signature }) {
      const [, nonce = '', expires = ''] = CHALLENGE_END.exec(challenge) ?? []
      if (!isSame(challenge, textOf(caller, hotkey, nonce, expires)))
        throw refused('the challenge is not one that this gateway gave for this hotkey and this customer')
      if (now() >= Date.parse(expires)) throw refused('the challenge has expired: ask for another')
      await prepareKeys()
      if (!verify(Buffer.from(challenge), signature, decodeSs58(hotkey), { wrapped: true }))
        throw refused('the signature is not that of the hotkey (sr25519) over the text of the challenge')
      const { isRegistered, stake } = await standing(hotkey)
      if (!(await limits.first(`hotkey challenge ${nonce}`, CHALLENGE_MS))) throw refused('the challenge was used before: ask for another')
      const expiresAt = new Date(now() + TOKEN_MS)
      const payload = Buffer.from(JSON.stringify([hotkey, caller.customer, expiresAt.getTime()])).toString('base64url')
      return { token: `${payload}.${sealOf('token', payload)}`, expiresAt, isRegistered, stake }
    },
    hotkeyOf({ customer }, token) {
      const [payload = '', seal = '', ...more] = token.length > MAX_TOKEN ? [] : token.split('.')
      if (more.length > 0 || !isSame(seal, sealOf('token', payload))) throw refused('the hotkey token is not one of this gateway')
      const [hotkey, owner, expiresMs] = JSON.parse(Buffer.from(payload, 'base64url').toString()) as [string, string, number]
      if (owner !== customer) throw refused('the hotkey token was given to another customer')
      if (now() >= expiresMs) throw refused('the hotkey token has expired: show again that you hold the hotkey')
      return hotkey
    },
  }
}

function isSame(text: string, other: string): boolean {
  const [a, b] = [Buffer.from(text), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function refused(why: string): AppError {
  return new AppError('UNAUTHORIZED', why, { reason: HOTKEY_PROOF })
}
