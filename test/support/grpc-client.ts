import { Client, credentials, Metadata, type ChannelOptions, type ServiceError } from '@grpc/grpc-js'
import { loadService } from '../../src/core/grpc/proto.js'

/** What a failed call told, without the library. */
export interface GrpcFailure {
  status: number
  message: string
  code: string | undefined
  detail: unknown
  retryAfter: string | undefined
}

export interface GrpcStream extends AsyncIterable<Record<string, unknown>> {
  cancel(): void
}

export interface GrpcClient {
  /** Rejects with a `GrpcFailure`. */
  call(method: string, request: object, options?: CallOptions): Promise<Record<string, unknown>>
  stream(method: string, request: object, options?: CallOptions): GrpcStream
  close(): void
}

export interface CallOptions {
  headers?: Record<string, string>
  timeoutMs?: number
  signal?: AbortSignal
}

/** A client of one service over a connection of its own. `headers` go with every call. */
export function grpcClient(
  port: number,
  file: string,
  name: string,
  headers: Record<string, string> = {},
  channel: ChannelOptions = {},
): GrpcClient {
  const service = loadService(file, name)
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1, ...channel })

  function methodOf(method: string) {
    const found = service[method]
    if (found === undefined) throw new Error(`no method ${method}`)
    return found
  }

  function metadataOf(options: CallOptions): Metadata {
    const metadata = new Metadata()
    for (const [key, value] of Object.entries({ ...headers, ...options.headers })) metadata.set(key, value)
    return metadata
  }

  function deadlineOf({ timeoutMs }: CallOptions): { deadline?: number } {
    return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs }
  }

  return {
    call(method, request, options = {}) {
      const { path, requestSerialize, responseDeserialize } = methodOf(method)
      return new Promise((resolve, reject) => {
        const done = (error: ServiceError | null, answer?: Record<string, unknown>): void => {
          if (error !== null) reject(failureOf(error))
          else resolve(answer ?? {})
        }
        const call = client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          metadataOf(options),
          deadlineOf(options),
          done,
        )
        options.signal?.addEventListener('abort', () => call.cancel(), { once: true })
      })
    },
    stream(method, request, options = {}) {
      const { path, requestSerialize, responseDeserialize } = methodOf(method)
      const call = client.makeServerStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadataOf(options),
        deadlineOf(options),
      )
      // Told by the iterator; without a listener it would end the process when nobody iterates.
      call.on('error', () => undefined)
      return {
        cancel: () => call.cancel(),
        async *[Symbol.asyncIterator]() {
          try {
            for await (const message of call) yield message as Record<string, unknown>
          } catch (error) {
            throw failureOf(error as ServiceError)
          }
        },
      }
    },
    close: () => client.close(),
  }
}

export function failureOf({ code, details, metadata }: ServiceError): GrpcFailure & Error {
  const text = (name: string): string | undefined => metadata.get(name)[0]?.toString()
  const detail = text('error-detail')
  return Object.assign(new Error(details), {
    ...{ status: code, code: text('error-code'), retryAfter: text('retry-after') },
    detail: detail === undefined ? undefined : (JSON.parse(detail) as unknown),
  })
}
