import {
  logVerbosity,
  Server,
  ServerCredentials,
  setLogVerbosity,
  status,
  type Metadata,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { Readiness, Service } from '../../../core/lifecycle.js'
import { prepareKeys, type KeyPair } from '../../../core/wallet/keys.js'
import { createV5Nonces, verifyV5Call, type V5Axon, type V5Nonces } from '../../grpc-auth.js'
import {
  FIRST_WITHOUT_HOTKEY,
  V5_CODECS,
  type V5Codec,
  type V5Method,
  type V5Request,
  type V5Response,
} from '../../dendrite/grpc/messages.js'
import { RETURN_CODES } from '../../dendrite/types.js'
import type { GrpcAxonFault } from './faults.js'
import { createListener } from './listener.js'
import { createPriorityPool } from './priority-pool.js'
import { runSynapse, type AxonHandlers } from './synapse.js'

export interface GrpcMockAxonOptions extends AxonHandlers {
  /** The axon's hotkey. It signs nothing: axons of 5.x only check. */
  pair: Pick<KeyPair, 'address'>
  host: string
  /** 0 picks a free one. */
  port: number
  /** Version integer that decides how it behaves: 500 to 529 as 5.0 to 5.2, from 530 as 5.3. */
  version: number
  limits?: Partial<GrpcAxonLimits>
  /** Nonces of before, for tests. */
  nonces?: V5Nonces
}

export interface GrpcAxonLimits {
  /** Calls at once; above it status 8. */
  maxCalls: number
  /** Calls that are worked on at once, the priority pool's queue included; others wait before they are looked at. */
  threads: number
  workers: number
  queue: number
  maxWaitMs: number
}

export interface GrpcMockAxon extends Service {
  readonly port: number
  /** Undefined ends the fault. Resolves when it has taken hold. */
  setFault(fault: GrpcAxonFault | undefined): Promise<void>
}

/** The defaults of SDK 5.x. */
const LIMITS: GrpcAxonLimits = { maxCalls: 400, threads: 10, workers: 5, queue: 10, maxWaitMs: 12_000 }
const MIN_VERSION = { before530: 370, from530: 510 }
const KEEPALIVE = { 'grpc.keepalive_time_ms': 100_000, 'grpc.keepalive_timeout_ms': 500_000 }

/** A failure as grpc-js wants it. */
class StatusError extends Error {
  constructor(
    readonly code: status,
    readonly details: string,
  ) {
    super(details)
  }
}

/**
 * An axon of SDK 5.0 to 5.3 that checks as strictly as they do, with the same texts, and can be told to go wrong. In one thing it is stricter: it takes a
 * caller's identity from what was signed, which 5.0 and 5.1 took from the body. Throws PORT_IN_USE.
 */
export async function startGrpcMockAxon(options: GrpcMockAxonOptions): Promise<GrpcMockAxon> {
  await prepareKeys()
  setLogVerbosity(logVerbosity.NONE)
  const limits = { ...LIMITS, ...options.limits }
  const isNew = options.version >= FIRST_WITHOUT_HOTKEY
  const axon: V5Axon = {
    hotkey: options.pair.address,
    minVersion: isNew ? MIN_VERSION.from530 : MIN_VERSION.before530,
    nonces: options.nonces ?? createV5Nonces(),
  }
  const pool = createPriorityPool(limits)
  const threads = createSlots(limits.threads)
  let fault: GrpcAxonFault | undefined
  let calls = 0
  let closing: Promise<void> | undefined

  /** The whole of a call, from its metadata and bytes to the bytes of the answer. */
  async function answer(method: V5Method, codec: V5Codec, surface: RawCall, signal: AbortSignal): Promise<Buffer> {
    if (calls > limits.maxCalls) throw new StatusError(status.RESOURCE_EXHAUSTED, 'Concurrent RPC limit exceeded!')
    const verdict = verifyV5Call((key) => lastText(surface.metadata, key), axon)
    if (!verdict.ok) throw new StatusError(status.UNAUTHENTICATED, verdict.details)
    if (method === 'MultiForward' && isNew) throw new StatusError(status.UNIMPLEMENTED, 'Method not found!')
    const request = decoded(codec, surface.request)
    await beforeAnswer(fault, surface)
    const free = await threads.take(signal)
    try {
      const ours = planted(fault) ?? (await runSynapse(options, pool, { method, request, caller: verdict.caller, signal }))
      return bytesOf(codec, ours, fault)
    } finally {
      free()
    }
  }

  async function beforeAnswer(current: GrpcAxonFault | undefined, { peer }: RawCall): Promise<void> {
    if (current?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, current.ms).unref())
    if (current?.kind === 'die') listener.cut(peer)
    if (current?.kind === 'die' || current?.kind === 'hang') await new Promise(() => undefined)
  }

  function unary(method: V5Method, codec: V5Codec) {
    return (surface: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void => {
      const controller = new AbortController()
      const raw = { metadata: surface.metadata, request: surface.request, peer: surface.getPeer() }
      calls++
      let isOver = false
      const end = (): void => {
        if (!isOver) calls--
        isOver = true
      }
      surface.on('cancelled', () => {
        end()
        controller.abort(new Error('the caller has hung up'))
      })
      answer(method, codec, raw, controller.signal)
        .finally(end)
        .then(
          (bytes) => callback(null, bytes),
          (error: unknown) =>
            callback(error instanceof StatusError ? error : new StatusError(status.UNKNOWN, 'Exception calling application')),
        )
    }
  }

  const server = new Server({ ...KEEPALIVE, 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 })
  const { definition, implementation } = rawService(unary)
  server.addService(definition, implementation)
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  const listener = createListener(options.host, options.port, (socket) => {
    if (fault?.kind === 'drop') socket.destroy()
    else injector.injectConnection(socket)
  })
  const port = await listener.open()
  const close = async (): Promise<void> => {
    await listener.close()
    server.forceShutdown()
  }
  return {
    name: 'mock-axon-grpc',
    port,
    ready: async (): Promise<Readiness> => (closing === undefined ? { ok: true } : { ok: false, reasons: ['mock-axon-grpc: stopping'] }),
    async setFault(next) {
      fault = next
      if (closing !== undefined) return
      if (next?.kind === 'refuse') await listener.close()
      else await listener.open()
    },
    close: () => (closing ??= close()),
  }
}

interface RawCall {
  metadata: Metadata
  request: Buffer
  peer: string
}

type Unary = (method: V5Method, codec: V5Codec) => (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => void

/** The service with its messages as bytes: callers are checked before anybody looks at what they sent, and an answer may be any bytes. */
function rawService(unary: Unary): { definition: ServiceDefinition; implementation: UntypedServiceImplementation } {
  const definition: Record<string, ServiceDefinition[string]> = {}
  const implementation: UntypedServiceImplementation = {}
  const same = (bytes: Buffer): Buffer => bytes
  const asBytes = { requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same }
  for (const [method, codec] of Object.entries(V5_CODECS)) {
    definition[method] = { path: codec.path, requestStream: false, responseStream: false, ...asBytes }
    implementation[method] = unary(method as V5Method, codec)
  }
  return { definition, implementation }
}

function decoded(codec: V5Codec, bytes: Buffer): V5Request {
  try {
    return codec.decodeRequest(bytes)
  } catch {
    throw new StatusError(status.INTERNAL, 'Exception deserializing request!')
  }
}

/** The answer that a fault puts in the place of the axon's own. */
function planted(fault: GrpcAxonFault | undefined): Partial<V5Response> | undefined {
  if (fault?.kind === 'code') return { returnCode: fault.code, returnMessage: fault.message }
  const good = { returnCode: RETURN_CODES.SUCCESS, returnMessage: 'Success' }
  if (fault?.kind === 'empty') return good
  if (fault?.kind !== 'huge') return undefined
  const text = 'x'.repeat(fault.bytes)
  return { ...good, response: text, multiCompletions: [text] }
}

/** Alice's, whom nobody has as a hotkey of an axon. */
const ANOTHER = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'

function bytesOf(codec: V5Codec, response: Partial<V5Response>, fault: GrpcAxonFault | undefined): Buffer {
  if (fault?.kind === 'garbage') return Buffer.from('1aff07', 'hex')
  return codec.encodeResponse(fault?.kind === 'wrong-hotkey' ? { ...response, hotkey: ANOTHER } : response)
}

function lastText(metadata: Metadata, key: string): string | undefined {
  return metadata.get(key).at(-1)?.toString()
}

/** So many at once; the others wait in line. */
function createSlots(count: number): { take(signal: AbortSignal): Promise<() => void> } {
  const line: (() => void)[] = []
  let free = count
  const give = (): void => {
    const next = line.shift()
    if (next === undefined) free++
    else next()
  }
  return {
    async take(signal) {
      if (free > 0) free--
      else await new Promise<void>((resolve) => line.push(resolve))
      if (!signal.aborted) return give
      give()
      throw new StatusError(status.CANCELLED, 'the caller has hung up')
    },
  }
}
