/** What is checked of an axon's answer before anybody sees it. */
import { fromHex, isHex } from '../../../core/units/bytes.js'
import { decodeSs58 } from '../../../core/units/ss58.js'
import { verify } from '../../../core/wallet/keys.js'
import { DendriteError } from '../types.js'
import type { AxonNonces } from './axon-nonces.js'
import { invalidAnswer, quoted, statusFailure } from './outcome.js'
import type { HttpAnswer } from './exchange.js'
import { headerOf, readStart } from './transport.js'

export interface Expected {
  /** Of the synapse. */
  name: string
  /** ss58, of the metagraph. */
  axonHotkey: string
  /** ss58, ours. */
  callerHotkey: string
  nonces: AxonNonces
  /** Of `nonces`, from before the request. */
  sentAt: number
}

/**
 * Throws DendriteError unless the head of an answer says that all is well: HTTP status and the axon's own status are 200, name and hotkey are those asked
 * for, and the axon's signature, where there is one, is right and new. Returns whether there was one: axons from 7.2 on sign failures only.
 */
export async function checkHead(answer: HttpAnswer, expected: Expected): Promise<{ signed: boolean }> {
  const { headers } = answer
  const meant = headerOf(headers, 'bt_header_axon_status_code')
  if (answer.status !== 200 || meant !== '200') throw await failureOf(answer, meant)
  const name = headerOf(headers, 'name')
  if (name !== expected.name) throw invalidAnswer(`the answer is of synapse "${quoted(name ?? '')}" and not ${expected.name}`)
  const hotkey = headerOf(headers, 'bt_header_axon_hotkey')
  if (hotkey !== expected.axonHotkey)
    throw invalidAnswer(`the answer is of hotkey "${quoted(hotkey ?? '')}" and not ${expected.axonHotkey}`)
  if ((headerOf(headers, 'content-encoding') ?? 'identity') !== 'identity')
    throw invalidAnswer('the answer is compressed, which nobody asked for')
  return { signed: checkSignature(headers, expected) }
}

/** Up to release 6.4 HTTP says 500 whatever went wrong; a 422 may come with a header that says 200. */
async function failureOf(answer: HttpAnswer, meant: string | undefined): Promise<DendriteError> {
  // Read in any case: a connection whose answer was left lying cannot be used again.
  const body = await readStart(answer)
  const ours = meant === undefined || !/^\d{3}$/.test(meant) ? undefined : Number(meant)
  if (answer.status === 200 && ours === undefined) return invalidAnswer('the answer lacks the status of an axon')
  const status = ours !== undefined && ours !== 200 ? ours : answer.status
  return statusFailure(status, headerOf(answer.headers, 'bt_header_axon_status_message') ?? messageOf(body))
}

/** What an error's body says: `message` of axons, `detail` of their framework, or all of it. */
export function messageOf(body: string): string {
  try {
    const json = JSON.parse(body) as { message?: unknown; detail?: unknown } | null
    const said = json?.message ?? json?.detail
    return typeof said === 'string' ? said : said === undefined ? '' : JSON.stringify(said)
  } catch {
    return body
  }
}

/** It binds neither the request nor the answer; it shows that the holder of the key is there, and made this text for us. */
function checkSignature(headers: HttpAnswer['headers'], expected: Expected): boolean {
  const signature = headers['bt_header_axon_signature']
  if (signature === undefined) return false
  const nonce = headerOf(headers, 'bt_header_axon_nonce') ?? ''
  const uuid = headerOf(headers, 'bt_header_axon_uuid') ?? ''
  const { axonHotkey, callerHotkey } = expected
  if (typeof signature !== 'string' || !isHex(signature, 64) || !/^\d{1,20}$/.test(nonce) || uuid.length > 64)
    throw invalidAnswer("the axon's signature is in no form that an axon uses")
  const message = Buffer.from(`${nonce}.${callerHotkey}.${axonHotkey}.${uuid}`)
  if (!verify(message, fromHex(signature), decodeSs58(axonHotkey))) throw invalidAnswer("the axon's signature is wrong")
  if (!expected.nonces.take({ hotkey: axonHotkey, uuid, nonce: BigInt(nonce), sentAt: expected.sentAt }))
    throw invalidAnswer("the axon's signature was seen before")
  return true
}

/** The completion of a JSON answer: nothing else of it is looked at. Throws INVALID_RESPONSE and EMPTY_RESPONSE. */
export function completionOf(body: string, maxBytes: number): string {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch (error) {
    throw invalidAnswer('the answer is not JSON', error)
  }
  const completion = typeof json === 'object' && json !== null ? (json as Record<string, unknown>)['completion'] : undefined
  if (typeof completion !== 'string') throw invalidAnswer('the answer has no completion')
  return checkedText(completion, maxBytes)
}

export function checkedText(text: string, maxBytes: number): string {
  if (text === '') throw emptyAnswer()
  if (Buffer.byteLength(text) > maxBytes) throw invalidAnswer(`the completion has more than ${maxBytes} bytes`)
  return text
}

export function emptyAnswer(): DendriteError {
  return new DendriteError('EMPTY_RESPONSE', 'the axon answered well, with nothing')
}
