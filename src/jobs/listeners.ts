import { AppError } from '../core/errors.js'
import type { Logger } from '../core/log.js'

/** A notification of PostgreSQL has room for 8,000 bytes. */
const MOST_BYTES = 7_000

/** Who listens to what in this process. */
export interface Listeners {
  /** True for the first listener of a topic. */
  add(topic: string, listener: (message: unknown) => void): boolean
  /** True when that was the last one of the topic. */
  remove(topic: string, listener: (message: unknown) => void): boolean
  topics(): string[]
  /** Hands a message to all listeners; one that throws does not keep it from the others. */
  deliver(topic: string, text: string): void
}

export function createListeners(log: Logger): Listeners {
  const byTopic = new Map<string, Set<(message: unknown) => void>>()

  return {
    add(topic, listener) {
      const all = byTopic.get(topic)
      byTopic.set(topic, (all ?? new Set()).add(listener))
      return all === undefined
    },
    remove(topic, listener) {
      const all = byTopic.get(topic)
      return all !== undefined && all.delete(listener) && all.size === 0 && byTopic.delete(topic)
    },
    topics: () => [...byTopic.keys()],
    deliver(topic, text) {
      for (const listener of byTopic.get(topic) ?? []) {
        try {
          // Parsed for each, so that none sees what another one did to it.
          listener(JSON.parse(text))
        } catch (error) {
          log.error({ err: error }, 'a message between processes could not be handled')
        }
      }
    },
  }
}

/** A message as the text that is sent. Rejects what has no JSON and what is too large. */
export function encodeMessage(message: unknown): string {
  const text = JSON.stringify(message) as string | undefined
  if (text === undefined) throw new AppError('INTERNAL', 'a message has to be something that JSON can hold')
  const bytes = Buffer.byteLength(text)
  if (bytes < MOST_BYTES) return text
  throw new AppError('TOO_LARGE', `a message has ${bytes} bytes; it may have less than ${MOST_BYTES}`, { bytes })
}
