/** Epistula version 2: a plain HTTP request whose headers hold a signature over the hash of its body. */
import { hash } from 'node:crypto'
import { toHex } from '../../../core/units/bytes.js'
import { pythonFloat } from '../python-text.js'

export interface EpistulaSigner {
  /** ss58, format 42. */
  readonly address: string
  sign(message: Uint8Array): Uint8Array
}

/** Whose way of writing a time is in the optional secret signatures. */
export type SecretFlavour = 'python' | 'go'

export interface EpistulaInput {
  /** The bytes that are sent. */
  body: Uint8Array
  /** UUID version 4, one for each request. */
  uuid: string
  timestampMs: number
  /** ss58; null when the request is for whoever gets it. */
  signedFor: string | null
  /** Also prove the key for this time and receiver, apart from the body. Stock axons do not look at it. */
  secrets?: SecretFlavour
}

/** What a request's signature is over: hash of the body, uuid, time and receiver. */
export function epistulaMessage({ body, uuid, timestampMs, signedFor }: EpistulaInput): string {
  return `${hash('sha256', body, 'hex')}.${uuid}.${timestampMs}.${signedFor ?? ''}`
}

/** What the three secret signatures are over: the interval of 10 s that the time is in, and its neighbours. */
export function secretMessages(timestampMs: number, signedFor: string, flavour: SecretFlavour): string[] {
  const interval = Math.ceil(timestampMs / INTERVAL_MS)
  const text = (step: number): string => (flavour === 'go' ? String(interval + step) : pythonFloat(interval * INTERVAL_MS + step))
  return [-1, 0, 1].map((step) => `${text(step)}.${signedFor}`)
}

const INTERVAL_MS = 10_000

/** The headers of a request, as name, value, name, value. */
export function epistulaHeaders(signer: EpistulaSigner, input: EpistulaInput): string[] {
  const sign = (text: string): string => toHex(signer.sign(Buffer.from(text)))
  const headers = ['Epistula-Version', '2', 'Epistula-Timestamp', String(input.timestampMs)]
  headers.push('Epistula-Uuid', input.uuid, 'Epistula-Signed-By', signer.address)
  if (input.signedFor !== null) headers.push('Epistula-Signed-For', input.signedFor)
  headers.push('Epistula-Request-Signature', sign(epistulaMessage(input)))
  if (input.secrets !== undefined && input.signedFor !== null) {
    const messages = secretMessages(input.timestampMs, input.signedFor, input.secrets)
    messages.forEach((message, at) => headers.push(`Epistula-Secret-Signature-${at}`, sign(message)))
  }
  return headers
}
