/** The synapses of HTTP axons as data, and what in them depends on the axon's release. */
import type { PyValue } from '../python-text.js'
import type { PromptMessage } from '../types.js'

/** A synapse class of a subnet that takes roles and messages and gives a completion. */
export interface SynapseSpec {
  /** Class name, and path of the route. */
  name: string
  /** Whether the answer is a stream of text. */
  streams: boolean
  /** Fields that the body hash covers, as the class lists them. */
  hashFields: readonly string[]
  /** Whether `required_hash_fields` is a field of the model, and so in the body. By default it is for axons before 8.0. */
  hashFieldsInBody?: boolean
}

export interface SynapseField {
  name: string
  value: PyValue
  /** Without a default: announced in a header of its own. */
  required: boolean
}

/** What is asked for plain answers, and for streams where the subnet has a synapse for them. */
export interface HttpSynapses {
  plain: SynapseSpec
  stream?: SynapseSpec
}

/** Reads `Name[:field+field][/StreamName[:field+field]]`; without fields the body hash covers `messages`. */
export function parseSynapses(text: string): HttpSynapses {
  const [plain = '', stream] = text.split('/')
  const specOf = (one: string, streams: boolean): SynapseSpec => {
    const [name = '', fields = 'messages'] = one.split(':')
    return { name, streams, hashFields: fields.split('+') }
  }
  return { plain: specOf(plain, false), ...(stream === undefined ? {} : { stream: specOf(stream, true) }) }
}

/** The classes of subnet 1. */
export const PROMPTING: SynapseSpec = { name: 'Prompting', streams: false, hashFields: ['messages'] }
export const STREAM_PROMPTING: SynapseSpec = { name: 'StreamPrompting', streams: true, hashFields: ['messages'] }
export const SUBNET_1: HttpSynapses = { plain: PROMPTING, stream: STREAM_PROMPTING }
/** Served by every axon, and answered with itself. */
export const PING: SynapseSpec = { name: 'Synapse', streams: false, hashFields: [], hashFieldsInBody: false }

const V6_1_0 = 610
export const V7_2_0 = 7_002_000
const V8_0_0 = 8_000_000
/** Two releases whose requests axons of either side of 7.2 know: the last 6.9 and 10.2.0. */
const CLAIM_OLD = 694
const CLAIM_NEW = 10_002_000

/** The version integer that a request to such an axon carries. Axons from 7.2 on look at the age of a nonce only when the caller says 7.2 or later. */
export function claimedVersion(axonVersion: number): number {
  return axonVersion < V7_2_0 ? CLAIM_OLD : CLAIM_NEW
}

export function carriesHashFields(spec: SynapseSpec, axonVersion: number): boolean {
  return spec.hashFieldsInBody ?? axonVersion < V8_0_0
}

/** The fields of a prompt in the order of the class. */
export function promptFields(messages: readonly PromptMessage[]): SynapseField[] {
  return [
    { name: 'roles', value: messages.map(({ role }) => role), required: true },
    { name: 'messages', value: messages.map(({ content }) => content), required: true },
    { name: 'completion', value: '', required: false },
  ]
}

/**
 * The values that the body hash covers, in the order of the axon: 6.0 follows the list of hash fields, 6.1 to 7.1 the model, later ones the list when it
 * is a class variable and the model when it is a field of it. Names that the model lacks are left out, as axons do.
 */
export function hashedValues(spec: SynapseSpec, fields: readonly SynapseField[], axonVersion: number): PyValue[] {
  const byList = axonVersion < V6_1_0 || (axonVersion >= V7_2_0 && !carriesHashFields(spec, axonVersion))
  const names = byList ? spec.hashFields : fields.map(({ name }) => name).filter((name) => spec.hashFields.includes(name))
  return names.map((name) => fields.find((field) => field.name === name)?.value).filter((value) => value !== undefined)
}
