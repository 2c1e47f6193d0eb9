/** The check of Epistula requests, as axons do it; stricter than theirs in that a request counts once and may not come from the future. */
import { fromHex, isHex } from '../../../core/units/bytes.js'
import { decodeSs58, isSs58 } from '../../../core/units/ss58.js'
import { verify } from '../../../core/wallet/keys.js'
import { epistulaMessage } from './signing.js'

export interface EpistulaCheck {
  /** ss58 of the receiver. */
  self: string
  nowMs: number
  /** Requests seen before; null to check no more than the reference does: no replays, no future. */
  replays: ReplayTable | null
  /** Whether a signer is known to the subnet; everybody is when absent. */
  isKnown?: (hotkey: string) => boolean
}

export type EpistulaVerdict = { ok: true; signedBy: string } | { ok: false; status: 400 | 401; error: string }

/** How long a request may have been under way. */
const MAX_AGE_MS = 8_000
/** How far clocks may differ. */
const MAX_AHEAD_MS = 2_000

/** Uuids by signer, for as long as a request lives and clocks may differ. */
export interface ReplayTable {
  /** False when this request was taken before, and when the table is full of requests that are still good: better none than one twice. */
  take(signedBy: string, uuid: string, nowMs: number): boolean
}

export function createReplayTable(maxEntries = 100_000): ReplayTable {
  // In the order they came, so the first ones expire first.
  const until = new Map<string, number>()
  return {
    take(signedBy, uuid, nowMs) {
      for (const [key, end] of until) {
        if (end >= nowMs) break
        until.delete(key)
      }
      const key = `${signedBy}:${uuid}`
      if (until.has(key) || until.size >= maxEntries) return false
      until.set(key, nowMs + MAX_AGE_MS + MAX_AHEAD_MS)
      return true
    },
  }
}

/** `header` gives a header by its lower-case name; `body` is what came on the wire, to the byte. Call `prepareKeys` before. */
export function verifyEpistula(header: (name: string) => string | undefined, body: Uint8Array, check: EpistulaCheck): EpistulaVerdict {
  const read = (name: string): string => header(`epistula-${name}`) ?? ''
  const uuid = read('uuid')
  const signedBy = read('signed-by')
  const signature = read('request-signature')
  const timestamp = read('timestamp')
  const signedFor = header('epistula-signed-for') ?? null
  if (signedFor !== null && signedFor !== '' && signedFor !== check.self) return bad('Bad Request, message is not intended for self')
  if (read('version') !== '2') return bad('Unknown Epistula version')
  if (!isSs58(signedBy)) return bad('Invalid Sender Key')
  if (check.isKnown?.(signedBy) === false) return { ok: false, status: 401, error: 'Signer is not in the metagraph' }
  if (uuid === '' || uuid.length > 64) return bad('Invalid uuid provided')
  if (!/^\d{1,15}$/.test(timestamp)) return bad('Invalid timestamp provided')
  const timestampMs = Number(timestamp)
  if (timestampMs + MAX_AGE_MS < check.nowMs) return bad('Request is too stale')
  if (check.replays !== null && timestampMs > check.nowMs + MAX_AHEAD_MS) return bad('Request is from the future')
  const message = Buffer.from(epistulaMessage({ body, uuid, timestampMs, signedFor }))
  const isRight = isHex(signature, 64) && verify(message, fromHex(signature), decodeSs58(signedBy), { wrapped: true })
  if (!isRight) return bad('Signature Mismatch')
  if (check.replays?.take(signedBy, uuid, check.nowMs) === false) return bad('Request was seen before')
  return { ok: true, signedBy }
}

function bad(error: string): EpistulaVerdict {
  return { ok: false, status: 400, error }
}
