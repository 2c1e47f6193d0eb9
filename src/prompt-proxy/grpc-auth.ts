/**
 * How callers of the gRPC service of SDK 5.x say who they are, and how an axon checks it: pure, for both ends. The checks and their texts are those of
 * the interceptors of 5.0 to 5.3, in their order.
 */
import { errorMessage } from '../core/errors.js'
import type { Hex } from '../core/records.js'
import { fromHex, toHex } from '../core/units/bytes.js'
import { decodeSs58, encodeSs58 } from '../core/units/ss58.js'
import { verify, type KeyPair } from '../core/wallet/keys.js'

/** Keys of the metadata. The first is sent by every SDK and looked at by none. */
export const V5_METADATA = { auth: 'rpc-auth-header', signature: 'bittensor-signature', version: 'bittensor-version' } as const

/** What is signed: not the messages, only that this caller spoke to this axon. Its UTF-8 bytes, without a wrapper. */
export function v5SignedText(nonce: bigint, caller: string, axon: string, uuid: string): string {
  return `${nonce}.${caller}.${axon}.${uuid}`
}

/** The metadata of a call, in the order of the SDK. `version` is the version integer that the caller claims. */
export function signV5Call(
  signer: Pick<KeyPair, 'address' | 'sign'>,
  { axon, nonce, uuid, version }: { axon: string; nonce: bigint; uuid: string; version: number },
): [key: string, value: string][] {
  const signature = signer.sign(Buffer.from(v5SignedText(nonce, signer.address, axon, uuid)))
  return [
    [V5_METADATA.auth, 'Bittensor'],
    [V5_METADATA.signature, `${nonce}.${signer.address}.${toHex(signature)}.${uuid}`],
    [V5_METADATA.version, String(version)],
  ]
}

/** The last accepted nonce of each caller and uuid. */
export interface V5Nonces {
  last(caller: string, uuid: string): bigint | undefined
  accept(caller: string, uuid: string, nonce: bigint): void
}

/** What an axon checks calls against. */
export interface V5Axon {
  /** ss58: calls are signed for this one. */
  hotkey: string
  /** Version integer below which callers are refused: 370 on axons of 5.0 to 5.2, 510 on those of 5.3. */
  minVersion: number
  nonces: V5Nonces
}

export interface V5Caller {
  /** ss58 in format 42, whichever format the caller used. */
  hotkey: string
  publicKey: Hex
  version: number
  nonce: bigint
  uuid: string
}

/** The caller, or the details that go with status 16 UNAUTHENTICATED. */
export type V5Verdict = { ok: true; caller: V5Caller } | { ok: false; details: string }

/** Nobody's signature is longer: a nonce of 20 digits, an address, 130 characters of signature and a uuid make 236. What is kept stays small by it. */
const MAX_TEXT = 512

/**
 * Checks the metadata of a call; `header` gives its last value under a key. A nonce counts as used only once its signature was found right, and with
 * that at once, so that of two calls with the same nonce one is refused. Wait for `prepareKeys()` once before.
 */
export function verifyV5Call(header: (key: string) => string | undefined, axon: V5Axon): V5Verdict {
  const text = header(V5_METADATA.signature)
  if (text === undefined) return refused('Request signature missing')
  const versionText = header(V5_METADATA.version)
  if (versionText === undefined) return refused("int() argument must be a string, a bytes-like object or a real number, not 'NoneType'")
  const version = pythonInt(versionText)
  if (version === null) return refused(`invalid literal for int() with base 10: '${versionText.slice(0, 80)}'`)
  if (version < axon.minVersion) return refused('Incorrect Version')

  const [nonceText = '', address = '', signature = '', uuid, ...more] = text.length > MAX_TEXT ? [] : text.split('.')
  const nonce = pythonInt(nonceText)
  if (uuid === undefined || more.length > 0 || nonce === null) return refused('Unknown signature format')
  let publicKey: Hex
  try {
    publicKey = decodeSs58(address)
  } catch (error) {
    return refused(errorMessage(error))
  }
  const last = axon.nonces.last(address, uuid)
  if (last !== undefined && nonce <= last) return refused('Nonce is too small')
  if (!/^0x(?:[0-9a-f]{2})*$/i.test(signature)) return refused('Signature should be of type bytes or a hex-string')
  const message = v5SignedText(nonce, address, axon.hotkey, uuid)
  // Wallets in browsers wrap what they sign; axons take both.
  if (!verify(Buffer.from(message), fromHex(signature), publicKey, { wrapped: true })) return refused('Signature mismatch')
  axon.nonces.accept(address, uuid, nonce)
  return { ok: true, caller: { hotkey: encodeSs58(publicKey), publicKey, version: Number(version), nonce, uuid } }
}

function refused(details: string): V5Verdict {
  return { ok: false, details }
}

/** What Python's `int` reads from ASCII text: spaces around, a sign, and single underscores between digits are allowed. */
function pythonInt(text: string): bigint | null {
  const digits = /^\s*([+-]?)(\d+(?:_\d+)*)\s*$/.exec(text)
  if (digits === null) return null
  const value = BigInt((digits[2] as string).replaceAll('_', ''))
  return digits[1] === '-' ? -value : value
}

export interface V5NonceLimits {
  /** Uuids of one caller: an SDK has one per process. */
  perCaller: number
  callers: number
}

/**
 * Nonces in memory, bounded, since keys and uuids cost a caller nothing: what a caller used longest ago goes first, and only its own uuids, until there
 * are too many callers. A call whose uuid was forgotten could be sent again by somebody who kept it.
 */
export function createV5Nonces({ perCaller, callers }: V5NonceLimits = { perCaller: 64, callers: 50_000 }): V5Nonces {
  const all = new Map<string, Map<string, bigint>>()
  return {
    last: (caller, uuid) => all.get(caller)?.get(uuid),
    accept(caller, uuid, nonce) {
      const own = all.get(caller) ?? new Map<string, bigint>()
      refresh(all, caller, own, callers)
      refresh(own, uuid, nonce, perCaller)
    },
  }
}

/** Puts an entry at the end of a map, and drops the first one when there are too many. */
function refresh<V>(map: Map<string, V>, key: string, value: V, limit: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= limit) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    break
  }
}
