import { Client, credentials, Metadata, type ServiceDefinition, type ServiceError } from '@grpc/grpc-js'
import { fromJSON } from '@grpc/proto-loader'
import { getPublicKey, secretFromSeed, sign } from '@scure/sr25519'
import { readFileSync } from 'node:fs'
import { toHex } from '../../src/core/units/bytes.js'
import { encodeSs58 } from '../../src/core/units/ss58.js'

/** Requests of SDK 5.x with known keys, their answers, and what axons refuse, with the reasons. */
export interface V5Vectors {
  valid: V5Vector[]
  responses: { type: string; fields: Record<string, unknown>; protobuf_hex: string }[]
  rejected: V5Refusal[]
  accepted_surprises: { name: string; note: string }[]
}

export interface V5Vector {
  name: string
  http2_path: string
  dendrite_seed: string
  dendrite_hotkey: string
  axon_hotkey: string
  uuid: string
  nonce: string
  version_as_int: number
  signed_message: string
  signature: string
  metadata: [string, string][]
  request_fields: { version: number; messages: string[]; timeout: number; hotkey?: string; rewards?: number[]; response?: string }
  request_protobuf_hex: string
}

export interface V5Refusal {
  name: string
  axon_seed: string
  prior_nonces: Record<string, number>
  metadata: [string, string][]
  grpc_status: number
  details: string
  tags: string
}

export function v5Vectors(): V5Vectors {
  return JSON.parse(readFileSync(new URL('../fixtures/v5_grpc.json', import.meta.url), 'utf8')) as V5Vectors
}

export interface V5TestClient {
  /** Sends fields, or bytes as they are. Rejects with a ServiceError. */
  call(
    method: string,
    request: object | Buffer,
    metadata: readonly [string, string][],
    timeoutMs?: number,
    options?: { signal?: AbortSignal; onHeaders?: (headers: Record<string, unknown>) => void },
  ): Promise<Record<string, unknown>>
  close(): void
}

/**
 * A client that shares nothing with the program: its messages are typed off the table of fields that is published for SDK 5.x, its bytes are made by the
 * public loader.
 */
export function v5TestClient(port: number, host = '127.0.0.1'): V5TestClient {
  const service = publishedService()
  const client = new Client(`${host}:${port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 })
  return {
    call(method, request, entries, timeoutMs = 5_000, { signal, onHeaders } = {}) {
      const definition = service[method]
      const metadata = new Metadata()
      for (const [key, value] of entries) metadata.add(key, value)
      return new Promise((resolve, reject) => {
        const call = client.makeUnaryRequest(
          definition?.path ?? `/TextPrompting/${method}`,
          (value: object | Buffer) => (Buffer.isBuffer(value) ? value : (definition?.requestSerialize(value) ?? Buffer.alloc(0))),
          (bytes) => (definition?.responseDeserialize(bytes) ?? {}) as Record<string, unknown>,
          request,
          metadata,
          { deadline: Date.now() + timeoutMs },
          (error: ServiceError | null, answer) => (error === null ? resolve(answer ?? {}) : reject(error)),
        )
        call.on('metadata', (headers: Metadata) => onHeaders?.(headers.getMap()))
        signal?.addEventListener('abort', () => call.cancel(), { once: true })
      })
    },
    close: () => client.close(),
  }
}

/** Metadata of a call as the SDK makes it, signed with the JavaScript implementation of sr25519. */
export function signedByHand(seed: Uint8Array, axon: string, nonce: bigint | string, uuid: string, version = 510): [string, string][] {
  const secret = secretFromSeed(seed)
  const caller = encodeSs58(toHex(getPublicKey(secret)))
  const signature = Buffer.from(sign(secret, Buffer.from(`${nonce}.${caller}.${axon}.${uuid}`))).toString('hex')
  return [
    ['bittensor-signature', `${nonce}.${caller}.0x${signature}.${uuid}`],
    ['bittensor-version', String(version)],
  ]
}

function publishedService(): ServiceDefinition {
  const text = { type: 'string' }
  const texts = { type: 'string', rule: 'repeated' }
  const head = (fields: Record<string, [number, { type: string; rule?: string }]>) => ({
    fields: Object.fromEntries(
      Object.entries<[number, { type: string; rule?: string }]>({ version: [1, { type: 'int32' }], hotkey: [2, text], ...fields }).map(
        ([name, [id, type]]) => [name, { id, ...type }],
      ),
    ),
  })
  const answer = (fields: Record<string, [number, { type: string; rule?: string }]>) =>
    head({ ...fields, return_message: [4, text], return_code: [5, { type: 'int32' }] })
  const nested = {
    ForwardTextPromptingRequest: head({ messages: [3, texts], timeout: [4, { type: 'float' }] }),
    ForwardTextPromptingResponse: answer({ response: [3, text] }),
    MultiForwardTextPromptingRequest: head({ messages: [3, texts], timeout: [4, { type: 'float' }] }),
    MultiForwardTextPromptingResponse: answer({ multi_completions: [3, texts] }),
    BackwardTextPromptingRequest: head({
      rewards: [3, { type: 'float', rule: 'repeated' }],
      messages: [4, texts],
      response: [5, text],
      timeout: [6, { type: 'float' }],
    }),
    BackwardTextPromptingResponse: answer({}),
    TextPrompting: {
      methods: Object.fromEntries(
        ['Forward', 'MultiForward', 'Backward'].map((method) => [
          method,
          { requestType: `${method}TextPromptingRequest`, responseType: `${method}TextPromptingResponse` },
        ]),
      ),
    },
  }
  const service = fromJSON({ nested } as Parameters<typeof fromJSON>[0], { keepCase: true, defaults: true })['TextPrompting']
  if (service === undefined || 'format' in service) throw new Error('no service')
  return service
}
