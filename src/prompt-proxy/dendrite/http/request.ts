/** A request to an HTTP axon: the headers and the body of SDK 6 to 10. */
import { toHex } from '../../../core/units/bytes.js'
import { bodyHash, pythonFloat, pythonJson, PyFloat, type PyValue } from '../python-text.js'
import type { AxonTarget } from '../types.js'
import { carriesHashFields, hashedValues, type SynapseField, type SynapseSpec } from './synapse.js'

/** Who signs: the key's part that is needed here. */
export interface Signer {
  /** ss58, format 42. */
  readonly address: string
  sign(message: Uint8Array): Uint8Array
}

export interface RequestInput {
  signer: Signer
  target: AxonTarget
  spec: SynapseSpec
  fields: readonly SynapseField[]
  /** Unix nanoseconds, rising by uuid. */
  nonce: bigint
  uuid: string
  /** Version integer that we claim. */
  version: number
  ownIp: string
  timeoutMs: number
}

export interface AxonRequest {
  path: string
  /** Name, value, name, value. */
  headers: string[]
  body: string
  /** What the signature is over. */
  signedMessage: string
}

/** How much memory the message takes in the SDK's process: axons carry the numbers along and nobody reads them. */
const HEADER_SIZE = 640
const TOTAL_SIZE = 3000

/** The request, signed. The text of the prompt is in the body alone: headers hold nothing that a user wrote. */
export function buildRequest(input: RequestInput): AxonRequest {
  const { signer, target, spec, fields, nonce, uuid } = input
  const digest = bodyHash(hashedValues(spec, fields, target.version))
  const signedMessage = `${nonce}.${signer.address}.${target.hotkey}.${uuid}.${digest}`
  const signature = toHex(signer.sign(Buffer.from(signedMessage)))
  const headers: string[] = []
  headers.push('name', spec.name)
  headers.push('timeout', pythonFloat(input.timeoutMs / 1000))
  headers.push('bt_header_axon_ip', target.ip)
  headers.push('bt_header_axon_port', String(target.port))
  headers.push('bt_header_axon_hotkey', target.hotkey)
  headers.push('bt_header_dendrite_ip', input.ownIp)
  headers.push('bt_header_dendrite_version', String(input.version))
  headers.push('bt_header_dendrite_nonce', nonce.toString())
  headers.push('bt_header_dendrite_uuid', uuid)
  headers.push('bt_header_dendrite_hotkey', signer.address)
  headers.push('bt_header_dendrite_signature', signature)
  for (const { name, value, required } of fields) if (required) headers.push(`bt_header_input_obj_${name}`, placeholder(value))
  headers.push('header_size', String(HEADER_SIZE), 'total_size', String(TOTAL_SIZE), 'computed_body_hash', digest)
  return { path: `/${spec.name}`, headers, body: bodyText(input, signature), signedMessage }
}

/** Base64 of the JSON of an empty value of the same type: axons make an object of the headers before they read the body. */
function placeholder(value: PyValue): string {
  return Buffer.from(pythonJson(emptyLike(value))).toString('base64')
}

function emptyLike(value: PyValue): PyValue {
  if (value === null) return null
  if (Array.isArray(value)) return []
  if (value instanceof PyFloat) return new PyFloat(0)
  if (typeof value === 'object') return {}
  return typeof value === 'string' ? '' : typeof value === 'boolean' ? false : 0
}

function bodyText(input: RequestInput, signature: string): string {
  const { signer, target, spec, fields } = input
  const { ownIp: ip, version, nonce, uuid } = input
  const body: Record<string, PyValue> = {
    name: spec.name,
    timeout: new PyFloat(input.timeoutMs / 1000),
    total_size: TOTAL_SIZE,
    header_size: 0,
    dendrite: { ...NO_TERMINAL, ip, version, nonce, uuid, hotkey: signer.address, signature },
    axon: { ...NO_TERMINAL, ip: target.ip, port: target.port, hotkey: target.hotkey },
    computed_body_hash: '',
  }
  if (carriesHashFields(spec, target.version)) body['required_hash_fields'] = spec.hashFields
  for (const { name, value } of fields) body[name] = value
  return pythonJson(body)
}

/** The fields of an end of the line, in the order of the SDK. */
export const NO_TERMINAL: Readonly<Record<string, PyValue>> = {
  status_code: null,
  status_message: null,
  process_time: null,
  ip: null,
  port: null,
  version: null,
  nonce: null,
  uuid: null,
  hotkey: null,
  signature: null,
}
