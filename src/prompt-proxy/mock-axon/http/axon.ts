import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Readiness, Service } from '../../../core/lifecycle.js'
import { prepareKeys, type KeyPair } from '../../../core/wallet/keys.js'
import { createReplayTable } from '../../dendrite/epistula/verifying.js'
import { PING, PROMPTING, STREAM_PROMPTING, type SynapseSpec } from '../../dendrite/http/synapse.js'
import type { PromptMessage } from '../../dendrite/types.js'
import { createListener } from '../grpc/listener.js'
import { createPriorityPool } from '../grpc/priority-pool.js'
import type { AnswerText } from './answer-text.js'
import { answerEpistula, EPISTULA_PATH } from './epistula-route.js'
import type { HttpAxonFault } from './faults.js'
import { releaseOf } from './release.js'
import { type DROP, sendReply, type Reply } from './reply.js'
import { createSynapseRoute } from './synapse-route.js'
import { createCallerChecker } from './verifying.js'

/** A prompt that an axon is to answer. */
export interface HttpAxonQuestion {
  /** Whose signature was right. */
  caller: { hotkey: string }
  messages: PromptMessage[]
  /** That an Epistula caller asked for. */
  model?: string
  /** Whether the pieces of the answer are sent as they come. */
  stream: boolean
  /** Aborted when the caller has hung up. */
  signal: AbortSignal
}

export interface HttpAxonHandlers {
  /** Whatever it throws becomes a failure of the axon, where the answer has not begun. */
  answer(question: HttpAxonQuestion): AnswerText
  /** The reason for callers that are refused, else false. Asked before the signature is looked at, as axons do. */
  blacklist?(hotkey: string, synapse: string): string | false
  /** More goes first. */
  priority?(hotkey: string): number
  /** Whether an Epistula caller is in the metagraph. */
  isKnown?(hotkey: string): boolean
}

export interface HttpMockAxonOptions extends HttpAxonHandlers {
  /** The axon's hotkey. */
  pair: Pick<KeyPair, 'address' | 'sign'>
  host: string
  /** 0 picks a free one. */
  port: number
  /** The release that is imitated, such as `6.9.4` or `10.2.0`. */
  version: string
  /** Besides `/Synapse`. Those of subnet 1 when absent. */
  synapses?: readonly SynapseSpec[]
  /** Requests that are worked on at once, and that wait. */
  workers?: number
  queue?: number
  /** Unix milliseconds. */
  now?: () => number
  /** Nonces of before, by `{caller}:{uuid}`, for tests. */
  nonces?: Map<string, bigint>
}

export interface HttpMockAxon extends Service {
  readonly port: number
  /** The version integer that such an axon publishes. */
  readonly versionInteger: number
  /** Requests under way. */
  readonly inFlight: number
  /** Undefined ends the fault. Resolves when it has taken hold. */
  setFault(fault: HttpAxonFault | undefined): Promise<void>
}

const MAX_BODY_BYTES = 16 * 1024 * 1024
/** As the server of axons. */
const KEEP_ALIVE_MS = 5_000
const NS_PER_MS = 1_000_000n

/**
 * An axon of SDK 6 to 10 that checks as strictly as its release does, with the same statuses and words, serves Epistula v2 besides, and can be told to go
 * wrong. It refuses unsigned requests, which releases 9.3 to 10.2 let pass. Throws PORT_IN_USE, and BAD_INPUT for an unknown version.
 */
export async function startHttpMockAxon(options: HttpMockAxonOptions): Promise<HttpMockAxon> {
  const release = releaseOf(options.version)
  await prepareKeys()
  const { pair, now = Date.now } = options
  const uuid = randomUUID()
  let fault: HttpAxonFault | undefined
  let lastNonce = 0n
  let inFlight = 0
  let closing: Promise<void> | undefined

  function nextNonce(): bigint {
    const time = release.unixNonces ? BigInt(Math.floor(now())) * NS_PER_MS : process.hrtime.bigint()
    return (lastNonce = time > lastNonce ? time : lastNonce + 1n)
  }

  /** What the axon really answers, or what the fault puts in its place. */
  function answer(question: HttpAxonQuestion): AnswerText {
    if (fault?.kind === 'empty') return ''
    return fault?.kind === 'huge' ? chunks(fault.bytes) : options.answer(question)
  }

  const handlers: HttpAxonHandlers = {
    answer,
    blacklist: options.blacklist?.bind(options),
    priority: options.priority?.bind(options),
    isKnown: options.isKnown?.bind(options),
  }
  const route = createSynapseRoute({
    release,
    self: pair,
    uuid,
    checker: createCallerChecker(release, pair.address, options.nonces),
    pool: createPriorityPool({ workers: options.workers ?? 1024, queue: options.queue ?? 1000, maxWaitMs: Infinity }),
    handlers,
    synapses: [PING, ...(options.synapses ?? [PROMPTING, STREAM_PROMPTING])],
    nextNonce,
    nowNs: () => BigInt(Math.round(now())) * NS_PER_MS,
  })
  const replays = createReplayTable()

  async function replyTo(request: IncomingMessage, signal: AbortSignal): Promise<Reply | typeof DROP> {
    const body = await readBody(request)
    if (body === null) return { status: 413, headers: {}, body: '' }
    if (fault?.kind === 'delay') await sleep(fault.ms)
    if (fault?.kind === 'hang') await new Promise(() => undefined)
    if (fault?.kind === 'redirect') return { status: 307, headers: { location: fault.to }, body: '' }
    if (fault?.kind === 'status') return { status: fault.status, headers: { 'content-type': 'text/plain' }, body: fault.message }
    const path = (request.url ?? '/').split('?', 1)[0] as string
    if (request.method !== 'POST') return { status: 405, headers: { allow: 'POST' }, body: '' }
    const { headers } = request
    if (path === EPISTULA_PATH) return answerEpistula({ headers, body, signal }, { self: pair.address, handlers, replays, nowMs: now })
    return route({ name: path.slice(1), headers, body, signal, fault })
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const controller = new AbortController()
    inFlight++
    response.once('close', () => {
      inFlight--
      if (!response.writableFinished) controller.abort(new Error('the caller has hung up'))
    })
    try {
      await sendReply(response, await replyTo(request, controller.signal), fault)
    } catch {
      // An answer that throws after it has begun can only break off.
      response.destroy()
    }
  }

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => void handle(request, response))
  const listener = createListener(options.host, options.port, (socket) => {
    if (fault?.kind === 'drop') socket.destroy()
    else server.emit('connection', socket)
  })
  const port = await listener.open()
  const close = async (): Promise<void> => {
    await listener.close()
    server.close()
  }
  return {
    name: 'mock-axon-http',
    port,
    versionInteger: release.integer,
    get inFlight() {
      return inFlight
    },
    ready: async (): Promise<Readiness> => (closing === undefined ? { ok: true } : { ok: false, reasons: ['mock-axon-http: stopping'] }),
    async setFault(next) {
      fault = next
      if (closing !== undefined) return
      // A connection of before would not feel these.
      if (next?.kind === 'refuse' || next?.kind === 'drop') await listener.close()
      if (next?.kind !== 'refuse') await listener.open()
    },
    close: () => (closing ??= close()),
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length
    if (size > MAX_BODY_BYTES) return null
    parts.push(part)
  }
  return Buffer.concat(parts)
}

const CHUNK = 65_536

async function* chunks(bytes: number): AsyncGenerator<string> {
  for (let left = bytes; left > 0; left -= CHUNK) yield 'x'.repeat(Math.min(left, CHUNK))
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms).unref())
}
