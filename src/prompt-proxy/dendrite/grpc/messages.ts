/** The messages of the gRPC service of SDK 5.x: as `proto/` has them, and the JSON inside. */
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader'
import { fileURLToPath } from 'node:url'
import { pythonJson } from '../python-text.js'
import type { PromptMessage } from '../types.js'
import { isWholeMessage } from './wire.js'

/** Version integer of the first release without the fields `hotkey` and without MultiForward. */
export const FIRST_WITHOUT_HOTKEY = 530

export type V5Method = 'Forward' | 'MultiForward' | 'Backward'

/** Fields of the requests of all methods; what a method does not have is left out of its bytes. */
export interface V5Request {
  /** Version integer of the caller's SDK. */
  version: number
  /** ss58 address of the caller, not to be trusted; empty from 5.3 on. */
  hotkey: string
  /** JSON texts. */
  messages: readonly string[]
  /** Seconds. */
  timeout: number
  /** Backward only, as are the completion that they are for. */
  rewards: readonly number[]
  response: string
}

/** Fields of the responses of all methods. */
export interface V5Response {
  version: number
  hotkey: string
  /** Forward only. */
  response: string
  /** MultiForward only. */
  multiCompletions: readonly string[]
  returnMessage: string
  /** The number on the wire, which may be none of ReturnCode. */
  returnCode: number
}

/** One method: its path on the wire, and its messages as bytes. The decoders throw for bytes that are no such message. */
export interface V5Codec {
  readonly path: string
  encodeRequest(request: Partial<V5Request>): Buffer
  decodeRequest(bytes: Buffer): V5Request
  encodeResponse(response: Partial<V5Response>): Buffer
  decodeResponse(bytes: Buffer): V5Response
}

/** `proto/` lies beside `src` and `dist`, and this file is as deep in either. */
const FILE = fileURLToPath(new URL('../../../../proto/text-prompting/text_prompting.proto', import.meta.url))

/** Numbers for enums, unlike in the rest of the program: axons may send any. */
const MESSAGES = { keepCase: false, longs: String, defaults: true, arrays: true }

/** What the messages of some methods do not have. */
const NO_REWARD = { rewards: [], response: '' }
const NO_TEXT = { response: '', multiCompletions: [] }

export const V5_CODECS: Readonly<Record<V5Method, V5Codec>> = loadCodecs()

function loadCodecs(): Record<V5Method, V5Codec> {
  const service = loadSync(FILE, MESSAGES)['TextPrompting']
  if (service === undefined || 'format' in service) throw new Error(`${FILE} has no service TextPrompting`)
  const codec = (method: V5Method): V5Codec => {
    const definition = service[method]
    if (definition === undefined) throw new Error(`${FILE} has no method ${method}`)
    const { path, requestSerialize, requestDeserialize, responseSerialize, responseDeserialize } = definition
    const requestFields = fieldsOf(definition.requestType)
    const responseFields = fieldsOf(definition.responseType)
    return {
      path,
      encodeRequest: (request) => requestSerialize(sent(request, requestFields)),
      decodeRequest: (bytes) => ({ ...NO_REWARD, ...(requestDeserialize(whole(bytes)) as Omit<V5Request, keyof typeof NO_REWARD>) }),
      encodeResponse: (response) => responseSerialize(sent(response, responseFields)),
      decodeResponse: (bytes) => ({ ...NO_TEXT, ...(responseDeserialize(whole(bytes)) as Omit<V5Response, keyof typeof NO_TEXT>) }),
    }
  }
  return { Forward: codec('Forward'), MultiForward: codec('MultiForward'), Backward: codec('Backward') }
}

function fieldsOf({ type }: MessageTypeDefinition<object, object>): Set<string> {
  const { field } = type as { field: { name: string }[] }
  return new Set(field.map(({ name }) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())))
}

function whole(bytes: Buffer): Buffer {
  if (!isWholeMessage(bytes)) throw new Error('the bytes are no message of protobuf')
  return bytes
}

/** In proto3 a field with its default value is not sent; the library would send it. */
function sent(message: object, fields: ReadonlySet<string>): object {
  const some: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(message)) if (fields.has(name) && value !== '' && value !== 0) some[name] = value
  return some
}

/** A message as the SDK writes it. */
export function messageToJson({ role, content }: PromptMessage): string {
  return pythonJson({ role, content })
}

/** Reads a message of a caller. Throws with the reason when the text is not a JSON object with a role and a content that are text. */
export function messageFromJson(text: string): PromptMessage {
  const { role, content } = asObject(JSON.parse(text))
  if (typeof role !== 'string') throw new Error("'role'")
  if (typeof content !== 'string') throw new Error("'content'")
  return { role, content }
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('a message is not a JSON object')
  return value as Record<string, unknown>
}
