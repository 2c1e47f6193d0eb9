import type { FastifyReply } from 'fastify'
import { Readable } from 'node:stream'
import { ERRORS, toAppError } from '../errors.js'
import { restErrorBody } from './errors.js'

/** One message of an event stream. */
export interface ServerEvent {
  /** What a client that reconnects sends as Last-Event-ID. */
  id?: string
  /** Its type; `message` to browsers when absent. */
  event?: string
  /** Text, mostly JSON. */
  data: string
}

export interface EventStreamOptions {
  /** Ends the stream when it aborts. The end of the connection and of the server do so in any case. */
  signal?: AbortSignal
  /** A comment is sent after so long without an event, so that nobody in between takes the connection for dead. */
  heartbeatMs?: number
  /** Called with an unforeseen failure behind the first event; the client is told INTERNAL. */
  onError?: (error: unknown) => void
}

const HEARTBEAT_MS = 15_000
/** Heartbeats that may go unread before the client is given up. */
const STALLED_BEATS = 4
const RETRY_MS = 2_000
const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
  // Nothing else is asked for on it afterwards, and a server that closes need not wait whether there is.
  connection: 'close',
}
const BEAT = Symbol('beat')
const STOP = Symbol('stop')

/**
 * Answers with `text/event-stream`: one message for each event, pulled no faster than the client reads. `events` is called with a signal that is
 * aborted when nobody listens any more. What it throws before its first event is an ordinary error answer; later, an event `error` with the
 * body of one.
 */
export async function sendEvents(
  reply: FastifyReply,
  events: (signal: AbortSignal) => AsyncIterable<ServerEvent>,
  options: EventStreamOptions = {},
): Promise<FastifyReply> {
  const { signal, heartbeatMs = HEARTBEAT_MS } = options
  if (reply.request.method === 'HEAD') return reply.headers(HEADERS).send()
  const end = new AbortController()
  const stops = [reply.server.closing, ...(signal === undefined ? [] : [signal])]
  const stop = (): void => end.abort()
  for (const one of stops) {
    if (one.aborted) stop()
    else one.addEventListener('abort', stop, { once: true })
  }
  const forget = (): void => stops.forEach((one) => one.removeEventListener('abort', stop))
  reply.raw.once('close', () => {
    stop()
    forget()
  })
  // Closed before anybody listened for it.
  if (reply.raw.destroyed) stop()
  // Written, but not read for so long that the kernel takes no more.
  reply.raw.setTimeout(heartbeatMs * STALLED_BEATS, () => reply.raw.destroy())
  const iterator = events(end.signal)[Symbol.asyncIterator]()
  const pulled = pull(iterator)
  try {
    // So that an error of the first moment can still be the status of the answer.
    await within(pulled, heartbeatMs, end.signal)
  } catch (error) {
    stop()
    forget()
    throw error
  }
  const frames = framesOf(iterator, pulled, { heartbeatMs, end, onError: (error) => errorFrame(error, reply.request.id, options.onError) })
  return reply.headers(HEADERS).send(Readable.from(frames, { objectMode: false, highWaterMark: 1 }))
}

interface FrameOptions {
  heartbeatMs: number
  end: AbortController
  onError: (error: unknown) => string
}

async function* framesOf(
  iterator: AsyncIterator<ServerEvent>,
  first: Promise<IteratorResult<ServerEvent>>,
  { heartbeatMs, end, onError }: FrameOptions,
): AsyncGenerator<string> {
  let pulled = first
  try {
    yield `retry: ${RETRY_MS}\n\n`
    for (;;) {
      const next = await within(pulled, heartbeatMs, end.signal)
      if (next === STOP) return
      if (next === BEAT) yield ':\n\n'
      else if (next.done === true) return
      else {
        yield frameOf(next.value)
        pulled = pull(iterator)
      }
    }
  } catch (error) {
    if (!end.signal.aborted) yield onError(error)
  } finally {
    end.abort()
    // One that heeds its signal ends by itself; a generator in the middle of something takes this in when it comes to it.
    iterator.return?.().catch(() => undefined)
  }
}

/** A failure is looked at when its turn comes, which may be never. */
function pull<T>(iterator: AsyncIterator<T>): Promise<IteratorResult<T>> {
  const pulled = iterator.next()
  pulled.catch(() => undefined)
  return pulled
}

/** The event, or what came before it: the time for a heartbeat, or the end. */
async function within<T>(pulled: Promise<T>, ms: number, signal: AbortSignal): Promise<T | typeof BEAT | typeof STOP> {
  if (signal.aborted) return STOP
  let timer: NodeJS.Timeout | undefined
  let onAbort = (): void => {}
  const beat = new Promise<typeof BEAT>((resolve) => (timer = setTimeout(resolve, ms, BEAT)))
  const stop = new Promise<typeof STOP>((resolve) => {
    onAbort = () => resolve(STOP)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([pulled, beat, stop])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

function frameOf({ id, event, data }: ServerEvent): string {
  const lines = [
    ...(id === undefined ? [] : [`id: ${oneLine(id)}`]),
    ...(event === undefined ? [] : [`event: ${oneLine(event)}`]),
    ...data.split(/\r\n|\r|\n/).map((line) => `data: ${line}`),
  ]
  return `${lines.join('\n')}\n\n`
}

/** A line break would begin another field. */
function oneLine(text: string): string {
  return text.replace(/[\r\n\0]/g, '')
}

function errorFrame(error: unknown, requestId: string, onError: EventStreamOptions['onError']): string {
  const known = toAppError(error)
  if (ERRORS[known.code].http === 500) onError?.(error)
  return frameOf({ event: 'error', data: JSON.stringify(restErrorBody(known, requestId)) })
}
