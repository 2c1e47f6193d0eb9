import type { FastifyReply } from 'fastify'
import { Readable } from 'node:stream'

const HEARTBEAT_MS = 15_000
/** Heartbeats that may go unread before the client is given up. */
const STALLED_BEATS = 4
const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
}

/** A message without a name or an id, which is all that the streams of the OpenAI API have. */
export function dataFrame(json: string): string {
  return `data: ${json}\n\n`
}

/**
 * Answers with frames that are pulled no faster than the client reads, on a connection that can be used again afterwards. A comment keeps it alive where nothing comes
 * for a while; a client that reads nothing for four times as long is given up. The frames must not throw: what goes wrong is one of them.
 */
export function sendFrames(reply: FastifyReply, frames: AsyncGenerator<string>, heartbeatMs = HEARTBEAT_MS): FastifyReply {
  reply.raw.setTimeout(heartbeatMs * STALLED_BEATS, () => reply.raw.destroy())
  const { socket } = reply.request.raw
  // The headers, sent before anybody knew, have kept the connection open for the next request; nobody would end it.
  reply.raw.once('finish', () => {
    if (reply.server.closing.aborted) socket.destroySoon()
  })
  return reply.headers(HEADERS).send(readableOf(frames, heartbeatMs))
}

/** Frames that are there together go out together, up to so many characters: the write is the largest single cost of a frame. */
const MOST_TOGETHER = 16_384

function readableOf(frames: AsyncGenerator<string>, heartbeatMs: number): Readable {
  let isPulling = false
  let isWanted = false
  let isOver = false
  let held = ''
  let isFlushing = false
  const beat = setInterval(() => {
    if (stream.readableLength === 0 && held === '') stream.push(':\n\n')
  }, heartbeatMs)

  /** Runs when all that could be made without waiting has been made. */
  function flush(): void {
    isFlushing = false
    if (stream.destroyed || !isWanted) return
    if (held !== '') {
      const text = held
      held = ''
      isWanted = false
      beat.refresh()
      stream.push(text)
    }
    if (isOver && held === '') {
      clearInterval(beat)
      stream.push(null)
    }
  }

  async function pull(): Promise<void> {
    isPulling = true
    try {
      while (isWanted && held.length < MOST_TOGETHER) {
        const next = await frames.next()
        if (stream.destroyed) return
        if (next.done === true) isOver = true
        else held += next.value
        if (!isFlushing) process.nextTick(flush)
        isFlushing = true
        if (isOver) return
      }
    } catch (error) {
      stream.destroy(error as Error)
    } finally {
      isPulling = false
    }
  }

  const stream = new Readable({
    highWaterMark: 1,
    read() {
      isWanted = true
      if (!isFlushing && (held !== '' || isOver)) process.nextTick(flush)
      isFlushing ||= held !== '' || isOver
      if (!isPulling && !isOver) void pull()
    },
    destroy(error, done) {
      clearInterval(beat)
      // One that is in the middle of something takes this in when it comes to it.
      frames.return(undefined).catch(() => undefined)
      done(error)
    },
  })
  return stream
}
