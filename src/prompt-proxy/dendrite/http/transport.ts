import { isUtf8 } from 'node:buffer'
import { Agent, buildConnector } from 'undici'
import { dialRefused, guardedLookup, hostPort, isDialable, type AxonAddress, type DialPolicy } from '../../targets/address.js'
import { DendriteError } from '../types.js'
import type { CallClock } from './clock.js'
import { exchange, type HttpAnswer } from './exchange.js'
import { invalidAnswer } from './outcome.js'

export interface HttpLimits {
  /** For a TCP connection to stand. */
  connectMs: number
  /** For the first byte of a streamed answer; null for as long as the call has. */
  firstByteMs: number | null
  /** Connections to one axon; calls beyond wait for one. */
  connectionsPerAxon: number
  /** How long a connection is kept without use: less than the 5 s after which the servers of axons close theirs. */
  keepAliveMs: number
  /** Of an answer. */
  maxHeaderBytes: number
}

export const HTTP_LIMITS: HttpLimits = {
  connectMs: 3_000,
  firstByteMs: null,
  connectionsPerAxon: 64,
  keepAliveMs: 4_000,
  maxHeaderBytes: 16_384,
}

/** POST over pooled connections. No redirects, no compression, no second try. */
export interface HttpTransport {
  /** Resolves with the head of the answer. Throws DendriteError. Ending the clock ends the exchange, and its connection with it. */
  post(at: AxonAddress, request: { path: string; headers: string[]; body: string | Uint8Array }, clock: CallClock): Promise<HttpAnswer>
  close(): Promise<void>
}

/** `policy` says what may be dialled; it is looked at again for each connection. */
export function createTransport(limits: HttpLimits, policy: DialPolicy): HttpTransport {
  const agent = new Agent({
    connect: guardedConnector(limits.connectMs, policy),
    connections: limits.connectionsPerAxon,
    pipelining: 1,
    keepAliveTimeout: limits.keepAliveMs,
    // A server that promises more is not believed.
    keepAliveMaxTimeout: limits.keepAliveMs,
    maxHeaderSize: limits.maxHeaderBytes,
    // The clock of the call has these.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  let closing: Promise<void> | undefined
  return {
    async post(at, { path, headers, body }, clock) {
      if (closing !== undefined) throw new DendriteError('UNAVAILABLE', 'the dendrite is closed')
      return exchange(agent, { origin: `http://${hostPort(at)}`, path, method: 'POST', headers, body }, clock)
    },
    close: () => (closing ??= agent.destroy()),
  }
}

/** The connector of undici behind a check of the address: once before, and once more of what the name was resolved to. */
export function guardedConnector(timeoutMs: number, policy: DialPolicy): buildConnector.connector {
  const connect = buildConnector({ timeout: timeoutMs, lookup: guardedLookup(policy) })
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '')
    // What is no address is a name, and guarded when it is resolved.
    const isAddress = /^[\d.]+$/.test(host) || host.includes(':')
    if (isAddress && !isDialable(host, policy)) return callback(dialRefused(host, policy), null)
    connect(options, callback)
  }
}

/** One value of a header, or undefined when it is absent or there are several. */
export function headerOf(headers: HttpAnswer['headers'], name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : undefined
}

/** The whole body as text. Throws INVALID_RESPONSE when it is longer than `maxBytes` or not UTF-8. */
export async function readText({ headers, body }: HttpAnswer, maxBytes: number): Promise<string> {
  if (Number(headerOf(headers, 'content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes)
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk)
  }
  return decodeAll(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks))
}

/** The start of an error's body, for messages; what is wrong with the rest is no matter. */
export async function readStart({ body }: HttpAnswer, bytes = 4096): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      size += chunk.length
      if (size >= bytes) break
    }
  } catch (error) {
    if (error instanceof DendriteError && (error.returnCode === 'TIMEOUT' || error.returnCode === 'NO_RETURN')) throw error
  }
  return Buffer.concat(chunks).subarray(0, bytes).toString('utf8')
}

/** The body in pieces of whole characters, however the bytes were cut. Throws INVALID_RESPONSE for more than `maxBytes` and for what is not UTF-8. */
export async function* readPieces(body: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > maxBytes) throw tooLarge(maxBytes)
    const piece = decode(() => decoder.decode(chunk, { stream: true }))
    if (piece !== '') yield piece
  }
  decode(() => decoder.decode())
}

export function tooLarge(maxBytes: number): DendriteError {
  return invalidAnswer(`the answer has more than ${maxBytes} bytes`)
}

function decodeAll(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw invalidAnswer('the answer is not UTF-8')
  return bytes.toString('utf8')
}

function decode(run: () => string): string {
  try {
    return run()
  } catch (error) {
    throw invalidAnswer('the answer is not UTF-8', error)
  }
}
