/** The default check of a caller by axons of SDK 6 to 10: its nonce, then its signature. */
import { fromHex, isHex } from '../../../core/units/bytes.js'
import { decodeSs58, isSs58 } from '../../../core/units/ss58.js'
import { verify } from '../../../core/wallet/keys.js'
import { V7_2_0 } from '../../dendrite/http/synapse.js'
import type { CallerHeaders } from './headers.js'
import type { NonceRule, Release } from './release.js'

const DELTA_NS = 4_000_000_000n
const NS = 1e9

export interface NonceCheck {
  nonce: bigint
  /** Of the same caller and uuid; undefined when this is the first. */
  last: bigint | undefined
  nowNs: bigint
  /** Of the request's header. */
  timeoutS: number | null
  /** That the caller says it has. */
  callerVersion: number | null
}

/** What is wrong with a nonce, in the words of the release; null when it is good. There is no upper bound, and age counts for the first nonce only. */
export function nonceRefusal(rule: NonceRule, { nonce, last, nowNs, timeoutS, callerVersion }: NonceCheck): string | null {
  const isOld = last !== undefined && nonce <= last
  if (rule === 'rising') return isOld ? 'Nonce is too small' : null
  if (rule === 'v6.10.0') return isOld || (last === undefined && nonce <= nowNs - DELTA_NS) ? 'Nonce is too old' : null
  const isModern = callerVersion !== null && callerVersion >= V7_2_0
  if (isOld)
    return rule === 'v7.4' ? 'Nonce is too old, a newer one was last processed' : isModern ? 'Nonce is too old' : 'Nonce is too small'
  if (!isModern || last !== undefined) return null
  const timeout = timeoutS ?? 0
  // Releases before 7.4 add the seconds as nanoseconds.
  const window = DELTA_NS + BigInt(Math.round(rule === 'v7.4' ? timeout * NS : timeout))
  if (nonce > nowNs - window) return null
  if (rule === 'v7.2') return 'Nonce is too old'
  const seconds = (ns: bigint): string => (Number(ns) / NS).toFixed(2)
  return `Nonce is too old: acceptable delta is ${seconds(window)} seconds but request was ${seconds(nowNs - nonce)} seconds old`
}

export interface CallerChecker {
  /** Null when the caller is who it says; else what is wrong. A nonce counts as used only when the signature was right. */
  refusal(caller: CallerHeaders, nowNs: bigint): string | null
}

/** Callers and uuids that are remembered. */
const MAX_NONCES = 100_000

/**
 * `self` is the axon's ss58 address. Stricter than releases 9.3 to 10.2 in one thing: these let a request without a signature pass. Call `prepareKeys`
 * before.
 */
export function createCallerChecker(release: Release, self: string, nonces = new Map<string, bigint>()): CallerChecker {
  return {
    refusal(caller, nowNs) {
      const { nonce, hotkey, uuid, signature } = caller
      if (nonce === null && release.wantsNonce) return 'Missing Nonce'
      if (hotkey === null || !isSs58(hotkey)) return 'No SS58 formatted address or public key provided'
      const key = `${hotkey}:${uuid ?? 'None'}`
      const given = { last: nonces.get(key), nowNs, timeoutS: caller.timeoutS, callerVersion: caller.version }
      const wrong = nonce === null ? null : nonceRefusal(release.nonces, { nonce, ...given })
      if (wrong !== null) return wrong
      if (signature === null || !/^0x([0-9a-f]{2})*$/i.test(signature)) return 'Signature should be of type bytes or a hex-string'
      const message = `${nonce ?? 'None'}.${hotkey}.${self}.${uuid ?? 'None'}.${caller.bodyHash}`
      const isRight = isHex(signature, 64) && verify(Buffer.from(message), fromHex(signature), decodeSs58(hotkey), { wrapped: true })
      if (!isRight) return `Signature mismatch with ${message} and ${signature}`
      nonces.delete(key)
      if (nonce !== null) nonces.set(key, nonce)
      if (nonces.size > MAX_NONCES) nonces.delete(nonces.keys().next().value as string)
      return null
    },
  }
}
