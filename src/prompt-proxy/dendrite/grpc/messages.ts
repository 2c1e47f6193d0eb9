/** The messages of the gRPC service of SDK 5.x: as `proto/` has them, and their JSON inside. */
import { z } from 'zod'
import { loadService } from '../../../core/grpc/proto.js'
import { RETURN_CODES, type PromptMessage, type ReturnCodeName } from '../types.js'

/** First release without field 2, `hotkey`, and without MultiForward. */
export const FIRST_WITHOUT_HOTKEY = 530

const service = loadService('text-prompting/text_prompting.proto', 'TextPrompting')

export type V5Method = 'Forward' | 'MultiForward' | 'Backward'

/** Fields of requests; those of other methods are left out. `hotkey` only up to 5.2. */
export interface V5Request {
  version: number
  hotkey?: string
  messages: readonly string[]
  /** Seconds. */
  timeout: number
  rewards?: readonly number[]
  response?: string
}

/** Fields of responses; those of other methods are empty. */
export interface V5Response {
  version: number
  hotkey: string
  response: string
  multiCompletions: readonly string[]
  returnMessage: string
  /** The number on the wire. */
  returnCode: number
}

interface Codec {
  path: string
  encodeRequest(request: V5Request): Buffer
  /** Throws for bytes that are no such message. */
  decodeRequest(bytes: Buffer): Required<V5Request>
  encodeResponse(response: Partial<V5Response>): Buffer
  decodeResponse(bytes: Buffer): V5Response
}

/** The loader gives names of enums it knows and numbers of those it does not. */
const codeOfName = new Map(Object.entries(RETURN_CODES).map(([name, code]) => [name.toLowerCase().replaceAll('_', ''), code as number]))
for (const [index, name] of [
  ...['RequestShapeException', 'ResponseShapeException', 'RequestSerializationException', 'ResponseSerializationException'],
  ...['RequestDeserializationException', 'ResponseDeserializationException', 'NotServingNucleus', 'NucleusTimeout'],
].entries())
  codeOfName.set(name.toLowerCase(), 10 + index)
codeOfName.set('responseincompatibleversion', 20)
