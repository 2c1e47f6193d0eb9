import {
  Metadata,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js'
import { randomUUID } from 'node:crypto'
import { AppError, toAppError } from '../errors.js'
import type { Logger } from '../log.js'
import { statusOf, type FailedStatus } from './status.js'

/** One call, without the library: what methods are given. */
export interface GrpcCall {
  /** The message that came, as it is in `proto/`, in camel case; not checked any further. */
  request: unknown
  /** Aborted when the caller has hung up, its deadline has passed, or the server stops. */
  signal: AbortSignal
  /** Without the port. */
  remoteAddress: string
  requestId: string
  /** Unix milliseconds until which the caller waits; null where it did not say. */
  deadline: number | null
  /** The first value of a header (metadata) of the caller. */
  header(name: string): string | undefined
  /** Has metadata sent ahead of the answer, or of the first message of a stream; to be called before that. Of a call that fails it is not sent. */
  setHeader(name: string, value: string): void
}

/** A method of a service. What it throws becomes the status of the call. */
export type GrpcMethod = { unary(call: GrpcCall): Promise<object> } | { stream(call: GrpcCall): AsyncIterable<object> }

/**
 * A caller's own timer fires, and it hangs up, a little before the deadline as it is counted here: from when the call arrived. Whoever hangs up that close to it has not
 * changed its mind.
 */
const DEADLINE_SLACK_MS = 250

/** The calls that are under way. */
export interface Calls {
  unary(path: string, method: (call: GrpcCall) => Promise<object>): handleUnaryCall<unknown, object>
  stream(path: string, method: (call: GrpcCall) => AsyncIterable<object>): handleServerStreamingCall<unknown, object>
  abortStreams(reason: AppError): void
  abortAll(reason: AppError): void
}

export function createCalls(log: Logger): Calls {
  const unaries = new Set<AbortController>()
  const streams = new Set<AbortController>()

  function begin(active: Set<AbortController>, surface: ServerUnaryCall<unknown, object> | ServerWritableStream<unknown, object>) {
    const controller = new AbortController()
    active.add(controller)
    const deadline = deadlineOf(surface)
    // Also said after a call that ended well; by then it is no longer among the active ones.
    surface.on('cancelled', () => {
      if (active.has(controller)) controller.abort(left(deadline !== null && Date.now() >= deadline - DEADLINE_SLACK_MS))
    })
    const { metadata, request } = surface
    let headers: Metadata | null = null
    let areHeadersSent = false
    const call: GrpcCall = {
      request,
      signal: controller.signal,
      remoteAddress: withoutPort(surface.getPeer()),
      requestId: requestIdOf(firstText(metadata, 'x-request-id')),
      deadline,
      header: (name) => firstText(metadata, name),
      setHeader(name, value) {
        headers ??= new Metadata()
        headers.set(name, value)
      },
    }
    function sendHeaders(): void {
      if (headers !== null && !areHeadersSent) surface.sendMetadata(headers)
      areHeadersSent = true
    }
    return { call, sendHeaders, end: () => active.delete(controller) }
  }

  function failed(error: unknown, path: string, call: GrpcCall): FailedStatus {
    // Whatever a method throws once it was told to stop, it stopped because of that.
    const known = toAppError(call.signal.aborted ? call.signal.reason : error)
    if (known.code === 'INTERNAL') log.error({ err: error, requestId: call.requestId, path }, 'call failed')
    else log.debug({ code: known.code, requestId: call.requestId, path }, 'call refused')
    return statusOf(known, call.requestId)
  }

  return {
    unary: (path, method) => (surface, callback) => {
      const { call, sendHeaders, end } = begin(unaries, surface)
      unlessAborted(async () => method(call), call.signal)
        .then(
          (answer) => {
            sendHeaders()
            callback(null, answer)
          },
          (error: unknown) => callback(failed(error, path, call)),
        )
        .finally(end)
    },
    stream: (path, method) => (surface) => {
      const { call, sendHeaders, end } = begin(streams, surface)
      sendAll(() => method(call), surface, call.signal, sendHeaders)
        .then(
          () => surface.end(),
          (error: unknown) => surface.emit('error', failed(error, path, call)),
        )
        .finally(end)
    },
    abortStreams: (reason) => abortEach(streams, reason),
    abortAll(reason) {
      abortEach(streams, reason)
      abortEach(unaries, reason)
    },
  }
}

function abortEach(active: Set<AbortController>, reason: AppError): void {
  for (const controller of [...active]) controller.abort(reason)
}

/** Sends what a method yields, as fast as the caller takes it, until it ends or the call does. */
async function sendAll(
  start: () => AsyncIterable<object>,
  surface: ServerWritableStream<unknown, object>,
  signal: AbortSignal,
  sendHeaders: () => void,
): Promise<void> {
  const iterator = start()[Symbol.asyncIterator]()
  try {
    while (true) {
      const next = await unlessAborted(() => iterator.next(), signal)
      sendHeaders()
      if (next.done === true) return
      if (!surface.write(next.value)) await unlessAborted(() => drained(surface), signal)
    }
  } finally {
    // Not waited for: a generator that is stuck in a step of its own would keep the call.
    iterator.return?.()?.then(undefined, () => undefined)
  }
}

function drained(surface: ServerWritableStream<unknown, object>): Promise<void> {
  return new Promise((resolve) => surface.once('drain', resolve))
}

/** What a step comes to, or the signal's reason as soon as that is aborted, whether the step heeds it or not. */
function unlessAborted<T>(step: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(toAppError(signal.reason))
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    step()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', stop))
  })
}

/** Why a call is over that its caller has left: the detail's `reason` tells the two apart. */
function left(isLate: boolean): AppError {
  if (isLate) return new AppError('ABORTED', 'the deadline of the call has passed', { reason: 'deadline' })
  return new AppError('ABORTED', 'the caller has hung up', { reason: 'caller' })
}

function deadlineOf(surface: ServerUnaryCall<unknown, object> | ServerWritableStream<unknown, object>): number | null {
  const deadline = Number(surface.getDeadline())
  return Number.isFinite(deadline) ? deadline : null
}

function firstText(metadata: Metadata, name: string): string | undefined {
  const [value] = metadata.get(name)
  return typeof value === 'string' ? value : undefined
}

/** A caller may name its request, so that both logs have the same name for it. */
function requestIdOf(given: string | undefined): string {
  return given !== undefined && /^[\w.:-]{1,64}$/.test(given) ? given : randomUUID()
}

function withoutPort(peer: string): string {
  const colon = peer.lastIndexOf(':')
  return colon === -1 ? peer : peer.slice(0, colon)
}
