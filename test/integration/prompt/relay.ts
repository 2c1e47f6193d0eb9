/** What the service really sends to axons, byte by byte. */
import { once } from 'node:events'
import { createServer as createHttp2Server, type IncomingHttpHeaders } from 'node:http2'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { AXON_HOST } from './world.js'

/** One request as it came over the wire. */
export interface Sent {
  /** The request line. */
  line: string
  /** Names in lower case, and values, in their order. */
  headers: [string, string][]
  body: string
}

export interface Relay extends AsyncDisposable {
  port: number
  /** Requests so far. Throws where what came is not a sequence of whole requests, each with a length. */
  requests(): Sent[]
}

/** Stands before an axon that speaks HTTP/1.1, and keeps what goes to it. */
export async function startRelay(target: number): Promise<Relay> {
  const streams: Buffer[][] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    const chunks: Buffer[] = []
    streams.push(chunks)
    const upstream = connect(target, AXON_HOST)
    for (const one of [socket, upstream]) {
      sockets.add(one)
      one.on('error', () => undefined).on('close', () => (socket.destroy(), upstream.destroy()))
    }
    socket.on('data', (chunk: Buffer) => void chunks.push(chunk))
    socket.pipe(upstream).pipe(socket)
  }).listen(0, AXON_HOST)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    requests: () => streams.flatMap((chunks) => parseAll(Buffer.concat(chunks))),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

function parseAll(bytes: Buffer): Sent[] {
  const all: Sent[] = []
  for (let rest = bytes; rest.length > 0;) {
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) throw new Error('a head without an end')
    // Whatever is not ASCII shows up as it is on the wire.
    const [line = '', ...lines] = rest.subarray(0, end).toString('latin1').split('\r\n')
    const headers = lines.map((text): [string, string] => {
      const colon = text.indexOf(':')
      return [text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim()]
    })
    const length = Number(headers.find(([name]) => name === 'content-length')?.[1])
    if (!Number.isInteger(length)) throw new Error(`a request without a length: ${line}`)
    all.push({ line, headers, body: rest.subarray(end + 4, end + 4 + length).toString('utf8') })
    rest = rest.subarray(end + 4 + length)
  }
  return all
}

export interface GrpcSink extends AsyncDisposable {
  port: number
  /** Metadata of the calls so far. */
  calls: IncomingHttpHeaders[]
}

/** Takes calls in the place of a gRPC axon, keeps their metadata as HTTP/2 has it, and answers that it is not there. */
export async function startGrpcSink(): Promise<GrpcSink> {
  const calls: IncomingHttpHeaders[] = []
  const server = createHttp2Server()
  const sessions = new Set<{ destroy(): void }>()
  server.on('session', (session) => void sessions.add(session))
  server.on('stream', (stream, headers) => {
    calls.push(headers)
    stream.on('error', () => undefined)
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '14', 'grpc-message': 'away' }, { endStream: true })
  })
  server.listen(0, AXON_HOST)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    calls,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy()
      server.close()
    },
  }
}
