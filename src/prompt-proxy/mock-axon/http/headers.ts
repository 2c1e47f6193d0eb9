/** What axons make of the headers of a request before they look at anything else. */
import type { IncomingHttpHeaders } from 'node:http'
import type { SynapseSpec } from '../../dendrite/http/synapse.js'

/** What a caller says of itself, none of it proven. Null for what is absent. */
export interface CallerHeaders {
  timeoutS: number | null
  ip: string | null
  version: number | null
  nonce: bigint | null
  uuid: string | null
  hotkey: string | null
  signature: string | null
  /** The axon's, as the request names them. */
  axonIp: string | null
  axonPort: number | null
  axonHotkey: string | null
  /** Empty when absent. */
  bodyHash: string
}

/** Fields of a prompt without a default. */
const REQUIRED = ['roles', 'messages']

/** Null when they do not parse: numbers that are none, and placeholders of required fields that are absent or of another type. */
export function parseCaller(headers: IncomingHttpHeaders, spec: SynapseSpec): CallerHeaders | null {
  const read = (name: string): string | null => {
    const value = headers[name]
    return typeof value === 'string' ? value : null
  }
  const of = (end: 'axon' | 'dendrite', name: string): string | null => read(`bt_header_${end}_${name}`)
  const timeout = read('timeout')
  const integers = [of('dendrite', 'version'), of('dendrite', 'nonce'), of('axon', 'port'), read('header_size'), read('total_size')]
  if (integers.some((value) => value !== null && !/^[+-]?\d+$/.test(value))) return null
  if (timeout !== null && (timeout === '' || !Number.isFinite(Number(timeout)))) return null
  if (spec.name !== 'Synapse' && !REQUIRED.every((field) => isEmptyList(read(`bt_header_input_obj_${field}`)))) return null
  const [version = null, nonce = null, port = null] = integers
  return {
    timeoutS: timeout === null ? null : Number(timeout),
    ip: of('dendrite', 'ip'),
    version: version === null ? null : Number(version),
    nonce: nonce === null ? null : BigInt(nonce.replace('+', '')),
    uuid: of('dendrite', 'uuid'),
    hotkey: of('dendrite', 'hotkey'),
    signature: of('dendrite', 'signature'),
    axonIp: of('axon', 'ip'),
    axonPort: port === null ? null : Number(port),
    axonHotkey: of('axon', 'hotkey'),
    bodyHash: read('computed_body_hash') ?? '',
  }
}

function isEmptyList(base64: string | null): boolean {
  if (base64 === null) return false
  try {
    return Array.isArray(JSON.parse(Buffer.from(base64, 'base64').toString('utf8')))
  } catch {
    return false
  }
}
