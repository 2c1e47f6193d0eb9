import type { Redis } from 'ioredis'
import type { AppError } from '../core/errors.js'
import type { Logger } from '../core/log.js'
import { createListeners, encodeMessage } from './listeners.js'
import type { Bus } from './types.js'
import { settledWithin } from './waiting.js'

/** A connection that only listens would not notice for minutes that its other end is gone. */
const HEARTBEAT_MS = 10_000

export interface RedisBusOptions {
  /** Sends. */
  prompt: Redis
  /** Makes the connection that listens; it is not used before the first subscription. */
  connect(): Redis
  prefix: string
  log: Logger
  explain(error: unknown, doing: string): AppError
}

/** Pub/sub. ioredis connects again by itself and subscribes again then. */
export function createRedisBus({ prompt, connect, prefix, log, explain }: RedisBusOptions): Bus & { close(): Promise<void> } {
  const listeners = createListeners(log)
  let listening: Redis | undefined
  let heartbeat: NodeJS.Timeout | undefined
  /** Channels are shared by all databases of a server, keys are not. */
  const topicOf = (channel: string): string => `${prefix}:${prompt.options.db ?? 0}:bus:${channel}`

  function listener(): Redis {
    if (listening !== undefined) return listening
    const redis = connect()
    // One that stays without an answer ends the connection, by the time limit of the socket.
    heartbeat = setInterval(() => void redis.ping().catch(() => undefined), HEARTBEAT_MS)
    listening = redis
    listening.on('message', (topic: string, text: string) => listeners.deliver(topic, text))
    return listening
  }

  return {
    async publish(channel, message) {
      const text = encodeMessage(message)
      try {
        await prompt.publish(topicOf(channel), text)
      } catch (error) {
        throw explain(error, 'sending a message')
      }
    },
    async subscribe(channel, onMessage) {
      const topic = topicOf(channel)
      // While Redis is away the command waits in line, and nothing is sent either.
      if (listeners.add(topic, onMessage)) await settledWithin(2_000, listener().subscribe(topic))
      return async () => {
        if (listeners.remove(topic, onMessage)) await settledWithin(2_000, listener().unsubscribe(topic))
      }
    },
    async close() {
      clearInterval(heartbeat)
      listening?.disconnect()
    },
  }
}
